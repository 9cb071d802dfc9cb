"""Wall clocks and instants: the only module that knows time zones.

pytz says which zone names exist; :mod:`zoneinfo` converts, because its fold (PEP 495) tells the
two readings of an ambiguous wall clock apart and its data does not end in 2037.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytz

from calendar_manager.domain.errors import UnknownTimeZoneError
from calendar_manager.domain.timespan import DateSpan, Span

MIDNIGHT = time(0)
ZONE_NAMES = tuple(pytz.common_timezones)
"""The zones to choose from, without the aliases that are kept for old data."""
FIRST_WALL = datetime.min  # noqa: DTZ901 - Wall clocks are naive.
LAST_WALL = datetime.max  # noqa: DTZ901 - As above.


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name.

    Args:
        name: Such as ``Europe/Berlin``; aliases of the tz database count.

    Raises:
        UnknownTimeZoneError: When the tz database has no such zone.
    """
    if name not in pytz.all_timezones_set:
        raise UnknownTimeZoneError(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownTimeZoneError(name) from error


def is_zone(name: str) -> bool:
    """Tell whether ``name`` is an IANA time zone."""
    try:
        find_zone(name)
    except UnknownTimeZoneError:
        return False
    return True


def resolve_wall(wall: datetime, zone: ZoneInfo, *, late: bool = False) -> datetime:
    """Turn a wall clock into an instant (RFC 5545, section 3.3.5, form 3).

    A wall clock inside a gap is read with the offset before the gap, which moves it forward by
    the length of the gap. A wall clock inside a fold is its first reading, or its second one
    when ``late`` is set.

    Args:
        wall: A naive local date and time.
        zone: The zone whose clock it is.
        late: Whether the second reading of a fold is wanted, as for the end of working hours.

    Returns:
        The instant in UTC.
    """
    first = _convert(wall.replace(tzinfo=zone, fold=0), UTC)
    if not late:
        return first
    # Inside a gap the second reading lies before the first, which stays the right one.
    return max(first, _convert(wall.replace(tzinfo=zone, fold=1), UTC))


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the naive wall clock of ``instant`` in ``zone``."""
    return _convert(instant, zone).replace(tzinfo=None, fold=0)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """Return the date that the calendar on the wall shows at ``instant`` in ``zone``."""
    return _convert(instant, zone).date()


@lru_cache(maxsize=4096)
def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local day, in UTC.

    Where a gap swallows midnight, the day begins at the end of the gap. What was found is
    remembered, because one answer asks about each of its days several times, and the next answer
    about the same days again.
    """
    return _convert(datetime.combine(day, MIDNIGHT, zone), UTC)


def day_span(days: DateSpan, zone: ZoneInfo) -> Span:
    """Return the instants of whole local days: 23, 24 or 25 hours each, as the zone has it."""
    return Span(start_of_day(days.first, zone), start_of_day(days.end, zone))


def dates_within(span: Span, zone: ZoneInfo) -> list[date]:
    """List the local dates that a span touches, in order; an empty span touches one."""
    first = local_date(span.start, zone)
    last = local_date(max(span.start, span.end - timedelta.resolution), zone)
    if first == last:
        return [first]
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def _convert(instant: datetime, zone: tzinfo) -> datetime:
    """Return an instant on another clock, at most at the ends of the calendar.

    Providers send events in the years 1 and 9999, where a clock can lead out of the calendar.
    """
    try:
        return instant.astimezone(zone)
    except OverflowError:
        end = FIRST_WALL if instant.year == FIRST_WALL.year else LAST_WALL
        return end.replace(tzinfo=zone)
