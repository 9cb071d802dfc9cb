"""Where a meeting could go instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.domain.conflicts import ConflictSettings
from calendar_manager.domain.freshness import find_blocking
from calendar_manager.domain.meetings import Meeting
from calendar_manager.domain.rules import MINUTES_PER_DAY, AvailabilityRules
from calendar_manager.domain.timespan import Span, merge_spans
from calendar_manager.domain.users import User
from calendar_manager.scheduling.busy_time import load_busy_time
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.scheduling.free_time import find_free_time, span_to_load
from calendar_manager.store.agenda_entries import BlockingSpan
from calendar_manager.store.unit_of_work import UnitOfWork

HOW_MANY: Final = 3
EARLIER: Final = timedelta(days=7)
LATER: Final = timedelta(days=14)
"""How far around its place another one is looked for."""


def load_alternatives(
    uow: UnitOfWork,
    user: User,
    meetings: Mapping[UUID, Meeting],
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
        meetings: What is to be moved, by any id.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.

    Returns:
        By the same ids, up to three spans, the nearest to the meeting's place first.
    """
    if not meetings:
        return {}
    rules = uow.rules.load(user.id, time_zone=user.time_zone)
    calendars = load_calendars(uow, user.id, ())
    taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
    if find_blocking(find_freshness(taking_part, now, maximum_age)):
        return {}
    strict = {key: _keep_distance(rules, one, user) for key, one in meetings.items()}
    loads = (span_to_load(strict[key], _around(one), now) for key, one in meetings.items())
    spans = merge_spans(span for span in loads if span is not None)
    busy = load_busy_time(uow, user, taking_part, spans)
    return {key: _nearest(strict[key], busy, one, now=now) for key, one in meetings.items()}


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
    rules: AvailabilityRules, busy: Iterable[BlockingSpan], meeting: Meeting, *, now: datetime
) -> Sequence[Span]:
    moved = meeting.occurrence_ids
    free = find_free_time(
        rules,
        [blocking for blocking in busy if blocking.occurrence_id not in moved],
        _around(meeting),
        now=now,
        duration=meeting.span.duration,
        step=timedelta(minutes=rules.slot_step_minutes),
    )
    elsewhere = [slot for slot in free.slots if slot != meeting.span]
    elsewhere.sort(key=lambda slot: abs(slot.start - meeting.span.start))
    return elsewhere[:HOW_MANY]
