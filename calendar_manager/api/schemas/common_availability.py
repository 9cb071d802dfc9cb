"""When several people are free together."""

from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.api.schemas.availability import (
    SpanOut,
    is_within,
    show_freshness,
    show_warnings,
)
from calendar_manager.api.schemas.span_texts import show_span
from calendar_manager.domain.accounts import CalendarStatus, ReadVia, UnreadablePolicy
from calendar_manager.domain.times import find_zone
from calendar_manager.scheduling.common_availability import CommonAvailability, PersonFreshness

_YOU: Final = "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a11"
_OTHER: Final = "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a44"
_EXAMPLE: Final[JsonDict] = {
    "time_zone": "Europe/Berlin",
    "duration_minutes": 60,
    "step_minutes": 30,
    "windows": [{"start": "2026-11-20T09:00:00+01:00", "end": "2026-11-20T10:30:00+01:00"}],
    "slots": [
        {
            "start": "2026-11-20T09:00:00+01:00",
            "end": "2026-11-20T10:00:00+01:00",
            "people": [_YOU, _OTHER],
        }
    ],
    "freshness": [
        {
            "user_id": _YOU,
            "calendar_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22",
            "name": "Mara",
            "complete_as_of": "2026-11-20T08:00:07+00:00",
            "via": "poll",
            "status": "ok",
            "policy": "warn",
            "within_max_age": None,
        },
        {
            "user_id": _OTHER,
            "calendar_id": None,
            "name": None,
            "complete_as_of": "2026-11-20T07:58:30+00:00",
            "via": None,
            "status": "ok",
            "policy": None,
            "within_max_age": None,
        },
    ],
    "warnings": [],
}


class CommonSlotOut(SpanOut):
    """A slot that enough people can take from its start to its end."""

    people: list[UUID] = Field(description="Who can, in the order of the question.")


class CommonFreshnessOut(BaseModel):
    """How far one calendar of yours, or everything of somebody else, can be trusted."""

    user_id: UUID = Field(description="Whose.")
    calendar_id: UUID | None = Field(
        description="Null for somebody else, of whom one entry tells the worst of all calendars."
    )
    name: str | None = Field(description="Null for somebody else.")
    complete_as_of: datetime | None = Field(
        description="When it was last read completely; null when never."
    )
    via: ReadVia | None = Field(description="By which way it was; null for somebody else.")
    status: CalendarStatus
    policy: UnreadablePolicy | None = Field(
        description="What happens while it cannot be read; null for somebody else."
    )
    within_max_age: bool | None = Field(
        description="Whether it is as young as `max_age` asks for; null when nobody asked."
    )


class CommonWarningOut(BaseModel):
    """Something that makes the answer less than certain."""

    code: str = Field(description="What it is, for programs.")
    detail: str = Field(description="What it is, for a person.")
    calendar_id: UUID | None = Field(description="Null for somebody else.")
    user_id: UUID = Field(description="About whom.")


class CommonAvailabilityOut(BaseModel):
    """When several people are free together, and how far that can be trusted."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    time_zone: str = Field(description="The zone of the times here.")
    duration_minutes: int
    step_minutes: int
    windows: list[SpanOut] = Field(
        description="When enough people are free, sorted and apart; who they are may change."
    )
    slots: list[CommonSlotOut] = Field(
        description="Bookable starts with their ends, in order: the same people throughout."
    )
    freshness: list[CommonFreshnessOut] = Field(
        description="Of each calendar of yours that takes part, and of each of the others."
    )
    warnings: list[CommonWarningOut]


def render_common_availability(
    answer: CommonAvailability, complete_as_of: datetime | None = None
) -> bytes:
    """Return an answer as JSON in the shape of :class:`CommonAvailabilityOut`.

    Args:
        answer: What was found.
        complete_as_of: As of when copies had to be complete; None when nobody asked.
    """
    zone = find_zone(answer.time_zone)
    mine = {"user_id": answer.asker_id}
    return orjson.dumps(
        {
            "time_zone": answer.time_zone,
            "duration_minutes": answer.duration_minutes,
            "step_minutes": answer.step_minutes,
            "windows": [show_span(window, zone) for window in answer.windows],
            "slots": [
                {**show_span(slot.span, zone), "people": slot.people} for slot in answer.slots
            ],
            "freshness": [
                *(mine | one for one in show_freshness(answer.freshness, complete_as_of)),
                *(_show_other(one, complete_as_of) for one in answer.others),
            ],
            "warnings": [
                *(one | mine for one in show_warnings(answer.freshness)),
                *(_warn_of_other(one) for one in answer.others if one.is_uncertain),
            ],
        }
    )


def _show_other(person: PersonFreshness, complete_as_of: datetime | None) -> dict[str, object]:
    return {
        "user_id": person.user_id,
        "calendar_id": None,
        "name": None,
        "complete_as_of": person.complete_as_of,
        "via": None,
        "status": person.status,
        "policy": None,
        "within_max_age": is_within(person.complete_as_of, complete_as_of),
    }


def _warn_of_other(person: PersonFreshness) -> dict[str, object]:
    return {
        "code": "calendar_unreadable",
        "detail": "A calendar of one of these people cannot be read at the moment, so this may "
        "not be right about them.",
        "calendar_id": None,
        "user_id": person.user_id,
    }
