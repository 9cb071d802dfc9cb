"""A person's own settings: who they are, what makes them busy, and whom they let ask."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.errors import InvalidFieldsError
from calendar_manager.accounts.fields import check_minutes
from calendar_manager.accounts.profile import ConflictChanges, ProfileChanges
from calendar_manager.domain.conflicts import ConflictType
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.web import account_pages
from calendar_manager.web.deps import AccountsDep
from calendar_manager.web.guards import check_session_form
from calendar_manager.web.settings_desk import SettingsDesk, SettingsDeskDep
from calendar_manager.web.viewer import ViewerDep

router = APIRouter(include_in_schema=False)
router.include_router(account_pages.router)

_FORM: Final = [Depends(check_session_form)]

Text = Annotated[str, Form()]
Box = Annotated[bool, Form()]


@router.get("/settings")
def show(desk: SettingsDeskDep) -> Response:
    """Show the page."""
    return desk.show()


@router.post("/settings/profile", dependencies=_FORM)
def change_profile(
    desk: SettingsDeskDep,
    viewer: ViewerDep,
    accounts: AccountsDep,
    name: Text = "",
    time_zone: Text = "",
) -> Response:
    """Store name and time zone, or show what is wrong with them."""
    try:
        accounts.profile.change(viewer.user.id, ProfileChanges(name=name, time_zone=time_zone))
    except InvalidFieldsError as error:
        return desk.show(values={"name": name, "time_zone": time_zone}, problems=error.problems)
    return _done("saved")


@router.post("/settings/conflicts", dependencies=_FORM)
def change_conflicts(  # noqa: PLR0913 - a form's fields.
    desk: SettingsDeskDep,
    viewer: ViewerDep,
    accounts: AccountsDep,
    *,
    tentative_blocks: Box = False,
    all_day: Box = False,
    types: Annotated[frozenset[ConflictType], Form()] = frozenset(),
    minimum_overlap_minutes: Text = "",
    buffer_minutes: Text = "",
    travel_minutes: Text = "",
) -> Response:
    """Store what makes the person busy and what is a conflict, or show what is wrong."""
    typed = {
        "minimum_overlap_minutes": minimum_overlap_minutes,
        "buffer_minutes": buffer_minutes,
        "travel_minutes": travel_minutes,
    }
    minutes, problems = _read_minutes(typed)
    if problems:
        boxes = {"tentative_blocks": tentative_blocks, "all_day": all_day}
        ticked = frozenset(types) | {name for name, on in boxes.items() if on}
        return desk.show(values=typed, ticked=ticked, problems=problems)
    changes = ConflictChanges(
        types=types,
        minimum_overlap_minutes=minutes["minimum_overlap_minutes"],
        buffer_minutes=minutes["buffer_minutes"],
        travel_minutes=minutes["travel_minutes"],
        all_day_conflicts=all_day,
    )
    accounts.profile.change(
        viewer.user.id,
        ProfileChanges(tentative_blocks=tentative_blocks, conflict_settings=changes),
    )
    return _done("saved")


@router.post("/settings/sharing", dependencies=_FORM)
def share(
    desk: SettingsDeskDep, viewer: ViewerDep, accounts: AccountsDep, email: Text = ""
) -> Response:
    """Let somebody ask when the person is free."""
    try:
        accounts.sharing.give(viewer.user.id, email)
    except InvalidFieldsError as error:
        return desk.show(values={"email": email}, problems=error.problems)
    return _done("shared")


@router.post("/settings/sharing/{grant_id}/end", dependencies=_FORM)
def stop_sharing(
    grant_id: UUID, desk: SettingsDeskDep, viewer: ViewerDep, accounts: AccountsDep
) -> Response:
    """End what was given or received; what has ended already, or is another's, is not there."""
    try:
        accounts.sharing.revoke(viewer.user.id, grant_id)
    except UnknownSubjectError:
        return _missing(desk)
    return _done("unshared")


def _read_minutes(typed: Mapping[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    """Return the numbers that were typed, and what is wrong with those that are none."""
    minutes, problems = {}, {}
    for name, value in typed.items():
        try:
            minutes[name] = check_minutes(value)
        except ValueError as error:
            problems[name] = str(error)
    return minutes, problems


def _missing(desk: SettingsDesk) -> Response:
    return desk.show(status=HTTPStatus.NOT_FOUND, problems={"": "This is not there any more."})


def _done(word: str) -> Response:
    return RedirectResponse(f"/settings?done={word}", HTTPStatus.SEE_OTHER)
