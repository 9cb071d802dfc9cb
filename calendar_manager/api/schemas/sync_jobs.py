"""Sync jobs."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from calendar_manager.domain.sync_jobs import SyncJob, SyncKind, SyncStatus, SyncTrigger


class SyncCountsOut(BaseModel):
    """What a run did to our copy, in events."""

    created: int
    updated: int
    deleted: int
    unchanged: int
    rejected: int


class RejectionOut(BaseModel):
    """An event that could not be read."""

    provider_event_id: str | None
    reason: str | None


class SyncJobOut(BaseModel):
    """One recorded run over one calendar."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0192f0c1-9c30-7f42-8d33-1e7a1e2c3b33",
                "calendar_id": "0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22",
                "kind": "incremental",
                "trigger": "manual",
                "status": "succeeded",
                "pages": 1,
                "counts": {
                    "created": 1,
                    "updated": 2,
                    "deleted": 0,
                    "unchanged": 0,
                    "rejected": 0,
                },
                "events": 3,
                "events_per_second": 3.0,
                "rejections": [],
                "attempts": 1,
                "error": None,
                "queued_at": "2026-11-20T09:14:59Z",
                "started_at": "2026-11-20T09:15:00Z",
                "finished_at": "2026-11-20T09:15:01Z",
            }
        }
    )

    id: UUID
    calendar_id: UUID
    kind: SyncKind
    trigger: SyncTrigger
    status: SyncStatus
    pages: int = Field(description="The provider's pages applied so far.")
    counts: SyncCountsOut
    events: int = Field(description="How many events it has looked at so far.")
    events_per_second: float | None = Field(
        description="How fast it goes or went, waits included; null before it starts."
    )
    rejections: list[RejectionOut] = Field(description="The first events that could not be read.")
    attempts: int = Field(description="How often it was started in vain.")
    error: str | None = Field(description="Why it failed or waits.")
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: SyncJob, *, now: datetime) -> "SyncJobOut":
        """Show a sync job as it is at a moment."""
        rate = job.events_per_second(now)
        return cls(
            id=job.id,
            calendar_id=job.calendar_id,
            kind=job.kind,
            trigger=job.trigger,
            status=job.status,
            pages=job.pages,
            counts=SyncCountsOut(**asdict(job.counts)),
            events=job.counts.total,
            events_per_second=None if rate is None else round(rate, 1),
            rejections=[
                RejectionOut(
                    provider_event_id=rejection.get("provider_event_id"),
                    reason=rejection.get("reason"),
                )
                for rejection in job.rejections
            ],
            attempts=job.attempts,
            error=job.error,
            queued_at=job.queued_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )
