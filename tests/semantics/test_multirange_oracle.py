"""Free time against PostgreSQL: its time zones, its calendar, and its multiranges.

The database is given rules and instants as they are. It turns clocks into instants itself, merges,
widens, cuts and subtracts, and has to arrive at the same windows to the microsecond.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, create_engine, text

from calendar_manager.domain.availability import free_windows
from calendar_manager.domain.timespan import Span
from tests.semantics.changed_clocks import list_changes
from tests.semantics.multirange_cases import Place, Question, make_questions, show_question
from tests.semantics.server_zones import SERVER_ZONES, server_in

pytestmark = pytest.mark.store

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

BATCHES = 16
QUESTIONS_PER_BATCH = 500

FIRST_READING = """
    CREATE FUNCTION pg_temp.first_reading(wall timestamp, zone text) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$
        -- AT TIME ZONE takes the second reading of a fold, and moves forward what a gap swallows.
        SELECT coalesce(min(reading), wall AT TIME ZONE zone)
        FROM generate_series(0, 180, 15) AS earlier,
             LATERAL (SELECT wall AT TIME ZONE zone - make_interval(mins => earlier)) AS r (reading)
        WHERE reading AT TIME ZONE zone = wall
    $$
"""

FREE_WINDOWS = """
    WITH question AS (
        SELECT q.*, (asked->>0)::timestamptz AS asked_from, (asked->>1)::timestamptz AS asked_to
        FROM jsonb_to_recordset(CAST(:questions AS jsonb)) AS q (
            name int, zone text, now timestamptz, asked jsonb, buffer_before int, buffer_after int,
            notice int, horizon int, weekly jsonb, overrides jsonb, removed jsonb, busy jsonb
        )
    ), bookable AS (
        SELECT name, tstzrange(earliest, greatest(earliest, latest)) AS span
        FROM question, LATERAL (SELECT
            greatest(asked_from, now + make_interval(mins => notice)) AS earliest,
            least(asked_to, pg_temp.first_reading(
                date_trunc('day', now AT TIME ZONE zone) + make_interval(days => horizon + 1), zone
            )) AS latest
        ) AS edges
    ), day AS (
        SELECT name, zone, day, coalesce(
            overrides -> to_char(day, 'YYYY-MM-DD'), weekly -> extract(isodow FROM day)::text
        ) AS hours
        FROM question, generate_series(
            date_trunc('day', asked_from AT TIME ZONE zone) - interval '2 days',
            asked_to AT TIME ZONE zone,
            interval '1 day'
        ) AS day
        WHERE NOT removed ? to_char(day, 'YYYY-MM-DD')
        AND pg_temp.first_reading(day, zone) < pg_temp.first_reading(day + interval '1 day', zone)
    ), working AS (
        SELECT name, range_agg(tstzrange(opens, closes)) AS spans
        FROM day, jsonb_array_elements(hours) AS clock, LATERAL (SELECT
            pg_temp.first_reading(day + make_interval(mins => (clock->>0)::int), zone) AS opens,
            (day + make_interval(mins => (clock->>1)::int)) AT TIME ZONE zone AS closes
        ) AS edges
        WHERE opens < closes
        GROUP BY name
    ), taken AS (
        SELECT name, range_agg(tstzrange(
            since - make_interval(mins => buffer_after),
            until + make_interval(mins => buffer_before)
        )) AS spans
        FROM question, jsonb_array_elements(busy) AS meeting, LATERAL (SELECT
            (meeting->>0)::timestamptz AS since, (meeting->>1)::timestamptz AS until
        ) AS edges
        WHERE since < until
        GROUP BY name
    )
    SELECT name, lower(free), upper(free)
    FROM bookable JOIN working USING (name) LEFT JOIN taken USING (name), unnest(
        working.spans * tstzmultirange(bookable.span) - coalesce(taken.spans, '{}')
    ) AS free
    ORDER BY 1, 2
"""

WALL_CLOCK = "SELECT CAST(:instant AS timestamptz) AT TIME ZONE :zone"


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Connection]:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        connection.execute(text("SET TIME ZONE 'UTC'"))
        connection.execute(text(FIRST_READING))
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def places(database: Connection) -> list[Place]:
    """Return the changes of the clocks that the two tz databases agree about."""
    return [place for place in list_changes() if is_agreed(database, *place)]


def is_agreed(database: Connection, zone: str, change: datetime) -> bool:
    """Tell whether PostgreSQL's own tz database, which may be older, has the same change."""
    instants = [change + shift for shift in (-7 * DAY, -MINUTE, timedelta(), 7 * DAY)]
    return all(
        database.scalar(text(WALL_CLOCK), {"instant": instant, "zone": zone})
        == instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        for instant in instants
    )


def ask_postgres(database: Connection, questions: list[Question]) -> list[list[Span]]:
    shown = [show_question(question, name) for name, question in enumerate(questions)]
    windows: list[list[Span]] = [[] for _ in questions]
    rows = database.execute(text(FREE_WINDOWS), {"questions": json.dumps(shown)})
    for name, start, end in rows:
        windows[name].append(Span(start, end))
    return windows


def test_the_tz_databases_agree_about_enough(places: list[Place]) -> None:
    assert len({zone for zone, _ in places}) >= 40
    assert len(places) >= 0.9 * len(list_changes())


@pytest.mark.parametrize("seed", range(BATCHES))
def test_postgres_finds_the_same_windows(
    database: Connection, places: list[Place], seed: int
) -> None:
    questions = make_questions(Random(seed), places, QUESTIONS_PER_BATCH)
    expected = ask_postgres(database, questions)
    # Most questions have an answer, or the comparison would prove little.
    assert sum(map(bool, expected)) > QUESTIONS_PER_BATCH / 2
    for server_zone in SERVER_ZONES:
        with server_in(server_zone):
            found = [
                free_windows(one.rules, one.busy, one.asked, one.now, one.holidays)
                for one in questions
            ]
        wrong = [
            (question, windows, theirs)
            for question, windows, theirs in zip(questions, found, expected, strict=True)
            if windows != theirs
        ]
        assert wrong == [], f"{len(wrong)} of {len(questions)} under TZ={server_zone}"
