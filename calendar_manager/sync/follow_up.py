"""What comes after a run."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

NO_DELAY = timedelta(0)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A job to send to the workers after a run.

    Attributes:
        job_id: Which.
        delay: How long it has to wait.
        urgent: Whether it overtakes the routine.
    """

    job_id: UUID
    delay: timedelta = NO_DELAY
    urgent: bool = True
