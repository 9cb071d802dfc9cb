"""Why a start can be booked or not."""

from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.api.schemas.availability import (
    DaysOffDocument,
    FreshnessOut,
    SpanOut,
    WarningOut,
    WindowDocument,
    show_freshness,
    show_warnings,
)
from calendar_manager.domain.explanation_of_budgets import BudgetWarning
from calendar_manager.domain.reasons import BlockingCause, BlockingMeeting, Reason, ReasonCode
from calendar_manager.domain.rules import WallWindow
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.explanation import Explanation

_EXAMPLE: Final[JsonDict] = {
    "start": "2026-11-20T16:30:00+01:00",
    "end": "2026-11-20T17:30:00+01:00",
    "time_zone": "Europe/Berlin",
    "duration_minutes": 60,
    "step_minutes": 30,
    "bookable": False,
    "reasons": [
        {
            "code": "does_not_fit",
            "detail": "It would go on for 30 minutes after your hours end at 17:00.",
            "window": {
                "start": "2026-11-20T09:00:00+01:00",
                "end": "2026-11-20T17:00:00+01:00",
            },
            "minutes": 30,
        },
        {
            "code": "meeting",
            "detail": "'Review' (Fri 2026-11-20 16:00 to Fri 2026-11-20 17:00, "
            "calendar 'Mara') is at that time.",
            "meeting": {
                "occurrence_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a33",
                "calendar_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22",
                "calendar_name": "Mara",
                "title": "Review",
                "start": "2026-11-20T16:00:00+01:00",
                "end": "2026-11-20T17:00:00+01:00",
                "cause": "tentative",
                "settings": ["tentative_blocks", "blocks_availability"],
            },
        },
    ],
    "alternatives": [{"start": "2026-11-20T15:00:00+01:00", "end": "2026-11-20T16:00:00+01:00"}],
    "freshness": [],
    "warnings": [
        {
            "code": "client_budget",
            "detail": "'Client GmbH' has 1170 of 1200 minutes booked in the week from "
            "2026-11-16, and 60 more would be over that.",
            "calendar_id": None,
            "client_id": "0192f0c1-ac10-7a11-9b2e-1b3c1c7f1c01",
            "week": {"first": "2026-11-16", "last": "2026-11-22"},
            "booked": 1170,
            "limit": 1200,
            "minutes": 60,
        }
    ],
}


class BlockingMeetingOut(BaseModel):
    """An occurrence that makes you busy."""

    occurrence_id: UUID
    calendar_id: UUID
    calendar_name: str
    title: str
    start: datetime
    end: datetime
    cause: BlockingCause = Field(description="What makes it take its time.")
    settings: list[str] = Field(description="Your settings that could let it block no longer.")


class ReasonOut(BaseModel):
    """One thing in the way. What does not apply to its code is left out."""

    code: ReasonCode = Field(description="Which kind, for programs.")
    detail: str = Field(description="What it is, for a person.")
    day: date | None = Field(None, description="The day in the zone of your rules.")
    hours: list[WindowDocument] | None = Field(None, description="The hours of that day.")
    window: SpanOut | None = Field(None, description="The hours that the booking runs out of.")
    name: str | None = Field(None, description="The holiday's name.")
    days_off: DaysOffDocument | None = None
    earliest: datetime | None = Field(None, description="The first instant with enough notice.")
    last_day: date | None = Field(None, description="The last day that can be booked.")
    meeting: BlockingMeetingOut | None = None
    copies: list[BlockingMeetingOut] = Field([], description="The same on other calendars.")
    minutes: int | None = Field(None, description="The length that is too long or too short.")
    booked: int | None = Field(None, description="What that day has already.")
    limit: int | None = Field(None, description="What your rules allow.")
    nearest: list[datetime] = Field([], description="The closest times that would do.")
    calendar_id: UUID | None = Field(None, description="The calendar that cannot be read.")


class ExplanationWarningOut(WarningOut):
    """Something worth knowing that keeps nothing from being booked.

    What does not apply to its code is left out, except for `calendar_id`, which is null then.
    """

    client_id: UUID | None = Field(None, description="Whose weekly budget it is about.")
    week: DaysOffDocument | None = Field(None, description="Monday to Sunday in their zone.")
    booked: int | None = Field(None, description="How many minutes of it they have.")
    limit: int | None = Field(None, description="How many they may have.")
    minutes: int | None = Field(None, description="How many the booking would take of it.")


class ExplanationOut(BaseModel):
    """Whether a start can be booked, every reason why not, and what is free nearby."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    start: datetime
    end: datetime
    time_zone: str = Field(description="The zone of the times here.")
    duration_minutes: int
    step_minutes: int
    bookable: bool = Field(description="Whether the start is among the slots of availability.")
    reasons: list[ReasonOut] = Field(description="Empty exactly when it can be booked.")
    alternatives: list[SpanOut] = Field(description="The nearest bookable slots, nearest first.")
    freshness: list[FreshnessOut] = Field(description="Of each calendar that takes part.")
    warnings: list[ExplanationWarningOut]


def render_explanation(answer: Explanation, complete_as_of: datetime | None = None) -> bytes:
    """Return an answer as JSON in the shape of :class:`ExplanationOut`.

    Args:
        answer: What was found.
        complete_as_of: As of when copies had to be complete; None when nobody asked.
    """
    zone = find_zone(answer.time_zone)
    return orjson.dumps(
        {
            **_show_span(answer.slot, zone),
            "time_zone": answer.time_zone,
            "duration_minutes": int(answer.slot.duration.total_seconds()) // 60,
            "step_minutes": answer.step_minutes,
            "bookable": answer.bookable,
            "reasons": [_show_reason(reason, zone) for reason in answer.reasons],
            "alternatives": [_show_span(slot, zone) for slot in answer.alternatives],
            "freshness": show_freshness(answer.freshness, complete_as_of),
            "warnings": [
                *show_warnings(answer.freshness),
                *(_show_budget(warning) for warning in answer.budgets),
            ],
        }
    )


def _show_budget(warning: BudgetWarning) -> dict[str, Any]:
    last = warning.week.end - timedelta(days=1)
    return {
        "code": warning.code,
        "detail": warning.detail,
        "calendar_id": None,
        "client_id": warning.client_id,
        "week": {"first": warning.week.first, "last": last},
        "booked": warning.booked,
        "limit": warning.limit,
        "minutes": warning.minutes,
    }


def _show_reason(reason: Reason, zone: ZoneInfo) -> dict[str, Any]:
    """Return a reason without what does not apply."""
    shown: dict[str, Any] = {
        "code": reason.code,
        "detail": reason.detail,
        "day": reason.day,
        "hours": None if reason.hours is None else [_show_hours(one) for one in reason.hours],
        "window": None if reason.window is None else _show_span(reason.window, zone),
        "name": reason.name,
        "days_off": None
        if reason.days_off is None
        else {"first": reason.days_off.first, "last": reason.days_off.last},
        "earliest": None if reason.earliest_at is None else reason.earliest_at.astimezone(zone),
        "last_day": reason.last_day,
        "meeting": None if reason.meeting is None else _show_meeting(reason.meeting, zone),
        "copies": [_show_meeting(copy, zone) for copy in reason.copies] or None,
        "minutes": reason.minutes,
        "booked": reason.booked,
        "limit": reason.limit,
        "nearest": [time.astimezone(zone) for time in reason.nearest] or None,
        "calendar_id": reason.calendar_id,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _show_meeting(meeting: BlockingMeeting, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "occurrence_id": meeting.occurrence_id,
        "calendar_id": meeting.calendar_id,
        "calendar_name": meeting.calendar_name,
        "title": meeting.title,
        **_show_span(meeting.span, zone),
        "cause": meeting.cause,
        "settings": meeting.settings,
    }


def _show_span(span: Span, zone: ZoneInfo) -> dict[str, datetime]:
    return {"start": span.start.astimezone(zone), "end": span.end.astimezone(zone)}


def _show_hours(window: WallWindow) -> dict[str, str]:
    def clock(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    return {"start": clock(window.start), "end": clock(window.end)}
