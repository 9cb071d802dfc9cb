"""Calendars, their settings, and asking for a sync."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, status

from calendar_manager.api.deps import AccountsDep, CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import describe_problem, join_problems
from calendar_manager.api.schemas.calendars import CalendarOut, CalendarPatch
from calendar_manager.api.schemas.sync_jobs import SyncJobOut
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import (
    Calendar,
    CalendarStatus,
    Connection,
    ConnectionStatus,
)
from calendar_manager.domain.channels import NO_PUSH, Push
from calendar_manager.domain.freshness import freshness_of
from calendar_manager.store.unit_of_work import UnitOfWork

router = APIRouter(prefix="/api/calendars", tags=["calendars"])


NOT_FOUND: Final = describe_problem(404, "calendar_not_found", "There is no such calendar.")
SYNC_DISABLED: Final = describe_problem(
    409, "sync_disabled", "Sync is switched off for this calendar. Switch it on first."
)
NEEDS_REAUTH: Final = describe_problem(
    409, "needs_reauth", "The account of this calendar has to be connected again first."
)


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
        push = _load_push(services, uow, [calendar.id for calendar, _ in rows])
        clients = _load_clients(uow, [calendar for calendar, _ in rows])
    by_id = {connection.id: connection for connection in connections}
    return make_page(
        rows,
        page,
        key=lambda row: (row[1], row[0].id),
        show=lambda row: show_calendar(
            services,
            row[0],
            by_id.get(row[0].connection_id),
            push.get(row[0].id, NO_PUSH),
            clients.get(row[0].id),
        ),
    )


@router.patch("/{calendar_id}", summary="Change a calendar's settings", responses={404: NOT_FOUND})
def change_calendar(
    calendar_id: UUID,
    body: CalendarPatch,
    user: CurrentUser,
    accounts: AccountsDep,
    services: ServicesDep,
) -> CalendarOut:
    """Change whether it is read, what of it makes the user busy, its client, and its colour.

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
        409: join_problems(SYNC_DISABLED, NEEDS_REAUTH),
    },
)
def sync_calendar(
    calendar_id: UUID,
    user: CurrentUser,
    accounts: AccountsDep,
    services: ServicesDep,
    *,
    full: Annotated[
        bool, Query(description="Whether to read everything anew instead of the news.")
    ] = False,
) -> SyncJobOut:
    """Ask for a run ahead of its turn; a run that waits already is returned as it is."""
    job = accounts.calendars.sync(user.id, calendar_id, full=full)
    return SyncJobOut.of(job, now=services.clock())


@router.post(
    "/{calendar_id}/confirm-deletions",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Confirm that a calendar's events are gone",
    responses={
        404: NOT_FOUND,
        409: join_problems(
            describe_problem(
                409, "calendar_not_held", "No deletions of this calendar wait to be confirmed."
            ),
            SYNC_DISABLED,
            NEEDS_REAUTH,
        ),
    },
)
def confirm_deletions(
    calendar_id: UUID, user: CurrentUser, accounts: AccountsDep, services: ServicesDep
) -> SyncJobOut:
    """Agree to what the circuit breaker stopped, and have the calendar read anew.

    A calendar is *held* when its provider suddenly lists nothing, or much less than before. Its
    copy stays as it is, it is looked at again every hour, and it goes on by itself if the events
    are back. Asking for a sync looks at once; only this call lets the events go.
    """
    job = accounts.calendars.confirm_deletions(user.id, calendar_id)
    return SyncJobOut.of(job, now=services.clock())


def _show(services: Services, calendar: Calendar) -> CalendarOut:
    with services.store.begin() as uow:
        connection = uow.connections.find(calendar.user_id, calendar.connection_id)
        push = _load_push(services, uow, [calendar.id])
        clients = _load_clients(uow, [calendar])
    return show_calendar(
        services,
        calendar,
        connection,
        push.get(calendar.id, NO_PUSH),
        clients.get(calendar.id),
    )


def _load_push(
    services: Services, uow: UnitOfWork, calendar_ids: Sequence[UUID]
) -> Mapping[UUID, Push]:
    """Tell how the channels of calendars are doing; none has one that no provider can reach."""
    if services.settings.public_url is None:
        return {}
    return uow.channels.list_push(calendar_ids, now=services.clock())


def _load_clients(uow: UnitOfWork, calendars: Sequence[Calendar]) -> Mapping[UUID, UUID]:
    """Return the clients of calendars of one user, without those that are deleted."""
    named = {one.id: one.client_id for one in calendars if one.client_id is not None}
    if not named:
        return {}
    living = uow.clients.list_living(calendars[0].user_id)
    return {key: client_id for key, client_id in named.items() if client_id in living}


def show_calendar(
    services: Services,
    calendar: Calendar,
    connection: Connection | None,
    push: Push,
    client_id: UUID | None,
) -> CalendarOut:
    """Show a calendar as it is doing now.

    One that is not read cannot be late, and one whose account has to be connected again is
    failing, however young the copy.

    Args:
        services: The joined parts.
        calendar: The calendar.
        connection: Its account.
        push: How its channel is doing, if it is read.
        client_id: Its client, None when that is deleted.
    """
    if connection is None or connection.status is not ConnectionStatus.ACTIVE:
        reason = None if connection is None else connection.reason
        return CalendarOut.of(
            calendar,
            CalendarStatus.FAILING,
            push=NO_PUSH,
            client_id=client_id,
            error=calendar.error or reason,
        )
    if not calendar.sync_enabled:
        return CalendarOut.of(calendar, calendar.status, push=NO_PUSH, client_id=client_id)
    freshness = freshness_of(calendar, services.clock(), services.settings.stale_after)
    return CalendarOut.of(calendar, freshness.status, push=push, client_id=client_id)
