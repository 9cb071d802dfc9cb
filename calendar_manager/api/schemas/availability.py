"""Availability and its rules."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.api.schemas.span_texts import write_free_time
from calendar_manager.domain.accounts import (
    CalendarStatus,
    ReadVia,
    UnreadablePolicy,
)
from calendar_manager.domain.freshness import Freshness
from calendar_manager.domain.rules import Weekday
from calendar_manager.domain.times import find_zone
from calendar_manager.scheduling.availability import AvailabilityAnswer

RULES_EXAMPLE: JsonDict = {
    "time_zone": "Europe/Berlin",
    "weekly": [
        {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "12:30"},
        {"days": ["mon", "tue"], "start": "13:30", "end": "18:00"},
    ],
    "overrides": [{"date": "2026-12-24", "windows": [{"start": "09:00", "end": "12:00"}]}],
    "days_off": [{"first": "2026-12-25", "last": "2027-01-01"}],
    "holidays": "DE-BE",
    "buffer_before_minutes": 0,
    "buffer_after_minutes": 15,
    "minimum_notice_minutes": 120,
    "horizon_days": 60,
    "slot_step_minutes": 30,
    "slot_duration_minutes": 30,
    "max_meetings_per_day": None,
    "max_minutes_per_day": None,
}

_AVAILABILITY_EXAMPLE: Final[JsonDict] = {
    "time_zone": "Europe/Berlin",
    "duration_minutes": 60,
    "step_minutes": 30,
    "windows": [{"start": "2026-11-20T09:00:00+01:00", "end": "2026-11-20T10:30:00+01:00"}],
    "slots": [
        {"start": "2026-11-20T09:00:00+01:00", "end": "2026-11-20T10:00:00+01:00"},
        {"start": "2026-11-20T09:30:00+01:00", "end": "2026-11-20T10:30:00+01:00"},
    ],
    "freshness": [
        {
            "calendar_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22",
            "name": "Mara",
            "complete_as_of": "2026-11-20T08:00:07+00:00",
            "via": "poll",
            "status": "ok",
            "policy": "warn",
            "within_max_age": None,
        }
    ],
    "warnings": [],
}

_WALL_CLOCK: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
WallClock = Annotated[str, Field(pattern=_WALL_CLOCK, examples=["09:00"])]


class SpanOut(BaseModel):
    """A half-open stretch of time."""

    start: datetime
    end: datetime = Field(description="The first moment after it.")


class FreshnessOut(BaseModel):
    """How far the copy of one calendar can be trusted."""

    calendar_id: UUID
    name: str
    complete_as_of: datetime | None = Field(
        description="When it was last read completely; null when never."
    )
    via: ReadVia | None = Field(description="By which way it was.")
    status: CalendarStatus
    policy: UnreadablePolicy = Field(description="What happens while it cannot be read.")
    within_max_age: bool | None = Field(
        description="Whether it is as young as `max_age` asks for; null when nobody asked."
    )


class WarningOut(BaseModel):
    """Something that makes the answer less than certain."""

    code: str = Field(description="What it is, for programs.")
    detail: str = Field(description="What it is, for a person.")
    calendar_id: UUID | None


class AvailabilityOut(BaseModel):
    """When you are free to be booked, and how far that can be trusted."""

    model_config = ConfigDict(json_schema_extra={"example": _AVAILABILITY_EXAMPLE})

    time_zone: str = Field(description="The zone of the times here.")
    duration_minutes: int
    step_minutes: int
    windows: list[SpanOut] = Field(description="Free time, sorted and apart.")
    slots: list[SpanOut] = Field(description="Bookable starts with their ends, in order.")
    freshness: list[FreshnessOut] = Field(description="Of each calendar that takes part.")
    warnings: list[WarningOut]


class WeeklyWindowDocument(BaseModel):
    """Hours that come back every week."""

    days: list[Weekday]
    start: WallClock
    end: WallClock = Field(description="`24:00` is midnight at the end of the day.")


class WindowDocument(BaseModel):
    """Hours of one date."""

    start: WallClock
    end: WallClock


class OverrideDocument(BaseModel):
    """The hours of one date in place of the weekly ones."""

    date: date
    windows: list[WindowDocument] = Field(description="None is a day off.")


class DaysOffDocument(BaseModel):
    """Days without hours."""

    first: date
    last: date = Field(description="Included.")


class RulesDocument(BaseModel):
    """All availability rules of a user. What is left out of a new one has its default."""

    model_config = ConfigDict(json_schema_extra={"example": RULES_EXAMPLE})

    time_zone: str = Field(description="The IANA zone of every date and time here.")
    weekly: list[WeeklyWindowDocument] = Field([], description="Hours over midnight are two.")
    overrides: list[OverrideDocument] = []
    days_off: list[DaysOffDocument] = []
    holidays: str | None = Field(
        None, description="Whose public holidays are days off: `DE`, or `DE-BE` for a part."
    )
    buffer_before_minutes: int = Field(0, description="Free time before a new booking.")
    buffer_after_minutes: int = Field(0, description="Free time after a new booking.")
    minimum_notice_minutes: int = Field(0, description="From now to the first bookable start.")
    horizon_days: int = Field(60, description="How many days after today can be booked.")
    slot_step_minutes: int = Field(
        30, description="Slots start at multiples of this since midnight."
    )
    slot_duration_minutes: int = Field(30, description="How long a slot is by default.")
    max_meetings_per_day: int | None = None
    max_minutes_per_day: int | None = None


def render_availability(
    answer: AvailabilityAnswer, complete_as_of: datetime | None = None
) -> bytes:
    """Return an answer as JSON in the shape of :class:`AvailabilityOut`.

    Thousands of slots are written at once, which is why no model is made of each.

    Args:
        answer: What was found.
        complete_as_of: As of when copies had to be complete; None when nobody asked.
    """
    windows, slots = write_free_time(answer.free, find_zone(answer.time_zone))
    return orjson.dumps(
        {
            "time_zone": answer.time_zone,
            "duration_minutes": answer.duration_minutes,
            "step_minutes": answer.step_minutes,
            "windows": orjson.Fragment(windows),
            "slots": orjson.Fragment(slots),
            "freshness": show_freshness(answer.freshness, complete_as_of),
            "warnings": show_warnings(answer.freshness),
        }
    )


def show_freshness(
    calendars: Iterable[Freshness], complete_as_of: datetime | None
) -> list[dict[str, object]]:
    """Return how far calendars can be trusted, in the shape of :class:`FreshnessOut`.

    Args:
        calendars: As found.
        complete_as_of: As of when copies had to be complete; None when nobody asked.
    """
    return [
        {
            "calendar_id": freshness.calendar_id,
            "name": freshness.name,
            "complete_as_of": freshness.complete_as_of,
            "via": freshness.via,
            "status": freshness.status,
            "policy": freshness.policy,
            "within_max_age": is_within(freshness.complete_as_of, complete_as_of),
        }
        for freshness in calendars
    ]


def is_within(complete: datetime | None, complete_as_of: datetime | None) -> bool | None:
    """Tell whether a copy is as young as was asked for; None when nobody asked.

    Args:
        complete: When it was last complete; None when never.
        complete_as_of: As of when it had to be.
    """
    if complete_as_of is None:
        return None
    return complete is not None and complete >= complete_as_of


def show_warnings(calendars: Iterable[Freshness]) -> list[dict[str, object]]:
    """Return what makes an answer uncertain, in the shape of :class:`WarningOut`."""
    return [_warn(freshness) for freshness in calendars if _is_worth_telling(freshness)]


def _is_worth_telling(freshness: Freshness) -> bool:
    return freshness.is_unreadable and freshness.policy is not UnreadablePolicy.IGNORE


def _warn(freshness: Freshness) -> dict[str, object]:
    effect = (
        "so nothing is free."
        if freshness.policy is UnreadablePolicy.BLOCK
        else "so something may be missing."
    )
    return {
        "code": "calendar_unreadable",
        "detail": f"The calendar {freshness.name!r} cannot be read at the moment, {effect}",
        "calendar_id": freshness.calendar_id,
    }
