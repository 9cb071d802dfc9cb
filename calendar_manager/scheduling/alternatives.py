"""Where a meeting could go instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.domain.conflicts import ConflictSettings
from calendar_manager.domain.freshness import find_blocking
from calendar_manager.domain.meetings import Meeting
from calendar_manager.domain.rules import MINUTES_PER_DAY, AvailabilityRules
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.domain.users import User
from calendar_manager.scheduling.busy_time import BusyTime, load_busy_time
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.scheduling.free_time import find_free_time, span_to_load
from calendar_manager.store.agenda_entries import BlockingSpan
from calendar_manager.store.unit_of_work import UnitOfWork

HOW_MANY: Final = 3
EARLIER: Final = timedelta(days=7)
LATER: Final = timedelta(days=14)
"""How far around its place another one is looked for."""


@dataclass(frozen=True, slots=True)
class Move:
    """A meeting that is to get out of another one's way.

    Attributes:
        meeting: What is to be moved.
        other: What stays. It is in the way even if the user's settings let it block nothing.
    """

    meeting: Meeting
    other: Meeting


def load_alternatives(
    uow: UnitOfWork,
    user: User,
    moves: Mapping[UUID, Move],
    *,
    now: datetime,
    maximum_age: timedelta,
) -> Mapping[UUID, Sequence[Span]]:
    """Find free places for meetings that had better move, each as if it alone did.

    They pass the user's own rules, and keep the distance from other meetings that the user's
    search for conflicts asks for. All is loaded at once, however many meetings there are.

    Args:
        uow: The transaction.
        user: Whose meetings.
        moves: What is to be moved, by any id.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.

    Returns:
        By the same ids, up to three spans, the nearest to the meeting's place first.
    """
    if not moves:
        return {}
    rules = uow.rules.load(user.id, time_zone=user.time_zone)
    calendars = load_calendars(uow, user.id, ())
    taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
    if find_blocking(find_freshness(taking_part, now, maximum_age)):
        return {}
    strict = {key: _keep_distance(rules, one.meeting, user) for key, one in moves.items()}
    loads = (span_to_load(strict[key], _around(one.meeting), now) for key, one in moves.items())
    spans = merge_spans(span for span in loads if span is not None)
    busy = load_busy_time(uow, user, taking_part, spans)
    return {key: _nearest(strict[key], busy, one, now=now) for key, one in moves.items()}


def _around(meeting: Meeting) -> Span:
    return Span(meeting.span.start - EARLIER, meeting.span.end + LATER)


def _keep_distance(rules: AvailabilityRules, meeting: Meeting, user: User) -> AvailabilityRules:
    """Return rules under which a meeting gets into no new conflict by standing too close."""
    settings: ConflictSettings = user.conflict_settings
    at_a_place = bool(meeting.location) and not meeting.meeting_url
    distance = settings.reach if at_a_place else settings.buffer
    minutes = min(int(distance / timedelta(minutes=1)), MINUTES_PER_DAY)
    return replace(
        rules,
        buffer_before_minutes=max(rules.buffer_before_minutes, minutes),
        buffer_after_minutes=max(rules.buffer_after_minutes, minutes),
    )


def _nearest(
    rules: AvailabilityRules, busy: Iterable[BlockingSpan], move: Move, *, now: datetime
) -> Sequence[Span]:
    meeting, other = move.meeting, move.other
    both = meeting.occurrence_ids | other.occurrence_ids
    in_the_way = [blocking for blocking in busy if blocking.occurrence_id not in both]
    in_the_way.append(BlockingSpan(other.span, None, other.ical_uid))
    free = find_free_time(
        rules,
        BusyTime.of(in_the_way),
        _around(meeting),
        now=now,
        duration=meeting.span.duration,
        step=timedelta(minutes=rules.slot_step_minutes),
    )
    nearest = sorted(free.slots, key=lambda slot: abs(slot.start - meeting.span.start))
    return nearest[:HOW_MANY]
