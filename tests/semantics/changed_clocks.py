"""When the clocks of many zones are changed, found by looking at the zones themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_ONE_DAY = timedelta(days=1)
_ONE_MINUTE = timedelta(minutes=1)

ZONES: dict[str, tuple[int, ...]] = {
    "Africa/Cairo": (2026,),
    "Africa/Casablanca": (2025, 2026),
    "Africa/El_Aaiun": (2026,),
    "America/Anchorage": (2026,),
    "America/Asuncion": (2023,),
    "America/Caracas": (2007, 2016),
    "America/Chicago": (2026,),
    "America/Denver": (2026,),
    "America/Halifax": (2026,),
    "America/Havana": (2026,),
    "America/Los_Angeles": (2026,),
    "America/Mexico_City": (2022,),
    "America/Miquelon": (2026,),
    "America/New_York": (2026,),
    "America/Nuuk": (2023, 2024),
    "America/Santiago": (2026,),
    "America/Sao_Paulo": (2018,),
    "America/Scoresbysund": (2024,),
    "America/St_Johns": (2026,),
    "Antarctica/Casey": (2018, 2020),
    "Antarctica/Troll": (2026,),
    "Asia/Amman": (2022,),
    "Asia/Beirut": (2026,),
    "Asia/Gaza": (2025,),
    "Asia/Jerusalem": (2026,),
    "Asia/Kathmandu": (1986,),
    "Asia/Kolkata": (1945,),
    "Asia/Nicosia": (2026,),
    "Asia/Pyongyang": (2015, 2018),
    "Asia/Tehran": (2021, 2022),
    "Atlantic/Azores": (2026,),
    "Atlantic/Bermuda": (2026,),
    "Atlantic/Canary": (2026,),
    "Australia/Adelaide": (2026,),
    "Australia/Lord_Howe": (2026,),
    "Australia/Sydney": (2026,),
    "Europe/Berlin": (2026,),
    "Europe/Chisinau": (2026,),
    "Europe/Dublin": (2026,),
    "Europe/Istanbul": (2016,),
    "Europe/Kyiv": (2026,),
    "Europe/Lisbon": (2026,),
    "Europe/London": (2026,),
    "Europe/Volgograd": (2018, 2020),
    "Pacific/Apia": (2010, 2011, 2021),
    "Pacific/Auckland": (2026,),
    "Pacific/Bougainville": (2014,),
    "Pacific/Chatham": (2026,),
    "Pacific/Easter": (2026,),
    "Pacific/Fiji": (2020, 2021),
    "Pacific/Norfolk": (2015, 2026),
    "Pacific/Tongatapu": (2016, 2017),
}
"""Zones with years in which their clocks are changed: by an hour, a half, a quarter, two or three
hours, a whole day, at midnight, and in Ramadan. St. John's before 2011 is left out: its clock went
back from 00:01 to 23:01, so that a day was over and began again; the document has that case."""


@lru_cache
def find_changes(name: str) -> tuple[datetime, ...]:
    """Return the instants at which a zone's clock is changed in its years, to the minute."""
    zone = ZoneInfo(name)
    return tuple(change for year in ZONES[name] for change in _changes_of_year(zone, year))


def list_changes() -> list[tuple[str, datetime]]:
    """Return every change of every zone."""
    return [(name, change) for name in ZONES for change in find_changes(name)]


def _changes_of_year(zone: ZoneInfo, year: int) -> Iterator[datetime]:
    before = datetime(year, 1, 1, tzinfo=UTC) - _ONE_DAY
    while before.year <= year:
        after = before + _ONE_DAY
        if _offset(before, zone) != _offset(after, zone):
            yield _narrow(before, after, zone)
        before = after


def _narrow(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first minute with another offset, by halving."""
    offset = _offset(before, zone)
    while after - before > _ONE_MINUTE:
        middle = before + (after - before) // _ONE_MINUTE // 2 * _ONE_MINUTE
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
