"""The circuit breaker around the deletions of one run."""

from uuid import UUID

from calendar_manager.domain.breaker import BreakerLimits, Deletion, trips
from calendar_manager.domain.errors import CalendarManagerError
from calendar_manager.domain.timespan import Span
from calendar_manager.store.unit_of_work import UnitOfWork


class TooManyDeletionsError(CalendarManagerError):
    """A run would delete more than the circuit breaker lets through.

    Attributes:
        deletion: What it would delete.
    """

    def __init__(self, deletion: Deletion) -> None:
        super().__init__(
            f"The provider no longer lists {deletion.deleting} of {deletion.living} events. "
            "Nothing was deleted. Confirm that they are gone, or wait until they are back."
        )
        self.deletion = deletion


class DeletionGuard:
    """Adds up what a run deletes, and stops it before it is too much.

    Args:
        limits: How much it may.
        accepted: How many deletions the user agreed to; None when nobody was asked.
    """

    def __init__(self, limits: BreakerLimits, *, accepted: int | None) -> None:
        self._limits = limits
        self._accepted = accepted
        self.deleted = 0
        """How many events the run has deleted by now."""

    def pass_deletions(
        self,
        uow: UnitOfWork,
        calendar_id: UUID,
        count: int,
        *,
        full: bool = False,
        within: Span | None = None,
    ) -> None:
        """Let deletions through, or stop the run.

        Args:
            uow: The transaction that is about to delete.
            calendar_id: On which calendar.
            count: How many events, a series as one.
            full: Whether a complete read says so by what it lacks.
            within: What that read could see; None when it could see everything.

        Raises:
            TooManyDeletionsError: It would be too many.
        """
        deleting = self.deleted + count
        if count and (full or deleting >= self._limits.minimum):
            living = uow.events.count_living(calendar_id, within=within) + self.deleted
            deletion = Deletion(deleting=deleting, living=living, full=full)
            if trips(deletion, self._limits, accepted=self._accepted):
                raise TooManyDeletionsError(deletion)
        self.deleted = deleting
