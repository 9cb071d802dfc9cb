"""How syncs come on, told to an open page as it happens (server-sent events, WHATWG HTML 9.2)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from calendar_manager.bootstrap import Services
from calendar_manager.store.unit_of_work import StoreUnavailableError
from calendar_manager.web.connections_view import Overview, load_overview
from calendar_manager.web.deps import Accounts, AccountsDep, ServicesDep
from calendar_manager.web.errors import SignInNeededError
from calendar_manager.web.guards import BrowserLogin, find_browser_login
from calendar_manager.web.rendering import TEMPLATES
from calendar_manager.web.viewer import Viewer, open_page

router = APIRouter(include_in_schema=False)

BETWEEN_LOOKS: Final = 0.5
"""Seconds between two looks at the database; nothing is held meanwhile."""

LIFE: Final = 60.0
"""Seconds that one answer lasts while a sync goes on; the browser then asks again by itself.

A server that is told to stop waits for answers under way, so they must not last long.
"""

PING_EVERY: Final = 15.0
"""Seconds of silence after which a comment is sent, before a proxy takes the line for dead."""

RETRY_MILLISECONDS: Final = 1000

MEDIA_TYPE: Final = "text/event-stream"


def find_listener(
    request: Request, login: BrowserLogin, accounts: AccountsDep, services: ServicesDep
) -> Viewer | None:
    """Return who is in front of the page; None when they signed out while it was open.

    Raises:
        SignInNeededError: Nobody is signed in, and no page listens that could be told so.
    """
    if login is not None:
        return open_page(request, login, accounts, services)
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        raise SignInNeededError
    return None


@router.get("/connections/progress")
async def follow(
    request: Request,
    viewer: Annotated[Viewer | None, Depends(find_listener)],
    accounts: AccountsDep,
    services: ServicesDep,
    shape: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Tell how the syncs come on, until none is under way.

    Events: ``progress-<connection id>`` and ``calendar-<calendar id>`` carry the fresh HTML of
    those parts, ``said`` a sentence for screen readers, ``changed`` asks for all accounts anew
    because more than the progress changed, and ``done`` is the last one. A page whose person has
    signed out is told that it ``changed``, too: listening, it cannot follow a redirect, and asking
    for the accounts anew leads it to the sign-in.

    Args:
        request: What is answered.
        viewer: Who is in front of the page; None when they signed out.
        accounts: The use cases.
        services: The joined parts.
        shape: Of the page that listens, see :class:`Overview`.
    """
    if viewer is None:
        return Response(_ask_anew(), media_type=MEDIA_TYPE)
    return StreamingResponse(
        _tell(request, viewer, accounts, services, shape),
        media_type=MEDIA_TYPE,
        headers={"X-Accel-Buffering": "no"},
    )


async def _tell(
    request: Request, viewer: Viewer, accounts: Accounts, services: Services, shape: str
) -> AsyncIterator[str]:
    def look() -> Overview | None:
        """Look once; None when the session has ended in the meantime."""
        if find_browser_login(request, accounts) is None:
            return None
        return load_overview(services, viewer.user.id)

    time = asyncio.get_running_loop().time
    ends_at = time() + LIFE
    told: dict[str, str] = {}
    last_told_at = time()
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    while time() < ends_at and not await request.is_disconnected():
        try:
            overview = await run_in_threadpool(look)
        except StoreUnavailableError:
            # The browser comes back in a second, and again, until the database answers.
            return
        if overview is None or overview.shape != shape:
            yield _ask_anew()
            return
        fresh = {
            name: part
            for name, part in _parts_of(overview, viewer).items()
            if told.get(name) != part
        }
        if fresh:
            last_told_at = time()
        for name, part in fresh.items():
            yield make_event(name, part)
        told |= fresh
        if not overview.under_way:
            yield make_event("said", _summary_of(overview))
            yield make_event("done", "")
            return
        if time() - last_told_at > PING_EVERY:
            last_told_at = time()
            yield ": still at it\n\n"
        await asyncio.sleep(BETWEEN_LOOKS)


def _ask_anew() -> str:
    """Return what ends a stream and has the page ask for all accounts."""
    return make_event("changed", "") + make_event("done", "")


def make_event(name: str, data: str) -> str:
    """Return one event as it travels; a line break inside begins another ``data`` line."""
    lines = data.splitlines() or [""]
    return "".join((f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n"))


def _parts_of(overview: Overview, viewer: Viewer) -> Mapping[str, str]:
    """Return the HTML of everything that moves while syncs go on, by the name of its event."""
    progress = TEMPLATES.get_template("parts/account_progress.html")
    state = TEMPLATES.get_template("parts/calendar_state.html")
    parts: dict[str, str] = {}
    for account in overview.accounts:
        identity = account.connection.id
        parts[f"progress-{identity}"] = progress.render(account=account, viewer=viewer)
        for one in account.calendars:
            parts[f"calendar-{one.calendar.id}"] = state.render(one=one, viewer=viewer)
    return parts


def _summary_of(overview: Overview) -> str:
    """Say how all accounts are doing; for the ears of people who cannot see it, so plain text."""
    said = TEMPLATES.get_template("parts/said.html")
    return said.render(accounts=[one for one in overview.accounts if one.progress is not None])
