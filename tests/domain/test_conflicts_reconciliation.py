from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.conflict_reconciliation import (
    ConflictStatus,
    MatchedConflict,
    ReconciliationPlan,
    ResolutionOrigin,
    StoredConflict,
    reconcile,
)
from calendar_manager.domain.conflicts import (
    ConflictSettings,
    ConflictSeverity,
    ConflictType,
    FoundConflict,
    find_conflicts,
)
from calendar_manager.domain.meetings import BusyOccurrence, group_meetings
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MORNING = Span(NINE, NINE + timedelta(hours=3))
BY_PERSON: dict[str, Any] = {
    "status": ConflictStatus.RESOLVED,
    "resolved_by": ResolutionOrigin.PERSON,
}
IGNORED: dict[str, Any] = {"status": ConflictStatus.IGNORED, "resolved_by": ResolutionOrigin.PERSON}
BY_ITSELF: dict[str, Any] = {
    "status": ConflictStatus.RESOLVED,
    "resolved_by": ResolutionOrigin.AUTO,
}


def copy(number: int, start: int, end: int, **fields: Any) -> BusyOccurrence:
    """Make an occurrence that starts and ends so many minutes after nine."""
    values: dict[str, Any] = {
        "occurrence_id": UUID(int=number),
        "event_id": UUID(int=number + 1000),
        "calendar_id": UUID(int=number + 2000),
        "span": Span(NINE + timedelta(minutes=start), NINE + timedelta(minutes=end)),
        "busy": Busy.BUSY,
    }
    return BusyOccurrence(**(values | fields))


def found_among(*copies: BusyOccurrence) -> list[FoundConflict]:
    return find_conflicts(group_meetings(copies), ConflictSettings())


def store(conflict: FoundConflict, number: int = 1, **fields: Any) -> StoredConflict:
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "type": conflict.type,
        "severity": conflict.severity,
        "status": ConflictStatus.OPEN,
        "resolved_by": None,
        "first_ids": conflict.first.occurrence_ids,
        "second_ids": conflict.second.occurrence_ids,
        "first_span": conflict.first.span,
        "second_span": conflict.second.span,
        "first_uid": conflict.first.ical_uid,
        "second_uid": conflict.second.ical_uid,
    }
    return StoredConflict(**(values | fields))


BEFORE = found_among(copy(1, 0, 60), copy(2, 30, 90))[0]
MOVED = found_among(copy(1, 0, 60), copy(2, 45, 105))[0]


def test_a_new_overlap_is_opened() -> None:
    assert reconcile([], [BEFORE], [MORNING]) == ReconciliationPlan(opened=(BEFORE,))


def test_an_open_conflict_that_is_as_it_was_is_left_alone() -> None:
    stored = store(BEFORE)
    assert reconcile([stored], [BEFORE], [MORNING]) == ReconciliationPlan(unchanged=(stored,))


def test_an_open_conflict_that_moved_is_updated() -> None:
    stored = store(BEFORE)
    assert reconcile([stored], [MOVED], [MORNING]) == ReconciliationPlan(
        updated=(MatchedConflict(stored, MOVED),)
    )


def test_a_change_of_severity_or_type_is_updated() -> None:
    for change in ({"severity": ConflictSeverity.LOW}, {"type": ConflictType.TRAVEL}):
        stored = store(BEFORE, **change)
        assert reconcile([stored], [BEFORE], [MORNING]) == ReconciliationPlan(
            updated=(MatchedConflict(stored, BEFORE),)
        )


def test_an_open_conflict_that_is_gone_closes() -> None:
    stored = store(BEFORE)
    assert reconcile([stored], [], [MORNING]) == ReconciliationPlan(closed=(stored,))


@pytest.mark.parametrize("answer", [BY_PERSON, IGNORED])
class TestAnswersOfAPerson:
    def test_hold_while_both_meetings_stand_still(self, answer: dict[str, Any]) -> None:
        stored = store(BEFORE, **answer)
        assert reconcile([stored], [BEFORE], [MORNING]) == ReconciliationPlan(unchanged=(stored,))

    def test_hold_when_the_severity_changes(self, answer: dict[str, Any]) -> None:
        stored = store(BEFORE, severity=ConflictSeverity.MEDIUM, **answer)
        assert reconcile([stored], [BEFORE], [MORNING]) == ReconciliationPlan(
            updated=(MatchedConflict(stored, BEFORE),)
        )

    def test_end_when_one_meeting_moves_into_a_new_overlap(self, answer: dict[str, Any]) -> None:
        stored = store(BEFORE, **answer)
        assert reconcile([stored], [MOVED], [MORNING]) == ReconciliationPlan(
            reopened=(MatchedConflict(stored, MOVED),)
        )

    def test_end_when_the_overlap_is_gone_so_that_its_return_is_seen(
        self, answer: dict[str, Any]
    ) -> None:
        stored = store(BEFORE, **answer)
        assert reconcile([stored], [], [MORNING]) == ReconciliationPlan(closed=(stored,))
        closed = replace(stored, **BY_ITSELF)
        assert reconcile([closed], [BEFORE], [MORNING]) == ReconciliationPlan(
            reopened=(MatchedConflict(closed, BEFORE),)
        )

    def test_hold_when_an_override_takes_the_place_of_an_occurrence(
        self, answer: dict[str, Any]
    ) -> None:
        series = {"ical_uid": "series@example.org"}
        (before,) = found_among(copy(1, 0, 60), copy(2, 30, 90, **series))
        (after,) = found_among(copy(1, 0, 60), copy(3, 30, 90, **series))
        stored = store(before, **answer)
        assert reconcile([stored], [after], [MORNING]) == ReconciliationPlan(
            updated=(MatchedConflict(stored, after),)
        )

    def test_say_nothing_about_another_meeting_at_the_same_time(
        self, answer: dict[str, Any]
    ) -> None:
        (after,) = found_among(copy(1, 0, 60), copy(3, 30, 90))
        stored = store(BEFORE, **answer)
        assert reconcile([stored], [after], [MORNING]) == ReconciliationPlan(
            opened=(after,), closed=(stored,)
        )


def test_a_conflict_that_closed_by_itself_stays_closed() -> None:
    stored = store(BEFORE, **BY_ITSELF)
    assert reconcile([stored], [], [MORNING]) == ReconciliationPlan(unchanged=(stored,))


@pytest.mark.parametrize("now", [BEFORE, MOVED])
def test_a_conflict_that_closed_by_itself_reopens_when_it_returns(now: FoundConflict) -> None:
    stored = store(BEFORE, **BY_ITSELF)
    assert reconcile([stored], [now], [MORNING]) == ReconciliationPlan(
        reopened=(MatchedConflict(stored, now),)
    )


def test_the_meetings_may_stand_in_the_other_order() -> None:
    stored = store(BEFORE, **IGNORED)
    swapped = replace(
        stored,
        first_ids=stored.second_ids,
        second_ids=stored.first_ids,
        first_span=stored.second_span,
        second_span=stored.first_span,
    )
    assert reconcile([swapped], [BEFORE], [MORNING]) == ReconciliationPlan(
        updated=(MatchedConflict(swapped, BEFORE),)
    )
    overtaken = found_among(copy(2, -30, 30), copy(1, 0, 60))[0]
    assert reconcile([stored], [overtaken], [MORNING]).reopened == (
        MatchedConflict(stored, overtaken),
    )


def test_one_shared_meeting_is_not_the_same_conflict() -> None:
    other = found_among(copy(1, 0, 60), copy(3, 30, 90))[0]
    stored = store(BEFORE)
    assert reconcile([stored], [BEFORE, other], [MORNING]) == ReconciliationPlan(
        opened=(other,), unchanged=(stored,)
    )


def test_a_copy_on_another_calendar_joins_its_conflict() -> None:
    uid = {"ical_uid": "one@example.org"}
    (before,) = found_among(copy(1, 0, 60, **uid), copy(2, 30, 90))
    (after,) = found_among(copy(1, 0, 60, **uid), copy(3, 0, 60, **uid), copy(2, 30, 90))
    stored = store(before, **IGNORED)
    assert reconcile([stored], [after], [MORNING]) == ReconciliationPlan(
        updated=(MatchedConflict(stored, after),)
    )


def test_when_copies_move_the_answer_stays_with_the_one_that_stands_still() -> None:
    uid = {"ical_uid": "one@example.org"}
    rest = copy(9, 30, 90)
    stays, movers = copy(4, 0, 60, **uid), (1, 2, 3)
    (before,) = found_among(*(copy(number, 0, 60, **uid) for number in movers), stays, rest)
    stored = store(before, **IGNORED)
    after = [
        conflict
        for conflict in found_among(
            *(copy(number, 10, 70, **uid) for number in movers), stays, rest
        )
        if conflict.second.occurrence_ids == {rest.occurrence_id}
    ]
    plan = reconcile([stored], after, [MORNING])
    (kept,), (opened,) = plan.updated, plan.opened
    assert kept.found.first.occurrence_ids == {UUID(int=4)}
    assert opened.first.occurrence_ids == {UUID(int=number) for number in movers}
    assert (plan.reopened, plan.closed) == ((), ())


def test_of_two_conflicts_stored_for_one_pair_the_open_one_goes_on() -> None:
    ended, opened = store(BEFORE, 1, **IGNORED), store(BEFORE, 2)
    assert reconcile([ended, opened], [BEFORE], [MORNING]) == ReconciliationPlan(
        closed=(ended,), unchanged=(opened,)
    )


class TestExamined:
    EARLY = Span(NINE, NINE + timedelta(minutes=30))
    LATE = Span(NINE + timedelta(minutes=60), NINE + timedelta(minutes=90))
    BETWEEN = Span(NINE + timedelta(minutes=59), NINE + timedelta(minutes=60))
    NEXT_DAY = Span(NINE + timedelta(days=1), NINE + timedelta(days=2))

    @pytest.mark.parametrize(
        ("examined", "closes"),
        [
            pytest.param([], False, id="nothing"),
            pytest.param([NEXT_DAY], False, id="another day"),
            pytest.param([EARLY], False, id="touching the second meeting"),
            pytest.param([LATE], False, id="touching the first meeting"),
            pytest.param([BETWEEN], True, id="a minute of both"),
            pytest.param([LATE, EARLY], True, id="a part of each"),
            pytest.param([NEXT_DAY, MORNING], True, id="both among other days"),
        ],
    )
    def test_only_what_was_looked_at_closes(self, examined: list[Span], *, closes: bool) -> None:
        stored = store(BEFORE)
        plan = reconcile([stored], [], examined)
        assert (plan.closed, plan.unchanged) == (((stored,), ()) if closes else ((), (stored,)))


@st.composite
def some_copies(draw: st.DrawFn) -> list[BusyOccurrence]:
    return [
        copy(
            number,
            start := draw(st.integers(0, 6)) * 10,
            start + draw(st.integers(1, 4)) * 10,
            busy=draw(st.sampled_from([Busy.BUSY, Busy.TENTATIVE])),
            ical_uid=draw(st.sampled_from([None, "a"])),
        )
        for number in draw(st.sets(st.integers(0, 7), max_size=6))
    ]


@settings(max_examples=150)
@given(
    some_copies(), some_copies(), st.lists(st.sampled_from([{}, BY_PERSON, BY_ITSELF]), min_size=15)
)
def test_a_plan_accounts_for_everything_and_then_there_is_nothing_left_to_do(
    copies_before: list[BusyOccurrence],
    copies_now: list[BusyOccurrence],
    answers: list[dict[str, Any]],
) -> None:
    stored = [
        store(conflict, number, **answers[number % len(answers)])
        for number, conflict in enumerate(found_among(*copies_before))
    ]
    found = found_among(*copies_now)
    plan = reconcile(stored, found, [MORNING])
    matched = [*plan.updated, *plan.reopened]
    mentioned = [match.stored for match in matched] + [*plan.closed, *plan.unchanged]
    assert sorted(known.id for known in mentioned) == [known.id for known in stored]
    assert all(match.found in found for match in matched)
    for known in plan.closed:
        assert known.resolved_by is not ResolutionOrigin.AUTO

    written = written_down(plan)
    assert reconcile(written, found, [MORNING]) == ReconciliationPlan(
        unchanged=tuple(reconcile(written, found, [MORNING]).unchanged)
    )
    open_or_answered = [
        known for known in written if known.resolved_by is not ResolutionOrigin.AUTO
    ]
    assert len(open_or_answered) == len(found)


def written_down(plan: ReconciliationPlan) -> Sequence[StoredConflict]:
    """Do what a plan says."""
    reopen: dict[str, Any] = {"status": ConflictStatus.OPEN, "resolved_by": None}
    return [
        *(store(conflict, 100 + number) for number, conflict in enumerate(plan.opened)),
        *(
            store(
                match.found,
                match.stored.id.int,
                status=match.stored.status,
                resolved_by=match.stored.resolved_by,
            )
            for match in plan.updated
        ),
        *(store(match.found, match.stored.id.int, **reopen) for match in plan.reopened),
        *(replace(known, **BY_ITSELF) for known in plan.closed),
        *plan.unchanged,
    ]


def test_many_conflicts_are_compared_pair_by_pair_and_not_all_with_all() -> None:
    copies = [
        copy(number * 2 + side, number * 60 + side, number * 60 + 30)
        for number in range(3000)
        for side in (0, 1)
    ]
    found = found_among(*copies)
    stored = [store(conflict, number) for number, conflict in enumerate(found)]
    examined = [conflict.span for conflict in found]
    assert len(reconcile(stored, found, examined).unchanged) == 3000
    assert len(reconcile(stored, [], examined).closed) == 3000
