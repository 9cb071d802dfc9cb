"""The installation as those who run it see it, and the little that they may do to it."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from calendar_manager.api.deps import AccountsDep, CurrentAdmin, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import describe_problem, join_problems
from calendar_manager.api.schemas.admin import (
    AdminAuditLineOut,
    AdminConnectionOut,
    AdminFailureOut,
    AdminUserOut,
    OverviewOut,
    SyncRequestedOut,
)
from calendar_manager.domain.accounts import ConnectionStatus
from calendar_manager.web.installation import load_overview

NO_ADMIN = describe_problem(404, "not_found", "There is nothing at this address.")

router = APIRouter(prefix="/api/admin", tags=["administration"], responses={404: NO_ADMIN})

ACTION_MAXIMUM = 100


@router.get("/overview", summary="How is the installation doing?")
def get_overview(_admin: CurrentAdmin, services: ServicesDep) -> OverviewOut:
    """Look at users, connections, sync lag, queues, processes, conflicts and failures at once.

    For administrators only, as everything here: for everybody else there is nothing at this
    address. No answer holds a title, an attendee, a calendar's name or a token.
    """
    return OverviewOut.of(load_overview(services))


@router.get("/users", summary="List everybody")
def list_users(
    _admin: CurrentAdmin, services: ServicesDep, page: PageParamsDep
) -> Page[AdminUserOut]:
    """List the people with a login, the one who came last first."""
    with services.store.begin() as uow:
        users = uow.administration.list_users(after=page.after, limit=page.fetch)
    return make_page(users, page, key=lambda user: (user.created_at, user.id), show=AdminUserOut.of)


@router.get("/connections", summary="List everybody's connections")
def list_all_connections(
    _admin: CurrentAdmin,
    services: ServicesDep,
    page: PageParamsDep,
    status: Annotated[
        ConnectionStatus | None, Query(description="Only connections in this state.")
    ] = None,
) -> Page[AdminConnectionOut]:
    """List the connected accounts, the latest first, by whose they are but without addresses."""
    with services.store.begin() as uow:
        connections = uow.administration.list_connections(
            status=status, after=page.after, limit=page.fetch
        )
    return make_page(
        connections, page, key=lambda one: (one.created_at, one.id), show=AdminConnectionOut.of
    )


@router.post(
    "/connections/{connection_id}/sync",
    status_code=HTTPStatus.ACCEPTED,
    summary="Sync somebody's connection",
    responses={
        404: join_problems(
            NO_ADMIN,
            describe_problem(404, "connection_not_found", "There is no such connection."),
        ),
        409: describe_problem(
            409,
            "nothing_to_sync",
            "There is nothing to read: no such calendar, or its sync is switched off, or its"
            " account has to be connected again.",
        ),
    },
)
def sync_connection(
    connection_id: UUID, admin: CurrentAdmin, accounts: AccountsDep
) -> SyncRequestedOut:
    """Ask for a run over every calendar of a connection that can be read. It is audited."""
    jobs = accounts.administration.sync_connection(admin.id, connection_id)
    return SyncRequestedOut(job_ids=[job.id for job in jobs])


@router.get("/failures", summary="List everybody's failed syncs")
def list_failures(
    _admin: CurrentAdmin, services: ServicesDep, page: PageParamsDep
) -> Page[AdminFailureOut]:
    """List the syncs that failed, the latest first, each with the code of its reason."""
    with services.store.begin() as uow:
        failures = uow.administration.list_failures(after=page.after, limit=page.fetch)
    return make_page(
        failures, page, key=lambda one: (one.failed_at, one.id), show=AdminFailureOut.of
    )


@router.get("/audit", summary="List what was done by whomever")
def list_whole_audit(
    _admin: CurrentAdmin,
    services: ServicesDep,
    page: PageParamsDep,
    action: Annotated[
        str | None,
        Query(
            description="Only lines with this dotted name, such as `session.refused`.",
            max_length=ACTION_MAXIMUM,
            pattern=r"^[a-z_]+(\.[a-z_]+)*$",
        ),
    ] = None,
    user_id: Annotated[
        UUID | None, Query(description="Only what was done by this user or for them.")
    ] = None,
) -> Page[AdminAuditLineOut]:
    """List the whole audit log, the latest first. Lines of people who left are in it as well."""
    with services.store.begin() as uow:
        entries = uow.administration.list_audit(
            action=action, user_id=user_id, after=page.after, limit=page.fetch
        )
    return make_page(
        entries,
        page,
        key=lambda entry: (entry.line.at, entry.line.id),
        show=AdminAuditLineOut.of_entry,
    )
