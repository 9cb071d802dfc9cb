"""Reading any iCalendar text into neutral events, leniently: a bad VEVENT costs only itself."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from calendar_manager.sandbox.ics_text import Line, decode, read_line, split_blocks
from calendar_manager.sandbox.ics_zones import ZoneFinder

Moment = date | datetime

_MOMENT_NAMES = ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE")
_RECURRENCE_NAMES = ("RRULE", "EXRULE", "RDATE", "EXDATE")
_ONE_DAY = timedelta(days=1)


class ComponentError(ValueError):
    """A VEVENT that cannot become an event; the message says why."""


@dataclass(frozen=True)
class IcsAttendee:
    """One ATTENDEE: address, name and PARTSTAT in upper case."""

    email: str
    name: str
    answer: str


@dataclass(frozen=True)
class IcsEvent:
    """One VEVENT. Moments are dates, or datetimes in an IANA zone; the end is exclusive.

    ``recurrence`` holds RRULE, EXRULE, RDATE and EXDATE lines whose TZIDs are IANA names.
    """

    uid: str
    sequence: int
    start: Moment
    end: Moment
    recurrence_id: Moment | None
    recurrence: tuple[str, ...]
    summary: str
    description: str
    location: str
    status: str
    transparent: bool
    classification: str
    organizer: str
    attendees: tuple[IcsAttendee, ...]


@dataclass
class IcsFeed:
    """A whole text.

    Attributes:
        name: ``X-WR-CALNAME``.
        time_zone: IANA zone of the feed.
        events: What could be read, in the text's order.
        problems: What could not, one line each, and zones that nobody knows.
        rejected: How many VEVENTs could not be read.
    """

    name: str
    time_zone: str
    events: list[IcsEvent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rejected: int = 0


def read_ics(text: str | bytes, default_time_zone: str) -> IcsFeed:
    """Return the events of an iCalendar text; it never fails, whatever the text is.

    Args:
        text: The text, or the bytes of the file.
        default_time_zone: IANA zone for floating times and unknown TZIDs of a feed without
            ``X-WR-TIMEZONE``.
    """
    blocks = split_blocks(decode(text))
    zones = ZoneFinder(default_time_zone, blocks.headers.get("X-WR-TIMEZONE"), blocks.zone_names)
    feed = IcsFeed(blocks.headers.get("X-WR-CALNAME", ""), zones.feed_zone.key)
    for number, lines in enumerate(blocks.events, 1):
        try:
            feed.events.append(_read_event(lines, zones))
        except (ValueError, OverflowError, TypeError, KeyError, AttributeError) as error:
            feed.rejected += 1
            feed.problems.append(f"VEVENT {number}: {error}")
    if blocks.unfinished:
        feed.rejected += blocks.unfinished
        feed.problems.append(f"{blocks.unfinished} VEVENTs never end.")
    feed.problems += [f"Unknown time zone {name!r}." for name in zones.unknown]
    return feed


def _read_event(lines: list[str], zones: ZoneFinder) -> IcsEvent:
    parsed = [line for line in map(read_line, lines) if line is not None]
    component = icalendar.Event.from_ical("\r\n".join([*map(_hide_zone, lines), ""]))
    if not isinstance(component, icalendar.Event):
        raise ComponentError("it is not an event")
    placed = _Placer(component, parsed, zones)
    start = placed.read("DTSTART")
    if start is None:
        raise ComponentError("it has no DTSTART")
    end = _read_end(component, start, placed.read("DTEND"))
    if _is_before(end, start):
        raise ComponentError("it ends before it starts")
    recurrence_id = placed.read("RECURRENCE-ID")
    recurrence = () if recurrence_id is not None else tuple(_read_recurrence(parsed, zones))
    return IcsEvent(
        uid=_text(component, "UID"),
        sequence=_read_number(_text(component, "SEQUENCE")),
        start=start,
        end=end,
        recurrence_id=recurrence_id,
        recurrence=recurrence,
        summary=_text(component, "SUMMARY"),
        description=_text(component, "DESCRIPTION"),
        location=_text(component, "LOCATION"),
        status=_text(component, "STATUS").upper(),
        transparent=_text(component, "TRANSP").upper() == "TRANSPARENT",
        classification=_text(component, "CLASS").upper(),
        organizer=_read_address(_text(component, "ORGANIZER")),
        attendees=tuple(_read_attendees(component)),
    )


def _text(component: icalendar.Event, name: str) -> str:
    value = component.get(name, "")
    if isinstance(value, list):
        value = value[0]
    return str(value).strip()


def _read_number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _hide_zone(text: str) -> str:
    """Return the line without its TZID, so that the parser neither guesses nor warns."""
    line = read_line(text)
    if line is None or line.name not in _MOMENT_NAMES or "TZID" not in line.parameters:
        return text
    value_type = line.parameters.get("VALUE")
    return f"{line.name}{f';VALUE={value_type}' if value_type else ''}:{line.value}"


class _Placer:
    """Reads the moments of one component in their IANA zones."""

    def __init__(self, component: icalendar.Event, lines: list[Line], zones: ZoneFinder) -> None:
        self._component = component
        self._zones = zones
        self._zone_names = {
            line.name: line.parameters["TZID"] for line in lines if "TZID" in line.parameters
        }

    def read(self, name: str) -> Moment | None:
        """Return the property's moment, or None when the component has none."""
        value = self._component.get(name)
        value = value[0] if isinstance(value, list) else value
        if value is None:
            return None
        try:
            moment = value.dt
        except (AttributeError, ValueError) as error:
            raise ComponentError(f"its {name} cannot be read") from error
        if isinstance(moment, datetime):
            return self._place(moment, self._zone_names.get(name))
        if isinstance(moment, date):
            return moment
        raise ComponentError(f"its {name} is neither a date nor a time")

    def _place(self, at: datetime, zone_name: str | None) -> datetime:
        """Return the time in its zone: a UTC mark decides, then its TZID, then the feed."""
        if at.tzinfo is not None:
            return at.replace(tzinfo=ZoneInfo("UTC"))
        zone = self._zones.find(zone_name) if zone_name else self._zones.feed_zone
        return _settle(at.replace(tzinfo=zone))


def _settle(at: datetime) -> datetime:
    # The round trip moves a time inside a DST gap forward.
    return at.replace(microsecond=0).astimezone(UTC).astimezone(at.tzinfo)


def _read_end(component: icalendar.Event, start: Moment, end: Moment | None) -> Moment:
    duration = getattr(component.get("DURATION"), "dt", None)
    if end is None and isinstance(duration, timedelta):
        if isinstance(start, datetime):
            end = (start.astimezone(UTC) + duration).astimezone(start.tzinfo)
        else:
            end = start + timedelta(days=duration.days)
    if not isinstance(start, datetime):
        # All-day events end the day after at the earliest; many feeds repeat the start's date.
        last = end.date() if isinstance(end, datetime) else end
        return start + _ONE_DAY if last is None or last == start else last
    if end is None:
        return start
    if not isinstance(end, datetime):
        return _settle(datetime(end.year, end.month, end.day, tzinfo=start.tzinfo))
    return end


def _is_before(one: Moment, other: Moment) -> bool:
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one.astimezone(UTC) < other.astimezone(UTC)
    return one.toordinal() < other.toordinal()


def _read_recurrence(lines: list[Line], zones: ZoneFinder) -> list[str]:
    """Return the recurrence lines as Google takes them: IANA zones, no periods, no VALUE noise."""
    found = []
    for line in lines:
        if line.name not in _RECURRENCE_NAMES or not line.value.strip():
            continue
        value = line.value.strip()
        if line.name in {"RRULE", "EXRULE"}:
            found.append(f"{line.name}:{value}")
            continue
        head = line.name
        texts = [text.split("/")[0].strip() for text in value.split(",") if text.strip()]
        if texts and "T" not in texts[0]:
            head += ";VALUE=DATE"
        elif "TZID" in line.parameters and not texts[0].endswith("Z"):
            head += f";TZID={zones.find(line.parameters['TZID']).key}"
        found.append(f"{head}:{','.join(texts)}")
    return found


def _read_address(text: str) -> str:
    address = text.partition(":")[2] if text.lower().startswith("mailto:") else text
    return address.strip() if "@" in address else ""


def _read_attendees(component: icalendar.Event) -> list[IcsAttendee]:
    values: Any = component.get("ATTENDEE", [])
    attendees = []
    for value in values if isinstance(values, list) else [values]:
        email = _read_address(str(value))
        if email:
            parameters = getattr(value, "params", {})
            name, answer = str(parameters.get("CN", "")), str(parameters.get("PARTSTAT", ""))
            attendees.append(IcsAttendee(email, name, answer.upper()))
    return attendees
