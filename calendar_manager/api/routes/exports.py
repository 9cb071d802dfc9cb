"""Free time as a schedule of Cal.com: to be read, and to be kept there."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query

from calendar_manager.api.deps import AccountsDep, CurrentUser
from calendar_manager.api.problems import describe_problem, join_problems
from calendar_manager.api.questions import refusals
from calendar_manager.api.schemas.exports import ExportOut, ExportRequest, ScheduleOut

router = APIRouter(prefix="/api/availability/export", tags=["availability"])

ConnectionQuery = Annotated[
    UUID | None,
    Query(description="Which Cal.com account; may be left out when only one is connected."),
]

_NOT_FOUND: Final = describe_problem(404, "connection_not_found", "There is no such connection.")
_AMBIGUOUS: Final = describe_problem(
    409,
    "connection_id_required",
    "Several accounts are connected here. Say which by its connection_id.",
)
_CONFLICT: Final = join_problems(
    describe_problem(
        409, "caldotcom_not_connected", "No Cal.com account is connected. Connect one first."
    ),
    _AMBIGUOUS,
)


@router.get(
    "",
    summary="Read my free time as a schedule of Cal.com",
    response_model=ScheduleOut,
    responses={404: _NOT_FOUND, 409: _AMBIGUOUS},
)
def get_export(
    user: CurrentUser, accounts: AccountsDep, connection_id: ConnectionQuery = None
) -> Any:  # noqa: ANN401 - the response model.
    """Show the weekly hours, and the dates of the coming eight weeks that differ from them.

    What Cal.com blocks itself, its own bookings above all, is not taken out.
    """
    with refusals():
        return accounts.exporting.show(user, connection_id).schedule


@router.post(
    "",
    summary="Keep my free time as a schedule at Cal.com",
    responses={
        403: describe_problem(
            403,
            "scope_missing",
            "Cal.com does not let us keep a schedule. Connect the account again and allow "
            "SCHEDULE_WRITE, or connect it by an API key.",
        ),
        404: join_problems(
            _NOT_FOUND,
            describe_problem(404, "calendar_not_found", "There is no such calendar."),
        ),
        409: join_problems(
            _CONFLICT,
            describe_problem(
                409, "needs_reauth", "The Cal.com account has to be connected again first."
            ),
        ),
        502: describe_problem(502, "provider_refused", "Cal.com answered 400, BadRequest: no."),
        503: describe_problem(
            503,
            "provider_unavailable",
            "Cal.com cannot answer now. It is tried again by itself.",
        ),
    },
)
def start_export(
    user: CurrentUser, accounts: AccountsDep, body: ExportRequest | None = None
) -> ExportOut:
    """Push the schedule now, and from now on whenever it changes.

    It is one of its own, named *Calendar Manager*, and never made your default one: assign the
    event types to it that shall follow it. When nothing has changed, nothing is sent.
    """
    asked = body or ExportRequest()
    with refusals():
        outcome = accounts.exporting.enable(user, asked.connection_id, asked.left_out_calendar_ids)
    return ExportOut.of(outcome)


@router.delete(
    "",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Export my free time no more",
    responses={404: _NOT_FOUND, 409: _CONFLICT},
)
def stop_export(
    user: CurrentUser, accounts: AccountsDep, connection_id: ConnectionQuery = None
) -> None:
    """Leave the schedule at Cal.com as it is, and change it no more."""
    accounts.exporting.disable(user.id, connection_id)
