"""Explanations: why I can be booked at a time, or not."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from starlette.concurrency import run_in_threadpool

from calendar_manager.api.deps import CurrentUser, ServicesDep
from calendar_manager.api.freshening import AgeDep, freshen
from calendar_manager.api.problems import describe_problem, join_problems
from calendar_manager.api.questions import (
    AtQuery,
    CalendarsQuery,
    DurationQuery,
    StepQuery,
    ZoneQuery,
    refusals,
)
from calendar_manager.api.schemas.explanation import ExplanationOut, render_explanation
from calendar_manager.scheduling.explanation import ExplanationQuestion, explain_start

router = APIRouter(prefix="/api/availability", tags=["availability"])


async def read_question(
    at: AtQuery,
    duration: DurationQuery = None,
    step: StepQuery = None,
    tz: ZoneQuery = None,
    calendar_id: CalendarsQuery = [],  # noqa: B006 - FastAPI copies it.
    client_id: Annotated[
        UUID | None, Query(description="Whom the booking would be for; tells of their budget.")
    ] = None,
) -> ExplanationQuestion:
    """Read which start is asked about."""
    return ExplanationQuestion(
        at=at,
        time_zone=tz,
        duration_minutes=duration,
        step_minutes=step,
        calendar_ids=frozenset(calendar_id),
        client_id=client_id,
    )


@router.get(
    "/explain",
    summary="Ask why I can be booked at a time, or not",
    response_model=ExplanationOut,
    responses={
        404: join_problems(
            describe_problem(404, "calendar_not_found", "There is no such calendar."),
            describe_problem(404, "client_not_found", "There is no such client."),
        )
    },
)
async def explain_availability(
    user: CurrentUser,
    services: ServicesDep,
    age: AgeDep,
    question: Annotated[ExplanationQuestion, Depends(read_question)],
) -> Response:
    """Show every reason why a start cannot be booked, and the three nearest that can.

    It is bookable exactly when `GET /api/availability` offers it as a slot to the same question.
    A calendar that cannot be read is a reason when its policy is `block`, a warning when it is
    `warn`.

    A client's weekly budget is a warning as well, and never a reason: with `client_id` when the
    booking would exceed it, and without for each client whose budget of that week is used up.
    """
    freshened = await freshen(user, services, age, question.calendar_ids)
    with refusals():
        answer = await run_in_threadpool(
            explain_start,
            services.store,
            user,
            question,
            now=services.clock(),
            maximum_age=services.settings.stale_after,
        )
    return Response(
        render_explanation(answer, freshened.complete_as_of), media_type="application/json"
    )
