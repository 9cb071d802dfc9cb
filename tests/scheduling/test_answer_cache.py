"""Kept answers: the same as new ones, whatever was changed in between."""

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from redis import Redis
from sqlalchemy import Engine, text, update

from calendar_manager.domain.events import Event, EventStatus, EventType
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.answer_cache import AWAY, AnswerCache, name_question
from calendar_manager.scheduling.availability import (
    AvailabilityAnswer,
    AvailabilityQuestion,
    find_availability,
)
from calendar_manager.scheduling.busy_time import BusyTime
from calendar_manager.store.tables import CalendarRow, EventRow, UserRow
from tests.factories import (
    NOW,
    WINDOW,
    at,
    count_statements,
    delete_events,
    make_event,
    save_events,
    span,
)
from tests.scheduling.test_free_time import HOUR, Desk

pytestmark = pytest.mark.store

WEEK = (at("03-02 00:00"), at("03-09 00:00"))
BUSY_QUERY = "FROM occurrences"


@pytest.fixture
def redis(clean_redis: str) -> Iterator[Redis]:
    with Redis.from_url(clean_redis) as redis:
        yield redis


@pytest.fixture
def cache(redis: Redis) -> AnswerCache:
    return AnswerCache(redis, lambda: NOW)


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def ask(desk: Desk, cache: AnswerCache | None, **question: Any) -> AvailabilityAnswer:
    asked = {"start": WEEK[0], "end": WEEK[1]} | question
    now = asked.pop("now", NOW)
    with desk.store.begin() as uow:
        user = uow.users.find(desk.user.id)
    assert user is not None
    return find_availability(
        desk.store, user, AvailabilityQuestion(**asked), now=now, maximum_age=HOUR, answers=cache
    )


def asks_database(desk: Desk, cache: AnswerCache, **question: Any) -> bool:
    with count_statements(desk.engine) as statements:
        ask(desk, cache, **question)
    return any(BUSY_QUERY in statement for statement in statements)


def test_the_same_question_is_answered_without_asking_for_events(
    desk: Desk, cache: AnswerCache
) -> None:
    desk.save(desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
    assert asks_database(desk, cache)
    assert not asks_database(desk, cache)
    assert ask(desk, cache) == ask(desk, None)
    # What is computed live is no part of the key: notice, duration, step, the hour of the day.
    assert not asks_database(desk, cache, duration_minutes=45, step_minutes=5)
    assert not asks_database(desk, cache, now=NOW + timedelta(minutes=7))
    desk.rule(minimum_notice_minutes=30)
    assert not asks_database(desk, cache)


def test_a_change_of_one_user_leaves_the_answers_of_another(
    clean_database: Engine, cache: AnswerCache
) -> None:
    mara, otto = Desk(clean_database), Desk(clean_database)
    ask(mara, cache)
    otto.save(otto.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
    assert not asks_database(mara, cache)


def test_an_uncommitted_change_is_not_seen_and_a_committed_one_is(
    desk: Desk, cache: AnswerCache
) -> None:
    before = ask(desk, cache)
    with desk.store.begin() as uow:
        save_events(uow, desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
        assert ask(desk, cache) == before
    assert ask(desk, cache) == ask(desk, None) != before


def test_a_change_that_is_rolled_back_changes_nothing(desk: Desk, cache: AnswerCache) -> None:
    before = ask(desk, cache)
    with suppress(ZeroDivisionError), desk.store.begin() as uow:
        save_events(uow, desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
        raise ZeroDivisionError
    assert not asks_database(desk, cache)
    assert ask(desk, cache) == before


def test_writers_of_one_calendar_at_the_same_time_do_not_wait_for_each_other(
    desk: Desk, cache: AnswerCache
) -> None:
    """Both commit in the other order than they wrote, and each makes answers new."""
    desk.save(desk.calendar, make_event("first", "03-02 09:00", "03-02 10:00"))
    note = text("UPDATE events SET title = title WHERE calendar_id = :calendar AND title = :title")
    desk.save(desk.calendar, make_event("second", "03-03 09:00", "03-03 10:00"))
    keys = set()
    one, two = desk.engine.connect(), desk.engine.connect()
    with one, two:
        two.execute(text("SET LOCAL lock_timeout = '2s'"))
        one.execute(note, {"calendar": desk.calendar.id, "title": "first"})
        two.execute(note, {"calendar": desk.calendar.id, "title": "second"})
        keys.add(find_key(desk))
        two.commit()
        keys.add(find_key(desk))
        one.commit()
        keys.add(find_key(desk))
    assert len(keys) == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET ical_uid = 'other'",
        "UPDATE occurrences SET busy = 'free'",
        "DELETE FROM occurrences",
        "DELETE FROM events",
        """
        INSERT INTO occurrences (id, user_id, calendar_id, event_id, original_start, start_at,
            end_at, busy)
        SELECT gen_random_uuid(), user_id, calendar_id, event_id, now(), start_at, end_at, busy
        FROM occurrences
        """,
        """
        INSERT INTO events (id, user_id, calendar_id, provider_event_id, kind, title, recurrence,
            status, transparency, event_type, visibility, attendees, sequence, mirror, busy,
            fingerprint)
        SELECT gen_random_uuid(), user_id, calendar_id, 'other', kind, title, recurrence,
            status, transparency, event_type, visibility, attendees, sequence, mirror, busy,
            fingerprint
        FROM events
        """,
    ],
)
def test_whoever_changes_something_by_whatever_way_makes_answers_new(
    desk: Desk, change: str
) -> None:
    desk.save(desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
    if change == "DELETE FROM events":
        with desk.engine.begin() as connection:
            connection.execute(text("DELETE FROM occurrences"))
    before = find_key(desk)
    with desk.engine.begin() as connection:
        connection.execute(text(change))
    assert find_key(desk) != before


def find_key(desk: Desk) -> str:
    with desk.store.begin() as uow:
        calendars = uow.lookups.load_calendars(desk.user.id)
    return name_question(desk.user, calendars, Span(*WEEK))


@pytest.mark.parametrize("rows", [1, 2500])
def test_changes_are_noted_once_for_each_transaction(desk: Desk, rows: int) -> None:
    begin = at("03-02 08:00")
    many = [
        make_event("x", "01-01 00:00", "01-01 00:00", when=Span(begin, begin + HOUR))
        for _ in range(rows)
    ]
    for _ in range(3):
        desk.save(desk.calendar, *many)
    with desk.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM calendar_changes")) == 1


def test_a_calendar_goes_with_its_notes(desk: Desk) -> None:
    desk.save(desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
    with desk.engine.begin() as connection:
        connection.execute(text("DELETE FROM calendars"))
        assert connection.scalar(text("SELECT count(*) FROM calendar_changes")) == 0


def test_without_redis_answers_are_computed(desk: Desk) -> None:
    now = NOW
    cache = AnswerCache.connect("redis://127.0.0.1:1/0", lambda: now)
    desk.save(desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
    assert ask(desk, cache) == ask(desk, None)
    now = NOW + AWAY
    assert ask(desk, cache) == ask(desk, None)
    cache.close()


def test_redis_is_left_alone_for_a_while_after_it_failed(desk: Desk, redis: Redis) -> None:
    now = NOW
    cache = AnswerCache(redis, lambda: now)
    redis.lpush(find_key(desk), "a list, on which the command for values fails")
    assert cache.find(find_key(desk)) is None
    cache.keep("key", BusyTime())
    assert AnswerCache(redis, lambda: now).find("key") is None, "it was not sent"
    now = NOW + AWAY
    cache.keep("key", BusyTime())
    assert AnswerCache(redis, lambda: now).find("key") == BusyTime([], [])


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"?",
        b"\xff" * 8,
        b"\xff" * 24,
        (1).to_bytes(8, "little"),
        (1).to_bytes(8, "little") + (5).to_bytes(8, "little") + (3).to_bytes(8, "little"),
        (1).to_bytes(8, "little") + b"\xff" * 7 + b"\x7f" + b"\xff" * 7 + b"\x7f",
    ],
)
def test_what_somebody_else_left_in_redis_is_not_believed(
    desk: Desk, redis: Redis, cache: AnswerCache, value: bytes
) -> None:
    redis.set(find_key(desk), value)
    assert cache.find(find_key(desk)) is None


def test_what_is_kept_comes_back_and_ends_by_itself(redis: Redis, cache: AnswerCache) -> None:
    moment = datetime(1969, 7, 20, 20, 17, 40, 123456, tzinfo=UTC)
    busy = BusyTime([Span(moment, moment + HOUR)], [span("03-03 09:00", "03-03 10:00")] * 2)
    cache.keep("key", busy)
    cache.keep("nothing", BusyTime())
    other_process = AnswerCache(redis, lambda: NOW)
    assert other_process.find("key") == busy
    assert other_process.find("nothing") == BusyTime([], [])
    assert 0 < cast("int", redis.ttl("key")) <= 24 * 3600
    assert cache.find("other") is None


def test_a_process_remembers_what_it_read_and_wrote(redis: Redis, cache: AnswerCache) -> None:
    writer, reader = cache, AnswerCache(redis, lambda: NOW)
    busy = BusyTime([span("03-03 09:00", "03-03 10:00")], [])
    writer.keep("key", busy)
    assert reader.find("key") == busy
    redis.flushdb()
    assert writer.find("key") == busy
    assert reader.find("key") == busy
    assert AnswerCache(redis, lambda: NOW).find("key") is None


def test_a_process_forgets_what_was_used_longest_ago(
    redis: Redis, cache: AnswerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calendar_manager.scheduling.answer_cache.REMEMBERED", 6)
    small = AnswerCache(redis, lambda: NOW)
    for name in ("first", "second"):
        small.keep(name, BusyTime([span("03-03 09:00", "03-03 10:00")], []))
    assert small.find("first")
    small.keep(
        "third",
        BusyTime([span("03-03 09:00", "03-03 10:00")], [span("03-04 09:00", "03-04 10:00")]),
    )
    redis.flushdb()
    assert [small.find(name) is not None for name in ("first", "second", "third")] == [
        True,
        False,
        True,
    ]


class Life:
    """What may happen to a user between two questions, by number."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.other = desk.add(name="Other")
        self.events: list[Event] = []

    def happen(self, what: int, start: datetime, which: int) -> None:
        desk = self.desk
        event = self.events[which % len(self.events)] if self.events else None
        new: dict[int, dict[str, Any]] = {
            0: {"ical_uid": "same"},
            1: {"status": EventStatus.TENTATIVE},
            2: {"recurrence": ("RRULE:FREQ=DAILY;COUNT=4",)},
        }
        if what in new:
            made = make_event("x", "01-01 00:00", "01-01 00:00", when=Span(start, start + HOUR))
            self.events.append(replace(made, **new[what], **_kind(new[what])))
            self._save(self.events[-1])
        elif what == 3:
            day = start.date()
            self._save(make_event("day", f"{day:%m-%d}", f"{day + timedelta(days=1):%m-%d}"))
        elif what == 4 and event is not None:
            moved = replace(event, when=Span(start, start + 2 * HOUR))
            self.events[self.events.index(event)] = moved
            self._save(moved)
        elif what == 5 and event is not None:
            self.events.remove(event)
            with desk.store.begin() as uow:
                delete_events(uow, desk.calendar, event)
        else:
            self._set(what, which)

    def _set(self, what: int, which: int) -> None:
        desk = self.desk
        yes = which % 2 == 0
        with desk.store.begin() as uow:
            if what == 6:
                values: dict[str, Any] = {"blocks_availability": yes}
                uow.session.execute(update(CalendarRow).values(**values))
            elif what == 7:
                uow.session.execute(update(CalendarRow).values(all_day_blocks=yes))
            elif what == 8:
                uow.session.execute(update(UserRow).values(tentative_blocks=yes))
            elif what == 9:
                zone = ["Europe/Berlin", "Asia/Tokyo", "America/New_York"][which % 3]
                uow.session.execute(update(UserRow).values(time_zone=zone))
                uow.occurrences.move_all_day(desk.user.id, zone)
            elif what == 10:
                until = WEEK[0] + which * 24 * HOUR
                uow.session.execute(update(CalendarRow).values(materialized_until=until))
            else:
                kind = EventType.OUT_OF_OFFICE if yes else EventType.DEFAULT
                uow.session.execute(update(EventRow).values(event_type=kind))

    def _save(self, event: Event) -> None:
        self.desk.save(self.desk.calendar, event, window=WINDOW)


def _kind(fields: dict[str, Any]) -> dict[str, Any]:
    made = make_event("x", "01-01 00:00", "01-01 00:00", **fields)
    return {"kind": made.kind}


@pytest.mark.parametrize("seed", range(3))
def test_no_stale_answer_survives_a_change(
    desk: Desk, redis: Redis, cache: AnswerCache, seed: int
) -> None:
    """A walk in which everything happens several times, in another order each time."""
    chance = random.Random(seed)
    desk.rule(max_meetings_per_day=3)
    life = Life(desk)
    steps = [number for number in range(12) for _ in range(4)]
    chance.shuffle(steps)
    for what in [0, 2, *steps]:
        life.happen(what, WEEK[0] + chance.randrange(7 * 24) * HOUR, chance.randrange(12))
        fresh = ask(desk, None)
        assert ask(desk, cache) == fresh, what
        assert not asks_database(desk, cache)
        assert ask(desk, cache) == fresh
        assert ask(desk, AnswerCache(redis, lambda: NOW)) == fresh, "from Redis"


def test_no_reader_finds_less_than_was_committed_before_it_asked(
    desk: Desk, cache: AnswerCache
) -> None:
    """One writes and tells how far it is; others ask meanwhile, and must find at least that."""
    committed = 0
    done = threading.Event()
    late: list[tuple[int, int]] = []

    def write() -> None:
        nonlocal committed
        for number in range(40):
            start = WEEK[0] + timedelta(minutes=number)
            made = make_event("x", "01-01 00:00", "01-01 00:00", when=Span(start, start + HOUR))
            desk.save(desk.calendar, made)
            committed = number + 1
        done.set()

    def read() -> None:
        chance = random.Random(1)
        while not done.is_set():
            least = committed
            ask(desk, cache, now=WEEK[0] + timedelta(minutes=chance.random()))
            with desk.store.begin() as uow:
                calendars = uow.lookups.load_calendars(desk.user.id)
            busy = cache.find(name_question(desk.user, calendars, loaded))
            if busy is not None and len(busy.meetings) < least:
                late.append((len(busy.meetings), least))

    loaded = Span(at("03-01 23:00"), at("03-09 23:00"))
    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    write()
    for thread in threads:
        thread.join(30)
    assert not late
    assert cache.find(find_loaded_key(desk, loaded)) is None or committed == 40
    ask(desk, cache)
    kept = cache.find(find_loaded_key(desk, loaded))
    assert kept is not None
    assert len(kept.meetings) == 40


def find_loaded_key(desk: Desk, loaded: Span) -> str:
    with desk.store.begin() as uow:
        return name_question(desk.user, uow.lookups.load_calendars(desk.user.id), loaded)
