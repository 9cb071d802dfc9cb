"""Conflicts, and how they end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.fields import check_lines
from calendar_manager.domain.conflict_reconciliation import ConflictStatus
from calendar_manager.domain.conflicts import ConflictSeverity, ConflictType
from calendar_manager.scheduling.conflicts import Conflicts, ConflictView
from calendar_manager.scheduling.errors import ConflictEndedError, UnknownSubjectError
from calendar_manager.web.conflict_list import (
    Asked,
    load_around,
    load_list,
    load_segments,
    open_conflicts,
    read_asked,
    show_card,
)
from calendar_manager.web.conflict_words import SEVERITIES, TYPES
from calendar_manager.web.deps import ServicesDep
from calendar_manager.web.guards import check_session_form
from calendar_manager.web.return_paths import is_htmx
from calendar_manager.web.viewer import Viewer, ViewerDep

router = APIRouter(prefix="/conflicts", include_in_schema=False)

NOTE_MAXIMUM: Final = 2000
"""Characters in a note."""

_ENDS: Final = {end.value: end for end in (ConflictStatus.RESOLVED, ConflictStatus.IGNORED)}


async def read_list(
    status: str = "",
    severity: str = "",
    type: str = "",  # noqa: A002 - as the API calls it.
    after: str = "",
    day: str = "",
) -> Asked:
    """Read which conflicts are wanted."""
    return read_asked(status, severity, type, after, day)


AskedDep = Annotated[Asked, Depends(read_list)]


@router.get("")
def show(request: Request, viewer: ViewerDep, services: ServicesDep, asked: AskedDep) -> Response:
    """Show the list, or what follows on its first part."""
    part = is_htmx(request) and asked.after is not None
    return viewer.render(
        "parts/conflict_days.html" if part else "conflicts.html",
        page=load_list(services, viewer, asked),
        severities={severity.value: SEVERITIES[severity] for severity in ConflictSeverity},
        types={kind.value: TYPES[kind] for kind in ConflictType},
        continued=part,
        problems={},
    )


@router.get("/{conflict_id}")
def show_one(viewer: ViewerDep, services: ServicesDep, conflict_id: UUID) -> Response:
    """Show one conflict alone."""
    with _refusals():
        view = open_conflicts(services).find(viewer.user, conflict_id)
    return _show_alone(viewer, services, view)


@router.post("/{conflict_id}/end", dependencies=[Depends(check_session_form)])
def end(
    request: Request,
    viewer: ViewerDep,
    services: ServicesDep,
    conflict_id: UUID,
    resolution: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """End a conflict as resolved or as not worth it, or tell why that cannot be."""
    problems = _find_problems(resolution, note)
    with _refusals():
        view = _end(open_conflicts(services), viewer, conflict_id, resolution, note, problems)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    if "" in problems:
        status = HTTPStatus.CONFLICT
    if not is_htmx(request):
        if problems:
            return _show_alone(viewer, services, view, problems=problems, note=note, status=status)
        address = f"/conflicts/{conflict_id}?done=conflict-{resolution}"
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)
    around = load_around(services, viewer.user)
    answer = viewer.render(
        "parts/conflict_card.html",
        status=status,
        card=show_card(services, viewer, around, view),
        around=around,
        problems=problems,
        typed=note if problems else None,
        answered=not problems,
        alone=request.headers.get("hx-target") == "conflict-alone",
    )
    if not problems:
        still_open = load_segments(services, viewer.user, Asked())[0].count
        answer.headers["HX-Trigger"] = json.dumps({"conflict-ended": {"open": still_open}})
    return answer


def _end(
    desk: Conflicts,
    viewer: Viewer,
    conflict_id: UUID,
    resolution: str,
    note: str,
    problems: dict[str, str],
) -> ConflictView:
    """End a conflict unless there are problems, to which its own end is added; return it."""
    if not problems:
        try:
            said = check_lines(note) or None
            return desk.resolve(viewer.user, conflict_id, _ENDS[resolution], said)
        except ConflictEndedError as error:
            problems[""] = str(error)
    return desk.find(viewer.user, conflict_id)


def _show_alone(
    viewer: ViewerDep,
    services: ServicesDep,
    view: ConflictView,
    *,
    problems: dict[str, str] | None = None,
    note: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    around = load_around(services, viewer.user)
    card = show_card(services, viewer, around, view)
    return viewer.render(
        "conflict.html",
        status=status,
        card=card,
        around=around,
        problems=problems or {},
        typed=note,
        path=f"/conflicts/{card.id}",
    )


def _find_problems(resolution: str, note: str) -> dict[str, str]:
    """Return what is wrong with an answer, by field."""
    problems = {}
    if resolution not in _ENDS:
        problems["resolution"] = "Choose whether it is resolved or to be ignored."
    if len(note) > NOTE_MAXIMUM:
        problems["note"] = f"Use at most {NOTE_MAXIMUM} characters."
    try:
        check_lines(note)
    except ValueError as error:
        problems["note"] = str(error)
    return problems


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer as if nothing were there where a conflict is not the person's."""
    try:
        yield
    except UnknownSubjectError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from None
