"""Events as iCalendar (RFC 5545), for their owner to take away.

**UIDs.** Copies of one meeting on several calendars share their iCalendar UID, but a stream may
hold an event of one UID only once. So a series and its overrides get a UID made of their calendar
and of the provider's id.

**Recurrence** is what the provider said. A line that our own reader refuses is left out, so that
the stream stays readable; its event is then on its first date only.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

import icalendar

from calendar_manager.domain.errors import CalendarManagerError
from calendar_manager.domain.events import Attendee, Event, Transparency, Visibility
from calendar_manager.domain.recurrence_lines import read_lines
from calendar_manager.domain.recurrence_rule import Moment
from calendar_manager.domain.times import find_zone, is_zone
from calendar_manager.domain.timespan import DateSpan, Span

_PRODUCT: Final = "-//Calendar Manager//Export//EN"
_ZONES_FROM: Final = date(1970, 1, 1)
_ZONES_UNTIL: Final = date(2038, 1, 1)
_CLASSES: Final = {
    Visibility.PUBLIC: "PUBLIC",
    Visibility.PRIVATE: "PRIVATE",
    Visibility.CONFIDENTIAL: "CONFIDENTIAL",
}


def write_head(zones: Iterable[str]) -> bytes:
    """Return the beginning of a stream with the definitions of time zones.

    Args:
        zones: Names of zones; those that are none of IANA's are passed over.
    """
    calendar = icalendar.Calendar()
    calendar.add("PRODID", _PRODUCT)
    calendar.add("VERSION", "2.0")
    for name in zones:
        if is_zone(name):
            calendar.add_component(
                icalendar.Timezone.from_tzinfo(
                    find_zone(name), name, first_date=_ZONES_FROM, last_date=_ZONES_UNTIL
                )
            )
    text: bytes = calendar.to_ical()
    return text.removesuffix(b"END:VCALENDAR\r\n")


def write_tail() -> bytes:
    """Return the end of a stream."""
    return b"END:VCALENDAR\r\n"


def write_event(event: Event, *, calendar_id: UUID, calendar_name: str, now: datetime) -> bytes:
    """Return an event as a component of a stream.

    Args:
        event: The event.
        calendar_id: Its calendar; the UID is made of it.
        calendar_name: What the person calls that.
        now: When it is written, which is what DTSTAMP says where there is no METHOD.
    """
    component = icalendar.Event()
    component.add("UID", str(uuid5(calendar_id, event.series_id or event.provider_event_id)))
    component.add("DTSTAMP", now)
    component.add("SUMMARY", _clean(event.title))
    zone = event.time_zone if event.time_zone and is_zone(event.time_zone) else None
    _add_times(component, event, zone)
    for name, value in _recurrence(event, zone):
        component.add(name, value)
    component.add("STATUS", event.status.value.upper())
    transparent = event.transparency is Transparency.TRANSPARENT
    component.add("TRANSP", "TRANSPARENT" if transparent else "OPAQUE")
    component.add("SEQUENCE", max(event.sequence, 0))
    if event.visibility in _CLASSES:
        component.add("CLASS", _CLASSES[event.visibility])
    for name, text in (
        ("LOCATION", event.location),
        ("DESCRIPTION", event.description),
        ("X-CALENDAR-MANAGER-MEETING-URL", event.meeting_url),
        ("X-CALENDAR-MANAGER-ICAL-UID", event.ical_uid),
        ("X-CALENDAR-MANAGER-CALENDAR", calendar_name),
    ):
        if text:
            # Names of our own have no type that the library would know.
            component.add(name, icalendar.vText(_clean(text)))
    if event.provider_updated_at is not None:
        component.add("LAST-MODIFIED", event.provider_updated_at.astimezone(UTC))
    if event.organizer is not None and event.organizer.email:
        component.add("ORGANIZER", _address(event.organizer.email, event.organizer.name))
    for attendee in event.attendees:
        if attendee.email:
            component.add("ATTENDEE", _attendee(attendee, attendee.email))
    written: bytes = component.to_ical()
    return written


def _add_times(component: icalendar.Event, event: Event, zone: str | None) -> None:
    """Add when an event is; what takes no time has no end (section 3.6.1)."""
    if isinstance(event.when, Span):
        component.add("DTSTART", _local(event.when.start, zone))
        if event.when.end.replace(microsecond=0) > event.when.start.replace(microsecond=0):
            component.add("DTEND", _local(event.when.end, zone))
    elif isinstance(event.when, DateSpan):
        component.add("DTSTART", event.when.first)
        if event.when.end > event.when.first:
            component.add("DTEND", event.when.end)
    original = event.original_start
    if original is None:
        return
    moment = _local(original, zone) if isinstance(original, datetime) else original
    component.add("RECURRENCE-ID", moment)
    if event.when is None:
        # A cancelled occurrence, of which providers send no times of its own.
        component.add("DTSTART", moment)


def _local(instant: datetime, zone: str | None) -> datetime:
    """Return an instant as the event's zone shows it, or in UTC, without parts of a second."""
    whole = instant.replace(microsecond=0)
    return whole.astimezone(UTC if zone is None else find_zone(zone))


def _recurrence(event: Event, zone: str | None) -> Iterator[tuple[str, Any]]:
    for line in event.recurrence:
        try:
            lines = read_lines([line])
            name, _, value = line.strip().partition(":")
            if lines.rules or lines.excluded_rules:
                yield name.split(";")[0].upper(), icalendar.vRecur.from_ical(value)
        except (CalendarManagerError, ValueError):
            continue
        for name, moments in (("RDATE", lines.dates), ("EXDATE", lines.excluded_dates)):
            for moment in moments:
                yield name, _moment(moment, event, zone)


def _moment(moment: Moment, event: Event, zone: str | None) -> datetime | date:
    """Return a moment in the way in which its series begins, so that readers find it there."""
    series_zone = find_zone(zone or "UTC")
    if event.all_day:
        return moment.day(series_zone)
    return moment.instant(series_zone).astimezone(UTC if zone is None else series_zone)


def _address(email: str, name: str | None) -> icalendar.vCalAddress:
    address = icalendar.vCalAddress(f"mailto:{_clean_line(email)}")
    if name:
        address.params["CN"] = _clean_line(name).replace('"', "'")
    return address


def _attendee(attendee: Attendee, email: str) -> icalendar.vCalAddress:
    address = _address(email, attendee.name)
    address.params["PARTSTAT"] = attendee.response.value.upper()
    address.params["ROLE"] = "OPT-PARTICIPANT" if attendee.optional else "REQ-PARTICIPANT"
    if attendee.resource:
        address.params["CUTYPE"] = "RESOURCE"
    return address


def _clean_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    """Return a text without what a stream cannot hold (section 3.1): control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        character
        for character in lines
        if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs"}
    )
