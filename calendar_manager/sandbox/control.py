"""The control API, ``/_control``: what sets the sandbox up, breaks it and looks inside.

It is for tests, the demo and the curious; no provider has it. ``ControlClient`` calls it. JSON in
and out; an error answers ``{"detail": …}`` or, from Google's state, Google's error body.

===========================================  ====================================================
``GET /health``                              ``{"status": "ok"}``
``POST /reset``                              forget everything
``GET``, ``POST /clock``                     ``{"now"}``; ``{"advance_seconds"}`` or ``{"now"}``
``GET``, ``PATCH /settings``                 the fields of ``SandboxSettings``
``GET``, ``POST``, ``DELETE /faults``        rules as ``faults.Rule``; answers ``{"number"}``
``GET``, ``DELETE /requests``                ``?path=<regex>&method=&limit=`` →
                                             ``{"count", "items"}``
``POST /clients``                            ``{"client_id", "client_secret", "redirect_uris"}``
``GET``, ``POST /accounts``                  ``{"email", "name", "time_zone", "calendars"}``
``POST /accounts/{email}/tokens``            ``{"scopes", "client_id"}`` → token answer
``POST …/tokens/expire``                     access tokens answer 401 from now on
``POST …/tokens/revoke``                     refresh tokens answer ``invalid_grant`` from now on
``POST …/sync-tokens/expire``                ``{"calendar_id"}`` or null for all: 410 from now on
``POST …/calendars``                         ``{"summary", "calendar_id", "time_zone",
                                             "access_role", "selected", "hidden"}``
``PATCH``, ``DELETE …/calendars/{id}``       calendarList fields; ``primary`` is an alias
``POST …/calendars/{id}/seed``               ``{"ics" or "packaged", "default_time_zone",
                                             "own_addresses", "monday"}`` →
                                             ``{"loaded", "rejected", "problems"}``
``GET …/calendars/{id}/events``              the truth: masters, singles, exceptions; with
                                             ``?start&end`` the live instances in that range
``POST …/calendars/{id}/events``             ``{"items": [Event]}``: insert many as one change
``POST …/calendars/{id}/mutations``          ``{"kind", "event_id", "original_start", "changes"}``
                                             → ``{"items"}``, the rows of the next delta
``POST …/calendars/{id}/notify``             an ``exists`` notification without a change
``GET /channels``                            live push channels
``GET /notifications``                       ``{"google", "microsoft", "caldotcom"}``: what was
                                             sent to receivers, as ``postman.Delivery``
``POST /notifications/flush``                wait until what is due has been sent, whoever's
``/graph/…``                                 Microsoft's part: ``sandbox.graph.control``
``/caldotcom/…``                             Cal.com's part: ``sandbox.caldotcom.control``
===========================================  ====================================================
"""

import re
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool

from calendar_manager.sandbox.caldotcom.control import router as caldotcom_router
from calendar_manager.sandbox.faults import CONTROL_PATH, Rule
from calendar_manager.sandbox.google.control import router as google_router
from calendar_manager.sandbox.graph.control import router as graph_router

router = APIRouter(prefix=CONTROL_PATH, tags=["control"])

Json = dict[str, Any]


class ClockChange(BaseModel):
    """How to move the clock: by seconds, or to an instant."""

    model_config = ConfigDict(extra="forbid")

    advance_seconds: float | None = None
    now: AwareDatetime | None = None


async def _read_sandbox(request: Request) -> Any:  # noqa: ANN401 - Importing it would be a cycle.
    return request.app.state.sandbox


SandboxState = Annotated[Any, Depends(_read_sandbox)]


def mount_control(app: FastAPI) -> None:
    """Add the control API to the application."""
    app.include_router(router)
    app.include_router(google_router, prefix=CONTROL_PATH, tags=["control"])
    app.include_router(graph_router, prefix=CONTROL_PATH, tags=["control"])
    app.include_router(caldotcom_router, prefix=CONTROL_PATH, tags=["control"])


@router.get("/health")
async def read_health() -> dict[str, str]:
    """Answer when the sandbox serves."""
    return {"status": "ok"}


@router.post("/reset")
async def reset(sandbox: SandboxState) -> Json:
    """Forget everything."""
    sandbox.reset()
    return {}


@router.get("/clock")
async def read_clock(sandbox: SandboxState) -> dict[str, datetime]:
    """Return the sandbox's present instant."""
    return {"now": sandbox.clock()}


@router.post("/clock")
async def move_clock(change: ClockChange, sandbox: SandboxState) -> dict[str, datetime]:
    """Move the clock."""
    if change.now is not None:
        sandbox.clock.set(change.now)
    if change.advance_seconds is not None:
        sandbox.clock.advance(timedelta(seconds=change.advance_seconds))
    return {"now": sandbox.clock()}


@router.get("/settings")
async def read_settings(sandbox: SandboxState) -> Json:
    """Return the settings."""
    return dict(sandbox.settings.model_dump())


@router.patch("/settings")
async def change_settings(changes: Json, sandbox: SandboxState) -> Json:
    """Change the settings that are given."""
    try:
        sandbox.settings.change(changes)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_context=False)) from error
    return dict(sandbox.settings.model_dump())


@router.get("/faults")
async def list_faults(sandbox: SandboxState) -> Json:
    """Return the fault rules with how often they struck."""
    return {"items": sandbox.faults.describe()}


@router.post("/faults")
async def add_fault(rule: Rule, sandbox: SandboxState) -> dict[str, int]:
    """Add a fault rule."""
    return {"number": sandbox.faults.add(rule)}


@router.delete("/faults")
async def clear_faults(sandbox: SandboxState) -> Json:
    """Remove every fault rule."""
    sandbox.faults.clear()
    return {}


@router.get("/requests")
async def list_requests(
    sandbox: SandboxState, path: str = ".*", method: str | None = None, limit: int | None = None
) -> Json:
    """Return the logged requests, oldest first, and their count."""
    try:
        found = sandbox.log.find(path, method.upper() if method else None)
    except re.error as error:
        raise HTTPException(422, f"path is not a regular expression: {error}") from error
    return {"count": len(found), "items": [asdict(entry) for entry in found[:limit]]}


@router.delete("/requests")
async def clear_requests(sandbox: SandboxState) -> Json:
    """Empty the request log."""
    sandbox.log.clear()
    return {}


@router.get("/notifications")
async def list_notifications(sandbox: SandboxState) -> Json:
    """Return what was sent, by provider, oldest first."""
    return {
        name: [asdict(one) for one in board.deliveries()]
        for name, board in _notifiers(sandbox).items()
    }


@router.post("/notifications/flush")
async def flush_notifications(sandbox: SandboxState) -> dict[str, bool]:
    """Wait until every notification that is due has been attempted, whichever provider's."""
    boards = _notifiers(sandbox).values()
    return {"sent": all([await run_in_threadpool(one.wait_until_sent) for one in boards])}


def _notifiers(sandbox: Any) -> dict[str, Any]:  # noqa: ANN401 - As above.
    return {
        "google": sandbox.google.channels,
        "microsoft": sandbox.graph.subscriptions,
        "caldotcom": sandbox.caldotcom.webhooks,
    }
