"""What the details of a meeting show."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.accounts.errors import EventNotFoundError
from calendar_manager.domain.conflict_reconciliation import ConflictStatus
from calendar_manager.domain.events import Attendee, Event, EventKind, Person, Response
from calendar_manager.domain.times import find_zone, is_zone, local_date
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.agenda import AgendaItem, AgendaQuestion, list_agenda
from calendar_manager.scheduling.asked_time import resolve_moment
from calendar_manager.scheduling.errors import InvalidQuestionError
from calendar_manager.store.client_rows import Assignment, Origin
from calendar_manager.store.conflict_rows import ConflictFilter
from calendar_manager.store.unit_of_work import Store
from calendar_manager.web.event_client import find_said
from calendar_manager.web.palette import NEUTRAL
from calendar_manager.web.recurrence_words import REPEATS, describe_recurrence
from calendar_manager.web.wall_clocks import show_span
from calendar_manager.web.week_events import (
    Named,
    address_details,
    name_calendars,
    name_clients,
)
from calendar_manager.web.week_meetings import WeekMeeting, group_items

_MOST_GUESTS: Final = 40
_MOST_AT_ONCE: Final = 500
_ONE_DAY: Final = timedelta(days=1)
_ANSWERS: Final = {
    Response.ACCEPTED: "accepted",
    Response.DECLINED: "declined",
    Response.TENTATIVE: "maybe",
    Response.NEEDS_ACTION: "no answer yet",
}


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody invited.

    Attributes:
        name: The name, or else the address.
        answer: In words.
        kind: The same as the domain calls it.
        notes: What else is to be said, such as ``optional``; may be empty.
    """

    name: str
    answer: str
    kind: str
    notes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """The details of a meeting.

    Attributes:
        occurrence_id: Of the occurrence that was asked for.
        address: Where this is shown.
        one: The meeting itself.
        zone: In which zone the times are told.
        when: When, in that zone.
        elsewhere: The same in the event's own zone, when its clock reads differently.
        calendars: On which calendars it lives.
        place: Where; None when nowhere is named, or only an address on the web.
        link: The address of the online meeting, only ever https.
        organizer: Who called it, or None.
        guests: Who is invited, the first of them.
        more_guests: How many more there are.
        recurrence: How it repeats, or None.
        client: Whom it belongs to now, or None.
        said: What is written down about that, or None.
        clients: Whom it may belong to.
    """

    occurrence_id: UUID
    address: str
    one: WeekMeeting
    zone: ZoneInfo
    when: str
    elsewhere: str | None
    calendars: list[Named]
    place: str | None
    link: str | None
    organizer: str | None
    guests: list[Guest]
    more_guests: int
    recurrence: str | None
    client: Named | None
    said: Assignment | None
    clients: dict[UUID, Named]

    @property
    def day(self) -> date:
        """The first day, in the zone that is shown."""
        dates = self.one.leading.dates
        return dates.first if dates else local_date(self.one.meeting.span.start, self.zone)

    @property
    def assign_address(self) -> str:
        """Where the form that says whom it belongs to is sent."""
        path, _, query = self.address.partition("?")
        return f"{path}/client?{query}"

    @property
    def origin(self) -> str:
        """Who says whom it belongs to, for people."""
        if self.said is not None and self.said.origin is Origin.HAND:
            return "said by you"
        return "by a rule" if self.said is not None else "by the calendar"


def load_event(
    store: Store, user: User, occurrence_id: UUID, at: datetime, zone: ZoneInfo
) -> EventView:
    """Return the details of a user's meeting.

    Args:
        store: PostgreSQL.
        user: Whose.
        occurrence_id: Of any of its copies.
        at: When the occurrence starts.
        zone: Whose clock is shown.

    Raises:
        EventNotFoundError: The user has no such occurrence at that time.
    """
    items = _find_copies(store, user, occurrence_id, at, zone)
    span = items[0].entry.span
    wanted = ConflictFilter(statuses=(ConflictStatus.OPEN,), span=span.widened(_ONE_DAY, _ONE_DAY))
    with store.begin() as uow:
        conflicts = uow.conflicts.list(user.id, wanted, limit=_MOST_AT_ONCE)
        calendars = name_calendars(uow.lookups.load_calendars(user.id))
        clients = name_clients(uow.clients.list(user.id))
        one = group_items(items, conflicts)[0]
        said = find_said(uow, user, one.copies)
    entry, event, place = one.leading, _richest(one), one.meeting.location
    nameless = Named("Another calendar", NEUTRAL)
    homes = {copy.calendar_id: calendars.get(copy.calendar_id, nameless) for copy in one.copies}
    return EventView(
        occurrence_id=occurrence_id,
        address=address_details(occurrence_id, span.start, zone),
        one=one,
        zone=zone,
        when=show_span(span, entry.dates, zone),
        elsewhere=None if entry.dates else _tell_elsewhere(span, event, zone),
        calendars=list(homes.values()),
        place=None if find_link(place) else place,
        link=find_link(one.meeting.meeting_url) or find_link(place),
        organizer=_show_person(event.organizer),
        guests=[_show_guest(guest) for guest in event.attendees[:_MOST_GUESTS]],
        more_guests=max(0, len(event.attendees) - _MOST_GUESTS),
        recurrence=_tell_recurrence(one, zone),
        client=None if one.client_id is None else clients.get(one.client_id),
        said=said,
        clients=clients,
    )


def find_link(address: str | None) -> str | None:
    """Return an address that a person may safely follow, or None: https, with a host."""
    if not address:
        return None
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    return address.strip() if parts.scheme == "https" and parts.hostname else None


def _find_copies(
    store: Store, user: User, occurrence_id: UUID, at: datetime, zone: ZoneInfo
) -> list[AgendaItem]:
    """Return the occurrence that was asked for, and its copies on other calendars."""
    try:
        start = resolve_moment(at, "at", zone)
    except InvalidQuestionError:
        raise EventNotFoundError from None
    moment = Span(start, start + timedelta.resolution)
    items = list_agenda(store, user, AgendaQuestion(span=moment), limit=_MOST_AT_ONCE)
    for one in group_items(items, ()):
        if occurrence_id in one.meeting.occurrence_ids and one.meeting.span.start == start:
            wanted = one.meeting.occurrence_ids
            return [item for item in items if item.entry.occurrence_id in wanted]
    raise EventNotFoundError


def _richest(one: WeekMeeting) -> Event:
    """Return the copy that knows most about who takes part; calendars hide it on others."""
    return max(
        (copy.event for copy in one.copies),
        key=lambda event: (len(event.attendees), event.organizer is not None),
    )


def _find_own_zone(event: Event) -> ZoneInfo | None:
    name = event.time_zone
    return find_zone(name) if name is not None and is_zone(name) else None


def _tell_elsewhere(span: Span, event: Event, zone: ZoneInfo) -> str | None:
    own = _find_own_zone(event)
    if own is None:
        return None
    if own.utcoffset(span.start.astimezone(own)) == zone.utcoffset(span.start.astimezone(zone)):
        return None
    return f"{show_span(span, None, own)} in {show_zone(own.key)}"


def show_zone(name: str) -> str:
    """Return an IANA zone's name for people."""
    return name.replace("_", " ")


def _tell_recurrence(one: WeekMeeting, zone: ZoneInfo) -> str | None:
    kinds = {copy.event.kind: copy.event for copy in one.copies}
    if EventKind.MASTER in kinds:
        master = kinds[EventKind.MASTER]
        recurs_in = _find_own_zone(master) or zone
        return describe_recurrence(master.recurrence, recurs_in, all_day=master.all_day)
    if EventKind.OVERRIDE in kinds:
        return f"{REPEATS}; this one was changed"
    return None


def _show_person(person: Person | None) -> str | None:
    if person is None:
        return None
    return person.name or person.email


def _show_guest(guest: Attendee) -> Guest:
    notes = [
        word
        for word, holds in (
            ("you", guest.is_self),
            ("organizer", guest.organizer),
            ("optional", guest.optional),
            ("room", guest.resource),
        )
        if holds
    ]
    name = guest.name or guest.email or "Somebody"
    return Guest(name, _ANSWERS[guest.response], guest.response.value, ", ".join(notes))
