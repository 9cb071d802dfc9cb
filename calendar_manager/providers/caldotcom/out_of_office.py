"""Cal.com's out-of-office entries as all-day events: pure functions that believe nothing."""

from collections.abc import Iterable, Mapping
from datetime import time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.domain.changes import GroupRead, Rejected, RemoteChange
from calendar_manager.domain.errors import DomainError
from calendar_manager.domain.events import Event, EventKind, EventType
from calendar_manager.domain.times import dates_within, find_zone
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.providers.caldotcom.fields import read_id, read_mapping, read_text
from calendar_manager.providers.caldotcom.normalize import (
    DESCRIPTION_LIMIT,
    ID_LIMIT,
    OUT_OF_OFFICE_PREFIX,
    UnreadableBookingError,
    read_year_checked,
)

_REASONS = {
    "vacation": "vacation",
    "travel": "travel",
    "sick": "sick leave",
    "public_holiday": "public holiday",
}
_MIDNIGHT = time(0)
_LAST_MINUTE = time(23, 59)

OUR_NOTES: Final = "Days off, kept by Calendar Manager"
"""The notes of the entries that we made, by which they are known for mirrors of the rules."""


def normalize_out_of_office(
    items: Iterable[object], *, time_zone: str | None
) -> tuple[RemoteChange, ...]:
    """Turn all entries of an account into one group and the entries that cannot be read.

    The group says what there is, so that removed entries go; an unreadable one is not gone.

    Args:
        items: Every :class:`~calendar_manager.providers.caldotcom.wire.CalDotComOutOfOffice`.
        time_zone: The account's IANA zone, UTC when it is None.

    Returns:
        One :class:`~calendar_manager.domain.changes.GroupRead`, and rejections.
    """
    zone = find_zone(time_zone or "UTC")
    events: list[Event] = []
    rejections: list[RemoteChange] = []
    for item in items:
        read = _read_entry(read_mapping(item), zone)
        if isinstance(read, Event):
            events.append(read)
        else:
            rejections.append(read)
    return (*rejections, GroupRead(OUT_OF_OFFICE_PREFIX, tuple(events)))


def _read_entry(fields: Mapping[str, object], zone: ZoneInfo) -> Event | Rejected:
    own_id = read_id(fields.get("uuid"), limit=ID_LIMIT) or read_id(
        fields.get("id"), limit=ID_LIMIT
    )
    if own_id is None:
        return Rejected(None, "an out-of-office entry has no id")
    provider_event_id = f"{OUT_OF_OFFICE_PREFIX}{own_id}"
    reason = _REASONS.get(str(fields.get("reason")))
    try:
        return Event(
            provider_event_id=provider_event_id,
            kind=EventKind.SINGLE,
            when=read_days(fields, zone),
            title=f"Out of office: {reason}" if reason else "Out of office",
            description=read_text(fields.get("notes"), limit=DESCRIPTION_LIMIT),
            event_type=EventType.OUT_OF_OFFICE,
            mirror=fields.get("notes") == OUR_NOTES,
        )
    except (DomainError, UnreadableBookingError, OverflowError) as error:
        return Rejected(provider_event_id, str(error))


def read_days(fields: Mapping[str, object], zone: ZoneInfo) -> DateSpan:
    """Return the days of an entry as Cal.com sends it.

    Cal.com keeps days: whatever hours it is given, it stores from 00:00:00.000 UTC of the first
    to 23:59:59.999 UTC of the last day, both days included, and means those dates on the wall of
    the person, wherever that hangs. Such dates are taken as they stand; moved into the person's
    zone they would be a day off west of Greenwich and a day too many east of it. Any other times
    are instants, and all days that they touch in the person's zone are taken.
    """
    start = read_year_checked(fields.get("start"), "start")
    end = read_year_checked(fields.get("end"), "end")
    if start.time() == _MIDNIGHT and (end.time() >= _LAST_MINUTE or end.time() == _MIDNIGHT):
        zone = find_zone("UTC")
    days = dates_within(Span(start, end), zone)
    return DateSpan(days[0], days[-1] + timedelta(days=1))
