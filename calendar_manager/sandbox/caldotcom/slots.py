"""Free slots over HTTP: the schedule's hours without bookings and absences.

Source: the official description of ``/v2/slots``, version 2024-09-04, whose schema lacks the
envelope that its own examples show; the examples are followed. Buffers, notice and limits are not
here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom.booking_bodies import is_taken
from calendar_manager.sandbox.caldotcom.call import Call, begin_call, success
from calendar_manager.sandbox.caldotcom.errors import bad_request, not_found
from calendar_manager.sandbox.caldotcom.fields import Query
from calendar_manager.sandbox.caldotcom.state import (
    WEEKDAYS,
    CaldotcomState,
    EventType,
    Hours,
    Override,
    Schedule,
)
from calendar_manager.sandbox.caldotcom.times import find_zone, read_instant_or_date

router = APIRouter()

VERSION = "2024-09-04"
"""The version of this path."""

_PARAMETERS = (
    "start",
    "end",
    "eventTypeId",
    "eventTypeSlug",
    "username",
    "duration",
    "timeZone",
    "format",
)
_DAY = timedelta(days=1)
_MAX_DAYS = 366


@dataclass(frozen=True)
class Search:
    """Which slots are wanted: those that start in ``[start_at, end_at]``."""

    event_type: EventType
    start_at: datetime
    end_at: datetime
    length: timedelta


@router.get("/slots")
async def list_slots(
    request: Request, call: Annotated[Call, begin_call(VERSION, public=True)]
) -> Response:
    """Return the free slots by the date that they have in the zone asked for."""
    query = Query(request, _PARAMETERS)
    zone = find_zone(query.text("timeZone") or "UTC")
    if zone is None:
        raise bad_request("timeZone must be a valid IANA time-zone")
    ranges = query.one_of("format", ("time", "range")) == "range"
    search = _read_search(call.state, query)
    days: dict[str, list[dict[str, str]]] = {}
    for start_at in find_slots(call.state, search):
        slot = {"start": _write(start_at, zone)}
        if ranges:
            slot["end"] = _write(start_at + search.length, zone)
        days.setdefault(start_at.astimezone(zone).date().isoformat(), []).append(slot)
    return success(days)


def find_slots(state: CaldotcomState, search: Search) -> list[datetime]:
    """Return the starts of free slots, in order, in UTC."""
    event_type = search.event_type
    owner = state.owner(event_type.owner_id)
    schedule = state.schedules.get(event_type.schedule_id or owner.default_schedule_id or 0)
    if schedule is None:
        return []
    absences = state.absences_of(owner)
    earliest = max(search.start_at, state.clock())
    return [
        start_at
        for start_at in _list_candidates(schedule, search)
        if earliest <= start_at <= search.end_at
        and not is_taken(state, event_type, start_at, start_at + search.length)
        and not any(
            one.start_at < start_at + search.length and start_at <= one.end_at for one in absences
        )
    ]


def _list_candidates(schedule: Schedule, search: Search) -> Iterator[datetime]:
    zone = find_zone(schedule.time_zone) or UTC
    on = search.start_at.astimezone(zone).date()
    last = search.end_at.astimezone(zone).date()
    while on <= last:
        for hours in sorted(_hours_on(schedule, on), key=lambda one: one.start):
            start_at, end_at = _at(on, hours, zone)
            while start_at + search.length <= end_at:
                yield start_at
                start_at += search.length
        on += _DAY


def _hours_on(schedule: Schedule, on: date) -> Sequence[Hours | Override]:
    """Return the hours of a date; overrides take the place of the weekday's."""
    overrides = [one for one in schedule.overrides if one.on == on]
    if overrides:
        return overrides
    return [one for one in schedule.availability if WEEKDAYS[on.weekday()] in one.days]


def _at(on: date, hours: Hours | Override, zone: tzinfo) -> tuple[datetime, datetime]:
    start = datetime.combine(on, hours.start, zone).astimezone(UTC)
    return start, datetime.combine(on, hours.end, zone).astimezone(UTC)


def _read_search(state: CaldotcomState, query: Query) -> Search:
    event_type = _find_event_type(state, query)
    try:
        start_at = read_instant_or_date(query.text("start") or "")
        end_at = read_instant_or_date(query.text("end") or "", end_of_day=True)
    except ValueError as error:
        raise bad_request("start and end must be ISO 8601 datestrings in UTC") from error
    if not start_at <= end_at <= start_at + _MAX_DAYS * _DAY:
        raise bad_request(f"end must be after start, by {_MAX_DAYS} days at most")
    minutes = query.number("duration", event_type.length_minutes, 1, 24 * 60)
    return Search(event_type, start_at, end_at, timedelta(minutes=minutes))


def _find_event_type(state: CaldotcomState, query: Query) -> EventType:
    number = query.number("eventTypeId", None)
    if number is not None:
        found = state.event_types.get(number)
    else:
        slug, username = query.text("eventTypeSlug"), query.text("username")
        if slug is None or username is None:
            raise bad_request("eventTypeId, or eventTypeSlug and username, must be given")
        owner = next((one for one in state.accounts.values() if one.username == username), None)
        found = state.find_event_type(owner, slug) if owner else None
    if found is None:
        raise not_found("Event Type not found")
    return found


def _write(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).isoformat(timespec="milliseconds").replace("+00:00", "Z")
