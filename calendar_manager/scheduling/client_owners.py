"""Whom the occurrences belong to that are computed beyond what is laid out."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import Occurrence
from calendar_manager.store.agenda_entries import StoredSeries
from calendar_manager.store.client_rows import Assignment, Origin, Owner
from calendar_manager.store.unit_of_work import UnitOfWork


def load_owners(
    uow: UnitOfWork,
    computed: Sequence[tuple[StoredSeries, Occurrence]],
    calendars: Mapping[UUID, Calendar],
) -> list[Owner]:
    """Return whom computed occurrences of series belong to, as the database would tell.

    Args:
        uow: The transaction.
        computed: Occurrences of series themselves; those of overrides are always laid out.
        calendars: Their calendars, by id.

    Returns:
        One for each occurrence, in their order.
    """
    if not computed:
        return []
    user_id = next(iter(calendars.values())).user_id
    said = uow.assignments.load({series.event_id for series, _ in computed})
    owners = [
        _owner(
            said.get((series.event_id, occurrence.original_start)),
            said.get((series.event_id, None)),
            calendars[series.calendar_id].client_id,
        )
        for series, occurrence in computed
    ]
    if all(owner.client_id is None for owner in owners):
        return owners
    living = uow.clients.list_living(user_id)
    return [
        owner if owner.client_id in living else owner._replace(client_id=None) for owner in owners
    ]


def _owner(exact: Assignment | None, whole: Assignment | None, fallback: UUID | None) -> Owner:
    """Return the answer that decides; the ranks are those of the database's."""
    if exact is not None:
        return Owner(exact.client_id, exact.project, 0)
    if whole is not None:
        return Owner(whole.client_id, whole.project, 1 if whole.origin is Origin.HAND else 3)
    return Owner(fallback, None, 6 if fallback is None else 5)
