"""Looking for conflicts where occurrences changed."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.conflict_reconciliation import ConflictStatus, ResolutionOrigin
from calendar_manager.domain.events import Event, EventStatus, Response
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.store.conflict_rows import ConflictFilter, ConflictRecord
from calendar_manager.store.unit_of_work import Store
from calendar_manager.sync.detect import (
    ConflictCounts,
    examine_conflicts,
    find_users_to_examine,
    recheck_everybody,
)
from tests.factories import (
    NOW,
    add_calendar,
    add_connection,
    add_user,
    at,
    count_statements,
    delete_events,
    make_event,
    make_store,
    save_events,
    span,
)

pytestmark = pytest.mark.store


class Desk:
    """A user with two calendars, and short ways to change them and look for conflicts."""

    def __init__(self, engine: Engine, **user: Any) -> None:
        self.engine = engine
        self.store: Store = make_store(engine)
        with self.store.begin() as uow:
            self.user: User = add_user(uow, **user)
            self.connection = add_connection(uow, self.user.id)
            self.work: Calendar = add_calendar(uow, self.connection, name="Work")
            self.home: Calendar = add_calendar(uow, self.connection, name="Home")

    def save(self, calendar: Calendar, *events: Event) -> ConflictCounts:
        with self.store.begin() as uow:
            save_events(uow, calendar, *events)
        return self.examine()

    def delete(self, calendar: Calendar, *events: Event) -> ConflictCounts:
        with self.store.begin() as uow:
            delete_events(uow, calendar, *events)
        return self.examine()

    def set(self, table: str, **values: Any) -> ConflictCounts:
        """Change settings of the user or of the home calendar, and look at everything."""
        row = self.user.id if table == "users" else self.home.id
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self.store.begin() as uow:
            uow.session.execute(
                text(f"UPDATE {table} SET {columns} WHERE id = :id"),  # noqa: S608 - a test's own names.
                {**values, "id": row},
            )
            uow.conflicts.request_check_all(self.user.id)
        return self.examine()

    def examine(self) -> ConflictCounts:
        return examine_conflicts(self.store, self.user.id, lambda: NOW)

    def resolve(self, status: ConflictStatus = ConflictStatus.RESOLVED) -> None:
        (record,) = self.conflicts()
        with self.store.begin() as uow:
            uow.conflicts.resolve(self.user.id, record.id, status, None, now=NOW)

    def conflicts(self, *statuses: ConflictStatus) -> Sequence[ConflictRecord]:
        with self.store.begin() as uow:
            return uow.conflicts.list(self.user.id, ConflictFilter(statuses=statuses), limit=1000)

    def told(self) -> list[tuple[str, str, str, str]]:
        """Type, severity and the two titles of every open conflict."""
        return [
            (one.type.value, one.severity.value, one.first.title, one.second.title)
            for one in self.conflicts(ConflictStatus.OPEN)
        ]

    def actions(self) -> list[str]:
        (record,) = self.conflicts()
        with self.store.begin() as uow:
            history = uow.conflicts.load_history([record.id])[record.id]
        return [entry.action.value for entry in history]


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def moved(one: Event, start: str, end: str) -> Event:
    return replace(one, when=span(start, end))


def test_an_overlap_over_two_calendars_opens_once(desk: Desk) -> None:
    assert desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00")) == ConflictCounts()
    counts = desk.save(desk.home, make_event("b", "03-03 09:30", "03-03 10:30"))
    assert counts == ConflictCounts(opened=1)
    assert desk.told() == [("overlap", "high", "a", "b")]
    assert desk.examine() == ConflictCounts()
    assert desk.actions() == ["opened"]


def test_touching_meetings_do_not_overlap(desk: Desk) -> None:
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
    desk.save(desk.home, make_event("b", "03-03 10:00", "03-03 11:00"))
    assert desk.told() == []


def test_the_same_meeting_on_two_calendars_counts_once(desk: Desk) -> None:
    for calendar in (desk.work, desk.home):
        copy = make_event("review", "03-03 09:00", "03-03 10:00", ical_uid="uid@client")
        desk.save(calendar, copy)
    assert desk.told() == []
    desk.save(desk.home, make_event("bank", "03-03 09:00", "03-03 10:00"))
    (record,) = desk.conflicts()
    assert {record.first.title, record.second.title} == {"review", "bank"}
    assert sorted(len(one.occurrences) for one in (record.first, record.second)) == [1, 2]


def test_tentative_is_medium_even_when_it_does_not_block_and_free_is_never(desk: Desk) -> None:
    desk.set("users", tentative_blocks=False)
    desk.save(
        desk.work,
        make_event("firm", "03-03 09:00", "03-03 10:00"),
        make_event("maybe", "03-03 09:00", "03-03 09:30", status=EventStatus.TENTATIVE),
        make_event("declined", "03-03 09:00", "03-03 10:00", my_response=Response.DECLINED),
    )
    ((kind, severity, *titles),) = desk.told()
    assert (kind, severity, set(titles)) == ("overlap", "medium", {"firm", "maybe"})


@pytest.mark.parametrize(
    ("setting", "back"),
    [
        ({"blocks_availability": False}, {"blocks_availability": True}),
        ({"sync_enabled": False}, {"sync_enabled": True}),
        ({"deleted_at": NOW}, {"deleted_at": None}),
        ({"gone_at": NOW}, {"gone_at": None}),
    ],
)
def test_a_calendar_that_takes_no_part_closes_its_conflicts_and_opens_them_again(
    desk: Desk, setting: dict[str, Any], back: dict[str, Any]
) -> None:
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
    desk.save(desk.home, make_event("b", "03-03 09:30", "03-03 10:30"))
    assert desk.set("calendars", **setting) == ConflictCounts(closed=1)
    (record,) = desk.conflicts()
    assert record.closed_by is ResolutionOrigin.AUTO
    assert desk.set("calendars", **back) == ConflictCounts(reopened=1)
    assert desk.actions() == ["opened", "closed", "reopened"]


def test_all_day_events_take_part_only_when_wanted_and_last_the_users_days(
    clean_database: Engine,
) -> None:
    desk = Desk(clean_database, time_zone="Pacific/Auckland")
    desk.save(desk.work, make_event("holiday", "03-03", "03-04"))
    # Auckland is 13 hours ahead: its third of March ends at 11:00 UTC.
    desk.save(desk.home, make_event("inside", "03-03 10:00", "03-03 10:30"))
    desk.save(desk.home, make_event("after", "03-03 11:00", "03-03 12:00"))
    assert desk.told() == []
    desk.set("users", all_day_conflicts=True)
    assert [titles for _, _, *titles in desk.told()] == [["holiday", "inside"]]
    desk.set("calendars", all_day_blocks=False)
    assert len(desk.told()) == 1
    desk.save(desk.home, make_event("feast", "03-03", "03-04"))
    assert len(desk.told()) == 1


def test_a_moved_meeting_leaves_one_conflict_and_makes_another(desk: Desk) -> None:
    a = make_event("a", "03-03 09:00", "03-03 10:00")
    desk.save(desk.work, a, make_event("c", "03-20 09:00", "03-20 10:00"))
    desk.save(desk.home, make_event("b", "03-03 09:30", "03-03 10:30"))
    counts = desk.save(desk.work, moved(a, "03-20 09:30", "03-20 10:30"))
    assert counts == ConflictCounts(opened=1, closed=1)
    assert desk.told() == [("overlap", "high", "c", "a")]


def test_a_deleted_meeting_closes_its_conflict(desk: Desk) -> None:
    b = make_event("b", "03-03 09:30", "03-03 10:30")
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
    desk.save(desk.home, b)
    assert desk.delete(desk.home, b) == ConflictCounts(closed=1)
    (record,) = desk.conflicts()
    assert (record.status, record.second.title) == (ConflictStatus.RESOLVED, "b")


@pytest.mark.parametrize("status", [ConflictStatus.RESOLVED, ConflictStatus.IGNORED])
def test_what_a_person_ended_stays_ended_until_a_meeting_moves_into_a_new_overlap(
    desk: Desk, status: ConflictStatus
) -> None:
    b = make_event("b", "03-03 09:30", "03-03 10:30")
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
    desk.save(desk.home, b)
    desk.resolve(status)
    assert desk.save(desk.home, replace(b, description="new")) == ConflictCounts()
    assert desk.conflicts()[0].status is status
    counts = desk.save(desk.home, moved(b, "03-03 09:15", "03-03 10:15"))
    assert counts == ConflictCounts(reopened=1)
    assert desk.actions() == ["opened", status.value, "reopened"]


def test_a_new_title_is_told_without_a_line_of_history(desk: Desk) -> None:
    b = make_event("b", "03-03 09:30", "03-03 10:30")
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
    desk.save(desk.home, b)
    assert desk.save(desk.home, replace(b, title="bank")) == ConflictCounts()
    assert desk.told() == [("overlap", "high", "a", "bank")]
    assert desk.actions() == ["opened"]


def test_firmness_changes_the_severity(desk: Desk) -> None:
    b = make_event("b", "03-03 09:30", "03-03 10:30", status=EventStatus.TENTATIVE)
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
    desk.save(desk.home, b)
    counts = desk.save(desk.home, replace(b, status=EventStatus.CONFIRMED))
    assert counts == ConflictCounts(changed=1)
    assert desk.told() == [("overlap", "high", "a", "b")]
    assert desk.actions() == ["opened", "changed"]


def test_the_buffer_reaches_over_the_edge_of_what_changed(clean_database: Engine) -> None:
    desk = Desk(clean_database, conflict_buffer_minutes=15)
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
    counts = desk.save(desk.home, make_event("b", "03-03 10:10", "03-03 11:00"))
    assert counts == ConflictCounts(opened=1)
    assert desk.told() == [("back_to_back", "low", "a", "b")]
    assert desk.set("users", conflict_buffer_minutes=10) == ConflictCounts(closed=1)


def test_no_travel_time_between_two_places(clean_database: Engine) -> None:
    desk = Desk(clean_database, travel_minutes=45)
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00", location="Mitte"))
    desk.save(desk.home, make_event("b", "03-03 10:30", "03-03 11:00", location="Spandau"))
    assert desk.told() == [("travel", "low", "a", "b")]


def test_only_what_lies_near_the_change_is_loaded(desk: Desk) -> None:
    a = make_event("a", "03-03 09:00", "03-03 10:00")
    for day in ("10", "11", "12"):
        desk.save(desk.work, make_event("far", f"03-{day} 09:00", f"03-{day} 10:00"))
        desk.save(desk.home, make_event("away", f"03-{day} 09:30", f"03-{day} 10:30"))
    desk.save(desk.work, a)
    with desk.store.begin() as uow:
        # The three conflicts in between must not be looked at: this would close them.
        uow.session.execute(text("DELETE FROM occurrences WHERE start_at >= '2026-03-09'"))
    assert desk.save(desk.work, moved(a, "03-30 09:00", "03-30 10:00")) == ConflictCounts()
    assert len(desk.told()) == 3


def test_statements_do_not_grow_with_what_there_is(desk: Desk) -> None:
    a = make_event("a", "03-03 09:00", "03-03 10:00")
    desk.save(desk.work, a)

    def statements_of_a_change() -> int:
        with desk.store.begin() as uow:
            save_events(uow, desk.work, replace(a, title="again"))
        with count_statements(desk.engine) as seen:
            desk.examine()
        return len(seen)

    few = statements_of_a_change()
    desk.save(
        desk.home,
        *(make_event(str(hour), f"03-03 {hour:02}:30", f"03-03 {hour:02}:45") for hour in range(9)),
        *(make_event(str(day), f"03-{day} 09:00", f"03-{day} 10:00") for day in range(10, 30)),
    )
    assert statements_of_a_change() == few <= 6
    with count_statements(desk.engine) as seen:
        assert desk.examine() == ConflictCounts()
    assert len(seen) == 1


def test_spans_that_a_crash_left_are_found_and_examined(desk: Desk) -> None:
    with desk.store.begin() as uow:
        save_events(uow, desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
        save_events(uow, desk.home, make_event("b", "03-03 09:00", "03-03 10:00"))
    assert list(find_users_to_examine(desk.store)) == []
    with desk.store.begin() as uow:
        uow.session.execute(
            text("UPDATE conflict_checks SET created_at = now() - interval '2 min'")
        )
    assert list(find_users_to_examine(desk.store)) == [desk.user.id]
    assert desk.examine() == ConflictCounts(opened=1)
    assert list(find_users_to_examine(desk.store)) == []


def test_an_examination_that_breaks_off_leaves_its_spans(desk: Desk) -> None:
    with desk.store.begin() as uow:
        save_events(uow, desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
        save_events(uow, desk.home, make_event("b", "03-03 09:00", "03-03 10:00"))

    def break_off() -> datetime:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine_conflicts(desk.store, desk.user.id, break_off)
    assert desk.examine() == ConflictCounts(opened=1)


def test_an_examination_waits_for_the_one_that_runs(desk: Desk) -> None:
    with desk.store.begin() as uow:
        save_events(uow, desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
        save_events(uow, desk.home, make_event("b", "03-03 09:00", "03-03 10:00"))
    opened: list[int] = []
    thread = threading.Thread(target=lambda: opened.append(desk.examine().opened))
    with desk.store.begin() as uow:
        uow.conflicts.lock(desk.user.id)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(10)
    assert opened == [1]


def test_two_examinations_at_once_open_a_conflict_once(desk: Desk) -> None:
    with desk.store.begin() as uow:
        save_events(uow, desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
        save_events(uow, desk.home, make_event("b", "03-03 09:00", "03-03 10:00"))
    opened: list[int] = []

    def examine() -> None:
        with desk.store.begin() as uow:
            uow.conflicts.request_check_all(desk.user.id)
        opened.append(desk.examine().opened)

    threads = [threading.Thread(target=examine) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(opened) == 1
    assert len(desk.conflicts()) == 1


def test_what_is_asked_for_an_erased_user_is_nothing(desk: Desk) -> None:
    with desk.store.begin() as uow:
        uow.conflicts.request_check_all(desk.user.id)
        uow.users.delete(desk.user.id)
    assert desk.examine() == ConflictCounts()


minutes = st.integers(0, 8 * 60)
meetings = st.lists(
    st.tuples(minutes, st.integers(0, 90), st.booleans(), st.booleans()), min_size=1, max_size=8
)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(before=meetings, after=meetings)
def test_piecewise_examination_finds_what_a_look_at_everything_finds(
    clean_database: Engine,
    before: list[tuple[int, int, bool, bool]],
    after: list[tuple[int, int, bool, bool]],
) -> None:
    desk = Desk(clean_database, conflict_buffer_minutes=10)
    events = [_meeting(number, *shape) for number, shape in enumerate(before)]
    for one in events:
        desk.save(desk.work, one)
    for number, shape in enumerate(after):
        desk.save(desk.work, _meeting(number, *shape))
    piecewise = {_identity(one) for one in desk.conflicts(ConflictStatus.OPEN)}
    with desk.store.begin() as uow:
        uow.session.execute(text("DELETE FROM conflicts WHERE user_id = :id"), {"id": desk.user.id})
        uow.conflicts.request_check_all(desk.user.id)
    desk.examine()
    assert {_identity(one) for one in desk.conflicts(ConflictStatus.OPEN)} == piecewise


def _meeting(number: int, start: int, length: int, tentative: bool, free: bool) -> Event:  # noqa: FBT001 - Hypothesis fills them.
    begin = datetime(2026, 3, 3, 8, tzinfo=UTC) + timedelta(minutes=start)
    status = EventStatus.TENTATIVE if tentative else EventStatus.CONFIRMED
    response = Response.DECLINED if free else None
    return make_event(
        str(number),
        "03-03 00:00",
        "03-03 00:00",
        provider_event_id=f"event-{number}",
        when=Span(begin, begin + timedelta(minutes=length)),
        status=status,
        my_response=response,
    )


def _identity(record: ConflictRecord) -> tuple[object, ...]:
    sides = frozenset((one.title, one.span) for one in (record.first, record.second))
    return record.type, record.severity, record.span, sides


def test_instants_at_the_ends_of_time_are_examined(desk: Desk) -> None:
    old = Span(datetime(1, 1, 2, tzinfo=UTC), datetime(1, 1, 3, tzinfo=UTC))
    desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00", when=old))
    desk.save(desk.home, make_event("b", "03-03 09:00", "03-03 10:00", when=old))
    assert len(desk.told()) == 1
    assert desk.conflicts()[0].span.start < at("01-01 00:00")


def test_everybody_is_looked_at_again_from_scratch(desk: Desk) -> None:
    desk.save(desk.work, make_event("one", "03-03 09:00", "03-03 10:00"))
    desk.save(desk.home, make_event("two", "03-03 09:30", "03-03 10:30"))
    other = Desk(desk.engine)
    with desk.engine.begin() as connection:
        connection.execute(text("DELETE FROM conflicts"))
    assert desk.examine() == ConflictCounts(), "nobody knows that something is missing"
    recheck_everybody(desk.store)
    assert desk.examine() == ConflictCounts(opened=1)
    assert other.examine() == ConflictCounts()
    with desk.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM conflict_checks")) == 0
