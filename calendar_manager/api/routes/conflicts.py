"""Conflicts: looking at them and ending them."""

from dataclasses import replace
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from calendar_manager.api.deps import CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import InvalidFieldError, describe_problem
from calendar_manager.api.questions import MomentText, ZoneQuery, refusals
from calendar_manager.api.schemas.conflicts import ConflictOut, ResolveIn
from calendar_manager.bootstrap import Services
from calendar_manager.domain.conflict_reconciliation import ConflictStatus
from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.asked_time import EARLIEST, LATEST, Moment, resolve_moment
from calendar_manager.scheduling.conflicts import Conflicts
from calendar_manager.store.conflict_rows import ConflictFilter

router = APIRouter(prefix="/api/conflicts", tags=["conflicts"])

NOT_FOUND: Final = describe_problem(404, "conflict_not_found", "There is no such conflict.")
ENDED: Final = describe_problem(
    409,
    "conflict_ended",
    "This conflict is over: its meetings are no longer in each other's way.",
)


async def read_kinds(
    status: Annotated[list[ConflictStatus], Query(description="May be repeated.")] = [],  # noqa: B006 - FastAPI copies it.
    type: Annotated[list[ConflictType], Query(description="May be repeated.")] = [],  # noqa: A002, B006 - as the contract calls it.
    severity: Annotated[list[ConflictSeverity], Query(description="May be repeated.")] = [],  # noqa: B006 - as above.
) -> ConflictFilter:
    """Read which kinds of conflicts are wanted."""
    return ConflictFilter(statuses=status, types=type, severities=severity)


@router.get("", summary="List my conflicts")
def list_conflicts(
    user: CurrentUser,
    services: ServicesDep,
    page: PageParamsDep,
    kinds: Annotated[ConflictFilter, Depends(read_kinds)],
    start: Annotated[
        MomentText | None, Query(description="Only what ends after this; a date is midnight.")
    ] = None,
    end: Annotated[
        MomentText | None, Query(description="Only what starts before this, as `start`.")
    ] = None,
    tz: ZoneQuery = None,
) -> Page[ConflictOut]:
    """List conflicts in the order of their starts. `tz` is your own zone by default."""
    zone = find_zone(tz or user.time_zone)
    with refusals():
        wanted = replace(kinds, span=_read_span(start, end, zone))
    views = _conflicts(services).list(user, wanted, after=page.after, limit=page.fetch)
    return make_page(
        views,
        page,
        key=lambda view: (view.record.span.start, view.record.id),
        show=lambda view: ConflictOut.of(view, zone),
    )


@router.get("/{conflict_id}", summary="Look at a conflict", responses={404: NOT_FOUND})
def get_conflict(
    conflict_id: UUID, user: CurrentUser, services: ServicesDep, tz: ZoneQuery = None
) -> ConflictOut:
    """Show both meetings, what happened so far, and where the cheaper one could go."""
    with refusals():
        view = _conflicts(services).find(user, conflict_id)
    return ConflictOut.of(view, find_zone(tz or user.time_zone))


@router.post(
    "/{conflict_id}/resolve",
    summary="End a conflict",
    responses={404: NOT_FOUND, 409: ENDED},
)
def resolve_conflict(
    conflict_id: UUID,
    body: ResolveIn,
    user: CurrentUser,
    services: ServicesDep,
    tz: ZoneQuery = None,
) -> ConflictOut:
    """Say that a conflict is resolved, or to be ignored.

    It stays so while both meetings stand still, and opens again when one of them moves into a
    new overlap.
    """
    resolution = ConflictStatus(body.resolution)
    with refusals():
        view = _conflicts(services).resolve(user, conflict_id, resolution, body.note or None)
    return ConflictOut.of(view, find_zone(tz or user.time_zone))


def _conflicts(services: Services) -> Conflicts:
    return Conflicts(
        services.store, now=services.clock(), maximum_age=services.settings.stale_after
    )


def _read_span(start: Moment | None, end: Moment | None, zone: ZoneInfo) -> Span | None:
    """Return the range of a question, of which either end may be left open."""
    if start is None and end is None:
        return None
    first = EARLIEST if start is None else resolve_moment(start, "start", zone)
    last = LATEST if end is None else resolve_moment(end, "end", zone)
    if last <= first:
        raise InvalidFieldError("end", "The end has to come after the start.")
    return Span(first, last)
