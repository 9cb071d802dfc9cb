"""Moving an iCalendar text to another week, so that a packaged calendar is always current."""

import re
from datetime import date, timedelta

from calendar_manager.sandbox.ics_text import decode, unfold

WEEK_PROPERTY = "X-SANDBOX-WEEK"
"""A calendar property, ``YYYYMMDD``: a day of the week that becomes the wanted one."""

FIXED_PROPERTY = "X-SANDBOX-FIXED"
"""An event property: this event keeps its dates, as a public holiday does."""

_DATE = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?=T\d{6}|\D|$)")
_MOVED = re.compile(r"(DTSTART|DTEND|RECURRENCE-ID|EXDATE|RDATE|RRULE|EXRULE)[;:]", re.IGNORECASE)
_FIRST_START = re.compile(r"^DTSTART[^:\n]*:(\d{8})", re.MULTILINE | re.IGNORECASE)
_EVENT = re.compile(r"BEGIN:VEVENT.*?END:VEVENT", re.DOTALL | re.IGNORECASE)


def monday_of(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def shift_to_week(ics_text: str | bytes, monday: date) -> str:
    """Return the text with its events moved by whole weeks.

    The text's own week is that of ``X-SANDBOX-WEEK``, or else of its earliest event. Wall-clock
    times, weekdays and everything between events stay as they are.

    Args:
        ics_text: The iCalendar text.
        monday: The Monday on which the text's week is to begin.
    """
    text = "\n".join(unfold(decode(ics_text)))
    first = _find_week(text)
    if first is None:
        return text
    weeks = round((monday_of(monday) - monday_of(first)).days / 7)
    return _EVENT.sub(lambda event: _shift_event(event.group(), weeks), text)


def _find_week(text: str) -> date | None:
    marked = re.search(rf"^{WEEK_PROPERTY}:(\d{{8}})", text, re.MULTILINE)
    events = "\n".join(match.group() for match in _EVENT.finditer(text))
    starts = [marked.group(1)] if marked else _FIRST_START.findall(events)
    days = [day for day in map(_read_day, starts) if day is not None]
    return min(days, default=None)


def _read_day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _shift_event(event: str, weeks: int) -> str:
    if FIXED_PROPERTY in event.upper():
        return event
    return "\n".join(
        _shift_line(line, weeks) if _MOVED.match(line) else line for line in event.split("\n")
    )


def _shift_line(line: str, weeks: int) -> str:
    head, _, value = line.partition(":")

    def move(match: re.Match[str]) -> str:
        day = _read_day("".join(match.groups()))
        if day is None:
            return match.group()
        return (day + timedelta(weeks=weeks)).strftime("%Y%m%d")

    return f"{head}:{_DATE.sub(move, value)}"
