"""The circuit breaker: a source that suddenly lost most of its events is not believed at once.

Real projects lost whole calendars because a provider once answered with an empty list
(OutlookGoogleCalendarSync issue 2137). A run that would delete too much stops instead, and a
person decides; the copy stays as it is until then.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """How much one run may delete.

    Attributes:
        share: Of the events that are there, in ``(0, 1]``; more than this trips.
        minimum: Fewer deletions than this never trip, unless nothing would be left at all.
    """

    share: float
    minimum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What a run would have deleted by now.

    Attributes:
        deleting: How many events, those that the run has already deleted included.
        living: How many events there were before the run.
        full: Whether a complete read of the source says so by what it lacks; a source that names
            each deletion means it, and may become empty.
    """

    deleting: int
    living: int
    full: bool


def trips(deletion: Deletion, limits: BreakerLimits, *, accepted: int | None) -> bool:
    """Tell whether a run has to stop before it deletes.

    Args:
        deletion: What it would delete.
        limits: How much it may.
        accepted: How many deletions a person agreed to; None when nobody was asked. A few more
            may have come since, so the least number that can trip is allowed on top.
    """
    if deletion.deleting == 0:
        return False
    if accepted is not None and deletion.deleting <= accepted + limits.minimum:
        return False
    if deletion.full and deletion.deleting >= deletion.living:
        return True
    return (
        deletion.deleting >= limits.minimum and deletion.deleting > limits.share * deletion.living
    )
