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
from calendar_manager.scheduling.busy_time import BusyTime, load_busy_time
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.scheduling.free_time import find_free_time, span_to_load
from calendar_manager.store.agenda_entries import BlockingSpan
from calendar_manager.store.unit_of_work import UnitOfWork

HOW_MANY: Final = 3
EARLIER: Final = timedelta(days=7)
LATER: Final = timedelta(days=14)
"""How far around its place another one is looked for."""

_Key = frozenset[UUID]
"""A meeting by its occurrences."""


def load_alternatives(
    uow: UnitOfWork,
    user: User,
    meetings: Mapping[UUID, Meeting],
    *,
    now: datetime,
    maximum_age: timedelta,
) -> Mapping[UUID, Sequence[Span]]:
    """Find free places for meetings that had better move.

    They pass the user's own rules, and keep the distance from other meetings that the user's
    search for conflicts asks for. Tentative meetings are in the way whatever the user's setting
    for availability is, because a meeting that moves into one is the next conflict.

    A person may follow all the advice of one answer. So the first place of each meeting is taken
    for all meetings after it, and a meeting in the way of several others has the same places
    each time, which get it out of the way of all of them. Whoever asks about one meeting alone
    may hear of places that a longer answer gives to others.

    All is loaded at once, however many meetings there are.

    Args:
        uow: The transaction.
        user: Whose meetings.
        meetings: What is to be moved, by any id; whoever comes first chooses first.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.

    Returns:
        By the same ids, up to three spans, the nearest to the meeting's place first.
    """
    if not meetings:
        return {}
    rules = uow.lookups.load_rules(user.id, time_zone=user.time_zone)
    calendars = load_calendars(uow.lookups, user.id, ())
    taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
    if find_blocking(find_freshness(taking_part, now, maximum_age)):
        return {}
    moving = {one.occurrence_ids: one for one in meetings.values()}
    strict = {key: _keep_distance(rules, one, user) for key, one in moving.items()}
    loads = (span_to_load(strict[key], _around(one), now) for key, one in moving.items())
    spans = merge_spans(span for span in loads if span is not None)
    busy = load_busy_time(uow, replace(user, tentative_blocks=True), taking_part, spans)
    places: dict[_Key, Sequence[Span]] = {}
    for key, one in moving.items():
        places[key] = _nearest(strict[key], busy, one, now=now)
        busy += [BlockingSpan(place, None, None) for place in places[key][:1]]
    return {key: places[one.occurrence_ids] for key, one in meetings.items()}


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
    itself = {str(occurrence_id) for occurrence_id in meeting.occurrence_ids}
    in_the_way = [blocking for blocking in busy if blocking.occurrence_id not in itself]
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
