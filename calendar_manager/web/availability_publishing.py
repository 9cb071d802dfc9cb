"""Letting others see one's free time: the private feed, and the schedule at Cal.com."""

from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from itertools import groupby
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Form
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.errors import (
    AccountsError,
    CaldotcomNotConnectedError,
    CalendarNotFoundError,
    ConnectionNotFoundError,
)
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.web.addresses import find_public_url
from calendar_manager.web.availability_page import PAGE, render_page
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import check_session_form
from calendar_manager.web.viewer import ViewerDep

router = APIRouter(include_in_schema=False)

_GONE = (CaldotcomNotConnectedError, CalendarNotFoundError, ConnectionNotFoundError)


@router.post("/availability/feed", dependencies=[Depends(check_session_form)])
def make_feed(viewer: ViewerDep, services: ServicesDep, accounts: AccountsDep) -> Response:
    """Make a private address and show it this once; the one before it leads nowhere."""
    feed = accounts.feeds.create(viewer.user.id)
    url = f"{find_public_url(services.settings)}/feeds/{feed.token}.ics"
    return render_page(viewer, services, accounts, new_feed_url=url)


@router.post("/availability/feed/revoke", dependencies=[Depends(check_session_form)])
def revoke_feed(viewer: ViewerDep, accounts: AccountsDep) -> Response:
    """Let the private address lead nowhere."""
    accounts.feeds.revoke(viewer.user.id)
    return RedirectResponse(f"{PAGE}?done=feed-revoked#feed", HTTPStatus.SEE_OTHER)


@router.get("/availability/feed")
@router.get("/availability/export/{connection_id}")
async def lead_back() -> Response:
    """Lead whoever opens the address again under which something was done to the page."""
    return RedirectResponse(PAGE, HTTPStatus.SEE_OTHER)


@router.get("/availability/export/{connection_id}/preview")
def preview_export(connection_id: UUID, viewer: ViewerDep, accounts: AccountsDep) -> Response:
    """Show what Cal.com would be told."""
    export = problem = None
    try:
        export = accounts.exporting.show(viewer.user, connection_id)
    except ConnectionNotFoundError:
        problem = "This account is not connected any more."
    except InvalidRulesError as error:
        problem = str(error)
    schedule = {} if export is None else export.schedule
    return viewer.render(
        "parts/export_preview.html",
        export=export,
        problem=problem,
        weekly=_list_weekly(_rows(schedule, "availability")),
        dates=_list_dates(_rows(schedule, "overrides")),
    )


@router.post("/availability/export/{connection_id}", dependencies=[Depends(check_session_form)])
def push(
    connection_id: UUID,
    viewer: ViewerDep,
    services: ServicesDep,
    accounts: AccountsDep,
    left_out: Annotated[list[UUID], Form()] = [],  # noqa: B006 - FastAPI copies it.
) -> Response:
    """Push the schedule now, and from now on whenever it changes."""
    try:
        accounts.exporting.enable(viewer.user, connection_id, left_out)
    except (AccountsError, InvalidRulesError) as error:
        problem = (connection_id, str(error))
        return render_page(
            viewer, services, accounts, export_problem=problem, status=_status_of(error)
        )
    return RedirectResponse(f"{PAGE}?done=pushed#caldotcom", HTTPStatus.SEE_OTHER)


def _status_of(error: AccountsError | InvalidRulesError) -> HTTPStatus:
    if isinstance(error, InvalidRulesError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.NOT_FOUND if isinstance(error, _GONE) else HTTPStatus.BAD_GATEWAY


@router.post(
    "/availability/export/{connection_id}/stop", dependencies=[Depends(check_session_form)]
)
def stop(connection_id: UUID, viewer: ViewerDep, accounts: AccountsDep) -> Response:
    """Leave the schedule at Cal.com as it is, and change it no more."""
    try:
        accounts.exporting.disable(viewer.user.id, connection_id)
    except _GONE:
        # An account that is gone is not exported to, which is what was asked for.
        return RedirectResponse(f"{PAGE}#caldotcom", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"{PAGE}?done=saved#caldotcom", HTTPStatus.SEE_OTHER)


def _rows(schedule: Mapping[str, object], name: str) -> list[dict[str, Any]]:
    """Return a list of a schedule's document, whose shape is Cal.com's."""
    return cast("list[dict[str, Any]]", schedule.get(name, []))


def _list_weekly(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the weekly hours as days and hours in words."""
    return [(", ".join(day[:3] for day in row["days"]), _write_hours(row)) for row in rows]


def _list_dates(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return each date that differs from the weekly hours once, with all its hours."""
    listed = []
    for text, found in groupby(rows, key=lambda row: str(row["date"])):
        day = date.fromisoformat(text)
        hours = ", ".join(_write_hours(row) for row in found)
        listed.append((f"{day:%a} {day.day} {day:%b}", hours))
    return listed


def _write_hours(row: Mapping[str, Any]) -> str:
    start, end = row["startTime"], row["endTime"]
    return "day off" if start == end else f"{start}\N{EN DASH}{end}"
