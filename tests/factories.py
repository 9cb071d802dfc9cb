"""Small functions that put things into the database, by the project's own ways of writing."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from sqlalchemy import Engine, event, insert, update

from calendar_manager.domain.accounts import Calendar, Connection, ProviderKind, Tokens
from calendar_manager.domain.events import Event, EventKind
from calendar_manager.domain.sync_jobs import SyncJob, SyncKind, SyncTrigger
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.domain.users import User
from calendar_manager.store.crypto import TokenCipher
from calendar_manager.store.repositories.calendars import calendar_from_row
from calendar_manager.store.tables import CalendarRow, UserRow
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.layout import lay_out

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday morning, in the zone of whoever reads it."""

WINDOW = Span(NOW - timedelta(days=90), NOW + timedelta(days=400))
"""Where series are laid out."""

_numbers = itertools.count(1)


def make_store(engine: Engine) -> Store:
    """Return the store on a test's database."""
    return Store(engine, TokenCipher([Fernet.generate_key().decode()]))


def at(moment: str) -> datetime:
    """Return an instant in 2026 written as ``03-02 09:30``, in UTC."""
    return datetime.strptime(f"2026-{moment}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    """Return a span of instants written as for :func:`at`."""
    return Span(at(start), at(end))


def add_user(uow: UnitOfWork, *, time_zone: str = "Europe/Berlin", **columns: Any) -> User:
    """Store a user.

    Args:
        uow: The transaction.
        time_zone: The user's IANA zone.
        columns: Settings by the names of their columns.
    """
    user = uow.users.add(
        email=f"user{next(_numbers)}@example.test",
        name="Mara Lind",
        password_hash="",
        time_zone=time_zone,
    )
    assert user is not None
    if columns:
        uow.session.execute(update(UserRow).where(UserRow.id == user.id).values(**columns))
    found = uow.users.find(user.id)
    assert found is not None
    return found


def add_connection(
    uow: UnitOfWork,
    user_id: UUID,
    *,
    account: str | None = None,
    provider: ProviderKind = ProviderKind.GOOGLE,
) -> Connection:
    """Store a connection whose access token is good for an hour."""
    account = account or f"account{next(_numbers)}@example.test"
    return uow.connections.save(
        user_id=user_id,
        provider=provider,
        provider_account_id=account,
        account=account,
        tokens=Tokens(
            access_token="access",
            refresh_token="refresh",
            expires_at=NOW + timedelta(hours=1),
            scopes=frozenset(),
        ),
    )


def add_calendar(
    uow: UnitOfWork, connection: Connection, *, name: str = "Work", **columns: Any
) -> Calendar:
    """Store a calendar that was read just now.

    Args:
        uow: The transaction.
        connection: Whose.
        name: What the person calls it.
        columns: Settings and state by the names of their columns.
    """
    values = {
        "user_id": connection.user_id,
        "connection_id": connection.id,
        "provider": connection.provider,
        "provider_calendar_id": f"calendar{next(_numbers)}",
        "name": name,
        "time_zone": "Europe/Berlin",
        "primary": False,
        "access_role": "owner",
        "last_synced_at": NOW,
        "last_synced_via": "poll",
        "materialized_from": WINDOW.start,
        "materialized_until": WINDOW.end,
    }
    row = uow.session.scalars(
        insert(CalendarRow).values(**values | columns).returning(CalendarRow)
    ).one()
    return calendar_from_row(row)


def make_event(title: str, start: str, end: str, **fields: Any) -> Event:
    """Return an event in 2026.

    Args:
        title: Its title.
        start: As for :func:`at`, or ``03-02`` for an all-day event.
        end: The same; the day after the last one for an all-day event.
        fields: Further fields of :class:`Event`. ``recurrence`` makes it a master.
    """
    if ":" in start:
        when: Span | DateSpan = span(start, end)
    else:
        when = DateSpan(date.fromisoformat(f"2026-{start}"), date.fromisoformat(f"2026-{end}"))
    kind = EventKind.MASTER if fields.get("recurrence") else EventKind.SINGLE
    values: dict[str, Any] = {
        "provider_event_id": f"event{next(_numbers)}",
        "kind": kind,
        "when": when,
        "time_zone": "Europe/Berlin",
        "title": title,
    }
    return Event(**values | fields)


def save_events(
    uow: UnitOfWork, calendar: Calendar, *events: Event, window: Span = WINDOW
) -> list[UUID]:
    """Store events with their occurrences, as a sync does; return our ids of them.

    Args:
        uow: The transaction.
        calendar: On which calendar.
        events: New ones, or ones that changed.
        window: Where series are laid out.
    """
    stored = uow.events.save(user_id=calendar.user_id, calendar_id=calendar.id, events=events)
    touched = lay_out(
        uow,
        user_id=calendar.user_id,
        calendar_id=calendar.id,
        changed=stored,
        series=frozenset(one.series_id for one in events if one.series_id is not None),
        window=window,
    )
    uow.conflicts.request_check(calendar.user_id, touched)
    return [one.event_id for one in stored]


def delete_events(uow: UnitOfWork, calendar: Calendar, *events: Event) -> None:
    """Delete events, as a sync does."""
    names = [one.provider_event_id for one in events]
    removed = uow.events.mark_deleted(calendar.id, names, now=NOW)
    uow.conflicts.request_check(calendar.user_id, uow.occurrences.remove(removed))


def add_sync_job(
    uow: UnitOfWork,
    calendar: Calendar,
    *,
    kind: SyncKind = SyncKind.INCREMENTAL,
    trigger: SyncTrigger = SyncTrigger.BEAT,
) -> SyncJob:
    """Queue a run over a calendar."""
    return uow.sync_jobs.request(
        user_id=calendar.user_id, calendar_id=calendar.id, kind=kind, trigger=trigger, now=NOW
    )


@contextmanager
def count_statements(engine: Engine) -> Iterator[list[str]]:
    """Collect the SQL statements that are run meanwhile, transaction control left out."""
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def explain(uow: UnitOfWork, statement: str, parameters: Any) -> str:
    """Return how PostgreSQL would run a statement."""
    cursor = uow.session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
    return "\n".join(str(row[0]) for row in cursor)


def titles(entries: Sequence[Any]) -> list[str]:
    """Return the titles of agenda entries, in their order."""
    return [entry.event.title for entry in entries]
