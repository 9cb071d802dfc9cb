"""Sync jobs: recorded runs over one calendar."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from calendar_manager.domain.accounts import ReadVia

RESEND_AFTER: Final = timedelta(minutes=2)
"""A job whose message was not taken up for so long is sent again; one too many is harmless."""

RESEND_SOON: Final = timedelta(seconds=20)
"""The same for a message that was to wait for its time, and then had the queue to itself."""


class SyncKind(StrEnum):
    """What a run reads: everything for the first time, the news, or everything anew."""

    INITIAL = "initial"
    INCREMENTAL = "incremental"
    FULL = "full"


class SyncTrigger(StrEnum):
    """Why a run was asked for."""

    CONNECT = "connect"
    MANUAL = "manual"
    BEAT = "beat"
    NOTIFICATION = "notification"

    @property
    def via(self) -> ReadVia:
        """By which way a calendar is fresh after such a run."""
        if self is SyncTrigger.NOTIFICATION:
            return ReadVia.PUSH
        return ReadVia.MANUAL if self is SyncTrigger.MANUAL else ReadVia.POLL

    @property
    def urgent(self) -> bool:
        """Whether somebody is waiting for the run."""
        return self is not SyncTrigger.BEAT


class SyncStatus(StrEnum):
    """How far a run has come."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class NextTurns:
    """When a calendar that was just read is due again.

    Attributes:
        with_push: If a healthy channel tells of changes.
        soon: If none does, and something is on the calendar within :data:`SOON`.
        otherwise: In all other cases.
    """

    with_push: datetime
    soon: datetime
    otherwise: datetime


SOON: Final = timedelta(days=14)
"""What lies within this span matters so much that polls are more frequent where nobody calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncCounts:
    """What a run did to our copy, in events."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    rejected: int = 0

    @property
    def total(self) -> int:
        """How many events the run looked at."""
        return self.created + self.updated + self.deleted + self.unchanged + self.rejected

    def __add__(self, other: "SyncCounts") -> "SyncCounts":
        return SyncCounts(
            created=self.created + other.created,
            updated=self.updated + other.updated,
            deleted=self.deleted + other.deleted,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncJob:
    """One recorded run over one calendar.

    Attributes:
        id: Ours.
        calendar_id: Which calendar.
        kind: What it reads.
        trigger: Why it was asked for.
        status: How far it has come.
        pages: The provider's pages applied so far.
        counts: What it did to our copy so far.
        rejections: The first events that could not be read, each with its reason.
        attempts: How often it was started without coming further.
        error: Why it failed or waits, in a sentence.
        queued_at: When it was asked for.
        started_at: When it last started.
        finished_at: When it ended.
    """

    id: UUID
    calendar_id: UUID
    kind: SyncKind
    trigger: SyncTrigger
    status: SyncStatus
    pages: int
    counts: SyncCounts
    rejections: tuple[dict[str, str | None], ...]
    attempts: int
    error: str | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    def events_per_second(self, now: datetime) -> float | None:
        """Return how fast the run goes or went, waits between its pieces included.

        None where it has not started, or has taken no time yet.
        """
        if self.started_at is None:
            return None
        took = ((self.finished_at or now) - self.started_at).total_seconds()
        return self.counts.total / took if took > 0 else None
