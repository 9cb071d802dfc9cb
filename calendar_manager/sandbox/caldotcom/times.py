"""Instants, dates and wall clock times as Cal.com's API writes them."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UTC_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]00:?00)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def cut_to_milliseconds(at: datetime) -> datetime:
    """Return the instant as Cal.com's database keeps it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def write_instant(at: datetime) -> str:
    """Return an aware instant in UTC, with milliseconds and ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_utc(text: str) -> datetime:
    """Return an ISO 8601 instant that is written in UTC.

    Raises:
        ValueError: It is none, or has no zone, or another one.
    """
    if not _UTC_INSTANT.fullmatch(text):
        raise ValueError(f"{text} is not an ISO 8601 instant in UTC")
    return datetime.fromisoformat(text).astimezone(UTC)


def read_instant_or_date(text: str, *, end_of_day: bool = False) -> datetime:
    """Return an instant in UTC, of a date its first moment, or its last second.

    Raises:
        ValueError: It is neither.
    """
    if not _DATE.fullmatch(text):
        return read_utc(text)
    clock = time(23, 59, 59) if end_of_day else time()
    return datetime.combine(date.fromisoformat(text), clock, UTC)


def read_date(text: str) -> date:
    """Return a ``YYYY-MM-DD`` date.

    Raises:
        ValueError: It is none.
    """
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text} is not a date")
    return date.fromisoformat(text)


def read_clock_time(text: str) -> time:
    """Return an ``HH:MM`` wall clock time.

    Raises:
        ValueError: It is none.
    """
    if not _CLOCK_TIME.fullmatch(text):
        raise ValueError(f"{text} is not a time in format HH:MM")
    return time.fromisoformat(text)


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone, or None when there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def span_whole_days(start_at: datetime, end_at: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last millisecond of the UTC days that hold the two instants."""
    midnight = start_at.replace(hour=0, minute=0, second=0, microsecond=0)
    last = end_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, last + timedelta(days=1) - timedelta(milliseconds=1)
