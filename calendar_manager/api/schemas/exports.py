"""Free time as a schedule of Cal.com, as the API shows it."""

from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from calendar_manager.accounts.exporting import ExportOutcome, ExportReason

_SCHEDULE: Final[JsonDict] = {
    "name": "Calendar Manager",
    "timeZone": "Europe/Berlin",
    "availability": [{"days": ["Monday", "Tuesday"], "startTime": "09:00", "endTime": "17:00"}],
    "overrides": [
        {"date": "2026-11-23", "startTime": "09:00", "endTime": "10:30"},
        {"date": "2026-11-23", "startTime": "12:00", "endTime": "17:00"},
        {"date": "2026-11-24", "startTime": "00:00", "endTime": "00:00"},
    ],
}


class HoursOut(BaseModel):
    """Hours that come back every week."""

    days: list[str] = Field(description="`Monday` to `Sunday`.")
    startTime: str = Field(description="`HH:MM` on the clock of `timeZone`.")  # noqa: N815 - Cal.com's name.
    endTime: str = Field(description="Likewise; `23:59` is midnight.")  # noqa: N815 - as above.


class OverrideOut(BaseModel):
    """Hours of one date in place of the weekly ones; a date may have several."""

    date: str = Field(description="`YYYY-MM-DD`.")
    startTime: str = Field(description="`HH:MM` on the clock of `timeZone`.")  # noqa: N815 - as above.
    endTime: str = Field(  # noqa: N815 - as above.
        description="Likewise; with `00:00` twice the date is a day off."
    )


class ScheduleOut(BaseModel):
    """A schedule as Cal.com's `/v2/schedules` takes it, version 2024-06-11."""

    model_config = ConfigDict(json_schema_extra={"example": _SCHEDULE})

    name: str
    timeZone: str  # noqa: N815 - as above.
    availability: list[HoursOut]
    overrides: list[OverrideOut]


class ExportRequest(BaseModel):
    """To which Cal.com account, and without what."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})

    connection_id: UUID | None = Field(
        None, description="May be left out when only one Cal.com account is connected."
    )
    left_out_calendar_ids: list[UUID] | None = Field(
        None,
        max_length=1000,
        description="Calendars that Cal.com reads itself; null leaves them as they are.",
    )


class ExportOut(BaseModel):
    """What became of an export."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "pushed": True,
                "schedule_id": "254",
                "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "reason": "changed",
            }
        }
    )

    pushed: bool = Field(description="Whether Cal.com was told anything.")
    schedule_id: str | None = Field(description="Cal.com's id of our schedule.")
    hash: str | None = Field(description="Stands for what the schedule says.")
    reason: ExportReason = Field(
        description="`made` or `changed` when it was pushed; `unchanged` when Cal.com knew all;"
        " `under_way` when it is being pushed already."
    )

    @classmethod
    def of(cls, outcome: ExportOutcome) -> "ExportOut":
        """Show an outcome."""
        return cls(
            pushed=outcome.pushed,
            schedule_id=outcome.schedule_id,
            hash=outcome.content_hash,
            reason=outcome.reason,
        )
