"""Reading and writing Google's ``EventDateTime``: a date, or an instant with a zone.

Inside the sandbox a moment is either a ``date`` (all day) or an aware ``datetime`` whose ``tzinfo``
is the event's own zone.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value

Moment = date | datetime


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone, or None when there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def read_zone(name: str) -> ZoneInfo:
    """Return the IANA zone.

    Raises:
        GoogleApiError: 400, the zone is unknown.
    """
    zone = find_zone(name)
    if zone is None:
        raise invalid_value(f"Invalid time zone definition: {name}.")
    return zone


def read_instant(text: str, parameter: str) -> datetime:
    """Return an RFC 3339 date-time, whose offset is mandatory, as an instant in UTC.

    Raises:
        GoogleApiError: 400, it is not one.
    """
    try:
        # A plus sign that the client did not escape arrives as a blank.
        at = datetime.fromisoformat(text.replace(" ", "+"))
        if at.tzinfo is not None and "T" in text.upper():
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise invalid_value("Bad Request", parameter)


def read_moment(value: object, field: str, default_zone: str | None) -> Moment:
    """Return the moment of an ``EventDateTime``.

    Args:
        value: The JSON object.
        field: ``start`` or ``end``, for messages.
        default_zone: IANA name for a date-time without ``timeZone``. None: a zone is required, as
            for recurring events.

    Raises:
        GoogleApiError: 400, as Google answers: no value, both a date and a date-time, an unreadable
            one, an unknown zone, or neither zone nor offset.
    """
    if not isinstance(value, Mapping):
        raise GoogleApiError(400, "required", f"Missing {field} time.")
    on, at = value.get("date"), value.get("dateTime")
    if (on is None) == (at is None):
        raise invalid_value(f"Invalid {field} time.")
    try:
        if on is not None:
            return date.fromisoformat(str(on))
        return _read_aware(str(at), value.get("timeZone"), field, default_zone)
    except (ValueError, OverflowError) as error:
        raise invalid_value(f"Invalid {field} time.") from error


def _read_aware(text: str, zone_name: object, field: str, default_zone: str | None) -> datetime:
    at = datetime.fromisoformat(text)
    if zone_name is None and (at.tzinfo is None or default_zone is None):
        raise GoogleApiError(400, "required", f"Missing time zone definition for {field} time.")
    zone = read_zone(str(zone_name) if zone_name is not None else str(default_zone))
    at = at.replace(microsecond=0)
    # The round trip through UTC moves a time inside a DST gap forward.
    return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC).astimezone(zone)


def write_moment(moment: Moment, shown_in: str) -> dict[str, str]:
    """Return the ``EventDateTime``, its offset shown in the zone of the calendar or request.

    The ``timeZone`` stays the event's own: Google shows a Chicago event of a Berlin calendar as
    ``+01:00`` with ``America/Chicago``.
    """
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat()}
    shown = moment.astimezone(read_zone(shown_in))
    text = shown.isoformat(timespec="seconds")
    return {
        "dateTime": text.replace("+00:00", "Z"),
        "timeZone": zone_name_of(moment) or shown_in,
    }


def reshow_moment(value: Mapping[str, str], shown_in: str) -> dict[str, Any]:
    """Return an ``EventDateTime`` with its offset shown in another zone."""
    if "dateTime" not in value:
        return dict(value)
    at = datetime.fromisoformat(value["dateTime"]).astimezone(read_zone(shown_in))
    text = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {**value, "dateTime": text}


def moment_of(value: Mapping[str, str]) -> Moment:
    """Return the moment of an ``EventDateTime`` that this sandbox wrote."""
    if "date" in value:
        return date.fromisoformat(value["date"])
    return datetime.fromisoformat(value["dateTime"]).astimezone(read_zone(value["timeZone"]))


def zone_name_of(moment: datetime) -> str | None:
    """Return the IANA name of an aware datetime's zone, if it has one."""
    return moment.tzinfo.key if isinstance(moment.tzinfo, ZoneInfo) else None


def instant_of(moment: Moment, zone_name: str) -> datetime:
    """Return the instant at which a moment begins; a date begins at midnight in the zone."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    midnight = datetime.combine(moment, time(), read_zone(zone_name))
    return midnight.astimezone(UTC)


def add_length(moment: Moment, length: timedelta) -> Moment:
    """Return the moment ``length`` later, in real time for instants, in days for dates."""
    if isinstance(moment, datetime):
        return (moment.astimezone(UTC) + length).astimezone(moment.tzinfo)
    return moment + length


def length_between(start: Moment, end: Moment) -> timedelta:
    """Return the real time between two moments of the same kind.

    Raises:
        GoogleApiError: 400, one is a date and the other an instant.
    """
    if isinstance(start, datetime) and isinstance(end, datetime):
        return end.astimezone(UTC) - start.astimezone(UTC)
    if isinstance(start, datetime) or isinstance(end, datetime):
        raise invalid_value("The start and end times must either both be date or both be dateTime.")
    return end - start


def instance_suffix(original_start: Moment) -> str:
    """Return what follows ``master_`` in an instance's id: UTC time, or the date."""
    if isinstance(original_start, datetime):
        return original_start.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return original_start.strftime("%Y%m%d")


def read_instance_suffix(suffix: str, zone_name: str | None) -> Moment | None:
    """Return the original start that an instance id names, or None when it is not one."""
    try:
        if suffix.endswith("Z") and zone_name:
            at = datetime.strptime(suffix, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return at.astimezone(read_zone(zone_name))
        if not suffix.endswith("Z"):
            return datetime.strptime(suffix, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return None
