"""Sync jobs: progress and history."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from calendar_manager.api.deps import CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import NotFoundError, describe_problem
from calendar_manager.api.schemas.sync_jobs import SyncJobOut
from calendar_manager.domain.sync_jobs import SyncStatus

router = APIRouter(prefix="/api/sync-jobs", tags=["sync jobs"])


@router.get(
    "",
    summary="List my sync jobs",
    responses={404: describe_problem(404, "calendar_not_found", "There is no such calendar.")},
)
def list_sync_jobs(
    user: CurrentUser,
    services: ServicesDep,
    page: PageParamsDep,
    calendar_id: Annotated[
        UUID | None, Query(description="Only the runs over this calendar.")
    ] = None,
    status: Annotated[SyncStatus | None, Query(description="Only the runs in this state.")] = None,
) -> Page[SyncJobOut]:
    """List the runs, the newest first."""
    with services.store.begin() as uow:
        if calendar_id is not None and not (
            uow.calendars.find(user.id, calendar_id)
            or uow.calendars.find(user.id, calendar_id, deleted=True)
        ):
            raise NotFoundError("calendar")
        jobs = uow.sync_jobs.list(
            user.id, calendar_id=calendar_id, status=status, before=page.after, limit=page.fetch
        )
    now = services.clock()
    return make_page(
        jobs,
        page,
        key=lambda job: (job.queued_at, job.id),
        show=lambda job: SyncJobOut.of(job, now=now),
    )


@router.get(
    "/{job_id}",
    summary="Show a sync job",
    responses={404: describe_problem(404, "sync_job_not_found", "There is no such sync job.")},
)
def get_sync_job(job_id: UUID, user: CurrentUser, services: ServicesDep) -> SyncJobOut:
    """Return one run with its progress: pages, events and how fast they come.

    A large first run goes in pieces; it is *running* from the first to the last.
    """
    with services.store.begin() as uow:
        job = uow.sync_jobs.find(user.id, job_id)
    if job is None:
        raise NotFoundError("sync job")
    return SyncJobOut.of(job, now=services.clock())
