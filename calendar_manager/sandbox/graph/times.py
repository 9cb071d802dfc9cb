"""Reading and writing Graph's ``dateTimeTimeZone``: local time and the name of its zone, apart.

Inside the sandbox a moment is either a ``date`` (all day) or an aware ``datetime`` whose ``tzinfo``
is the event's own zone.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from calendar_manager.sandbox.graph.errors import bad_request, invalid_property

Moment = date | datetime

_FRACTION = re.compile(r"(\.\d{1,6})\d*")
# Outlook's own range; beyond it zone arithmetic leaves what datetime can hold.
_FIRST_YEAR, _LAST_YEAR = 1601, 4500
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class ShownZone:
    """The zone in which an answer shows its times, by the name that the caller asked for."""

    name: str
    zone: tzinfo


UTC_SHOWN = ShownZone("UTC", UTC)
"""How times are shown unless ``Prefer: outlook.timezone`` says otherwise."""


@dataclass(frozen=True)
class Window:
    """A range of instants, ``[start_at, end_at)``, in UTC."""

    start_at: datetime
    end_at: datetime

    def touches(self, start_at: datetime, end_at: datetime) -> bool:
        """Tell whether a span lies in it at least in part; an empty span counts as a point."""
        if start_at == end_at:
            return self.start_at <= start_at < self.end_at
        return start_at < self.end_at and end_at > self.start_at


def read_instant(text: str, parameter: str) -> datetime:
    """Return an ISO 8601 date-time as an instant in UTC; without an offset it is UTC already.

    Source: https://learn.microsoft.com/en-us/graph/api/calendar-list-calendarview

    Raises:
        GraphApiError: 400, it is not one.
    """
    at = _read_iso(text)
    if at is None:
        raise bad_request(
            f"The value '{text}' of parameter '{parameter}' is invalid.", "ErrorInvalidParameter"
        )
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def read_wall(text: str, zone: ZoneInfo) -> datetime:
    """Return a ``dateTime`` in its zone; times inside a DST gap move forward.

    Raises:
        GraphApiError: 400, it is not a date-time.
    """
    at = _read_iso(text)
    if at is None:
        raise invalid_property(f"The DateTime value '{text}' is invalid.")
    return place(at, zone) if at.tzinfo is None else at.astimezone(zone)


def _read_iso(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
    except ValueError:
        return None
    return at.replace(microsecond=0) if _FIRST_YEAR <= at.year <= _LAST_YEAR else None


def place(wall: datetime, zone: tzinfo) -> datetime:
    """Return a naive wall-clock time in its zone; the round trip moves times out of DST gaps."""
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


def to_wall(moment: Moment, zone: tzinfo | None = None) -> datetime:
    """Return a moment's naive wall-clock time, in another zone where one is given."""
    if isinstance(moment, datetime):
        return (moment.astimezone(zone) if zone else moment).replace(tzinfo=None, fold=0)
    return datetime.combine(moment, time())


def instant_of(moment: Moment, zone: tzinfo) -> datetime:
    """Return the instant of a moment in UTC; a date begins at midnight of ``zone``."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return place(datetime.combine(moment, time()), zone).astimezone(UTC)


def write_moment(moment: Moment, shown: ShownZone) -> dict[str, Any]:
    """Return the resource: seven fractional digits, no offset.

    All-day events are midnight in every zone that is asked for.
    """
    wall = to_wall(moment, shown.zone)
    return {"dateTime": f"{wall:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": shown.name}


def write_stamp(at: datetime | None) -> str:
    """Return an instant as ``createdDateTime`` and its like have it; None is the year 1."""
    if at is None:
        return _NEVER
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def write_original(original: Moment, zone: tzinfo) -> str:
    """Return ``originalStart``, which is always UTC."""
    return instant_of(original, zone).strftime("%Y-%m-%dT%H:%M:%SZ")


def name_original(original: Moment) -> str:
    """Return the text that tells the occurrences of one series apart."""
    if isinstance(original, datetime):
        return original.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return original.strftime("%Y%m%d")
