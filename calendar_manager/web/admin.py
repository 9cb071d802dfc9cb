"""The pages of those who run the installation; for everybody else there is nothing here."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from calendar_manager.domain.accounts import ConnectionStatus
from calendar_manager.web import admin_view
from calendar_manager.web.admin_view import Rows
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import check_session_form
from calendar_manager.web.installation import LATE, load_overview
from calendar_manager.web.viewer import Viewer, ViewerDep

router = APIRouter(prefix="/admin", include_in_schema=False)

ACTION_MAXIMUM: Final = 100

_WORDS: Final[dict[str, Any]] = {
    "seconds": admin_view.describe_seconds,
    "detail_of": admin_view.describe_detail,
    "reason_of": admin_view.describe_reason,
    "provider_name": admin_view.name_provider,
    "status_words": admin_view.STATUS_WORDS,
    "calendar_tones": admin_view.CALENDAR_TONES,
    "late": LATE,
}


def require_admin(viewer: ViewerDep) -> Viewer:
    """Return who is in front of the page, if they run the installation.

    Raises:
        HTTPException: They do not; the answer is the one of an address that leads nowhere.
    """
    if not viewer.is_admin:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return viewer


AdminDep = Annotated[Viewer, Depends(require_admin)]
At = Annotated[datetime | None, Query()]
After = Annotated[UUID | None, Query()]


@router.get("")
def show_overview(admin: AdminDep, services: ServicesDep) -> Response:
    """Show how everything is doing; the page asks for it again by itself."""
    overview = load_overview(services)
    return admin.render(
        "admin.html",
        section="overview",
        overview=overview,
        tiles=admin_view.make_tiles(overview),
        emails=admin_view.load_emails(services, overview.failures),
        now=services.clock(),
        **_WORDS,
    )


@router.get("/users")
def show_users(
    admin: AdminDep, services: ServicesDep, at: At = None, after: After = None
) -> Response:
    """Show who has a login."""
    key = admin_view.read_key(at, after)
    return _show_list(admin, "users", admin_view.load_users(services, key), is_first=key is None)


@router.get("/connections")
def show_connections(
    admin: AdminDep,
    services: ServicesDep,
    status: str = "",
    at: At = None,
    after: After = None,
) -> Response:
    """Show everybody's accounts at providers."""
    key = admin_view.read_key(at, after)
    wanted = ConnectionStatus(status) if status in set(ConnectionStatus) else None
    rows = admin_view.load_connections(services, key, wanted)
    return _show_list(
        admin, "connections", rows, is_first=key is None, status=wanted.value if wanted else ""
    )


@router.post("/connections/{connection_id}/sync", dependencies=[Depends(check_session_form)])
def sync_connection(connection_id: UUID, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Ask for a run over every calendar of somebody's account."""
    accounts.administration.sync_connection(admin.user.id, connection_id)
    return RedirectResponse("/admin/connections?done=sync-asked", HTTPStatus.SEE_OTHER)


@router.get("/failures")
def show_failures(
    admin: AdminDep, services: ServicesDep, at: At = None, after: After = None
) -> Response:
    """Show everybody's failed syncs."""
    key = admin_view.read_key(at, after)
    rows = admin_view.load_failures(services, key)
    return _show_list(admin, "failures", rows, is_first=key is None)


@router.get("/audit")
def show_audit(
    admin: AdminDep,
    services: ServicesDep,
    *,
    action: Annotated[str, Query(max_length=ACTION_MAXIMUM)] = "",
    user_id: str = "",
    at: At = None,
    after: After = None,
) -> Response:
    """Show the whole audit log."""
    key = admin_view.read_key(at, after)
    problems, person = _read_person(user_id)
    # What the database cannot store is the name of no action.
    wanted = action.strip() if action.isprintable() else ""
    rows = admin_view.load_audit(services, key, action=wanted or None, user_id=person)
    return _show_list(
        admin,
        "audit",
        rows,
        is_first=key is None,
        problems=problems,
        action=wanted,
        user_id=user_id,
    )


def _read_person(user_id: str) -> tuple[dict[str, str], UUID | None]:
    """Return what is wrong with an id that was typed, and the id."""
    try:
        return {}, UUID(user_id.strip()) if user_id.strip() else None
    except ValueError:
        return {"user_id": "This is not the id of a person."}, None


def _show_list(
    admin: Viewer,
    section: str,
    rows: Rows[Any],
    *,
    is_first: bool,
    problems: dict[str, str] | None = None,
    **asked: str,
) -> Response:
    """Show a page of a list; ``asked`` narrows it down, and its addresses say so as well."""
    kept = {name: value for name, value in asked.items() if value}
    first = f"/admin/{section}" + (f"?{urlencode(kept)}" if kept else "")
    older = None
    if rows.last is not None:
        at, last_id = rows.last
        older = f"/admin/{section}?{urlencode({**kept, 'at': at.isoformat(), 'after': last_id})}"
    return admin.render(
        f"admin_{section}.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        section=section,
        rows=rows,
        asked=asked,
        problems=problems or {},
        first=None if is_first else first,
        older=older,
        **_WORDS,
    )
