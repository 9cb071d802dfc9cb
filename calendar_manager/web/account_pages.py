"""Looking after an account: its password, its devices, what was done with it, and its end."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.errors import (
    InvalidFieldsError,
    SessionNotFoundError,
    TooManyAttemptsError,
)
from calendar_manager.web.addresses import is_secure
from calendar_manager.web.cookies import clear_session
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import RequiredBrowserLogin, check_session_form
from calendar_manager.web.return_paths import LOGIN, is_htmx
from calendar_manager.web.settings_desk import SettingsDeskDep
from calendar_manager.web.settings_view import describe_line
from calendar_manager.web.viewer import Viewer, ViewerDep

router = APIRouter(prefix="/settings", include_in_schema=False)

LINES_ON_A_PAGE: Final = 50

_FORM: Final = [Depends(check_session_form)]

Text = Annotated[str, Form()]


@router.post("/password", dependencies=_FORM)
def change_password(
    desk: SettingsDeskDep,
    login: RequiredBrowserLogin,
    accounts: AccountsDep,
    current_password: Text = "",
    new_password: Text = "",
) -> Response:
    """Store a new password and sign all other devices out; a password is never shown again."""
    try:
        accounts.password_change.change(login, current=current_password, new=new_password)
    except InvalidFieldsError as error:
        return desk.show(problems=error.problems)
    except TooManyAttemptsError as error:
        return desk.show(
            status=HTTPStatus.TOO_MANY_REQUESTS, problems={"current_password": str(error)}
        )
    return RedirectResponse("/settings?done=password", HTTPStatus.SEE_OTHER)


@router.post("/devices/{session_id}/end", dependencies=_FORM)
def end_session(
    session_id: UUID, desk: SettingsDeskDep, viewer: ViewerDep, accounts: AccountsDep
) -> Response:
    """Sign a device out."""
    try:
        accounts.sessions.end(viewer.user.id, session_id)
    except SessionNotFoundError:
        return desk.show(
            status=HTTPStatus.NOT_FOUND, problems={"": "This device is not signed in any more."}
        )
    return RedirectResponse("/settings?done=device", HTTPStatus.SEE_OTHER)


@router.get("/activity")
def show_activity(
    viewer: ViewerDep,
    services: ServicesDep,
    at: Annotated[datetime | None, Query()] = None,
    after: Annotated[UUID | None, Query()] = None,
) -> Response:
    """Show what was done with the account, the latest first.

    Args:
        viewer: Who is in front of the page.
        services: The joined parts.
        at: The instant of the last line already seen.
        after: Its id.
    """
    seen = None if at is None or at.tzinfo is None or after is None else (at, after)
    with services.store.begin() as uow:
        lines = uow.audit.list(viewer.user.id, after=seen, limit=LINES_ON_A_PAGE + 1)
    shown = lines[:LINES_ON_A_PAGE]
    return viewer.render(
        "activity.html",
        lines=[(line.at, describe_line(line)) for line in shown],
        last=shown[-1] if len(lines) > LINES_ON_A_PAGE else None,
        is_first=seen is None,
    )


@router.get("/delete")
def ask_before_erasing(request: Request, viewer: ViewerDep) -> Response:
    """Say what deleting the account means; alone for a dialog, or as a page of its own."""
    template = "parts/erasing.html" if is_htmx(request) else "erase.html"
    return _show_erasing(viewer, template, by_dialog=is_htmx(request))


@router.post("/delete", dependencies=_FORM)
def erase(
    request: Request,
    viewer: ViewerDep,
    accounts: AccountsDep,
    services: ServicesDep,
    confirmation: Text = "",
) -> Response:
    """Delete the account with everything in it, when its address was typed to confirm that."""
    if confirmation.strip().casefold() != viewer.user.email.casefold():
        return _show_erasing(
            viewer,
            "erase.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            typed=confirmation,
            problem=f"This is not {viewer.user.email}. Nothing was deleted.",
        )
    accounts.disconnecting.erase(viewer.user.id)
    response = RedirectResponse(f"{LOGIN}?done=erased", HTTPStatus.SEE_OTHER)
    clear_session(response, secure=is_secure(request, services.settings))
    return response


def _show_erasing(
    viewer: Viewer,
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    typed: str = "",
    problem: str = "",
    by_dialog: bool = False,
) -> Response:
    return viewer.render(
        template,
        status=status,
        values={"confirmation": typed},
        problems={"confirmation": problem} if problem else {},
        by_dialog=by_dialog,
    )
