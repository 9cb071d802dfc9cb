"""A whole installation of made-up people, written by PostgreSQL itself, many people at a time.

Constraints and indexes are taken away while the rows come in and put back by their own definitions
afterwards, which is many times faster and ends in the same tables. The triggers stay and do their
work.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from benchmarks.people import WEEKS, settle

Tell = Callable[[str], None]
"""Told how far it has come, in words."""

CALENDARS: Final = 10
SINGLES: Final = 440
SERIES: Final = 15
OCCURRENCES: Final = SINGLES + SERIES * WEEKS
"""What each person has: 2,000 occurrences over two years, a third of them past."""

_AT_ONCE: Final = 500
_TABLES: Final = ("events", "occurrences")

_PEOPLE: Final = (
    """
    INSERT INTO users (id, email, name, password_hash, time_zone)
    SELECT md5('user ' || number)::uuid, 'crowd-' || number || '@example.test', 'Freya Lind', '!',
      'Europe/Berlin'
    FROM generate_series(:first, :last) AS number
    """,
    """
    INSERT INTO connections (id, user_id, provider, provider_account_id, account, next_refresh_at,
      next_discovery_at)
    SELECT md5('connection ' || number)::uuid, md5('user ' || number)::uuid, 'google',
      'crowd-' || number, 'crowd-' || number || '@example.test', :now + interval '1 day',
      :now + interval '1 day'
    FROM generate_series(:first, :last) AS number
    """,
    """
    INSERT INTO calendars (
      id, user_id, connection_id, provider, provider_calendar_id, name, time_zone, "primary",
      access_role, materialized_from, materialized_until, cursor, cursor_version, last_synced_at,
      last_synced_via, next_sync_at, next_channel_at
    )
    SELECT md5('calendar ' || number || ' ' || place)::uuid, md5('user ' || number)::uuid,
      md5('connection ' || number)::uuid, 'google', 'calendar-' || place, 'Calendar ' || place,
      'Europe/Berlin', place = 0, 'owner', :now - interval '400 days', :now + interval '800 days',
      'cursor', 1, :now, 'poll', :now + interval '1 hour' + random() * interval '15 minutes',
      :now + interval '1 day'
    FROM generate_series(:first, :last) AS number, generate_series(0, :calendars - 1) AS place
    """,
    # People take turns row by row, as when their calendars are synced side by side, so that no
    # one's rows lie neatly together. Starts are spread by multiplying with primes.
    """
    WITH made AS (
      INSERT INTO events (
        id, user_id, calendar_id, provider_event_id, kind, start_at, end_at, time_zone, title,
        ical_uid, recurrence, status, transparency, event_type, visibility, attendees, sequence,
        mirror, busy, fingerprint
      )
      SELECT gen_random_uuid(), md5('user ' || number)::uuid,
        md5('calendar ' || number || ' ' || one % :calendars)::uuid, 'event-' || one,
        CASE WHEN one < :series THEN 'master' ELSE 'single' END, start_at,
        start_at + (15 + (one % 4) * 15) * interval '1 minute', 'Europe/Berlin', 'Meeting ' || one,
        'event-' || one || '-' || number || '@example.test',
        CASE WHEN one < :series THEN '{RRULE:FREQ=WEEKLY}'::text[] ELSE '{}' END,
        'confirmed', 'opaque', 'default', 'default', '[]', 0, false,
        CASE WHEN one % 10 = 0 THEN 'tentative' ELSE 'busy' END, md5(number || ' ' || one)
      FROM (
        SELECT number, one, date_trunc('day', :now) - interval '240 days'
          + ((one::bigint * 7919 + number) % CASE WHEN one < :series THEN 5 ELSE 730 END)
            * interval '1 day'
          + (6 + (one::bigint * 104729 + number) % 12) * interval '1 hour'
          + ((one % 4) * 15) * interval '1 minute' AS start_at
        FROM generate_series(0, :singles + :series - 1) AS one,
          generate_series(:first, :last) AS number
        ORDER BY one, number
      ) AS planned
      RETURNING id, user_id, calendar_id, kind, start_at, end_at, busy
    )
    INSERT INTO occurrences (
      id, user_id, calendar_id, event_id, original_start, start_at, end_at, busy
    )
    SELECT gen_random_uuid(), user_id, calendar_id, id, start_at + week * interval '7 days',
      start_at + week * interval '7 days', end_at + week * interval '7 days', busy
    FROM made, generate_series(0, CASE WHEN kind = 'master' THEN :weeks - 1 ELSE 0 END) AS week
    """,
)

# Foreign keys that point to the tables stand in the way of the keys that they point to.
_CONSTRAINTS: Final = """
SELECT conrelid::regclass::text AS owner, conname AS name, contype AS kind,
  pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE contype IN ('f', 'p', 'u')
  AND (conrelid = ANY (CAST(:tables AS regclass[]))
    OR contype = 'f' AND confrelid = ANY (CAST(:tables AS regclass[])))
"""
_INDEXES: Final = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE indrelid = ANY (CAST(:tables AS regclass[]))
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
"""
_SIZES: Final = """
SELECT c.relname AS name, c.reltuples::bigint AS rows, pg_table_size(c.oid) AS own,
  i.relname AS index_name, pg_relation_size(i.oid) AS index_size
FROM pg_class AS c JOIN pg_index AS x ON x.indrelid = c.oid JOIN pg_class AS i ON i.oid = indexrelid
WHERE c.relname IN ('occurrences', 'events', 'calendars', 'users', 'calendar_changes')
ORDER BY pg_total_relation_size(c.oid) DESC, index_size DESC
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much room a table or an index takes.

    Attributes:
        table: Its name, or that of the index's table.
        index: The index; empty for the table itself.
        rows: How many rows the table has, as the planner believes.
        bytes: How many bytes.
    """

    table: str
    index: str
    rows: int
    bytes: int


def person_of(number: int, engine: Engine) -> UUID:
    """Return the id of one of the people, the first of whom has number 0."""
    with engine.connect() as connection:
        found = connection.scalars(
            text("SELECT md5('user ' || CAST(:number AS integer))"), {"number": number}
        )
        return UUID(found.one())


def make_crowd(engine: Engine, people: int, *, now: datetime, tell: Tell) -> None:
    """Write that many people, each with ten calendars and 2,000 occurrences.

    Args:
        engine: A database without any of them.
        people: How many.
        now: The middle of it all.
        tell: Told what is being done.
    """
    shape = {"now": now, "calendars": CALENDARS, "singles": SINGLES, "series": SERIES}
    with engine.connect() as connection:
        connection.execute(text("SET synchronous_commit = off"))
        connection.execute(text("SET maintenance_work_mem = '1GB'"))
        connection.commit()
        with _bare(connection, tell):
            for first in range(0, people, _AT_ONCE):
                last = min(first + _AT_ONCE, people) - 1
                values = shape | {"weeks": WEEKS, "first": first, "last": last}
                for statement in _PEOPLE:
                    connection.execute(text(statement), values)
                connection.commit()
                tell(f"{(last + 1) * OCCURRENCES:,} occurrences written")
        connection.execute(text("RESET ALL"))
        connection.commit()
    tell("statistics")
    settle(engine)


@contextmanager
def _bare(connection: Connection, tell: Tell) -> Iterator[None]:
    """Take constraints and indexes away for a while."""
    tables = {"tables": list(_TABLES)}
    constraints = connection.execute(text(_CONSTRAINTS), tables).all()
    indexes = connection.execute(text(_INDEXES), tables).all()
    # Foreign keys go first and come back last.
    for one in sorted(constraints, key=lambda one: one.kind != "f"):
        connection.execute(text(f"ALTER TABLE {one.owner} DROP CONSTRAINT {one.name}"))
    for index in indexes:
        connection.execute(text(f"DROP INDEX {index.name}"))
    connection.commit()
    yield
    for index in indexes:
        tell(index.name)
        connection.execute(text(index.definition))
        connection.commit()
    for one in sorted(constraints, key=lambda one: one.kind == "f"):
        tell(one.name)
        added = f"ALTER TABLE {one.owner} ADD CONSTRAINT {one.name} {one.definition}"
        connection.execute(text(added))
        connection.commit()


def list_sizes(engine: Engine) -> list[Size]:
    """Return how much room the large tables and their indexes take, the largest table first."""
    sizes: list[Size] = []
    with engine.connect() as connection:
        for row in connection.execute(text(_SIZES)):
            if not sizes or sizes[-1].table != row.name:
                sizes.append(Size(row.name, "", row.rows, row.own))
            sizes.append(Size(row.name, row.index_name, row.rows, row.index_size))
    return sizes
