"""Conflicts as their pages show them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.conflict_reconciliation import ConflictStatus, ResolutionOrigin
from calendar_manager.domain.events import Response
from calendar_manager.domain.meetings import Meeting
from calendar_manager.domain.times import dates_within, local_date, wall_clock
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.scheduling.conflicts import ConflictView
from calendar_manager.store.conflict_rows import HistoryEntry
from calendar_manager.web.conflict_timeline import Timeline, draw_timeline
from calendar_manager.web.conflict_words import (
    ACTIONS,
    SEVERITIES,
    TYPES,
    explain_advice,
    explain_clash,
    explain_severity,
    title_of,
)
from calendar_manager.web.event_view import find_link
from calendar_manager.web.palette import NEUTRAL
from calendar_manager.web.rendering import show_instant
from calendar_manager.web.wall_clocks import show_clocks, show_day, show_span
from calendar_manager.web.week_events import Named, address_details

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two meetings.

    Attributes:
        title: Never empty.
        when: Its times, with the day when it is not the conflict's.
        address: Where its details are.
        calendars: On which calendars it stands.
        place: Where it is held, or None.
        link: The address of an online meeting that is safe to follow, or None.
        guests: How many are invited, in words.
        marks: Pairs of an icon's name, may be empty, and a word or two.
        cheaper: Whether it is the one that had better move.
    """

    title: str
    when: str
    address: str
    calendars: Sequence[Named]
    place: str | None
    link: str | None
    guests: str
    marks: Sequence[tuple[str, str]]
    cheaper: bool


@dataclass(frozen=True, slots=True)
class Past:
    """One thing that happened to a conflict, in words."""

    at: str
    what: str
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A conflict.

    Attributes:
        id: Ours.
        day: The local day on which it begins.
        day_label: That day for people.
        when: Its clock times.
        kind: In which way the meetings get in each other's way.
        severity: ``high``, ``medium`` or ``low``.
        severity_word: The same for people.
        severity_why: Why it hurts that much.
        why: What is wrong.
        sides: The two meetings, the earlier one first.
        timeline: The drawing.
        moved: The title of the meeting that had better move; None when there is nothing to move.
        moved_why: Why that one.
        places: Free places for it.
        letter: The same as text for an e-mail.
        status: Whether it wants attention.
        ended: How it ended, in words; None while it is open.
        closed_itself: Whether nobody can end it any more.
        note: What the person said when ending it.
        over: Whether its time has passed.
        history: What happened to it, the latest first.
    """

    id: UUID
    day: date
    day_label: str
    when: str
    kind: str
    severity: str
    severity_word: str
    severity_why: str
    why: str
    sides: tuple[Side, Side]
    timeline: Timeline
    moved: str | None
    moved_why: str
    places: Sequence[str]
    letter: str
    status: ConflictStatus
    ended: str | None
    closed_itself: bool
    note: str | None
    over: bool
    history: Sequence[Past]

    @property
    def titles(self) -> str:
        """Both titles, by which people know the conflict."""
        return f"{self.sides[0].title} and {self.sides[1].title}"


def show_conflict(
    view: ConflictView, calendars: Mapping[UUID, Named], zone: ZoneInfo, now: datetime
) -> Card:
    """Return a conflict as a page shows it.

    Args:
        view: The conflict.
        calendars: The user's calendars by their ids.
        zone: The user's own, whose clock is shown.
        now: The present.
    """
    record = view.record
    day = local_date(record.span.start, zone)
    moved = None if view.advice is None else view.advice.meeting
    sides = tuple(
        _show_side(one, calendars, zone, day, cheaper=one is moved)
        for one in (record.first, record.second)
    )
    colors = (sides[0].calendars[0].color, sides[1].calendars[0].color)
    title = None if moved is None else title_of(moved)
    return Card(
        id=record.id,
        day=day,
        day_label=show_day_near(day, local_date(now, zone)),
        when=show_clocks(record.span, zone),
        kind=TYPES[record.type],
        severity=record.severity.value,
        severity_word=SEVERITIES[record.severity],
        severity_why=explain_severity(record),
        why=explain_clash(record),
        sides=(sides[0], sides[1]),
        timeline=draw_timeline(record, colors, zone),
        moved=title,
        moved_why="" if view.advice is None else explain_advice(record, view.advice),
        places=[_show_place(place, zone) for place in view.alternatives],
        letter=_write_letter(title, view.alternatives, zone),
        status=record.status,
        ended=_tell_end(view, zone),
        closed_itself=record.closed_by is ResolutionOrigin.AUTO,
        note=record.note,
        over=record.span.end <= now,
        history=[_show_past(entry, zone) for entry in reversed(view.history)],
    )


def show_day_near(day: date, today: date) -> str:
    """Return a day for people, with a word when it is close."""
    near = {0: "Today, ", 1: "Tomorrow, ", -1: "Yesterday, "}.get((day - today).days, "")
    return near + show_day(day, year=day.year != today.year)


def _show_side(
    meeting: Meeting,
    calendars: Mapping[UUID, Named],
    zone: ZoneInfo,
    day: date,
    *,
    cheaper: bool,
) -> Side:
    unknown = Named("A calendar that is no longer read", NEUTRAL)
    named = {copy.calendar_id: calendars.get(copy.calendar_id) for copy in meeting.occurrences}
    known = [one for one in named.values() if one is not None]
    count = meeting.attendee_count
    return Side(
        title=title_of(meeting),
        when=_tell_when(meeting, zone, day),
        address=address_details(meeting.leading.occurrence_id, meeting.span.start, zone),
        calendars=known or [unknown],
        place=meeting.location,
        link=find_link(meeting.meeting_url),
        guests="1 person invited" if count == 1 else f"{count} people invited" if count else "",
        marks=list(_mark(meeting)),
        cheaper=cheaper,
    )


def _tell_when(meeting: Meeting, zone: ZoneInfo, day: date) -> str:
    if meeting.all_day:
        days = dates_within(meeting.span, zone)
        return show_span(meeting.span, DateSpan(days[0], days[-1] + _ONE_DAY), zone)
    if dates_within(meeting.span, zone) == [day]:
        return show_clocks(meeting.span, zone)
    return show_span(meeting.span, None, zone)


def _mark(meeting: Meeting) -> Iterator[tuple[str, str]]:
    """Yield what is special about a meeting."""
    if meeting.busy is Busy.TENTATIVE:
        asked = any(copy.my_response is Response.NEEDS_ACTION for copy in meeting.occurrences)
        yield "", "Not answered" if asked else "Tentative"
    if meeting.recurring:
        yield "repeat", "Repeats"
    if meeting.organizer_is_me and meeting.attendee_count:
        yield "", "You organize it"


def _show_place(place: Span, zone: ZoneInfo) -> str:
    start = wall_clock(place.start, zone)
    return f"{start:%a} {start.day} {start:%b}, {show_clocks(place, zone)}"


def _write_letter(title: str | None, places: Sequence[Span], zone: ZoneInfo) -> str:
    if title is None or not places:
        return ""
    lines = [f"- {show_span(place, None, zone)} ({zone.key})" for place in places]
    asked = (
        f"Could we move \N{LEFT DOUBLE QUOTATION MARK}{title}\N{RIGHT DOUBLE QUOTATION MARK}?"
        " These times would suit me:"
    )
    return "\n".join([asked, *lines])


def _tell_end(view: ConflictView, zone: ZoneInfo) -> str | None:
    record = view.record
    at = show_instant(record.closed_at, zone)
    match record.status, record.closed_by:
        case ConflictStatus.OPEN, _:
            return None
        case _, ResolutionOrigin.AUTO:
            return f"Closed by itself on {at}, because the meetings no longer clash."
        case ConflictStatus.IGNORED, _:
            return f"You ignored this on {at}."
        case _:
            return f"You resolved this on {at}."


def _show_past(entry: HistoryEntry, zone: ZoneInfo) -> Past:
    return Past(show_instant(entry.happened_at, zone), ACTIONS[entry.action], entry.note)
