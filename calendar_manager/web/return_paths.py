"""Where somebody goes on after signing in: to where they were, and never to another site."""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request

HOME: Final = "/"
LOGIN: Final = "/login"

_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1000}")
"""One slash, then neither a second one nor a backslash, which browsers read as one: both would
begin the name of a host. No control characters and no blanks."""


def safe_path(value: str | None) -> str:
    """Return a path of ours with its query, or the home page in place of anything else.

    Args:
        value: What a form or an address says; anybody may have written it.
    """
    if value is None or not _LOCAL.fullmatch(value) or value.split("?")[0] == LOGIN:
        return HOME
    return value


def sign_in_path(request: Request) -> str:
    """Return the address of the sign-in page that leads back to where a request came from.

    A page that was opened is opened again. A form that was sent leads back to its page, because
    sending it again without being asked might do what nobody wants any more.
    """
    here = _page_of(request)
    return LOGIN if here == HOME else f"{LOGIN}?{urlencode({'next': here})}"


def _page_of(request: Request) -> str:
    if request.method in {"GET", "HEAD"} and not is_htmx(request):
        query = request.url.query
        return safe_path(f"{request.url.path}?{query}" if query else request.url.path)
    came_from = request.headers.get("hx-current-url") or request.headers.get("referer") or ""
    parts = urlsplit(came_from)
    if parts.netloc.lower() != request.headers.get("host", "").lower():
        return HOME
    return safe_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def is_htmx(request: Request) -> bool:
    """Tell whether htmx asks for a part of a page (its ``HX-Request`` header)."""
    return request.headers.get("hx-request") == "true"
