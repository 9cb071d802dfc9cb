"""Calendars, their settings, and asking for a sync."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, status

from calendar_manager.api.deps import AccountsDep, CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import describe_problem
from calendar_manager.api.schemas.calendars import CalendarOut, CalendarPatch
from calendar_manager.api.schemas.sync_jobs import SyncJobOut
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import (
    Calendar,
    CalendarStatus,
    Connection,
    ConnectionStatus,
)
from calendar_manager.domain.freshness import freshness_of

router = APIRouter(prefix="/api/calendars", tags=["calendars"])


NOT_FOUND: Final = describe_problem(404, "calendar_not_found", "There is no such calendar.")


@router.get("", summary="List my calendars")
def list_calendars(
    user: CurrentUser,
    services: ServicesDep,
    page: PageParamsDep,
    *,
    deleted: Annotated[
        bool, Query(description="Whether to list the deleted ones, which can be restored, instead.")
    ] = False,
) -> Page[CalendarOut]:
    """List the calendars of all connected accounts, the first found first."""
    with services.store.begin() as uow:
        rows = uow.calendars.list(user.id, deleted=deleted, after=page.after, limit=page.fetch)
        connections = uow.connections.list(user.id)
    by_id = {connection.id: connection for connection in connections}
    return make_page(
        rows,
        page,
        key=lambda row: (row[1], row[0].id),
        show=lambda row: show_calendar(services, row[0], by_id.get(row[0].connection_id)),
    )


@router.patch("/{calendar_id}", summary="Change a calendar's settings", responses={404: NOT_FOUND})
def change_calendar(
    calendar_id: UUID,
    body: CalendarPatch,
    user: CurrentUser,
    accounts: AccountsDep,
    services: ServicesDep,
) -> CalendarOut:
    """Change whether it is read, what of it makes the user busy, and its colour.

    Switching sync on starts a run at once; a change of what makes busy lets conflicts be looked
    for again.
    """
    return _show(services, accounts.calendars.change(user.id, calendar_id, body.changes()))


@router.delete(
    "/{calendar_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a calendar",
    responses={404: NOT_FOUND},
)
def delete_calendar(calendar_id: UUID, user: CurrentUser, accounts: AccountsDep) -> None:
    """Put a calendar aside: it is no longer read and counts for nothing. It can be restored."""
    accounts.calendars.delete(user.id, calendar_id)


@router.post(
    "/{calendar_id}/restore", summary="Restore a deleted calendar", responses={404: NOT_FOUND}
)
def restore_calendar(
    calendar_id: UUID, user: CurrentUser, accounts: AccountsDep, services: ServicesDep
) -> CalendarOut:
    """Take a deleted calendar back, and read what it missed."""
    return _show(services, accounts.calendars.restore(user.id, calendar_id))


@router.post(
    "/{calendar_id}/sync",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Sync a calendar now",
    responses={
        404: NOT_FOUND,
        409: describe_problem(
            409,
            "sync_disabled",
            "Sync is switched off for this calendar. Switch it on first.",
        ),
    },
)
def sync_calendar(
    calendar_id: UUID,
    user: CurrentUser,
    accounts: AccountsDep,
    *,
    full: Annotated[
        bool, Query(description="Whether to read everything anew instead of the news.")
    ] = False,
) -> SyncJobOut:
    """Ask for a run ahead of its turn; a run that waits already is returned as it is."""
    return SyncJobOut.of(accounts.calendars.sync(user.id, calendar_id, full=full))


def _show(services: Services, calendar: Calendar) -> CalendarOut:
    with services.store.begin() as uow:
        connection = uow.connections.find(calendar.user_id, calendar.connection_id)
    return show_calendar(services, calendar, connection)


def show_calendar(
    services: Services, calendar: Calendar, connection: Connection | None
) -> CalendarOut:
    """Show a calendar as it is doing now.

    One that is not read cannot be late, and one whose account has to be connected again is
    failing, however young the copy.
    """
    if connection is None or connection.status is not ConnectionStatus.ACTIVE:
        reason = None if connection is None else connection.reason
        return CalendarOut.of(calendar, CalendarStatus.FAILING, error=calendar.error or reason)
    if not calendar.sync_enabled:
        return CalendarOut.of(calendar, calendar.status)
    freshness = freshness_of(calendar, services.clock(), services.settings.stale_after)
    return CalendarOut.of(calendar, freshness.status)
