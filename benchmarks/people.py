"""Made-up people with full calendars, written straight into the tables."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Engine, text


@dataclass(frozen=True, slots=True)
class Fullness:
    """How much a person has, over two years: a third of it past, the rest to come.

    Attributes:
        calendars: How many calendars.
        events: How many events beside the series.
        series: How many weekly series, with two years of occurrences each.
    """

    calendars: int
    events: int
    series: int

    @property
    def occurrences(self) -> int:
        """How many occurrences that makes."""
        return self.events + self.series * WEEKS


WEEKS: Final = 104
PERSON: Final = Fullness(calendars=5, events=5_000, series=300)
HEAVY: Final = Fullness(calendars=20, events=20_000, series=770)

_USER = """
INSERT INTO users (id, email, name, password_hash, time_zone, role)
VALUES (:user_id, :email, 'Freya Lind', '!', 'Europe/Berlin', 'user')
"""
_CONNECTION = """
INSERT INTO connections (id, user_id, provider, provider_account_id, account, next_refresh_at)
VALUES (:connection_id, :user_id, 'google', :email, :email, :now + interval '1 day')
"""
_CALENDARS = """
INSERT INTO calendars (
  id, user_id, connection_id, provider, provider_calendar_id, name, time_zone, "primary",
  access_role, materialized_from, materialized_until, last_synced_at, last_synced_via,
  next_sync_at, next_channel_at
)
SELECT gen_random_uuid(), :user_id, :connection_id, 'google', 'calendar-' || number,
  'Calendar ' || number, 'Europe/Berlin', number = 0, 'owner', :now - interval '400 days',
  :now + interval '800 days', :now, 'poll', :now + interval '15 minutes', :now + interval '1 day'
FROM generate_series(0, :calendars - 1) AS number
"""
# Starts are spread by multiplying with a prime, so that neighbours in the table are none in time.
_EVENTS = """
WITH places AS (
  SELECT id, row_number() OVER (ORDER BY name) - 1 AS place FROM calendars
  WHERE user_id = :user_id
)
INSERT INTO events (
  id, user_id, calendar_id, provider_event_id, kind, start_at, end_at, time_zone, title, ical_uid,
  recurrence, status, transparency, event_type, visibility, attendees, sequence, mirror, busy,
  fingerprint
)
SELECT gen_random_uuid(), :user_id, places.id, :kind || '-' || number, :kind, start_at,
  start_at + minutes * interval '1 minute', 'Europe/Berlin', 'Meeting ' || number,
  :kind || '-' || number || '@example.test',
  CASE WHEN :kind = 'master' THEN '{RRULE:FREQ=WEEKLY}'::text[] ELSE '{}' END,
  'confirmed', 'opaque', 'default', 'default', '[]', 0, false,
  CASE WHEN number % 10 = 0 THEN 'tentative' ELSE 'busy' END, md5(number::text)
FROM (
  SELECT number, 15 + (number % 4) * 15 AS minutes,
    date_trunc('day', :now) - interval '240 days'
    + ((number::bigint * 7919) % :days) * interval '1 day'
    + (6 + (number::bigint * 104729) % 12) * interval '1 hour'
    + ((number % 4) * 15) * interval '1 minute' AS start_at
  FROM generate_series(0, :count - 1) AS number
) AS made JOIN places ON places.place = made.number % :calendars
"""
_SINGLE_OCCURRENCES = """
INSERT INTO occurrences (
  id, user_id, calendar_id, event_id, original_start, start_at, end_at, busy
)
SELECT gen_random_uuid(), user_id, calendar_id, id, start_at, start_at, end_at, busy
FROM events WHERE user_id = :user_id AND kind = 'single'
"""
_SERIES_OCCURRENCES = """
INSERT INTO occurrences (
  id, user_id, calendar_id, event_id, original_start, start_at, end_at, busy
)
SELECT gen_random_uuid(), user_id, calendar_id, id, start_at + week * interval '7 days',
  start_at + week * interval '7 days', end_at + week * interval '7 days', busy
FROM events, generate_series(0, :weeks - 1) AS week
WHERE user_id = :user_id AND kind = 'master'
"""
_EVEN = """
INSERT INTO events (
  id, user_id, calendar_id, provider_event_id, kind, start_at, end_at, time_zone, title, ical_uid,
  recurrence, status, transparency, event_type, visibility, attendees, sequence, mirror, busy,
  fingerprint
)
SELECT gen_random_uuid(), :user_id, (
    SELECT id FROM calendars WHERE user_id = :user_id ORDER BY name LIMIT 1
  ), 'even-' || number, 'single', :first + number * interval '1 hour',
  :first + number * interval '1 hour' + interval '70 minutes', 'Europe/Berlin',
  'Meeting ' || number,
  'even-' || number || '@example.test', '{}', 'confirmed', 'opaque', 'default', 'default', '[]', 0,
  false, 'busy', md5(number::text)
FROM generate_series(0, :count - 1) AS number
"""


def make_person(engine: Engine, fullness: Fullness, *, now: datetime, email: str) -> UUID:
    """Write a person with their calendars, and return their id.

    Args:
        engine: The database.
        fullness: How much they have.
        now: The middle of it all.
        email: Their address.
    """
    values = {
        "user_id": uuid4(),
        "connection_id": uuid4(),
        "email": email,
        "now": now,
        "calendars": fullness.calendars,
        "weeks": WEEKS,
    }
    singles = {"kind": "single", "count": fullness.events, "days": 730}
    # Series begin in the same week, on its working days, and go on for two years.
    series = {"kind": "master", "count": fullness.series, "days": 5}
    with engine.begin() as connection:
        for statement in (_USER, _CONNECTION, _CALENDARS):
            connection.execute(text(statement), values)
        for kind in (singles, series):
            connection.execute(text(_EVENTS), values | kind)
        connection.execute(text(_SINGLE_OCCURRENCES), values)
        connection.execute(text(_SERIES_OCCURRENCES), values)
    return values["user_id"]  # type: ignore[return-value] # It is the UUID made above.


def make_even_person(engine: Engine, occurrences: int) -> UUID:
    """Write a person whose occurrences follow one another evenly, however many there are."""
    now = datetime.now(UTC)  # noqa: TID251 - a benchmark lives in the present.
    person = make_person(
        engine,
        Fullness(calendars=5, events=0, series=0),
        now=now,
        email=f"{uuid4().hex}@example.test",
    )
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=occurrences // 2)
    with engine.begin() as connection:
        connection.execute(text(_EVEN), {"user_id": person, "first": first, "count": occurrences})
        connection.execute(
            text(
                "INSERT INTO occurrences (id, user_id, calendar_id, event_id, original_start,"
                " start_at, end_at, busy) SELECT gen_random_uuid(), user_id, calendar_id, id,"
                " start_at, start_at, end_at, busy FROM events WHERE user_id = :user_id"
            ),
            {"user_id": person},
        )
    return person


def settle(engine: Engine) -> None:
    """Bring the planner's statistics up to date, as autovacuum does in a while."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
