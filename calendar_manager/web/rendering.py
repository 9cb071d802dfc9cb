"""Filling the templates; whatever comes from outside is escaped by them."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from calendar_manager.domain.accounts import Connection
from calendar_manager.domain.reauth import ReauthCode, find_advice


def show_instant(instant: datetime | None, zone: ZoneInfo) -> str:
    """Return an instant as a wall clock in a zone, for people."""
    if instant is None:
        return "never"
    return instant.astimezone(zone).strftime("%d %b %Y, %H:%M")


def show_advice(connection: Connection) -> str:
    """Return what the person can do about an account that cannot be read any more."""
    return find_advice(connection.provider, connection.reason_code or ReauthCode.UNKNOWN)


_TEMPLATES: Final = Environment(
    loader=PackageLoader("calendar_manager.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["instant"] = show_instant
_TEMPLATES.filters["advice"] = show_advice


def render(
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    **values: Any,  # noqa: ANN401 - templates take anything.
) -> HTMLResponse:
    """Return a page.

    Args:
        template: The file's name in ``templates/``.
        status: The status of the answer.
        values: What the template shows.
    """
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status)
