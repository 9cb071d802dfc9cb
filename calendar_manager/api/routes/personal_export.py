"""Taking all of one's data away, as JSON and as iCalendar."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from calendar_manager.accounts.personal_export import PersonalExport
from calendar_manager.api.deps import AccountsDep, CurrentUser, ServicesDep
from calendar_manager.api.event_text import write_event, write_head, write_tail
from calendar_manager.api.feed_text import MEDIA_TYPE as CALENDAR_TYPE

router = APIRouter(prefix="/api/auth", tags=["account"])

FORMAT: Final = "calendar-manager-export-1"
"""Names the shape of the document; another one gets another number."""

_CHUNK: Final = 64 * 1024
_JSON_EXAMPLE: Final = {
    "format": FORMAT,
    "made_at": "2026-11-21T08:00:00+00:00",
    "profile": [
        {
            "id": "0192f0c1-6f0e-7c2b-9d6e-3f1f5a3f9b10",
            "email": "mara@example.com",
            "name": "Mara Lind",
            "time_zone": "Europe/Berlin",
        }
    ],
    "rules": [],
    "connections": [],
    "calendars": [],
    "events": [],
    "audit": [],
}
_CALENDAR_EXAMPLE: Final = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Calendar Manager//Export//EN\r\n"
    "BEGIN:VEVENT\r\nUID:6b1f2f0c-4a55-5c0e-9d3e-0a7d2f1c8b11\r\nDTSTAMP:20261121T080000Z\r\n"
    "SUMMARY:Planning\r\nDTSTART:20261123T090000Z\r\nDTEND:20261123T100000Z\r\n"
    "RRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@router.get(
    "/export",
    summary="Take all of my data away",
    response_class=Response,
    responses={
        200: {
            "description": "The document.",
            "content": {
                "application/json": {"schema": {"type": "object", "example": _JSON_EXAMPLE}}
            },
        }
    },
)
def export_data(
    user: CurrentUser, accounts: AccountsDep, services: ServicesDep
) -> StreamingResponse:
    """Send everything that is stored of me, one list of rows for each kind of thing.

    Profile, rules, connections, calendars, events with their recurrence, clients with their rules
    and assignments, conflicts with their history, sync jobs, devices, and the audit log.
    Passwords, tokens and other secrets are left out, and so are occurrences, which are worked out
    from the events.
    """
    accounts.personal_export.note(user.id, "json")
    text = _gather(_write_json(accounts.personal_export, user.id, services.clock()))
    return StreamingResponse(text, media_type="application/json", headers=_as_file("json"))


@router.get(
    "/export.ics",
    summary="Take all of my events away",
    response_class=Response,
    responses={
        200: {
            "description": "The events.",
            "content": {
                "text/calendar": {"schema": {"type": "string"}, "example": _CALENDAR_EXAMPLE}
            },
        }
    },
)
def export_calendar(
    user: CurrentUser, accounts: AccountsDep, services: ServicesDep
) -> StreamingResponse:
    """Send all of my events of all calendars as iCalendar, series with their rules.

    Each event names its calendar in `X-CALENDAR-MANAGER-CALENDAR`. Deleted ones are left out.
    """
    accounts.personal_export.note(user.id, "ics")
    text = _gather(_write_calendar(accounts.personal_export, user.id, services.clock()))
    return StreamingResponse(text, media_type=CALENDAR_TYPE, headers=_as_file("ics"))


def _write_json(export: PersonalExport, user_id: UUID, now: datetime) -> Iterator[bytes]:
    yield b'{"format":' + orjson.dumps(FORMAT) + b',"made_at":' + orjson.dumps(now)
    for name, rows in export.sections(user_id):
        yield b"," + orjson.dumps(name) + b":["
        yield from _separate(rows)
        yield b"]"
    yield b"}\n"


def _separate(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    separator = b"\n"
    for row in rows:
        yield separator + orjson.dumps(row)
        separator = b",\n"


def _write_calendar(export: PersonalExport, user_id: UUID, now: datetime) -> Iterator[bytes]:
    yield write_head(export.zones(user_id))
    for dated in export.events(user_id):
        yield write_event(
            dated.event,
            calendar_id=dated.calendar_id,
            calendar_name=dated.calendar_name,
            now=now,
        )
    yield write_tail()


def _gather(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Join small parts, because each one that is sent costs a change of threads."""
    gathered = bytearray()
    for part in parts:
        gathered += part
        if len(gathered) >= _CHUNK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


def _as_file(ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="calendar-manager.{ending}"'}
