"""Why not then? Every reason that keeps a start from being booked.

This module asks one start everything that :mod:`calendar_manager.domain.availability` and
:mod:`calendar_manager.domain.slots` ask all time at once. No reason is left out because another
one would do: whoever removes the first wants to know about the second. There is no reason exactly
when the start is among the slots.
"""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from calendar_manager.domain.availability import bookable_span
from calendar_manager.domain.busy import Busy
from calendar_manager.domain.daily_limits import BookedDay, book_days, split_by_day
from calendar_manager.domain.explanation_of_hours import explain_hours
from calendar_manager.domain.freshness import Freshness, find_blocking
from calendar_manager.domain.reasons import BlockingMeeting, Reason, ReasonCode
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.slots import find_slots
from calendar_manager.domain.times import find_zone, local_date, wall_clock
from calendar_manager.domain.timespan import Span

_MINUTE = timedelta(minutes=1)
_TWO_DAYS = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a start is judged by.

    Attributes:
        rules: The person's rules.
        meetings: What makes the person busy, copies included, on all local days that the slot
            touches and as far around it as the buffers reach.
        holidays: The names of the public holidays that the rules name, by their dates, from the
            day before the slot on.
        freshness: Of every calendar that takes part.
        now: The moment of the question.
        step: The grid of the slots.
        zone: The zone in which times are told to the person.
    """

    rules: AvailabilityRules
    meetings: Sequence[BlockingMeeting]
    holidays: Mapping[date, str]
    freshness: Sequence[Freshness]
    now: datetime
    step: timedelta
    zone: ZoneInfo


def explain_slot(slot: Span, around: Surroundings) -> list[Reason]:
    """Return every reason why a slot cannot be booked.

    Args:
        slot: The start, and how long the booking would be; not empty.
        around: What it is judged by.

    Returns:
        None exactly when the slot is among those that ``find_slots`` finds in free time, and no
        calendar that blocks availability while it cannot be read is unreadable.
    """
    return [
        *_explain_calendars(around),
        *_explain_reach(slot, around),
        *explain_hours(slot, around.rules, around.holidays, around.zone),
        *_explain_grid(slot, around),
        *_explain_meetings(slot, around),
        *_explain_limits(slot, around),
    ]


def find_grid_times(
    at: datetime, rules: AvailabilityRules, step: timedelta
) -> tuple[datetime, ...]:
    """Return the last time on the grid before an instant and the first one after it.

    An instant on the grid is its own only answer.
    """
    plain = AvailabilityRules(time_zone=rules.time_zone)
    instant = timedelta.resolution
    if find_slots([Span(at, at + instant)], plain, instant, step):
        return (at,)
    # Midnight is on every grid, but no day has to have one.
    around = Span(at - step - _TWO_DAYS, at + step + _TWO_DAYS)
    times = [slot.start for slot in find_slots([around], plain, instant, step)]
    position = bisect(times, at)
    return times[position - 1], times[position]


def show_time(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as a person in a zone writes it."""
    return f"{wall_clock(at, zone):%a %Y-%m-%d %H:%M}"


def _explain_calendars(around: Surroundings) -> Iterator[Reason]:
    for calendar in find_blocking(around.freshness):
        yield Reason(
            code=ReasonCode.CALENDAR_UNREADABLE,
            detail=f"The calendar {calendar.name!r} cannot be read at the moment, and you chose "
            "that nothing is free while it cannot.",
            calendar_id=calendar.calendar_id,
        )


def _explain_reach(slot: Span, around: Surroundings) -> Iterator[Reason]:
    rules = around.rules
    reach = bookable_span(rules, around.now)
    if slot.start < reach.start:
        if slot.start < around.now:
            detail = "This is in the past."
        else:
            detail = f"You ask for {rules.minimum_notice_minutes} minutes of notice."
        yield Reason(
            code=ReasonCode.BEFORE_NOTICE,
            detail=f"{detail} The earliest start is {show_time(reach.start, around.zone)}.",
            earliest_at=reach.start,
            minutes=rules.minimum_notice_minutes,
        )
    if slot.end > reach.end:
        today = local_date(around.now, find_zone(rules.time_zone))
        last_day = today + timedelta(days=rules.horizon_days)
        yield Reason(
            code=ReasonCode.BEYOND_HORIZON,
            detail=f"You can be booked {rules.horizon_days} days ahead, until the end of "
            f"{last_day}.",
            last_day=last_day,
            limit=rules.horizon_days,
        )


def _explain_grid(slot: Span, around: Surroundings) -> Iterator[Reason]:
    nearest = find_grid_times(slot.start, around.rules, around.step)
    if nearest != (slot.start,):
        shown = " and ".join(show_time(time, around.zone) for time in nearest)
        yield Reason(
            code=ReasonCode.OFF_GRID,
            detail=f"Bookings start every {around.step // _MINUTE} minutes since midnight in "
            f"{around.rules.time_zone}; the nearest are {shown}.",
            nearest=nearest,
            minutes=around.step // _MINUTE,
        )


def _explain_meetings(slot: Span, around: Surroundings) -> Iterator[Reason]:
    rules = around.rules
    before = _MINUTE * rules.buffer_before_minutes
    after = _MINUTE * rules.buffer_after_minutes
    needed = slot.widened(before, after)
    copies: dict[object, list[BlockingMeeting]] = {}
    for meeting in sorted(around.meetings, key=_rank):
        if meeting.span.overlaps(needed):
            copies.setdefault(meeting.identity, []).append(meeting)
    for meeting, *others in copies.values():
        title = repr(meeting.title) if meeting.title else "An event without a title"
        start = show_time(meeting.span.start, around.zone)
        end = show_time(meeting.span.end, around.zone)
        if meeting.span.overlaps(slot):
            code, minutes, effect = ReasonCode.MEETING, None, "is at that time."
        elif meeting.span.start >= slot.end:
            code, minutes = ReasonCode.BUFFER_AFTER, rules.buffer_after_minutes
            effect = f"starts less than {minutes} minutes after it."
        else:
            code, minutes = ReasonCode.BUFFER_BEFORE, rules.buffer_before_minutes
            effect = f"ends less than {minutes} minutes before it."
        yield Reason(
            code=code,
            detail=f"{title} ({start} to {end}, calendar {meeting.calendar_name!r}) {effect}",
            meeting=meeting,
            copies=tuple(others),
            minutes=minutes,
        )


def _rank(meeting: BlockingMeeting) -> tuple[datetime, datetime, bool, str]:
    """Order meetings by time, the firmest copy of each first."""
    tentative = meeting.busy is not Busy.BUSY
    return meeting.span.start, meeting.span.end, tentative, str(meeting.occurrence_id)


def _explain_limits(slot: Span, around: Surroundings) -> Iterator[Reason]:
    rules = around.rules
    if rules.max_meetings_per_day is None and rules.max_minutes_per_day is None:
        return
    zone = find_zone(rules.time_zone)
    meetings = [span for _, span in {one.identity for one in around.meetings}]
    booked = book_days(meetings, slot, zone)
    for day, time in split_by_day(slot, zone):
        yield from _explain_limits_of_day(rules, day, booked.get(day, BookedDay()), time)


def _explain_limits_of_day(
    rules: AvailabilityRules, day: date, booked: BookedDay, time: timedelta
) -> Iterator[Reason]:
    most_meetings, most_minutes = rules.max_meetings_per_day, rules.max_minutes_per_day
    if most_meetings is not None and booked.meetings >= most_meetings:
        yield Reason(
            code=ReasonCode.MAX_MEETINGS,
            detail=f"You have {booked.meetings} meetings on {day}, and want at most "
            f"{most_meetings} a day.",
            day=day,
            booked=booked.meetings,
            limit=most_meetings,
        )
    if most_minutes is not None and booked.time + time > _MINUTE * most_minutes:
        yield Reason(
            code=ReasonCode.MAX_MINUTES,
            detail=f"You have {booked.time // _MINUTE} minutes of meetings on {day}, and "
            f"{time // _MINUTE} more would be over your {most_minutes} a day.",
            day=day,
            booked=booked.time // _MINUTE,
            minutes=time // _MINUTE,
            limit=most_minutes,
        )
