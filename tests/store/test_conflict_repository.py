"""Conflicts and the spans that wait to be examined, in the database."""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.conflict_reconciliation import (
    ConflictStatus,
    MatchedConflict,
    ReconciliationPlan,
    ResolutionOrigin,
)
from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType, FoundConflict
from calendar_manager.domain.events import Response
from calendar_manager.domain.meetings import BusyOccurrence, Meeting
from calendar_manager.domain.timespan import Span
from calendar_manager.store.conflict_rows import (
    Actor,
    ConflictAction,
    ConflictFilter,
    ConflictRecord,
)
from calendar_manager.store.spans import EVERYTHING
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from tests.factories import NOW, add_user, at, make_store, span

pytestmark = pytest.mark.store


@pytest.fixture
def store(clean_database: Engine) -> Store:
    return make_store(clean_database)


@pytest.fixture
def user_id(store: Store) -> UUID:
    with store.begin() as uow:
        return add_user(uow).id


def meeting(when: Span, title: str = "call", **fields: object) -> Meeting:
    values: dict[str, object] = {
        "occurrence_id": uuid4(),
        "event_id": uuid4(),
        "calendar_id": uuid4(),
        "span": when,
        "busy": Busy.BUSY,
        "title": title,
    }
    return Meeting((BusyOccurrence(**values | fields),))  # type: ignore[arg-type]  # The caller names the fields.


def overlap(
    day: str = "03-03", severity: ConflictSeverity = ConflictSeverity.HIGH
) -> FoundConflict:
    return FoundConflict(
        ConflictType.OVERLAP,
        severity,
        meeting(
            span(f"{day} 09:00", f"{day} 10:00"),
            "review",
            ical_uid="uid-1",
            location="Berlin",
            my_response=Response.TENTATIVE,
            attendee_count=4,
            recurring=True,
        ),
        meeting(span(f"{day} 09:30", f"{day} 11:00"), "bank", organizer_is_me=True),
        span(f"{day} 09:30", f"{day} 10:00"),
    )


def open_conflicts(uow: UnitOfWork, user_id: UUID, *found: FoundConflict) -> None:
    uow.conflicts.apply(user_id, ReconciliationPlan(opened=found), (), now=NOW)


def only(uow: UnitOfWork, user_id: UUID) -> ConflictRecord:
    (record,) = uow.conflicts.list(user_id, ConflictFilter())
    return record


def actions(uow: UnitOfWork, record: ConflictRecord) -> list[str]:
    return [entry.action.value for entry in uow.conflicts.load_history([record.id])[record.id]]


def test_an_opened_conflict_comes_back_whole(store: Store, user_id: UUID) -> None:
    found = overlap()
    with store.begin() as uow:
        open_conflicts(uow, user_id, found)
    with store.begin() as uow:
        record = only(uow, user_id)
        assert uow.conflicts.find(user_id, record.id) == record
        (entry,) = uow.conflicts.load_history([record.id])[record.id]
    assert (record.first, record.second, record.span) == (found.first, found.second, found.span)
    assert (record.type, record.severity) == (ConflictType.OVERLAP, ConflictSeverity.HIGH)
    assert (record.status, record.closed_by, record.note) == (ConflictStatus.OPEN, None, None)
    assert (entry.action, entry.actor, entry.happened_at) == (
        ConflictAction.OPENED,
        Actor.SYSTEM,
        NOW,
    )
    assert record.stored.first_uid == "uid-1"
    assert record.stored.second_uid is None


def test_a_change_says_what_changed_and_keeps_the_status(store: Store, user_id: UUID) -> None:
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap())
        known = only(uow, user_id)
        moved = overlap("03-04", ConflictSeverity.MEDIUM)
        plan = ReconciliationPlan(updated=(MatchedConflict(known.stored, moved),))
        uow.conflicts.apply(user_id, plan, (), now=NOW)
    with store.begin() as uow:
        record = only(uow, user_id)
        last = uow.conflicts.load_history([record.id])[record.id][-1]
    assert (record.id, record.span, record.severity) == (
        known.id,
        moved.span,
        ConflictSeverity.MEDIUM,
    )
    assert record.status is ConflictStatus.OPEN
    assert last.action is ConflictAction.CHANGED
    assert last.note == "The severity went from high to medium. A meeting moved."


def test_a_refreshed_conflict_reads_differently_and_has_no_history(
    store: Store, user_id: UUID
) -> None:
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap())
        known = only(uow, user_id)
        renamed = overlap()
        match = MatchedConflict(known.stored, renamed)
        uow.conflicts.apply(user_id, ReconciliationPlan(), [match], now=NOW)
    with store.begin() as uow:
        record = only(uow, user_id)
        assert actions(uow, record) == ["opened"]
    assert record.first == renamed.first


def test_closing_and_reopening(store: Store, user_id: UUID) -> None:
    later = NOW + timedelta(hours=1)
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap())
        known = only(uow, user_id)
        uow.conflicts.apply(user_id, ReconciliationPlan(closed=(known.stored,)), (), now=later)
    with store.begin() as uow:
        closed = only(uow, user_id)
        match = MatchedConflict(closed.stored, overlap())
        uow.conflicts.apply(user_id, ReconciliationPlan(reopened=(match,)), (), now=later)
    with store.begin() as uow:
        reopened = only(uow, user_id)
        assert actions(uow, reopened) == ["opened", "closed", "reopened"]
    assert (closed.status, closed.closed_by, closed.closed_at) == (
        ConflictStatus.RESOLVED,
        ResolutionOrigin.AUTO,
        later,
    )
    assert (reopened.status, reopened.closed_by, reopened.closed_at) == (
        ConflictStatus.OPEN,
        None,
        None,
    )


def test_a_person_ends_their_own_conflict_and_nobody_elses(store: Store, user_id: UUID) -> None:
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap())
        other = add_user(uow).id
        known = only(uow, user_id)
        assert uow.conflicts.find(other, known.id) is None
        uow.conflicts.resolve(user_id, known.id, ConflictStatus.IGNORED, "They know.", now=NOW)
    with store.begin() as uow:
        record = only(uow, user_id)
        last = uow.conflicts.load_history([record.id])[record.id][-1]
    assert (record.status, record.closed_by, record.note) == (
        ConflictStatus.IGNORED,
        ResolutionOrigin.PERSON,
        "They know.",
    )
    assert (last.action, last.actor, last.note) == (
        ConflictAction.IGNORED,
        Actor.USER,
        "They know.",
    )


def test_filters_choose_and_pages_follow_each_other(store: Store, user_id: UUID) -> None:
    back_to_back = FoundConflict(
        ConflictType.BACK_TO_BACK,
        ConflictSeverity.LOW,
        meeting(span("03-05 09:00", "03-05 10:00")),
        meeting(span("03-05 10:00", "03-05 11:00")),
        span("03-05 10:00", "03-05 10:15"),
    )
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap("03-04"), overlap("03-03"), back_to_back)
        open_conflicts(uow, add_user(uow).id, overlap("03-03"))
        first, second, third = uow.conflicts.list(user_id, ConflictFilter())
        uow.conflicts.resolve(user_id, first.id, ConflictStatus.RESOLVED, None, now=NOW)

        def chosen(**choice: object) -> list[UUID]:
            wanted = ConflictFilter(**choice)  # type: ignore[arg-type]  # The caller names the fields.
            return [record.id for record in uow.conflicts.list(user_id, wanted)]

        assert chosen(statuses=[ConflictStatus.OPEN]) == [second.id, third.id]
        assert chosen(types=[ConflictType.BACK_TO_BACK]) == [third.id]
        assert chosen(severities=[ConflictSeverity.HIGH]) == [first.id, second.id]
        assert chosen(span=span("03-03 10:00", "03-04 09:31")) == [second.id]
        after = (second.span.start, second.id)
        page = uow.conflicts.list(user_id, ConflictFilter(), after=after, limit=1)
    assert [record.id for record in page] == [third.id]
    assert [first.span.start, second.span.start] == [at("03-03 09:30"), at("03-04 09:30")]


def test_conflicts_are_found_by_the_spans_of_their_meetings(store: Store, user_id: UUID) -> None:
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap("03-03"), overlap("03-10"), overlap("03-20"))
        spans = [span("03-03 10:59", "03-03 12:00"), span("03-20 08:00", "03-20 09:01")]
        touched = uow.conflicts.load_touching(user_id, spans)
        everything = uow.conflicts.load_touching(user_id, [EVERYTHING])
    assert [record.span.start for record in sorted(touched, key=lambda one: one.span)] == [
        at("03-03 09:30"),
        at("03-20 09:30"),
    ]
    assert len(everything) == 3


def test_checks_are_taken_once_and_only_ones_own(store: Store, user_id: UUID) -> None:
    one, two = span("03-03 09:00", "03-03 10:00"), span("03-04 09:00", "03-04 10:00")
    with store.begin() as uow:
        other = add_user(uow).id
        uow.conflicts.request_check(user_id, [one, span("03-05 09:00", "03-05 09:00")])
        uow.conflicts.request_check_all(user_id)
        uow.conflicts.request_check(other, [two])
    with store.begin() as uow:
        assert sorted(uow.conflicts.take_checks(user_id)) == [EVERYTHING, one]
        assert uow.conflicts.take_checks(user_id) == []
        assert uow.conflicts.take_checks(other) == [two]


def test_users_are_found_once_their_checks_wait_too_long(store: Store, user_id: UUID) -> None:
    with store.begin() as uow:
        young = add_user(uow).id
        for one in (user_id, young):
            uow.conflicts.request_check_all(one)
            uow.conflicts.request_check_all(one)
        uow.session.execute(
            text(
                "UPDATE conflict_checks SET created_at = now() - interval '5 min'"
                " WHERE user_id = :id"
            ),
            {"id": user_id},
        )
    with store.begin() as uow:
        waiting = uow.conflicts.users_with_checks(older_than=timedelta(minutes=1))
    assert list(waiting) == [user_id]


def test_the_lock_lets_one_in_at_a_time_per_user(store: Store, user_id: UUID) -> None:
    with store.begin() as uow:
        other = add_user(uow).id
    entered = threading.Event()

    def enter() -> None:
        with store.begin() as uow:
            uow.conflicts.lock(user_id)
            entered.set()

    with store.begin() as uow:
        uow.conflicts.lock(user_id)
        thread = threading.Thread(target=enter)
        thread.start()
        with store.begin() as unrelated:
            unrelated.conflicts.lock(other)
        assert not entered.wait(0.3)
    assert entered.wait(10)
    thread.join(10)


def test_whoever_ends_a_conflict_and_whoever_reconciles_it_wait_for_each_other(
    store: Store, user_id: UUID
) -> None:
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap())
        known = only(uow, user_id)

    def touch() -> None:
        with store.begin() as uow:
            uow.conflicts.load_touching(user_id, [EVERYTHING])

    def find() -> None:
        with store.begin() as uow:
            uow.conflicts.find(user_id, known.id, lock=True)

    for reconciles_first in (True, False):
        thread = threading.Thread(target=find if reconciles_first else touch)
        with store.begin() as uow:
            if reconciles_first:
                uow.conflicts.load_touching(user_id, [EVERYTHING])
            else:
                uow.conflicts.find(user_id, known.id, lock=True)
            thread.start()
            thread.join(0.3)
            assert thread.is_alive()
        thread.join(10)
        assert not thread.is_alive()


def test_conflicts_are_forgotten_with_the_calendars_that_they_show(
    store: Store, user_id: UUID
) -> None:
    with store.begin() as uow:
        open_conflicts(uow, user_id, overlap("03-03"), overlap("03-04"), overlap("03-05"))
        other = add_user(uow).id
        first, second, third = uow.conflicts.list(user_id, ConflictFilter())
        gone = [first.first.leading.calendar_id, second.second.leading.calendar_id]
        assert uow.conflicts.forget_calendars(other, gone) == 0
        assert uow.conflicts.forget_calendars(user_id, []) == 0
        assert uow.conflicts.forget_calendars(user_id, gone) == 2
        left = uow.conflicts.list(user_id, ConflictFilter())
        assert list(uow.conflicts.load_history([first.id, second.id])) == []
    assert [record.id for record in left] == [third.id]
