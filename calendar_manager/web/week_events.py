"""What the calendar grid of the week page draws."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.accounts.errors import InvalidFieldsError
from calendar_manager.domain.accounts import CalendarStatus, ConnectionStatus
from calendar_manager.domain.clients import Client
from calendar_manager.domain.conflict_reconciliation import ConflictStatus
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.agenda import AgendaItem, AgendaQuestion, list_agenda
from calendar_manager.scheduling.asked_time import resolve_span
from calendar_manager.scheduling.availability import AvailabilityQuestion, find_availability
from calendar_manager.scheduling.errors import InvalidQuestionError
from calendar_manager.store.agenda_entries import AgendaCalendar
from calendar_manager.store.conflict_rows import ConflictFilter, ConflictRecord
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.web.palette import NEUTRAL, color_calendars, pick_colors
from calendar_manager.web.wall_clocks import (
    describe_clock_changes,
    place_on_grid,
    show_clocks,
    show_span,
)
from calendar_manager.web.week_meetings import WeekMeeting, group_items

LONGEST_DAYS: Final = 62
"""The longest range of one look: two months."""

MOST_OCCURRENCES: Final = 4000
"""More than a person can look at; a bound for one answer."""

NO_CLIENT: Final = "none"
"""How the filter calls what belongs to nobody."""

_MOST_CONFLICTS: Final = 1000
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekQuestion:
    """What the grid asks for.

    Attributes:
        first: The first day.
        end: The day after the last one.
        zone: Whose days these are, and whose clock is drawn.
        calendars: Which calendars are shown, by their ids; None for all.
        clients: Which clients are, by their ids or :data:`NO_CLIENT`; None for all.
        declined: Whether declined meetings are shown.
        by_client: Whether colours are those of clients instead of calendars.
    """

    first: date
    end: date
    zone: ZoneInfo
    calendars: frozenset[str] | None = None
    clients: frozenset[str] | None = None
    declined: bool = False
    by_client: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A calendar or a client as a name in a colour."""

    name: str
    color: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnMeeting:
    """A meeting as the grid draws it.

    Attributes:
        id: Of its leading occurrence.
        url: Where its details are.
        title: Never empty.
        start: The wall clock, or the date of an all-day meeting.
        end: The same; exclusive.
        all_day: Whether it has dates.
        clocks: Its times for people; empty when it is all-day.
        color: ``#rrggbb``.
        calendars: On which calendars it lives.
        client: Whom it belongs to.
        severity: Of its worst conflict, or None.
        clash: What is wrong, in words, or None.
        uncertain: Why it may not take place, or None.
        declined: Whether the person declined it.
        busy: Whether it makes the person busy.
        recurring: Whether it belongs to a series.
        label: All but its title, in words.
    """

    id: str
    url: str
    title: str
    start: str
    end: str
    all_day: bool
    clocks: str
    color: str
    calendars: list[Named]
    client: Named | None
    severity: str | None
    clash: str | None
    uncertain: str | None
    declined: bool
    busy: bool
    recurring: bool
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnWeek:
    """Everything that the grid draws.

    Attributes:
        events: The meetings, the earliest first.
        free: Free time as pairs of wall clocks.
        hidden: How many meetings the filters hide.
        conflicts: How many open conflicts the shown meetings are in.
        clock_changes: A sentence for each day on which clocks are changed.
        reading: The names of calendars that are being read for the first time.
        truncated: Whether there is more than is shown.
    """

    events: list[DrawnMeeting]
    free: list[tuple[str, str]]
    hidden: int
    conflicts: int
    clock_changes: list[str]
    reading: list[str]
    truncated: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    calendars: Mapping[UUID, Named]
    clients: Mapping[UUID, Named]
    conflicts: Sequence[ConflictRecord]
    reading: list[str]


def draw_week(
    store: Store, user: User, question: WeekQuestion, *, now: datetime, maximum_age: timedelta
) -> DrawnWeek:
    """Return what the grid shows of a user's calendars.

    Args:
        store: PostgreSQL.
        user: Whose.
        question: What the grid asks for.
        now: The present.
        maximum_age: Copies of calendars older than this are stale.

    Raises:
        InvalidFieldsError: The range cannot be used.
    """
    asked = _resolve(question)
    # All-day events have the user's days, which may begin a day apart from those of the zone.
    around = AgendaQuestion(span=asked.widened(_ONE_DAY, _ONE_DAY))
    found = list_agenda(store, user, around, limit=MOST_OCCURRENCES + 1)
    items = [item for item in found[:MOST_OCCURRENCES] if _lies_in(item, question, asked)]
    with store.begin() as uow:
        known = _load_surroundings(uow, user, items, asked)
    meetings = [
        one for one in group_items(items, known.conflicts) if question.declined or not one.declined
    ]
    shown = [one for one in meetings if _is_chosen(one, question)]
    return DrawnWeek(
        events=[_draw(one, question, known) for one in shown],
        free=_find_free(store, user, question, now=now, maximum_age=maximum_age),
        hidden=len(meetings) - len(shown),
        conflicts=len({clash.conflict_id for one in shown for clash in one.clashes}),
        clock_changes=describe_clock_changes(DateSpan(question.first, question.end), question.zone),
        reading=known.reading,
        truncated=len(found) > MOST_OCCURRENCES,
    )


def name_calendars(calendars: Iterable[AgendaCalendar]) -> dict[UUID, Named]:
    """Return the names and colours of a user's calendars, in their order."""
    listed = [entry.calendar for entry in calendars]
    colors = color_calendars(listed)
    return {calendar.id: Named(calendar.name, colors[calendar.id]) for calendar in listed}


def name_first_reads(calendars: Iterable[AgendaCalendar]) -> list[str]:
    """Return the names of the calendars that are being read for the first time.

    One that cannot be read now is not among them: nothing of it arrives until that is mended.
    """
    return [
        entry.calendar.name
        for entry in calendars
        if entry.calendar.last_synced_at is None
        and entry.calendar.status is not CalendarStatus.FAILING
        and entry.connection_status is ConnectionStatus.ACTIVE
    ]


def name_clients(clients: Iterable[Client]) -> dict[UUID, Named]:
    """Return the names and colours of a user's clients, in their order."""
    listed = list(clients)
    colors = pick_colors([client.color for client in listed])
    return {
        client.id: Named(client.name, color) for client, color in zip(listed, colors, strict=True)
    }


def address_details(occurrence_id: UUID, start: datetime, zone: ZoneInfo) -> str:
    """Return where the details of an occurrence are shown.

    Its start stands there too, because an occurrence beyond the horizon is in no table and is
    computed where it lies.
    """
    query = urlencode({"at": f"{start:%Y-%m-%dT%H:%M:%S.%fZ}", "tz": zone.key})
    return f"/week/events/{occurrence_id}?{query}"


def _resolve(question: WeekQuestion) -> Span:
    if (question.end - question.first).days > LONGEST_DAYS:
        raise InvalidFieldsError({"end": f"Ask for at most {LONGEST_DAYS} days at a time."})
    try:
        # Clocks going back make a range of days longer than so many times 24 hours.
        longest = timedelta(days=LONGEST_DAYS + 1)
        return resolve_span(question.first, question.end, question.zone, longest=longest)
    except InvalidQuestionError as error:
        raise InvalidFieldsError({error.field: str(error)}) from error


def _lies_in(item: AgendaItem, question: WeekQuestion, asked: Span) -> bool:
    dates, span = item.entry.dates, item.entry.span
    if dates is not None:
        return dates.first < question.end and max(dates.end, dates.first + _ONE_DAY) > (
            question.first
        )
    return span.overlaps(asked) or (span.is_empty and asked.start <= span.start < asked.end)


def _load_surroundings(
    uow: UnitOfWork, user: User, items: Sequence[AgendaItem], asked: Span
) -> _Surroundings:
    """Load the names of everything, and the conflicts of what is shown."""
    calendars = uow.lookups.load_calendars(user.id)
    spans = [item.entry.span for item in items] or [asked]
    # A meeting that reaches over the edge may have its conflict beyond it.
    around = Span(min(one.start for one in spans), max(one.end for one in spans))
    wanted = ConflictFilter(
        statuses=(ConflictStatus.OPEN,), span=around.widened(_ONE_DAY, _ONE_DAY)
    )
    return _Surroundings(
        calendars=name_calendars(calendars),
        clients=name_clients(uow.clients.list(user.id)),
        conflicts=uow.conflicts.list(user.id, wanted, limit=_MOST_CONFLICTS),
        reading=name_first_reads(calendars),
    )


def _is_chosen(one: WeekMeeting, question: WeekQuestion) -> bool:
    if question.clients is not None:
        client = NO_CLIENT if one.client_id is None else str(one.client_id)
        if client not in question.clients:
            return False
    return question.calendars is None or any(
        str(copy.calendar_id) in question.calendars for copy in one.copies
    )


def _draw(one: WeekMeeting, question: WeekQuestion, known: _Surroundings) -> DrawnMeeting:
    entry = one.leading
    nameless = Named("Another calendar", NEUTRAL)
    # The copy on a chosen calendar gives the colour, so that the filter and the grid agree.
    chosen = sorted(
        one.copies,
        key=lambda copy: (
            question.calendars is not None and str(copy.calendar_id) not in question.calendars
        ),
    )
    calendars = list(
        {
            copy.calendar_id: known.calendars.get(copy.calendar_id, nameless) for copy in chosen
        }.values()
    )
    client = None if one.client_id is None else known.clients.get(one.client_id)
    if question.by_client:
        color = NEUTRAL if client is None else client.color
    else:
        color = calendars[0].color
    if entry.dates is None:
        start, end = place_on_grid(entry.span, question.zone)
        clocks = show_clocks(entry.span, question.zone)
    else:
        start, end = entry.dates.first.isoformat(), entry.dates.end.isoformat()
        clocks = ""
    worst = one.clashes[0] if one.clashes else None
    return DrawnMeeting(
        id=str(entry.occurrence_id),
        url=address_details(entry.occurrence_id, entry.span.start, question.zone),
        title=one.title,
        start=start,
        end=end,
        all_day=entry.dates is not None,
        clocks=clocks,
        color=color,
        calendars=calendars,
        client=client,
        severity=worst.severity.value if worst else None,
        clash=worst.words if worst else None,
        uncertain=one.uncertain,
        declined=one.declined,
        busy=one.busy,
        recurring=one.meeting.recurring,
        label=_describe(one, question.zone, calendars, client),
    )


def _describe(
    one: WeekMeeting, zone: ZoneInfo, calendars: Sequence[Named], client: Named | None
) -> str:
    """Return everything but the title in words, for people who do not see the grid."""
    parts = [
        show_span(one.leading.span, one.leading.dates, zone),
        "on " + " and ".join(named.name for named in calendars),
        *([f"for {client.name}"] if client else []),
        *one.states,
        *(clash.words for clash in one.clashes[:1]),
    ]
    return ", ".join(parts)


def _find_free(
    store: Store, user: User, question: WeekQuestion, *, now: datetime, maximum_age: timedelta
) -> list[tuple[str, str]]:
    """Return when the user is free to be booked, as the grid draws it."""
    asked = AvailabilityQuestion(
        start=question.first, end=question.end, time_zone=question.zone.key
    )
    try:
        answer = find_availability(store, user, asked, now=now, maximum_age=maximum_age)
    except InvalidRulesError:
        # The page for the rules says what is wrong with them; here is just nothing to shade.
        return []
    return [place_on_grid(window, question.zone) for window in answer.free.windows]
