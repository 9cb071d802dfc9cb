"""One of many people, among rows of all kinds that are somebody else's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text

from benchmarks.people import Fullness
from calendar_manager.domain.accounts import Calendar
from calendar_manager.store.unit_of_work import UnitOfWork

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
PEOPLE = 30
FULLNESS = Fullness(calendars=10, events=440, series=15)
"""2,000 occurrences for each person, so that one has a thirtieth of them."""

# A real installation has many more calendars than are due, asked for, or lost at any moment.
STRANGERS = (
    """
    INSERT INTO users (id, email, name, password_hash, time_zone)
    SELECT gen_random_uuid(), number || '@stranger.test', 'Stranger', '!', 'UTC'
    FROM generate_series(1, 9000) AS number
    """,
    """
    INSERT INTO connections (
      id, user_id, provider, provider_account_id, account, next_refresh_at, next_discovery_at
    )
    SELECT gen_random_uuid(), id, 'microsoft', email, email,
      :now + row_number() OVER () * interval '1 second',
      :now + row_number() OVER () * interval '1 second'
    FROM users WHERE name = 'Stranger'
    """,
    """
    INSERT INTO calendars (
      id, user_id, connection_id, provider, provider_calendar_id, name, "primary", access_role,
      next_sync_at, next_channel_at, cursor
    )
    SELECT gen_random_uuid(), user_id, id, provider, 'only', 'Only', true, 'owner',
      next_refresh_at, next_refresh_at, 'cursor'
    FROM connections WHERE provider = 'microsoft'
    """,
    """
    INSERT INTO sync_jobs (
      id, user_id, calendar_id, kind, trigger, status, queued_at, resend_at, finished_at
    )
    SELECT gen_random_uuid(), user_id, id, 'incremental', 'beat', 'succeeded', :now, :now, :now
    FROM calendars, generate_series(1, 3)
    """,
    """
    INSERT INTO sync_jobs (id, user_id, calendar_id, kind, trigger, queued_at, resend_at)
    SELECT gen_random_uuid(), user_id, id, 'incremental', 'beat', :now, next_sync_at FROM calendars
    WHERE next_sync_at < :now + interval '1 minute'
    """,
    """
    INSERT INTO conflicts (
      id, user_id, type, severity, start_at, end_at, first_occurrence_ids, second_occurrence_ids,
      first_start_at, first_end_at, second_start_at, second_end_at, hull, first, second
    )
    SELECT gen_random_uuid(), user_id, 'overlap', 'high', start_at, end_at, ARRAY[id],
      ARRAY[gen_random_uuid()], start_at, end_at, start_at, end_at, span, '{}', '{}'
    FROM occurrences WHERE start_at < :now
    """,
    """
    INSERT INTO conflict_history (id, user_id, conflict_id, happened_at, action, actor)
    SELECT gen_random_uuid(), user_id, id, :now, 'opened', 'system' FROM conflicts
    """,
    """
    INSERT INTO sync_jobs (
      id, user_id, calendar_id, kind, trigger, status, queued_at, resend_at, finished_at
    )
    SELECT gen_random_uuid(), user_id, id, 'incremental', 'beat', 'failed', :now, :now,
      next_sync_at
    FROM calendars WHERE next_sync_at < :now + interval '3 minutes'
    """,
    """
    INSERT INTO channels (id, user_id, calendar_id, provider, token)
    SELECT gen_random_uuid(), user_id, id, provider, 'token' FROM calendars
    """,
    """
    INSERT INTO clients (id, user_id, name)
    SELECT gen_random_uuid(), id, 'Client ' || number FROM users, generate_series(1, 2) AS number
    """,
    """
    INSERT INTO client_rules (id, user_id, client_id, position, kind, pattern)
    SELECT gen_random_uuid(), user_id, id, 1, 'title', name FROM clients
    """,
    """
    UPDATE calendars SET client_id = (
      SELECT id FROM clients WHERE clients.user_id = calendars.user_id AND name = 'Client 1'
    ) WHERE provider <> 'microsoft' AND name = 'Calendar 0'
    """,
    """
    INSERT INTO event_assignments (id, user_id, event_id, client_id, origin)
    SELECT gen_random_uuid(), events.user_id, events.id, clients.id, 'rule'
    FROM events JOIN clients ON clients.user_id = events.user_id AND clients.name = 'Client 2'
    """,
    """
    INSERT INTO oauth_states (
      id, user_id, provider, state_hash, cookie_hash, memory, wants_json, expires_at
    )
    SELECT gen_random_uuid(), id, 'google', sha256(email::bytea), '', '', false, :now FROM users
    """,
    """
    INSERT INTO audit_log (id, created_at, user_id, action)
    SELECT gen_random_uuid(), :now - row_number() OVER () * interval '1 second', id,
      CASE WHEN row_number() OVER () % 300 = 0 THEN 'user.erased' ELSE 'session.signed_in' END
    FROM users, generate_series(1, 3)
    """,
    # Some people come later than others, and few have to consent anew.
    """
    UPDATE users SET created_at = :now - row_number * interval '1 minute'
    FROM (SELECT id, row_number() OVER () FROM users) AS one WHERE one.id = users.id
    """,
    """
    UPDATE connections SET created_at = users.created_at,
      status = CASE WHEN account LIKE '%00@%' THEN 'needs_reauth' ELSE 'active' END
    FROM users WHERE users.id = connections.user_id
    """,
)


@dataclass
class Scene:
    """One of many people.

    Attributes:
        uow: A transaction, which is never committed.
        user_id: Whose questions are explained.
        calendars: Theirs, by id.
    """

    uow: UnitOfWork
    user_id: UUID
    calendars: Mapping[UUID, Calendar]

    @property
    def calendar_id(self) -> UUID:
        return next(iter(self.calendars))

    @property
    def event_id(self) -> UUID:
        found = self.uow.session.scalars(
            text("SELECT id FROM events WHERE user_id = :user_id ORDER BY id LIMIT 1"),
            {"user_id": self.user_id},
        )
        return UUID(str(found.one()))
