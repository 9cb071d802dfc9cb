"""What can be done with a connected account: settings of its calendars, syncs, leaving it."""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.calendars import CalendarChanges
from calendar_manager.accounts.errors import (
    CalendarNeedsConsentError,
    CalendarNotFoundError,
    CalendarNotHeldError,
    ConnectionNotFoundError,
    SyncDisabledError,
)
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import ProviderKind, UnreadablePolicy
from calendar_manager.web.connections_view import PROVIDER_NAMES, load_overview
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import RequiredBrowserLogin, check_session_form
from calendar_manager.web.return_paths import is_htmx
from calendar_manager.web.viewer import Viewer, ViewerDep

router = APIRouter(prefix="/connections", include_in_schema=False)

_PAGE: Final = "/connections"
_FORM: Final = [Depends(check_session_form)]

CHANGED: Final = "accounts-changed"
"""The event by which the page learns that it has to ask for its accounts again."""

Switch = Annotated[bool, Form()]
Color = Annotated[str, Form(pattern=r"^(#[0-9a-fA-F]{6})?$")]


@router.post("/calendars/{calendar_id}", dependencies=_FORM)
def change_calendar(  # noqa: PLR0913 - a form's fields.
    request: Request,
    calendar_id: UUID,
    viewer: ViewerDep,
    accounts: AccountsDep,
    services: ServicesDep,
    *,
    sync_enabled: Switch = False,
    blocks_availability: Switch = False,
    all_day_blocks: Switch = False,
    unreadable_policy: Annotated[UnreadablePolicy, Form()] = UnreadablePolicy.WARN,
    color: Color = "",
    shown_color: Color = "",
) -> Response:
    """Store the settings of a calendar; a switch that is off is not sent by a browser.

    A browser always sends a colour, so only one other than the one that was shown is stored.

    The switches themselves are not sent back: another one may have been moved meanwhile. The page
    is told when more of it has changed than that, and asks for the rest once nobody moves any.

    Raises:
        CalendarNotFoundError: The person has no such calendar.
    """
    with services.store.begin() as uow:
        before = uow.calendars.find(viewer.user.id, calendar_id)
    if before is None:
        raise CalendarNotFoundError
    changes = CalendarChanges(
        sync_enabled=sync_enabled,
        blocks_availability=blocks_availability,
        all_day_blocks=all_day_blocks,
        unreadable_policy=unreadable_policy,
        color=color if color and color != shown_color else None,
    )
    after = accounts.calendars.change(viewer.user.id, calendar_id, changes)
    if not is_htmx(request):
        return RedirectResponse(f"{_PAGE}?done=saved", HTTPStatus.SEE_OTHER)
    seen = (before.sync_enabled, before.color) != (after.sync_enabled, after.color)
    return Response(
        status_code=HTTPStatus.NO_CONTENT, headers={"HX-Trigger": CHANGED} if seen else None
    )


@router.post("/calendars/{calendar_id}/read-anew", dependencies=_FORM)
def read_anew(
    request: Request,
    calendar_id: UUID,
    viewer: ViewerDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Ask for everything on a calendar to be read again."""
    accounts.calendars.sync(viewer.user.id, calendar_id, full=True)
    return _answer(request, viewer, services, "reading")


@router.post("/calendars/{calendar_id}/confirm", dependencies=_FORM)
def confirm_deletions(
    request: Request,
    calendar_id: UUID,
    viewer: ViewerDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Agree to the deletions that were stopped; when none wait any more, nothing is to be done."""
    with suppress(CalendarNotHeldError):
        accounts.calendars.confirm_deletions(viewer.user.id, calendar_id)
    return _answer(request, viewer, services, "reading")


@router.post("/{connection_id}/sync", dependencies=_FORM)
def sync_account(
    request: Request,
    connection_id: UUID,
    viewer: ViewerDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Ask for the news of every calendar of an account that is read.

    Raises:
        ConnectionNotFoundError: The person has no such account.
    """
    with services.store.begin() as uow:
        if uow.connections.find(viewer.user.id, connection_id) is None:
            raise ConnectionNotFoundError
        mine = [
            calendar.id
            for calendar, _ in uow.calendars.list(viewer.user.id)
            if calendar.connection_id == connection_id and calendar.sync_enabled
        ]
    for calendar_id in mine:
        # A calendar that was switched off or lost in this moment has no news to ask for.
        with suppress(CalendarNotFoundError, SyncDisabledError, CalendarNeedsConsentError):
            accounts.calendars.sync(viewer.user.id, calendar_id, full=False)
    return _answer(request, viewer, services, "reading")


@router.get("/{connection_id}/disconnect")
def ask_before_disconnecting(
    request: Request, connection_id: UUID, viewer: ViewerDep, services: ServicesDep
) -> Response:
    """Say what leaving an account removes; alone for a dialog, or as a page of its own.

    Raises:
        ConnectionNotFoundError: The person has no such account.
    """
    with services.store.begin() as uow:
        connection = uow.connections.find(viewer.user.id, connection_id)
        if connection is None:
            raise ConnectionNotFoundError
        calendars = uow.calendars.list_of_connection(connection_id)
        events = sum(uow.events.count_living(one.id, within=None) for one in calendars)
    return viewer.render(
        "parts/leaving.html" if is_htmx(request) else "disconnect.html",
        connection=connection,
        name=PROVIDER_NAMES[connection.provider],
        calendars=len(calendars),
        events=events,
        by_dialog=is_htmx(request),
    )


@router.post("/{connection_id}/disconnect", dependencies=_FORM)
def disconnect(
    connection_id: UUID,
    login: RequiredBrowserLogin,
    accounts: AccountsDep,
    provider: Annotated[ProviderKind, Form()],
) -> Response:
    """Leave an account; one that is gone already is as good."""
    with suppress(ConnectionNotFoundError):
        accounts.disconnecting.disconnect(login.user.id, provider, connection_id)
    return RedirectResponse(f"{_PAGE}?done=disconnected", HTTPStatus.SEE_OTHER)


def show_accounts(viewer: Viewer, services: Services) -> Response:
    """Return the part of the page that shows the accounts."""
    overview = load_overview(services, viewer.user.id)
    return viewer.render("parts/accounts.html", overview=overview, key_problem="", key_for="")


def _answer(request: Request, viewer: Viewer, services: Services, done: str) -> Response:
    """Show the accounts as they are now, in place or on the page."""
    if is_htmx(request):
        return show_accounts(viewer, services)
    return RedirectResponse(f"{_PAGE}?done={done}", HTTPStatus.SEE_OTHER)
