"""Availability from the database: what counts, how fresh it is, and whether it is right."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Text, cast, select, text, update

from calendar_manager.domain.accounts import Calendar, CalendarStatus, UnreadablePolicy
from calendar_manager.domain.availability import bookable_span, working_windows
from calendar_manager.domain.errors import InvalidRulesError, UnknownTimeZoneError
from calendar_manager.domain.events import Event, EventStatus, EventType
from calendar_manager.domain.rules import (
    AvailabilityRules,
    WallWindow,
    Weekday,
    WeeklyWindow,
    default_rules,
)
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.availability import (
    AvailabilityAnswer,
    AvailabilityQuestion,
    find_availability,
    load_rules,
    replace_rules,
)
from calendar_manager.scheduling.busy_time import load_busy_time
from calendar_manager.scheduling.errors import InvalidQuestionError, UnknownSubjectError
from calendar_manager.store.spans import multirange_of
from calendar_manager.store.tables import ConnectionRow
from calendar_manager.store.unit_of_work import Store
from tests.factories import (
    NOW,
    WINDOW,
    add_calendar,
    add_connection,
    add_user,
    at,
    count_statements,
    make_event,
    make_store,
    save_events,
    span,
)

pytestmark = pytest.mark.store

TUESDAY = (at("03-03 00:00"), at("03-04 00:00"))
HOUR = timedelta(hours=1)


class Desk:
    """A user in Berlin with office hours and one calendar."""

    def __init__(self, engine: Engine, **user: Any) -> None:
        self.engine = engine
        self.store: Store = make_store(engine)
        with self.store.begin() as uow:
            self.user = add_user(uow, **user)
            self.connection = add_connection(uow, self.user.id)
        self.calendar = self.add()

    def add(self, **columns: Any) -> Calendar:
        with self.store.begin() as uow:
            return add_calendar(uow, self.connection, **columns)

    def save(self, calendar: Calendar, *events: Event, window: Span = WINDOW) -> None:
        with self.store.begin() as uow:
            save_events(uow, calendar, *events, window=window)

    def rule(self, **changes: Any) -> AvailabilityRules:
        rules = replace(load_rules(self.store, self.user), **changes)
        with self.store.begin() as uow:
            uow.rules.save(self.user.id, rules)
        return rules

    def ask(self, *when: datetime | date, now: datetime = NOW, **question: Any) -> Any:
        start, end = when or TUESDAY
        return find_availability(
            self.store,
            self.user,
            AvailabilityQuestion(start=start, end=end, **question),
            now=now,
            maximum_age=HOUR,
        )

    def windows(self, *when: datetime | date, **question: Any) -> Sequence[Span]:
        answer: AvailabilityAnswer = self.ask(*when, **question)
        return list(answer.free.windows)


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def test_free_time_is_office_hours_without_what_blocks(desk: Desk) -> None:
    desk.save(desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
    answer = desk.ask(duration_minutes=60)
    assert list(answer.free.windows) == [
        span("03-03 08:00", "03-03 09:00"),
        span("03-03 10:00", "03-03 16:00"),
    ]
    assert [slot.start for slot in answer.free.slots][:3] == [
        at("03-03 08:00"),
        at("03-03 10:00"),
        at("03-03 10:30"),
    ]
    assert {slot.duration for slot in answer.free.slots} == {HOUR}


def test_the_questions_own_duration_and_step_go_before_those_of_the_rules(desk: Desk) -> None:
    desk.rule(slot_duration_minutes=45, slot_step_minutes=60)
    usual = desk.ask()
    asked = desk.ask(duration_minutes=90, step_minutes=15)
    assert (usual.duration_minutes, usual.step_minutes) == (45, 60)
    assert len(usual.free.slots) == 8
    assert (asked.duration_minutes, asked.step_minutes) == (90, 15)
    assert len(asked.free.slots) == 27


def test_what_blocks_follows_user_and_calendar(clean_database: Engine) -> None:
    desk = Desk(clean_database, tentative_blocks=False)
    strict = desk.add(all_day_blocks=False)
    quiet = desk.add(blocks_availability=False)
    paused = desk.add(sync_enabled=False)
    whole_day = [span("03-03 08:00", "03-03 16:00")]
    for calendar in (quiet, paused):
        desk.save(calendar, make_event("x", "03-03 09:00", "03-03 10:00"))
    desk.save(
        desk.calendar,
        make_event("maybe", "03-03 09:00", "03-03 10:00", status=EventStatus.TENTATIVE),
    )
    desk.save(strict, make_event("birthday of jo", "03-03", "03-04"))
    assert desk.windows() == whole_day
    desk.save(strict, make_event("away", "03-03", "03-04", event_type=EventType.OUT_OF_OFFICE))
    assert desk.windows() == []


def test_an_all_day_event_blocks_the_days_of_the_users_zone(clean_database: Engine) -> None:
    desk = Desk(clean_database, time_zone="America/New_York")
    desk.rule(weekly=(WeeklyWindow(tuple(Weekday), WallWindow(0, 24 * 60)),))
    desk.save(desk.calendar, make_event("trip", "03-08", "03-09"))
    # New York springs forward on 8 March 2026, so that day has 23 hours.
    assert desk.windows(at("03-07 05:00"), at("03-10 04:00")) == [
        span("03-07 05:00", "03-08 05:00"),
        span("03-09 04:00", "03-10 04:00"),
    ]


def test_only_the_named_calendars_are_asked(desk: Desk, clean_database: Engine) -> None:
    other = desk.add(name="Other")
    desk.save(desk.calendar, make_event("call", "03-03 09:00", "03-03 10:00"))
    answer = desk.ask(calendar_ids=[other.id])
    assert list(answer.free.windows) == [span("03-03 08:00", "03-03 16:00")]
    assert [one.name for one in answer.freshness] == ["Other"]
    with pytest.raises(UnknownSubjectError, match="calendar"):
        desk.ask(calendar_ids=[Desk(clean_database).calendar.id])


def test_buffers_reach_over_the_edges_of_the_question(desk: Desk) -> None:
    desk.rule(buffer_before_minutes=30, buffer_after_minutes=60)
    desk.save(
        desk.calendar,
        make_event("before", "03-03 09:00", "03-03 10:00"),
        make_event("after", "03-03 12:00", "03-03 13:00"),
    )
    assert desk.windows(at("03-03 10:00"), at("03-03 12:00")) == [
        span("03-03 10:30", "03-03 11:00")
    ]


def test_a_meeting_on_two_calendars_counts_once_against_the_daily_limit(desk: Desk) -> None:
    desk.rule(max_meetings_per_day=2)
    for calendar in (desk.calendar, desk.add()):
        copy = make_event("review", "03-03 06:00", "03-03 07:00", ical_uid="uid")
        desk.save(calendar, copy)
    assert desk.windows() == [span("03-03 08:00", "03-03 16:00")]
    # The limit is one of the local day, however little of it is asked for.
    desk.save(desk.calendar, make_event("late", "03-03 20:00", "03-03 21:00"))
    assert desk.windows(at("03-03 09:00"), at("03-03 10:00")) == []


def test_notice_and_horizon_cut_the_question(desk: Desk) -> None:
    desk.rule(minimum_notice_minutes=26 * 60, horizon_days=2)
    assert desk.windows(at("03-02 00:00"), at("03-20 00:00")) == [
        span("03-03 10:00", "03-03 16:00"),
        span("03-04 08:00", "03-04 16:00"),
    ]
    assert desk.windows(at("01-05 00:00"), at("01-10 00:00")) == []


def test_public_holidays_are_days_off(desk: Desk) -> None:
    good_friday = (at("04-03 00:00"), at("04-04 00:00"))
    assert len(desk.windows(*good_friday)) == 1
    desk.rule(holidays="DE-BE")
    assert desk.windows(*good_friday) == []
    # International Women's Day is one in Berlin and not in Bavaria; in 2027 it is a Monday.
    womens_day = (datetime(2027, 3, 8, tzinfo=UTC), datetime(2027, 3, 9, tzinfo=UTC))
    desk.rule(horizon_days=730)
    assert desk.windows(*womens_day) == []
    desk.rule(holidays="DE-BY")
    assert len(desk.windows(*womens_day)) == 1


@pytest.mark.parametrize("place", ["XX", "DE-ZZ"])
def test_unknown_holidays_are_refused_and_change_nothing(desk: Desk, place: str) -> None:
    before = desk.rule(buffer_after_minutes=5)
    document = {"time_zone": "Europe/Berlin", "holidays": place}
    with pytest.raises(InvalidRulesError) as caught:
        replace_rules(desk.store, desk.user, document)
    assert caught.value.field == ("holidays",)
    assert load_rules(desk.store, desk.user) == before


def test_rules_are_replaced_as_a_whole(desk: Desk) -> None:
    desk.rule(buffer_after_minutes=5)
    replaced = replace_rules(desk.store, desk.user, {"time_zone": "Asia/Tokyo"})
    assert replaced == AvailabilityRules(time_zone="Asia/Tokyo")
    assert load_rules(desk.store, desk.user) == replaced
    assert desk.windows() == []


class TestFreshness:
    """What happens to answers when calendars cannot be read."""

    def test_a_young_copy_is_ok(self, desk: Desk) -> None:
        (freshness,) = desk.ask().freshness
        assert (freshness.calendar_id, freshness.complete_as_of) == (desk.calendar.id, NOW)
        assert freshness.status is CalendarStatus.OK
        assert not freshness.is_unreadable

    @pytest.mark.parametrize(
        ("state", "status"),
        [
            ({"failures": 1}, CalendarStatus.FAILING),
            ({"held_at": NOW}, CalendarStatus.HELD),
            ({"last_synced_at": None}, CalendarStatus.SYNCING),
            ({"last_synced_at": NOW - timedelta(hours=2)}, CalendarStatus.STALE),
        ],
    )
    @pytest.mark.parametrize(
        ("policy", "free"),
        [
            (UnreadablePolicy.BLOCK, []),
            (UnreadablePolicy.WARN, [span("03-03 08:00", "03-03 15:00")]),
            (UnreadablePolicy.IGNORE, [span("03-03 08:00", "03-03 15:00")]),
        ],
    )
    def test_an_unreadable_calendar_blocks_or_counts_as_last_known(
        self,
        desk: Desk,
        state: dict[str, Any],
        status: CalendarStatus,
        policy: UnreadablePolicy,
        free: list[Span],
    ) -> None:
        broken = desk.add(unreadable_policy=policy, **state)
        desk.save(broken, make_event("known", "03-03 15:00", "03-03 16:00"))
        answer = desk.ask()
        by_id = {one.calendar_id: one for one in answer.freshness}
        assert by_id[broken.id].status is status
        assert list(answer.free.windows) == free
        assert bool(answer.free.slots) is bool(free)

    def test_a_blocking_policy_holds_only_for_questions_about_that_calendar(
        self, desk: Desk
    ) -> None:
        desk.add(unreadable_policy=UnreadablePolicy.BLOCK, failures=1)
        desk.add(unreadable_policy=UnreadablePolicy.BLOCK, failures=1, blocks_availability=False)
        assert desk.windows() == []
        assert desk.windows(calendar_ids=[desk.calendar.id]) != []

    def test_an_account_that_has_to_be_connected_again_is_failing(self, desk: Desk) -> None:
        with desk.store.begin() as uow:
            uow.connections.mark_needs_reauth(desk.connection.id, "The consent was withdrawn.")
        (freshness,) = desk.ask().freshness
        assert freshness.status is CalendarStatus.FAILING
        with desk.store.begin() as uow:
            uow.session.execute(
                update(ConnectionRow)
                .where(ConnectionRow.id == desk.connection.id)
                .values(status="active")
            )
        (freshness,) = desk.ask().freshness
        assert freshness.status is CalendarStatus.OK


def test_the_answer_is_the_same_whatever_the_horizon_of_the_database(
    clean_database: Engine,
) -> None:
    narrow = Span(NOW - timedelta(days=5), NOW + timedelta(days=5))
    wide = Span(NOW - timedelta(days=900), NOW + timedelta(days=900))
    answers = []
    for window in (wide, narrow):
        desk = Desk(clean_database, tentative_blocks=False)
        desk.rule(horizon_days=730, max_minutes_per_day=300)
        calendar = desk.add(
            materialized_from=window.start,
            materialized_until=window.end,
            all_day_blocks=False,
        )
        rule = {"recurrence": ("RRULE:FREQ=WEEKLY;BYDAY=MO,TU",)}
        desk.save(
            calendar,
            make_event("standup", "02-02 09:00", "02-02 10:30", **rule),
            make_event("maybe", "02-02 13:00", "02-02 14:00", status=EventStatus.TENTATIVE, **rule),
            make_event("free day", "02-02", "02-03", **rule),
            make_event(
                "away",
                "02-04",
                "02-05",
                event_type=EventType.OUT_OF_OFFICE,
                recurrence=("RRULE:FREQ=MONTHLY",),
            ),
            window=window,
        )
        free = desk.ask(at("03-05 00:00"), datetime(2027, 9, 1, tzinfo=UTC)).free
        answers.append((list(free.windows), list(free.slots)))
    assert answers[0] == answers[1]
    assert len(answers[0][0]) > 300


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (at("03-04 00:00"), at("03-03 00:00"), "end"),
        (at("03-03 00:00"), at("03-03 00:00"), "end"),
        (at("03-03 00:00"), at("03-03 00:00") + timedelta(days=731, seconds=1), "end"),
        (datetime(1800, 1, 1, tzinfo=UTC), at("03-03 00:00"), "start"),
        (at("03-03 00:00"), datetime.max.replace(tzinfo=UTC), "end"),
        (date.min, at("03-03 00:00"), "start"),
        (date.max, date.max, "start"),
    ],
)
def test_a_stretch_that_cannot_be_used_is_refused_by_its_field(
    desk: Desk, start: datetime, end: datetime, field: str
) -> None:
    with pytest.raises(InvalidQuestionError) as caught:
        desk.ask(start, end)
    assert caught.value.field == field


def test_dates_are_midnights_of_the_rules_zone_or_of_the_one_that_is_named(desk: Desk) -> None:
    desk.rule(time_zone="Asia/Tokyo", weekly=(WeeklyWindow(tuple(Weekday), WallWindow(0, 1440)),))
    days = (date(2026, 3, 10), date(2026, 3, 11))
    assert desk.windows(*days) == [span("03-09 15:00", "03-10 15:00")]
    assert desk.windows(*days, time_zone="UTC") == [span("03-10 00:00", "03-11 00:00")]
    with pytest.raises(UnknownTimeZoneError):
        desk.ask(time_zone="Mars/Olympus")


def test_statements_do_not_grow_with_the_answer(desk: Desk) -> None:
    with count_statements(desk.engine) as few:
        desk.ask(at("03-02 00:00"), at("04-30 00:00"))
    for _ in range(3):
        desk.save(
            desk.add(),
            *(make_event("x", f"03-{day:02} 09:00", f"03-{day:02} 10:00") for day in range(3, 30)),
        )
    with count_statements(desk.engine) as many:
        desk.ask(at("03-02 00:00"), at("04-30 00:00"))
    assert len(many) == len(few) == 3


busy_shapes = st.lists(
    st.tuples(st.integers(-30 * 60, 10 * 24 * 60), st.integers(0, 30 * 60)), max_size=12
)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    shapes=busy_shapes,
    before=st.sampled_from([0, 10, 90]),
    after=st.sampled_from([0, 15, 120]),
    notice=st.sampled_from([0, 95, 30 * 60]),
    horizon=st.integers(1, 9),
    asked=st.tuples(st.integers(-24 * 60, 7 * 24 * 60), st.integers(1, 6 * 24 * 60)),
)
def test_postgresqls_multiranges_find_the_same_windows(
    clean_database: Engine,
    shapes: list[tuple[int, int]],
    before: int,
    after: int,
    notice: int,
    horizon: int,
    asked: tuple[int, int],
) -> None:
    desk = Desk(clean_database)
    rules = desk.rule(
        buffer_before_minutes=before,
        buffer_after_minutes=after,
        minimum_notice_minutes=notice,
        horizon_days=horizon,
    )

    def stretch(start: int, length: int) -> Span:
        first = NOW + timedelta(minutes=start)
        return Span(first, first + timedelta(minutes=length))

    busy = [stretch(*shape) for shape in shapes]
    desk.save(
        desk.calendar,
        *(replace(make_event("", "03-03 09:00", "03-03 10:00"), when=one) for one in busy),
    )
    question = stretch(*asked)
    expected = _windows_by_postgresql(desk.store, rules, busy, question)
    assert desk.windows(question.start, question.end) == expected


def _windows_by_postgresql(
    store: Store, rules: AvailabilityRules, busy: Sequence[Span], asked: Span
) -> list[Span]:
    """Return working hours minus widened busy time, by the database's own arithmetic."""
    working = working_windows(rules, date(2026, 2, 25), date(2026, 3, 25), frozenset())
    widened = [
        one.widened(
            timedelta(minutes=rules.buffer_after_minutes),
            timedelta(minutes=rules.buffer_before_minutes),
        )
        for one in busy
        if not one.is_empty
    ]
    free = (
        multirange_of(working)
        .op("-")(multirange_of(widened))
        .op("*")(multirange_of([bookable_span(rules, NOW)]))
        .op("*")(multirange_of([asked]))
    )
    with store.begin() as uow:
        rows = uow.session.execute(
            text("SELECT lower(one), upper(one) FROM unnest(CAST(:free AS tstzmultirange)) one"),
            {"free": uow.session.scalar(select(cast(free, Text)))},
        )
        return [Span(start, end) for start, end in rows]


def test_default_rules_hold_in_the_users_zone(clean_database: Engine) -> None:
    desk = Desk(clean_database, time_zone="Asia/Tokyo")
    assert load_rules(desk.store, desk.user) == default_rules("Asia/Tokyo")
    assert desk.windows() == [span("03-03 00:00", "03-03 08:00")]


def test_a_long_occurrence_beyond_the_horizon_counts_once_however_many_spans_it_touches(
    desk: Desk,
) -> None:
    narrow = Span(NOW - timedelta(days=5), NOW + timedelta(days=5))
    calendar = desk.add(materialized_from=narrow.start, materialized_until=narrow.end)
    rule = {"recurrence": ("RRULE:FREQ=YEARLY",)}
    desk.save(calendar, make_event("trip", "06-01 00:00", "06-20 00:00", **rule), window=narrow)
    apart = [span("06-02 00:00", "06-03 00:00"), span("06-08 00:00", "06-09 00:00")]
    with desk.store.begin() as uow:
        busy = load_busy_time(uow, desk.user, uow.lookups.load_calendars(desk.user.id), apart)
    assert [one.span for one in busy] == [span("06-01 00:00", "06-20 00:00")]
