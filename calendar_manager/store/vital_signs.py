"""How the database is doing, for health checks; nothing here belongs to a user."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, QueuePool, func, select, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from calendar_manager.domain.accounts import ConnectionStatus
from calendar_manager.domain.errors import CalendarManagerError
from calendar_manager.store.tables import CalendarRow, ConnectionRow


class DatabaseDownError(CalendarManagerError):
    """The database does not answer."""


@dataclass(frozen=True, slots=True)
class PoolSize:
    """This process's connections to the database.

    Attributes:
        used: How many are at work.
        limit: How many there may be; 0 when nothing limits them.
    """

    used: int
    limit: int


def measure_pool(engine: Engine) -> PoolSize:
    """Return how many connections this process uses; asks nobody."""
    pool = engine.pool
    if not isinstance(pool, QueuePool):
        return PoolSize(0, 0)
    # Those beyond the lasting ones are opened when needed; SQLAlchemy tells only how many are open.
    return PoolSize(pool.checkedout(), pool.size() + max(pool._max_overflow, 0))  # noqa: SLF001 - It has no public name.


@dataclass(frozen=True, slots=True)
class ServerState:
    """The database's server.

    Attributes:
        version: As one number, such as 160004 for 16.4.
        now: What its clock shows.
    """

    version: int
    now: datetime


def load_server_state(engine: Engine) -> ServerState:
    """Return which PostgreSQL it is, and how late it is there.

    Raises:
        DatabaseDownError: It does not answer.
    """
    query = text("SELECT current_setting('server_version_num')::int, clock_timestamp()")
    try:
        with engine.connect() as connection:
            version, now = connection.execute(query).one()
            return ServerState(version, now)
    except SQLAlchemyError as error:
        raise DatabaseDownError("the database does not answer") from error


def load_revision(engine: Engine) -> str | None:
    """Return the migration that the database is at; None before the first one.

    Raises:
        DatabaseDownError: It does not answer.
    """
    try:
        with engine.connect() as connection:
            revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return None if revision is None else str(revision)
    except ProgrammingError:
        return None
    except SQLAlchemyError as error:
        raise DatabaseDownError("the database does not answer") from error


def load_oldest_due_at(engine: Engine) -> datetime | None:
    """Return since when the calendar that waits longest should have been read, or will be.

    Raises:
        DatabaseDownError: The database does not answer.
    """
    query = (
        select(func.min(CalendarRow.next_sync_at))
        .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
        .where(
            CalendarRow.sync_enabled,
            CalendarRow.deleted_at.is_(None),
            CalendarRow.gone_at.is_(None),
            ConnectionRow.status == ConnectionStatus.ACTIVE,
        )
    )
    try:
        with engine.connect() as connection:
            return connection.scalar(query)
    except SQLAlchemyError as error:
        raise DatabaseDownError("the database does not answer") from error
