"""Looking at conflicts, ending them, and free places for what is cheaper to move."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from calendar_manager.domain.accounts import UnreadablePolicy
from calendar_manager.domain.conflict_reconciliation import ConflictStatus, ResolutionOrigin
from calendar_manager.domain.events import Attendee, Event, EventStatus
from calendar_manager.domain.move_advice import MoveReason
from calendar_manager.domain.rules import default_rules
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.conflicts import Conflicts, ConflictView
from calendar_manager.scheduling.errors import ConflictEndedError, UnknownSubjectError
from calendar_manager.store.conflict_rows import ConflictFilter
from calendar_manager.store.unit_of_work import Store
from calendar_manager.sync.detect import examine_conflicts
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

GUESTS = tuple(Attendee(email=f"guest{number}@client.test") for number in range(4))


class Desk:
    """A user in Berlin with office hours and one calendar."""

    def __init__(self, engine: Engine, **user: Any) -> None:
        self.store: Store = make_store(engine)
        with self.store.begin() as uow:
            self.user = add_user(uow, **user)
            self.connection = add_connection(uow, self.user.id)
            self.calendar = add_calendar(uow, self.connection)

    def save(self, *events: Event) -> None:
        with self.store.begin() as uow:
            save_events(uow, self.calendar, *events)
        examine_conflicts(self.store, self.user.id, lambda: NOW)

    def rule(self, **changes: Any) -> None:
        with self.store.begin() as uow:
            rules = default_rules(self.user.time_zone)
            fields = {name: getattr(rules, name) for name in rules.__slots__}
            uow.rules.save(self.user.id, type(rules)(**fields | changes))

    def conflicts(self, now: datetime = NOW) -> Conflicts:
        return Conflicts(self.store, now=now, maximum_age=timedelta(hours=1))

    def views(self, now: datetime = NOW, **wanted: Any) -> list[ConflictView]:
        return list(self.conflicts(now).list(self.user, ConflictFilter(**wanted), limit=100))

    def only(self, now: datetime = NOW) -> ConflictView:
        (view,) = self.views(now)
        return view

    @property
    def conflict_id(self) -> UUID:
        return self.only().record.id


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def review(**fields: Any) -> Event:
    return make_event("review", "03-03 09:00", "03-03 10:00", attendees=GUESTS, **fields)


def bank(**fields: Any) -> Event:
    return make_event("bank", "03-03 09:30", "03-03 10:30", **fields)


def test_the_cheaper_meeting_gets_the_three_nearest_places_that_are_free(desk: Desk) -> None:
    desk.save(review(), bank(), make_event("lunch", "03-03 11:30", "03-03 12:30", attendees=GUESTS))
    view = desk.only()
    assert view.advice is not None
    assert view.advice.meeting.title == "bank"
    assert MoveReason.FEWER_ATTENDEES in view.advice.reasons
    # Its own old place counts as free, that of the meeting in the way and of lunch do not.
    assert list(view.alternatives) == [
        span("03-03 10:00", "03-03 11:00"),
        span("03-03 10:30", "03-03 11:30"),
        span("03-03 08:00", "03-03 09:00"),
    ]


def test_alternatives_pass_the_users_own_rules(desk: Desk) -> None:
    desk.save(review(), bank())
    desk.rule(
        minimum_notice_minutes=24 * 60 * 2,
        buffer_before_minutes=30,
        slot_step_minutes=60,
    )
    assert [slot.start for slot in desk.only().alternatives] == [
        at("03-04 08:00"),
        at("03-04 09:00"),
        at("03-04 10:00"),
    ]
    desk.rule(weekly=())
    assert list(desk.only().alternatives) == []


def test_alternatives_keep_the_distance_that_the_search_for_conflicts_asks_for(
    clean_database: Engine,
) -> None:
    desk = Desk(clean_database, conflict_buffer_minutes=20, travel_minutes=75)
    desk.save(review(location="Mitte"), bank(location="Spandau"))
    for_a_place = [slot.start for slot in desk.only().alternatives]
    assert for_a_place == [at("03-03 11:30"), at("03-03 12:00"), at("03-03 12:30")]
    desk.save(make_event("x", "03-04 09:00", "03-04 10:00", attendees=GUESTS))
    desk.save(make_event("online", "03-04 09:30", "03-04 10:30"))
    online = desk.views()[1]
    assert next(slot.start for slot in online.alternatives) == at("03-04 10:30")


def test_a_meeting_is_never_sent_to_where_it_stands(clean_database: Engine) -> None:
    desk = Desk(clean_database, travel_minutes=45)
    a = make_event("a", "03-03 09:00", "03-03 10:00", location="Mitte", attendees=GUESTS)
    b = make_event("b", "03-03 10:00", "03-03 11:00", location="Spandau")
    desk.save(a, b)
    view = desk.only()
    assert view.advice is not None
    assert view.advice.meeting.title == "b"
    assert [slot.start for slot in view.alternatives] == [
        at("03-03 11:00"),
        at("03-03 11:30"),
        at("03-03 12:00"),
    ]


def test_no_place_is_offered_while_a_blocking_calendar_cannot_be_read(desk: Desk) -> None:
    desk.save(review(), bank())
    with desk.store.begin() as uow:
        add_calendar(uow, desk.connection, failures=1, unreadable_policy=UnreadablePolicy.BLOCK)
    view = desk.only()
    assert view.advice is not None
    assert list(view.alternatives) == []


def test_what_is_past_or_ended_need_not_move(desk: Desk) -> None:
    desk.save(review(), bank())
    past = desk.only(now=at("03-03 10:00"))
    assert past.advice is None
    assert list(past.alternatives) == []
    desk.conflicts().resolve(desk.user, desk.conflict_id, ConflictStatus.RESOLVED, None)
    assert desk.only().advice is None


def test_a_person_ends_a_conflict_and_may_change_their_mind(desk: Desk) -> None:
    desk.save(review(), bank())
    conflict_id = desk.conflict_id
    conflicts = desk.conflicts()
    first = conflicts.resolve(desk.user, conflict_id, ConflictStatus.RESOLVED, "Jo goes.")
    again = conflicts.resolve(desk.user, conflict_id, ConflictStatus.RESOLVED, "Jo goes.")
    other = conflicts.resolve(desk.user, conflict_id, ConflictStatus.IGNORED, None)
    assert (first.record.status, first.record.note) == (ConflictStatus.RESOLVED, "Jo goes.")
    assert first.record.closed_by is ResolutionOrigin.PERSON
    assert first.record.closed_at == NOW
    assert len(again.history) == len(first.history) == 2
    assert [entry.action.value for entry in other.history] == ["opened", "resolved", "ignored"]
    assert other.record.note is None
    assert conflicts.find(desk.user, conflict_id) == other


def test_a_conflict_that_closed_by_itself_cannot_be_ended(desk: Desk) -> None:
    one = bank()
    desk.save(review(), one)
    with desk.store.begin() as uow:
        delete_events(uow, desk.calendar, one)
    examine_conflicts(desk.store, desk.user.id, lambda: NOW)
    with pytest.raises(ConflictEndedError):
        desk.conflicts().resolve(desk.user, desk.conflict_id, ConflictStatus.IGNORED, None)


def test_a_foreign_conflict_is_none(desk: Desk, clean_database: Engine) -> None:
    stranger = Desk(clean_database)
    stranger.save(review(), bank())
    for conflict_id in (stranger.conflict_id, uuid4()):
        with pytest.raises(UnknownSubjectError, match="conflict"):
            desk.conflicts().find(desk.user, conflict_id)
        with pytest.raises(UnknownSubjectError, match="conflict"):
            desk.conflicts().resolve(desk.user, conflict_id, ConflictStatus.IGNORED, None)
    assert stranger.only().record.status is ConflictStatus.OPEN


def test_statements_do_not_grow_with_the_conflicts(desk: Desk, clean_database: Engine) -> None:
    desk.save(review(), bank())
    with count_statements(clean_database) as few:
        desk.views()
    for day in range(4, 14):
        desk.save(
            make_event("a", f"03-{day:02} 09:00", f"03-{day:02} 10:00"),
            make_event("b", f"03-{day:02} 09:30", f"03-{day:02} 10:30"),
        )
    with count_statements(clean_database) as many:
        views = desk.views()
    assert len(views) == 11
    assert all(view.alternatives for view in views)
    assert len(many) == len(few) == 5


def test_a_tentative_meeting_is_the_one_to_move(desk: Desk) -> None:
    desk.save(
        make_event("firm", "03-03 09:00", "03-03 10:00"),
        make_event("maybe", "03-03 09:00", "03-03 10:00", status=EventStatus.TENTATIVE),
    )
    view = desk.only()
    assert view.advice is not None
    assert (view.advice.meeting.title, view.advice.reasons) == ("maybe", (MoveReason.TENTATIVE,))
    assert view.advice.meeting.span == Span(at("03-03 09:00"), at("03-03 10:00"))


def test_a_meeting_is_not_sent_into_the_other_one_when_that_blocks_nothing(
    clean_database: Engine,
) -> None:
    desk = Desk(clean_database, tentative_blocks=False)
    desk.save(
        make_event("own", "03-03 09:00", "03-03 10:00"),
        make_event(
            "maybe", "03-03 09:00", "03-03 11:00", attendees=GUESTS, status=EventStatus.TENTATIVE
        ),
    )
    view = desk.only()
    assert view.advice is not None
    assert view.advice.meeting.title == "own"
    assert [slot.start for slot in view.alternatives] == [
        at("03-03 08:00"),
        at("03-03 11:00"),
        at("03-03 11:30"),
    ]


def crowd(title: str, start: str, end: str, **fields: Any) -> Event:
    """A meeting that many come to, so that the other one is cheaper to move."""
    return make_event(title, start, end, attendees=GUESTS, **fields)


def moves(desk: Desk) -> dict[str, list[Span]]:
    """Where each meeting that had better move could go, as one answer tells it."""
    found: dict[str, list[Span]] = {}
    for view in desk.views():
        assert view.advice is not None
        places = found.setdefault(view.advice.meeting.title, list(view.alternatives))
        assert places == list(view.alternatives), "one meeting hears the same each time"
    return found


def test_conflicts_that_are_listed_together_share_out_the_free_hours(desk: Desk) -> None:
    desk.rule(horizon_days=1)
    desk.save(
        crowd("a", "03-03 08:00", "03-03 09:00"),
        crowd("b", "03-03 09:00", "03-03 10:00"),
        make_event("one", "03-03 08:00", "03-03 09:00"),
        make_event("two", "03-03 09:00", "03-03 10:00"),
    )
    found = moves(desk)
    assert found["one"][0] == span("03-03 10:00", "03-03 11:00")
    assert found["two"] == [
        span("03-03 11:00", "03-03 12:00"),
        span("03-03 11:30", "03-03 12:30"),
        span("03-03 12:00", "03-03 13:00"),
    ]
    second = desk.conflicts().find(desk.user, desk.views()[1].record.id)
    assert second.alternatives[0] == found["one"][0], "asked alone, nobody else is moved"


def test_what_is_first_offered_keeps_its_distance_too(clean_database: Engine) -> None:
    desk = Desk(clean_database, conflict_buffer_minutes=30)
    desk.save(
        crowd("a", "03-03 08:00", "03-03 09:00"),
        crowd("b", "03-03 09:30", "03-03 10:30"),
        make_event("one", "03-03 08:00", "03-03 09:00"),
        make_event("two", "03-03 09:30", "03-03 10:30"),
    )
    found = moves(desk)
    assert found["one"][0] == span("03-03 11:00", "03-03 12:00")
    assert found["two"][0] == span("03-03 12:30", "03-03 13:30")


def test_a_meeting_in_several_conflicts_is_sent_out_of_all_of_them(clean_database: Engine) -> None:
    desk = Desk(clean_database, tentative_blocks=False)
    maybe = {"status": EventStatus.TENTATIVE}
    desk.save(
        make_event("own", "03-03 09:00", "03-03 10:00"),
        crowd("first", "03-03 09:00", "03-03 09:30", **maybe),
        crowd("second", "03-03 09:30", "03-03 11:00", **maybe),
        # It is in no conflict yet, and would be in the next one.
        crowd("third", "03-03 11:00", "03-03 12:00", **maybe),
    )
    assert len(desk.views()) == 2
    assert moves(desk) == {
        "own": [
            span("03-03 08:00", "03-03 09:00"),
            span("03-03 12:00", "03-03 13:00"),
            span("03-03 12:30", "03-03 13:30"),
        ]
    }


def test_two_meetings_that_both_move_are_not_sent_into_each_other(desk: Desk) -> None:
    desk.save(
        crowd("big", "03-03 09:00", "03-03 10:00"),
        make_event("middle", "03-03 09:30", "03-03 10:30", attendees=GUESTS[:2]),
        make_event("small", "03-03 10:00", "03-03 11:00"),
    )
    found = moves(desk)
    assert set(found) == {"middle", "small"}
    assert not any(found["middle"][0].overlaps(place) for place in found["small"])


quarters = st.integers(0, 30).map(lambda number: at("03-03 08:00") + number * timedelta(minutes=15))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shapes=st.lists(
        st.tuples(quarters, st.sampled_from([15, 30, 60]), st.integers(0, 3), st.booleans()),
        min_size=2,
        max_size=7,
    )
)
def test_whoever_takes_every_first_place_has_no_conflict_left_or_no_place(
    clean_database: Engine, shapes: list[tuple[datetime, int, int, bool]]
) -> None:
    desk = Desk(clean_database, tentative_blocks=False)
    events = {
        str(number): make_event(
            str(number),
            "03-03 00:00",
            "03-03 00:00",
            when=Span(start, start + timedelta(minutes=minutes)),
            attendees=GUESTS[:guests],
            status=EventStatus.TENTATIVE if tentative else EventStatus.CONFIRMED,
        )
        for number, (start, minutes, guests, tentative) in enumerate(shapes)
    }
    desk.save(*events.values())
    found = moves(desk)
    assert all(len(places) == 3 for places in found.values()), "two weeks have room for all"
    desk.save(*(replace(events[title], when=places[0]) for title, places in found.items()))
    assert [view.record.status for view in desk.views(statuses=[ConflictStatus.OPEN])] == []
