"""What the whole installation measures of itself, for monitoring; nothing names a user."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, Numeric, and_, case, func, literal, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.exc import SQLAlchemyError

from calendar_manager.domain.accounts import CalendarStatus, ConnectionStatus
from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.store.tables import (
    CalendarRow,
    ChannelRow,
    ConflictRow,
    ConnectionRow,
    SyncJobRow,
)
from calendar_manager.store.vital_signs import DatabaseDownError

AGE_BOUNDS: Final = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0)
"""Ages of calendars' copies, in seconds, up to which they are counted together."""


@dataclass(frozen=True, slots=True)
class ConnectionCount:
    """Connections of one kind.

    Attributes:
        provider: Where.
        status: Whether we may read them.
        reason_code: Why not; empty when we may.
        count: How many there are.
        soonest_token_end: When the first of their access tokens ends; None when none does.
    """

    provider: str
    status: str
    reason_code: str
    count: int
    soonest_token_end: datetime | None


@dataclass(frozen=True, slots=True)
class CalendarCount:
    """Calendars that are read, of one kind.

    Attributes:
        provider: Where.
        status: How their copies are doing.
        count: How many there are.
        oldest_due_at: When the one that waits longest was or will be due; None when none is read
            before its account is connected again.
    """

    provider: str
    status: str
    count: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobCount:
    """Sync jobs of one kind.

    Attributes:
        provider: Where the calendar is.
        kind: What they read.
        status: What became of them.
        count: How many there are.
        oldest_queued_at: When the first of them was asked for.
    """

    provider: str
    kind: str
    status: str
    count: int
    oldest_queued_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelCount:
    """Push channels of one provider.

    Attributes:
        provider: Who calls.
        live: How many are open and have kept nothing to themselves.
        doubted: How many are open, but polls found changes that they did not tell of.
        soonest_end: When the first of them ends; None when none does.
    """

    provider: str
    live: int
    doubted: int
    soonest_end: datetime | None


@dataclass(frozen=True, slots=True)
class AgeCount:
    """Copies of calendars of one age.

    Attributes:
        provider: Where the calendars are.
        bucket: Which of :data:`AGE_BOUNDS` is the first that is older; how many when none is.
        count: How many there are.
        seconds: Their ages together.
    """

    provider: str
    bucket: int
    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """One look at the installation.

    Attributes:
        connections: By provider, status and reason.
        calendars: By provider and status.
        finished_jobs: Those that ended within the asked span.
        unfinished_jobs: Those that wait or run.
        channels: By provider.
        open_conflicts: How many conflicts wait for their person.
        ages: How old copies of calendars are, by provider and bucket.
    """

    connections: Sequence[ConnectionCount]
    calendars: Sequence[CalendarCount]
    finished_jobs: Sequence[JobCount]
    unfinished_jobs: Sequence[JobCount]
    channels: Sequence[ChannelCount]
    open_conflicts: int
    ages: Sequence[AgeCount]


def load_measurements(
    engine: Engine, *, now: datetime, maximum_age: timedelta, since: datetime
) -> Measurements:
    """Count what there is, in seven statements that see the same instant.

    Args:
        engine: The database.
        now: The present.
        maximum_age: Copies of calendars older than this are stale.
        since: From when on jobs count that have ended.

    Raises:
        DatabaseDownError: The database does not answer.
    """
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            return Measurements(
                connections=_count_connections(connection),
                calendars=_count_calendars(connection, now - maximum_age),
                finished_jobs=_count_jobs(connection, finished_since=since),
                unfinished_jobs=_count_jobs(connection, finished_since=None),
                channels=_count_channels(connection, now),
                open_conflicts=_count_open_conflicts(connection),
                ages=_count_ages(connection, now),
            )
    except SQLAlchemyError as error:
        raise DatabaseDownError("the database does not answer") from error


def count_lost_connections(engine: Engine) -> int:
    """Return how many accounts have to be connected again.

    Raises:
        DatabaseDownError: The database does not answer.
    """
    query = select(func.count()).where(ConnectionRow.status == ConnectionStatus.NEEDS_REAUTH)
    try:
        with engine.connect() as connection:
            return connection.scalars(query).one()
    except SQLAlchemyError as error:
        raise DatabaseDownError("the database does not answer") from error


def count_calendars(engine: Engine, *, stale_before: datetime) -> list[CalendarCount]:
    """Return how many calendars are read, by provider and status.

    Args:
        engine: The database.
        stale_before: Copies from before this are stale.

    Raises:
        DatabaseDownError: The database does not answer.
    """
    try:
        with engine.connect() as connection:
            return _count_calendars(connection, stale_before)
    except SQLAlchemyError as error:
        raise DatabaseDownError("the database does not answer") from error


def _count_connections(connection: Connection) -> list[ConnectionCount]:
    reason = func.coalesce(ConnectionRow.reason_code, "")
    kind = (ConnectionRow.provider, ConnectionRow.status, reason)
    query = select(*kind, func.count(), func.min(ConnectionRow.token_expires_at))
    return [ConnectionCount(*row) for row in connection.execute(query.group_by(*kind))]


def _count_calendars(connection: Connection, stale_before: datetime) -> list[CalendarCount]:
    active = ConnectionRow.status == ConnectionStatus.ACTIVE
    status = case(
        (CalendarRow.held_at.is_not(None), CalendarStatus.HELD),
        (CalendarRow.failures > 0, CalendarStatus.FAILING),
        (~active, CalendarStatus.FAILING),
        (CalendarRow.last_synced_at.is_(None), CalendarStatus.SYNCING),
        (CalendarRow.last_synced_at < stale_before, CalendarStatus.STALE),
        else_=CalendarStatus.OK,
    )
    query = (
        select(
            CalendarRow.provider,
            status,
            func.count(),
            func.min(CalendarRow.next_sync_at).filter(active),
        )
        .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
        .where(
            CalendarRow.sync_enabled,
            CalendarRow.deleted_at.is_(None),
            CalendarRow.gone_at.is_(None),
        )
        .group_by(CalendarRow.provider, status)
    )
    return [CalendarCount(*row) for row in connection.execute(query)]


def _count_ages(connection: Connection, now: datetime) -> list[AgeCount]:
    age = func.extract("epoch", literal(now) - CalendarRow.last_synced_at)
    aged = (
        select(CalendarRow.provider, age.label("seconds"))
        .where(
            CalendarRow.sync_enabled,
            CalendarRow.deleted_at.is_(None),
            CalendarRow.gone_at.is_(None),
            CalendarRow.last_synced_at.is_not(None),
        )
        .subquery()
    )
    bounds = array([literal(bound, Numeric) for bound in AGE_BOUNDS])
    bucket = func.width_bucket(aged.c.seconds, bounds)
    query = select(aged.c.provider, bucket, func.count(), func.sum(aged.c.seconds))
    rows = connection.execute(query.group_by(aged.c.provider, bucket))
    return [
        AgeCount(provider, place, count, float(seconds)) for provider, place, count, seconds in rows
    ]


def _count_jobs(connection: Connection, *, finished_since: datetime | None) -> list[JobCount]:
    chosen = (
        SyncJobRow.status.in_([SyncStatus.QUEUED, SyncStatus.RUNNING])
        if finished_since is None
        else SyncJobRow.finished_at >= finished_since
    )
    kind = (CalendarRow.provider, SyncJobRow.kind, SyncJobRow.status)
    query = (
        select(*kind, func.count(), func.min(SyncJobRow.queued_at))
        .join(CalendarRow, CalendarRow.id == SyncJobRow.calendar_id)
        .where(chosen)
        .group_by(*kind)
    )
    return [JobCount(*row) for row in connection.execute(query)]


def _count_channels(connection: Connection, now: datetime) -> list[ChannelCount]:
    is_open = and_(
        ChannelRow.opened_at.is_not(None),
        ChannelRow.stopped_at.is_(None),
        func.coalesce(ChannelRow.expires_at > now, True),
    )
    query = (
        select(
            ChannelRow.provider,
            func.count().filter(ChannelRow.doubted_at.is_(None)),
            func.count(ChannelRow.doubted_at),
            func.min(ChannelRow.expires_at),
        )
        .where(is_open)
        .group_by(ChannelRow.provider)
    )
    return [ChannelCount(*row) for row in connection.execute(query)]


def _count_open_conflicts(connection: Connection) -> int:
    return connection.scalars(select(func.count()).where(ConflictRow.status == "open")).one()
