"""What becomes of the stored conflicts after the meetings were looked at again."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from uuid import UUID

from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType, FoundConflict
from calendar_manager.domain.meetings import Meeting
from calendar_manager.domain.timespan import Span, merge_spans

_Name = UUID | tuple[str, Span]


class ConflictStatus(StrEnum):
    """Whether a conflict wants a person's attention."""

    OPEN = "open"
    RESOLVED = "resolved"
    IGNORED = "ignored"


class ResolutionOrigin(StrEnum):
    """Who ended a conflict."""

    PERSON = "person"
    AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConflict:
    """A conflict as it was last written down.

    Attributes:
        id: Ours.
        type: The way in which the meetings got in each other's way.
        severity: How much it hurt.
        status: Whether it wants attention.
        resolved_by: Who ended it; None while it is open.
        first_ids: The occurrences of the one meeting.
        second_ids: The occurrences of the other.
        first_span: When the one meeting was.
        second_span: When the other was.
        first_uid: The iCalendar UID of the one meeting; it finds the meeting again, while it
            stands still, when its occurrences were written anew under other ids, as when an
            override takes the place of a master's occurrence.
        second_uid: The same of the other.
    """

    id: UUID
    type: ConflictType
    severity: ConflictSeverity
    status: ConflictStatus
    resolved_by: ResolutionOrigin | None
    first_ids: frozenset[UUID]
    second_ids: frozenset[UUID]
    first_span: Span
    second_span: Span
    first_uid: str | None = None
    second_uid: str | None = None


@dataclass(frozen=True, slots=True)
class MatchedConflict:
    """A stored conflict and what it looks like now.

    Attributes:
        stored: As written down.
        found: As found now; its meetings may stand in the other order.
    """

    stored: StoredConflict
    found: FoundConflict


@dataclass(frozen=True, slots=True)
class ReconciliationPlan:
    """What to write.

    Attributes:
        opened: To insert as open.
        updated: To write type, severity, meetings and spans of; the status stays, whichever
            it is.
        reopened: To write the same of, and to set open.
        closed: To set resolved by :attr:`ResolutionOrigin.AUTO`, because the conflict is gone.
        unchanged: To leave alone.
    """

    opened: tuple[FoundConflict, ...] = ()
    updated: tuple[MatchedConflict, ...] = ()
    reopened: tuple[MatchedConflict, ...] = ()
    closed: tuple[StoredConflict, ...] = ()
    unchanged: tuple[StoredConflict, ...] = ()


def reconcile(
    stored: Sequence[StoredConflict], found: Sequence[FoundConflict], examined: Sequence[Span]
) -> ReconciliationPlan:
    """Compare the stored conflicts with those found and plan what to write.

    A found conflict is a stored one when each of its meetings shares an occurrence with one of
    the stored sides, or has its UID and its span. Then

    * an open one stays open;
    * one that a person resolved or ignored stays so while both spans stand still, and reopens
      when one of them has moved into a new overlap;
    * one that closed by itself reopens, because the conflict is back.

    A stored conflict that was not found is gone and closes by itself, also one that a person had
    ended: were it left as it is, a meeting that moved away and back would hide a double booking
    behind an answer that was given to an earlier one.

    Args:
        stored: All of one user with a side that touches ``examined``, whatever their status.
        found: What :func:`calendar_manager.domain.conflicts.find_conflicts` found among all
            meetings that touch ``examined``.
        examined: The spans looked at: of everything that changed, the old and the new place,
            each widened by the reach of the user's settings. A stored conflict with a side
            outside was not looked at and never closes.

    Returns:
        A plan in which every stored conflict stands at most once and every found one once.
    """
    opened: list[FoundConflict] = []
    updated: list[MatchedConflict] = []
    reopened: list[MatchedConflict] = []
    closed: list[StoredConflict] = []
    unchanged: list[StoredConflict] = []
    matches = _find_matches(stored, found)
    for index, conflict in enumerate(found):
        match = matches.get(index)
        if match is None:
            opened.append(conflict)
        elif _is_back(match):
            reopened.append(match)
        elif _is_equal(match):
            unchanged.append(match.stored)
        else:
            updated.append(match)
    matched = {match.stored.id for match in matches.values()}
    looked_at = _Examined(examined)
    for known in stored:
        if known.id in matched:
            continue
        if known.resolved_by is not ResolutionOrigin.AUTO and looked_at.saw(known):
            closed.append(known)
        else:
            unchanged.append(known)
    return ReconciliationPlan(
        tuple(opened), tuple(updated), tuple(reopened), tuple(closed), tuple(unchanged)
    )


def _is_back(match: MatchedConflict) -> bool:
    """Tell whether an ended conflict wants attention again."""
    if match.stored.status is ConflictStatus.OPEN:
        return False
    return match.stored.resolved_by is ResolutionOrigin.AUTO or not _stands_still(match)


def _is_equal(match: MatchedConflict) -> bool:
    """Tell whether there is nothing to write."""
    stored, found = match.stored, match.found
    return (
        (stored.type, stored.severity) == (found.type, found.severity)
        and (stored.first_span, stored.second_span) == (found.first.span, found.second.span)
        and stored.first_ids == found.first.occurrence_ids
        and stored.second_ids == found.second.occurrence_ids
    )


def _find_matches(
    stored: Sequence[StoredConflict], found: Sequence[FoundConflict]
) -> dict[int, MatchedConflict]:
    """Match found conflicts, by their index, with stored ones, each at most once.

    Where a meeting fell apart because one copy moved, two found conflicts claim one stored
    conflict: the one that stands still gets it, and with it the person's answer.
    """
    by_name: dict[_Name, dict[UUID, StoredConflict]] = defaultdict(dict)
    for known in stored:
        for name in _names_of_first(known) | _names_of_second(known):
            by_name[name][known.id] = known
    claims: list[tuple[tuple[bool, bool, int, int, UUID], MatchedConflict]] = []
    for index, conflict in enumerate(found):
        candidates: dict[UUID, StoredConflict] = {}
        for name in _names_of(conflict.first):
            candidates.update(by_name.get(name, {}))
        for known in candidates.values():
            match = MatchedConflict(known, conflict)
            shared = max((side.shared for side in _alignments(match)), default=0)
            if shared:
                ended = known.status is not ConflictStatus.OPEN
                claims.append(((not _stands_still(match), ended, -shared, index, known.id), match))
    matches: dict[int, MatchedConflict] = {}
    taken: set[UUID] = set()
    for (_, _, _, index, stored_id), match in sorted(claims, key=itemgetter(0)):
        if index not in matches and stored_id not in taken:
            matches[index] = match
            taken.add(stored_id)
    return matches


def _stands_still(match: MatchedConflict) -> bool:
    """Tell whether both meetings are where they were when the conflict was written down."""
    return any(alignment.still for alignment in _alignments(match))


@dataclass(frozen=True, slots=True)
class _Alignment:
    """One way of laying the found meetings over the stored sides.

    Attributes:
        shared: How many names the sides have in common.
        still: Whether the spans are equal.
    """

    shared: int
    still: bool


def _alignments(match: MatchedConflict) -> Iterator[_Alignment]:
    """Lay the found meetings over the stored sides, either way round, where both sides share."""
    stored, first, second = match.stored, match.found.first, match.found.second
    for one, other in ((first, second), (second, first)):
        one_shared = len(_names_of_first(stored) & _names_of(one))
        other_shared = len(_names_of_second(stored) & _names_of(other))
        if one_shared and other_shared:
            still = (stored.first_span, stored.second_span) == (one.span, other.span)
            yield _Alignment(one_shared + other_shared, still)


def _names_of(meeting: Meeting) -> frozenset[_Name]:
    return _names(meeting.occurrence_ids, meeting.ical_uid, meeting.span)


def _names_of_first(stored: StoredConflict) -> frozenset[_Name]:
    return _names(stored.first_ids, stored.first_uid, stored.first_span)


def _names_of_second(stored: StoredConflict) -> frozenset[_Name]:
    return _names(stored.second_ids, stored.second_uid, stored.second_span)


def _names(ids: frozenset[UUID], uid: str | None, span: Span) -> frozenset[_Name]:
    """Return all by which a meeting can be found again: its occurrences, its UID at its time."""
    return ids | {(uid, span)} if uid else frozenset[_Name](ids)


class _Examined:
    """The spans that were looked at, ready for many questions."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = merge_spans(spans)
        self._ends = [span.end for span in self._spans]

    def saw(self, conflict: StoredConflict) -> bool:
        """Tell whether both meetings of a conflict would have been found there."""
        return self._touches(conflict.first_span) and self._touches(conflict.second_span)

    def _touches(self, span: Span) -> bool:
        position = bisect_right(self._ends, span.start)
        return position < len(self._spans) and self._spans[position].start < span.end
