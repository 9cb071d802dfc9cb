"""How the tables write times and events; ``docs/semantics.md`` explains it to people."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from calendar_manager.domain.events import (
    Event,
    EventKind,
    EventStatus,
    EventType,
    Response,
    Transparency,
)
from calendar_manager.domain.timespan import DateSpan, Span

ONE_DAY = timedelta(days=1)
NOTHING = "none"

_DAY = r"(?:\d{4}-)?\d\d-\d\d"
_TIME = r"\d\d:\d\d(?:[+-]\d\d:\d\d)?"
_DAYS = re.compile(rf"(?P<first>{_DAY})(?:\.\.(?P<last>{_DAY}))?")
_SPAN = re.compile(
    rf"(?:(?P<day>{_DAY}) )?(?P<start>{_TIME})/(?:(?P<end_day>{_DAY}) )?(?P<end>{_TIME})"
)
_INSTANT = re.compile(rf"(?:(?P<day>{_DAY}) )?(?P<time>{_TIME})")
_EVENT = re.compile(rf"(?P<when>{_SPAN.pattern}|{_DAYS.pattern})(?P<words>( \S+)*)")
_WORDS: dict[str, tuple[str, type]] = {
    "status": ("status", EventStatus),
    "response": ("my_response", Response),
    "transparency": ("transparency", Transparency),
    "type": ("event_type", EventType),
    "uid": ("ical_uid", str),
    "place": ("location", str),
    "link": ("meeting_url", str),
}


def match(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """Match the whole text.

    Raises:
        ValueError: It does not match.
    """
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(f"cannot read {text!r}")
    return found


def split(text: str) -> list[str]:
    """Return the parts of a list, none of ``none``."""
    return [] if text == NOTHING else text.split(", ")


def read_day(text: str) -> date:
    """Read ``11-23``, in 2026, or ``2011-12-30``."""
    return date.fromisoformat(text if len(text) > len("MM-DD") else f"2026-{text}")


def read_days(text: str) -> DateSpan:
    """Read ``11-23`` or ``11-23..11-25``, the last day included."""
    found = match(_DAYS, text)
    return DateSpan(read_day(found["first"]), read_day(found["last"] or found["first"]) + ONE_DAY)


def read_instant(day: date, text: str, zone: ZoneInfo) -> datetime:
    """Read the clock on the wall, ``24:00`` included, ``02:30+02:00`` where it shows it twice.

    Raises:
        ValueError: The clock never shows that time, or not with that offset, or shows it twice
            and no offset tells which.
    """
    clock, offset = text[: len("HH:MM")], text[len("HH:MM") :]
    hours, minutes = map(int, clock.split(":"))
    wall = datetime.combine(day, datetime.min.time()) + timedelta(hours=hours, minutes=minutes)
    readings = {
        instant
        for fold in (0, 1)
        for instant in [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)]
        if instant.astimezone(zone).replace(tzinfo=None) == wall
        and offset in ("", f"{instant.astimezone(zone).isoformat()[-6:]}")
    }
    if len(readings) != 1:
        raise ValueError(f"{day} {text} stands for {len(readings)} instants in {zone}")
    return readings.pop()


def read_spans(text: str, zone: ZoneInfo) -> list[Span]:
    """Read ``11-23 09:00/10:00, 11:00/12:00``; the day holds on until another one is named."""
    spans: list[Span] = []
    day: date | None = None
    for part in split(text):
        found = match(_SPAN, part)
        day = read_day(found["day"]) if found["day"] else day
        spans.append(_span(found, day, zone))
        day = read_day(found["end_day"]) if found["end_day"] else day
    return spans


def read_instants(text: str, zone: ZoneInfo) -> list[datetime]:
    """Read ``11-23 09:00, 09:30, 11-24 09:00``."""
    instants: list[datetime] = []
    day: date | None = None
    for part in split(text):
        found = match(_INSTANT, part)
        day = read_day(found["day"]) if found["day"] else day
        if day is None:
            raise ValueError(f"no day in {text!r}")
        instants.append(read_instant(day, found["time"], zone))
    return instants


def read_asked(text: str, zone: ZoneInfo) -> Span:
    """Read a span, or whole local days."""
    if "/" in text:
        (span,) = read_spans(text, zone)
        return span
    days = read_days(text)
    return Span(read_instant(days.first, "00:00", zone), read_instant(days.end, "00:00", zone))


def read_events(text: str, zone: ZoneInfo) -> Iterator[tuple[Event, str]]:
    """Read events, each with the name of its calendar, which is Work unless it says another.

    Raises:
        ValueError: A word is not known.
    """
    for number, part in zip(count(1), split(text)):
        found = match(_EVENT, part)
        fields: dict[str, Any] = {"kind": EventKind.SINGLE}
        calendar = "Work"
        for word in found["words"].split():
            key, _, value = word.partition("=")
            if key == "calendar":
                calendar = value
            elif key == "rule":
                fields |= {"kind": EventKind.MASTER, "recurrence": (f"RRULE:{value}",)}
            elif word == "mirror":
                fields["mirror"] = True
            elif key in _WORDS:
                name, kind = _WORDS[key]
                fields[name] = kind(value)
            else:
                raise ValueError(f"cannot read {word!r} in {part!r}")
        when = found["when"]
        yield (
            Event(
                provider_event_id=str(number),
                when=read_spans(when, zone)[0] if "/" in when else read_days(when),
                time_zone=zone.key,
                **fields,
            ),
            calendar,
        )


def name_calendar(name: str) -> UUID:
    """Return an id that is the same for the same name."""
    return UUID(bytes=name.encode().ljust(16)[:16])


def _span(found: re.Match[str], day: date | None, zone: ZoneInfo) -> Span:
    if day is None:
        raise ValueError(f"no day in {found[0]!r}")
    end_day = read_day(found["end_day"]) if found["end_day"] else day
    return Span(read_instant(day, found["start"], zone), read_instant(end_day, found["end"], zone))
