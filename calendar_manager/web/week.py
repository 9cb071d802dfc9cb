"""The week: all calendars merged into one."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from pydantic import AfterValidator
from starlette.responses import JSONResponse, RedirectResponse, Response

from calendar_manager.accounts.errors import (
    ClientNotFoundError,
    EventNotFoundError,
    InvalidFieldsError,
)
from calendar_manager.accounts.fields import check_time_zone
from calendar_manager.domain.times import ZONE_NAMES, find_zone
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.event_client import (
    BY_RULES,
    NOBODY,
    ClientForm,
    fill_form,
    save_form,
)
from calendar_manager.web.event_view import EventView, load_event, show_zone
from calendar_manager.web.guards import RequiredBrowserLogin, check_session_form
from calendar_manager.web.return_paths import is_htmx
from calendar_manager.web.viewer import Viewer, ViewerDep
from calendar_manager.web.week_events import WeekQuestion, draw_week
from calendar_manager.web.week_view import AskedPage, GridView, load_page, read_keys

router = APIRouter(include_in_schema=False)

Zone = Annotated[str, AfterValidator(check_time_zone)]
Keys = Annotated[list[str] | None, Query(max_length=500)]


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the week is shown, and in which colours.

    Attributes:
        calendars: The ids of the calendars that are shown; None for all.
        clients: Of the clients; None for all.
        by_client: Whether colours are those of clients.
        declined: Whether declined meetings are shown.
    """

    calendars: frozenset[str] | None
    clients: frozenset[str] | None
    by_client: bool
    declined: bool


async def read_filters(
    calendar: Keys = None, client: Keys = None, color: str = "calendar", declined: str = ""
) -> Filters:
    """Read what of the week is shown; an empty name alone stands for none."""
    return Filters(read_keys(calendar), read_keys(client), color == "client", bool(declined))


FiltersDep = Annotated[Filters, Depends(read_filters)]


@router.get("/week")
def show(
    viewer: ViewerDep,
    services: ServicesDep,
    filters: FiltersDep,
    day: Annotated[str | None, Query(alias="date")] = None,
    view: str | None = None,
    tz: str | None = None,
) -> Response:
    """Show the page; the grid on it asks for what it draws."""
    asked = AskedPage(
        day=day,
        view=view,
        zone=tz,
        calendars=filters.calendars,
        clients=filters.clients,
        by_client=filters.by_client,
        declined=filters.declined,
    )
    page = load_page(services.store, viewer.user, asked, now=services.clock())
    return viewer.render(
        "week.html", page=page, views=list(GridView), zones=ZONE_NAMES, show_zone=show_zone
    )


@router.get("/week/events")
def list_events(
    login: RequiredBrowserLogin,
    services: ServicesDep,
    filters: FiltersDep,
    start: date,
    end: date,
    tz: Zone | None = None,
) -> Response:
    """Return what the grid draws: at most 62 days, on the wall clock of a zone."""
    question = WeekQuestion(
        first=start,
        end=end,
        zone=find_zone(tz or login.user.time_zone),
        calendars=filters.calendars,
        clients=filters.clients,
        declined=filters.declined,
        by_client=filters.by_client,
    )
    now, maximum_age = services.clock(), services.settings.stale_after
    drawn = draw_week(services.store, login.user, question, now=now, maximum_age=maximum_age)
    return JSONResponse(drawn.as_json())


def find_event(
    viewer: ViewerDep,
    services: ServicesDep,
    occurrence_id: UUID,
    at: datetime,
    tz: Zone | None = None,
) -> EventView:
    """Return the meeting that an address of ours leads to.

    Raises:
        EventNotFoundError: There is none, or the start names no instant.
    """
    if at.tzinfo is None:
        raise EventNotFoundError
    zone = find_zone(tz or viewer.user.time_zone)
    return load_event(services.store, viewer.user, occurrence_id, at, zone)


EventDep = Annotated[EventView, Depends(find_event)]


@router.get("/week/events/{occurrence_id}")  # noqa: FAST003 - find_event reads it.
def show_event(request: Request, viewer: ViewerDep, event: EventDep) -> Response:
    """Show the details of a meeting: beside the grid, or as a page of their own."""
    return _show(request, viewer, event, fill_form(event.said))


async def read_form(
    client: Annotated[str, Form()] = BY_RULES,
    project: Annotated[str, Form()] = "",
    scope: Annotated[str, Form()] = "event",
) -> ClientForm:
    """Read what a person says of a meeting's client."""
    return ClientForm(client, project, scope)


@router.post(
    "/week/events/{occurrence_id}/client",  # noqa: FAST003 - as above.
    dependencies=[Depends(check_session_form)],
)
def assign_client(
    request: Request,
    viewer: ViewerDep,
    services: ServicesDep,
    accounts: AccountsDep,
    event: EventDep,
    form: Annotated[ClientForm, Depends(read_form)],
) -> Response:
    """Say whom a meeting belongs to, on all calendars that it stands on."""
    try:
        save_form(accounts.assigning, viewer.user, event.one.copies, form)
    except InvalidFieldsError as error:
        return _show(request, viewer, event, form, problems=error.problems)
    except ClientNotFoundError as error:
        return _show(request, viewer, event, form, problems={"client": str(error)})
    if not is_htmx(request):
        return RedirectResponse(f"{event.address}&done=saved", HTTPStatus.SEE_OTHER)
    start = event.one.meeting.span.start
    changed = load_event(services.store, viewer.user, event.occurrence_id, start, event.zone)
    answer = _show(
        request, viewer, changed, replace(fill_form(changed.said), scope=form.scope), saved=True
    )
    answer.headers["HX-Trigger"] = "week-changed"
    return answer


def _show(
    request: Request,
    viewer: Viewer,
    event: EventView,
    form: ClientForm,
    *,
    problems: dict[str, str] | None = None,
    saved: bool = False,
) -> Response:
    template = "parts/event_details.html" if is_htmx(request) else "event.html"
    return viewer.render(
        template,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        event=event,
        form=form,
        problems=problems or {},
        saved=saved,
        by_rules=BY_RULES,
        nobody=NOBODY,
        show_zone=show_zone,
    )
