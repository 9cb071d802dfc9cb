"""Channels: on which calendars providers call us, and how they prove that it is them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from calendar_manager.domain.accounts import Calendar, Connection, ProviderKind
from calendar_manager.domain.channels import DOUBT_PATIENCE, Channel, Push, find_push
from calendar_manager.store.crypto import TokenCipher, UndecipherableError
from calendar_manager.store.execution import execute_count
from calendar_manager.store.repositories.calendars import calendar_from_row
from calendar_manager.store.repositories.connections import connection_from_row
from calendar_manager.store.tables import CalendarRow, ChannelRow, ConnectionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A calendar with its channels, as the one who tends them needs it.

    Attributes:
        calendar: The calendar.
        connection: Its account.
        wanted: Whether it is read, and so to have a channel.
        next_look_at: When it is to be looked at again, which others may have changed meanwhile.
        channels: All that are not known to be closed at the provider.
    """

    calendar: Calendar
    connection: Connection
    wanted: bool
    next_look_at: datetime
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A channel that somebody claims to call on.

    Attributes:
        channel: The channel.
        token: What every message has to prove to know; None when it can no longer be decrypted.
        calendar: The calendar that it is on.
        wanted: Whether the calendar is read.
    """

    channel: Channel
    token: str | None = field(repr=False)
    calendar: Calendar
    wanted: bool


class ChannelRepository:
    """Queries over channels.

    Args:
        session: The transaction's session.
        cipher: Opens and seals the channels' tokens.
    """

    def __init__(self, session: Session, cipher: TokenCipher) -> None:
        self._session = session
        self._cipher = cipher

    def claim_due(
        self, *, now: datetime, retry_after: timedelta, opening: bool, limit: int
    ) -> Sequence[UUID]:
        """Take the installation's calendars whose channels have to be looked at.

        Each one taken comes up again after ``retry_after`` unless somebody sets another turn.

        Args:
            now: The present.
            retry_after: How long the one who takes it has.
            opening: Whether calendars without a channel are to get one; otherwise only those
                are taken that still have one.
            limit: How many at most, the longest overdue first.
        """
        unclosed = (
            select(ChannelRow.id).where(ChannelRow.calendar_id == CalendarRow.id, _UNCLOSED)
        ).exists()
        due = (
            select(CalendarRow.id)
            .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
            .where(
                CalendarRow.next_channel_at <= now,
                ConnectionRow.status == "active",
                or_(_READ, unclosed) if opening else unclosed,
            )
            .order_by(CalendarRow.next_channel_at)
            .limit(limit)
            .with_for_update(of=CalendarRow, skip_locked=True, key_share=True)
            .scalar_subquery()
        )
        return self._session.scalars(
            update(CalendarRow)
            .where(CalendarRow.id.in_(due))
            .values(next_channel_at=now + retry_after)
            .returning(CalendarRow.id)
        ).all()

    def load_watched(self, calendar_id: UUID, *, lock: bool = False) -> Watched | None:
        """Return a calendar of whatever user with its channels, or None when it is gone.

        Args:
            calendar_id: Which calendar.
            lock: Whether to keep everybody else from opening channels in this transaction.
        """
        query = (
            select(CalendarRow, ConnectionRow)
            .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
            .where(CalendarRow.id == calendar_id)
        )
        if lock:
            query = query.with_for_update(of=CalendarRow, key_share=True)
        found = self._session.execute(query).one_or_none()
        if found is None:
            return None
        calendar, connection = found
        channels = self._session.scalars(
            select(ChannelRow)
            .where(ChannelRow.calendar_id == calendar_id, _UNCLOSED)
            .order_by(ChannelRow.created_at, ChannelRow.id)
        )
        return Watched(
            calendar=calendar_from_row(calendar),
            connection=connection_from_row(connection),
            wanted=_is_read(calendar, connection),
            next_look_at=calendar.next_channel_at,
            channels=tuple(map(_channel_from_row, channels)),
        )

    def list_of_connection(self, connection_id: UUID) -> Sequence[tuple[Channel, str]]:
        """List what is not closed of one connection, each with the provider's calendar id."""
        rows = self._session.execute(
            select(ChannelRow, CalendarRow.provider_calendar_id)
            .join(CalendarRow, CalendarRow.id == ChannelRow.calendar_id)
            .where(CalendarRow.connection_id == connection_id, _UNCLOSED)
            .order_by(ChannelRow.created_at, ChannelRow.id)
        )
        return [(_channel_from_row(row), calendar_id) for row, calendar_id in rows]

    def find_called(self, channel_ids: Collection[UUID]) -> Mapping[UUID, Called]:
        """Find the channels of the installation that messages claim to belong to, by id."""
        rows = self._session.execute(
            select(ChannelRow, CalendarRow, ConnectionRow)
            .join(CalendarRow, CalendarRow.id == ChannelRow.calendar_id)
            .join(ConnectionRow, ConnectionRow.id == CalendarRow.connection_id)
            .where(ChannelRow.id.in_(channel_ids))
        )
        return {
            row.id: Called(
                channel=_channel_from_row(row),
                token=self._open_token(row),
                calendar=calendar_from_row(calendar),
                wanted=_is_read(calendar, connection),
            )
            for row, calendar, connection in rows
        }

    def list_push(self, calendar_ids: Collection[UUID], *, now: datetime) -> Mapping[UUID, Push]:
        """Tell how the channels of calendars are doing that are to have one, by calendar."""
        if not calendar_ids:
            return {}
        rows = self._session.execute(
            select(CalendarRow.id, CalendarRow.channel_error, ChannelRow)
            .outerjoin(
                ChannelRow,
                and_(ChannelRow.calendar_id == CalendarRow.id, ChannelRow.stopped_at.is_(None)),
            )
            .where(CalendarRow.id.in_(calendar_ids))
            .distinct(CalendarRow.id)
            .order_by(
                CalendarRow.id,
                ChannelRow.opened_at.is_(None),
                ChannelRow.doubted_at.is_not(None),
                ChannelRow.created_at.desc(),
            )
        )
        return {
            calendar_id: find_push(None if row is None else _channel_from_row(row), error, now=now)
            for calendar_id, error, row in rows
        }

    def add(self, *, channel_id: UUID, calendar: Calendar, token: str, now: datetime) -> None:
        """Store a channel that is about to be opened."""
        self._session.add(
            ChannelRow(
                id=channel_id,
                user_id=calendar.user_id,
                calendar_id=calendar.id,
                provider=calendar.provider,
                token=self._cipher.encrypt(token),
                created_at=now,
            )
        )
        self._session.flush()

    def note_confirmed(
        self,
        channel_id: UUID,
        *,
        provider_channel_id: str,
        resource_id: str | None,
        expires_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Note that a provider opened or extended a channel.

        Returns:
            False when the channel was given up meanwhile.
        """
        return self._update(
            (ChannelRow.id == channel_id, ChannelRow.stopped_at.is_(None)),
            provider_channel_id=provider_channel_id,
            resource_id=resource_id,
            opened_at=now,
            expires_at=expires_at,
        )

    def note_message(
        self,
        channel_id: UUID,
        *,
        provider_channel_id: str | None,
        resource_id: str | None,
        number: int | None,
        now: datetime,
    ) -> bool:
        """Note that a provider proved to have called.

        Args:
            channel_id: On which channel.
            provider_channel_id: Its id of the channel, where the message tells.
            resource_id: Its id of what is watched, where the message tells.
            number: The message's number, where messages have one.
            now: The present.

        Returns:
            False when a message with this or a later number was there before.
        """
        condition: tuple[ColumnElement[bool], ...] = (ChannelRow.id == channel_id,)
        if number is not None:
            last = ChannelRow.last_message_number
            condition = (*condition, or_(last.is_(None), last < number))
        return self._update(
            condition,
            provider_channel_id=func.coalesce(ChannelRow.provider_channel_id, provider_channel_id),
            resource_id=func.coalesce(ChannelRow.resource_id, resource_id),
            last_message_number=number,
            last_message_at=now,
            doubted_at=None,
        )

    def note_doubt(self, calendar_id: UUID, *, now: datetime) -> None:
        """Note that a calendar has changes of which its channel did not tell, or not yet.

        A channel that was opened since the last complete read is not at fault: the changes may be
        older than itself. Nor is one that has called since: then the poll was only faster than
        the sync that the call asked for. To be called before the transaction notes the new read.
        """
        last_read_at = (
            select(CalendarRow.last_synced_at)
            .where(CalendarRow.id == calendar_id)
            .scalar_subquery()
        )
        self._session.execute(
            update(CalendarRow)
            .where(CalendarRow.id == calendar_id)
            .values(next_channel_at=func.least(CalendarRow.next_channel_at, now + DOUBT_PATIENCE))
        )
        self._update(
            (
                ChannelRow.calendar_id == calendar_id,
                ChannelRow.opened_at <= last_read_at,
                func.coalesce(ChannelRow.last_message_at, ChannelRow.opened_at) <= last_read_at,
                ChannelRow.stopped_at.is_(None),
                ChannelRow.doubted_at.is_(None),
            ),
            doubted_at=now,
        )

    def shorten(self, channel_id: UUID, *, expires_at: datetime) -> None:
        """Note that a provider will let a channel end earlier, unless it is renewed."""
        self._update(
            (ChannelRow.id == channel_id,),
            expires_at=func.least(ChannelRow.expires_at, expires_at),
        )

    def stop(self, channel_id: UUID, *, now: datetime) -> None:
        """Note that a channel is closed, or given up."""
        self._update((ChannelRow.id == channel_id, ChannelRow.stopped_at.is_(None)), stopped_at=now)

    def delete(self, channel_id: UUID) -> None:
        """Forget a channel."""
        self._session.execute(delete(ChannelRow).where(ChannelRow.id == channel_id))

    def count_failures(self, calendar_id: UUID, *, since: datetime) -> int:
        """Return how many openings were given up since an instant."""
        query = select(func.count()).where(
            ChannelRow.calendar_id == calendar_id,
            ChannelRow.opened_at.is_(None),
            ChannelRow.stopped_at >= since,
        )
        return self._session.scalars(query).one()

    def plan_look(
        self, watched: Watched, *, at: datetime, error: str | None = None, keep_error: bool = False
    ) -> None:
        """Set when a calendar's channels are looked at again, unless somebody else just did.

        Args:
            watched: The calendar as it was loaded.
            at: When.
            error: Why it has no channel.
            keep_error: Whether what was told about that before still holds.
        """
        self._session.execute(
            update(CalendarRow)
            .where(
                CalendarRow.id == watched.calendar.id,
                CalendarRow.next_channel_at == watched.next_look_at,
            )
            .values(next_channel_at=at)
        )
        if not keep_error:
            self._session.execute(
                update(CalendarRow)
                .where(
                    CalendarRow.id == watched.calendar.id,
                    CalendarRow.channel_error.is_distinct_from(error),
                )
                .values(channel_error=error)
            )

    def hurry(self, calendar_ids: Collection[UUID], *, now: datetime) -> None:
        """Have the channels of calendars looked at with the next turn."""
        # In the order of the ids, so that two who hurry the same ones never wait for each other.
        for calendar_id in sorted(calendar_ids):
            self._session.execute(
                update(CalendarRow)
                .where(CalendarRow.id == calendar_id)
                .values(next_channel_at=func.least(CalendarRow.next_channel_at, now))
            )

    def delete_ended(self, before: datetime) -> int:
        """Delete the installation's channels that ended before an instant; return how many."""
        ended = or_(ChannelRow.stopped_at < before, ChannelRow.expires_at < before)
        return execute_count(self._session, delete(ChannelRow).where(ended))

    def _update(self, condition: tuple[ColumnElement[bool], ...], **values: object) -> bool:
        return execute_count(self._session, update(ChannelRow).where(*condition).values(values)) > 0

    def _open_token(self, row: ChannelRow) -> str | None:
        try:
            return self._cipher.decrypt(row.token)
        except UndecipherableError:
            return None


def _channel_from_row(row: ChannelRow) -> Channel:
    return Channel(
        id=row.id,
        user_id=row.user_id,
        calendar_id=row.calendar_id,
        provider=ProviderKind(row.provider),
        provider_channel_id=row.provider_channel_id,
        resource_id=row.resource_id,
        requested_at=row.created_at,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        last_message_at=row.last_message_at,
        doubted_at=row.doubted_at,
        stopped_at=row.stopped_at,
    )


_UNCLOSED = or_(
    ChannelRow.stopped_at.is_(None),
    # An opening that was given up, whose provider called all the same.
    and_(ChannelRow.opened_at.is_(None), ChannelRow.provider_channel_id.is_not(None)),
)
_READ = and_(
    CalendarRow.sync_enabled, CalendarRow.deleted_at.is_(None), CalendarRow.gone_at.is_(None)
)


def _is_read(calendar: CalendarRow, connection: ConnectionRow) -> bool:
    present = calendar.deleted_at is None and calendar.gone_at is None
    return calendar.sync_enabled and present and connection.status == "active"
