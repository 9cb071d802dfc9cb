"""What this package asks of the job queue, which lives in a layer above it."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from calendar_manager.domain.sync_jobs import SyncTrigger


class Jobs(Protocol):
    """Sends work to the workers; to be called after the commit."""

    def sync_calendar(self, job_id: UUID, *, urgent: bool) -> None:
        """Run a queued sync job."""
        ...

    def examine_conflicts(self, user_id: UUID) -> None:
        """Look for conflicts where a user's occurrences changed."""
        ...

    def tend_channel(self, calendar_id: UUID) -> None:
        """Have the provider tell us of a calendar's changes."""
        ...


class ManyJobs(Jobs, Protocol):
    """Also sends many at once."""

    def sync_due(self, jobs: Sequence[tuple[UUID, SyncTrigger]]) -> None:
        """Run queued sync jobs, each in the queue that its trigger deserves."""
        ...
