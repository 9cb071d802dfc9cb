"""Filling the templates; whatever comes from outside is escaped by them."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from calendar_manager.domain.accounts import Connection
from calendar_manager.domain.reauth import ReauthCode, find_advice
from calendar_manager.web.notices import find_notice


def show_instant(instant: datetime | None, zone: ZoneInfo) -> str:
    """Return an instant as a wall clock in a zone, for people."""
    if instant is None:
        return "never"
    return instant.astimezone(zone).strftime("%d %b %Y, %H:%M")


def show_advice(connection: Connection) -> str:
    """Return what the person can do about an account that cannot be read any more."""
    return find_advice(connection.provider, connection.reason_code or ReauthCode.UNKNOWN)


TEMPLATES: Final = Environment(
    loader=PackageLoader("calendar_manager.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["instant"] = show_instant
TEMPLATES.filters["advice"] = show_advice


def render(
    request: Request,
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    **values: Any,  # noqa: ANN401 - templates take anything.
) -> HTMLResponse:
    """Return a page.

    Every template knows ``path`` (where the browser is), ``nonce`` (which lets a style element
    pass the Content-Security-Policy), ``notice`` (what has just been done) and ``viewer`` (who is
    signed in, or None).

    Args:
        request: What is answered.
        template: The file's name in ``templates/``.
        status: The status of the answer.
        values: What the template shows.
    """
    known: dict[str, Any] = {
        "viewer": None,
        "path": request.url.path,
        "nonce": request.scope.get("csp_nonce", ""),
        "notice": find_notice(request.query_params.get("done")),
    }
    return HTMLResponse(TEMPLATES.get_template(template).render(known | values), status)
