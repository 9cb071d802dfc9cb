"""Availability: when you are free, alone or together with others, and the rules of it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, Response

from calendar_manager.api.asked_people import PeopleDep, freshen_asked
from calendar_manager.api.deps import AnswersDep, CurrentUser, ServicesDep
from calendar_manager.api.freshening import AgeDep
from calendar_manager.api.problems import describe_problem, join_problems
from calendar_manager.api.questions import (
    CalendarsQuery,
    DurationQuery,
    RangeDep,
    StepQuery,
    refusals,
)
from calendar_manager.api.quick_threads import run_quickly
from calendar_manager.api.schemas.availability import (
    RULES_EXAMPLE,
    AvailabilityOut,
    RulesDocument,
    render_availability,
)
from calendar_manager.api.schemas.common_availability import (
    CommonAvailabilityOut,
    render_common_availability,
)
from calendar_manager.domain.rules_document import rules_to_document
from calendar_manager.scheduling.availability import (
    AvailabilityQuestion,
    find_availability,
    load_rules,
    replace_rules,
)
from calendar_manager.scheduling.common_availability import find_common_availability

router = APIRouter(prefix="/api/availability", tags=["availability"])

_RULES_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RulesDocument"}}},
    }
}


async def read_question(
    asked: RangeDep,
    duration: DurationQuery = None,
    step: StepQuery = None,
    calendar_id: CalendarsQuery = [],  # noqa: B006 - FastAPI copies it.
) -> AvailabilityQuestion:
    """Read what is asked."""
    return AvailabilityQuestion(
        start=asked.start,
        end=asked.end,
        time_zone=asked.time_zone,
        duration_minutes=duration,
        step_minutes=step,
        calendar_ids=frozenset(calendar_id),
    )


QuestionDep = Annotated[AvailabilityQuestion, Depends(read_question)]


@router.get(
    "",
    summary="Ask when I am free, or several people are",
    response_model=AvailabilityOut | CommonAvailabilityOut,
    responses={
        404: join_problems(
            describe_problem(404, "calendar_not_found", "There is no such calendar."),
            describe_problem(404, "user_not_found", "There is no such user."),
        )
    },
)
async def get_availability(
    user: CurrentUser,
    services: ServicesDep,
    answers: AnswersDep,
    people: PeopleDep,
    age: AgeDep,
    question: QuestionDep,
) -> Response:
    """Show free windows and bookable slots, with how fresh the calendars behind them are.

    At most two years at a time. `tz` is the zone of your rules by default. With `max_age`,
    calendars whose copy is older are read first; `within_max_age` tells which made it in time.

    With `user_id`, when these people are free together: all, or `at_least` so many. You are asked
    about only when you name yourself. Others have to have let you ask (`user_not_found`
    otherwise), each is free by their own rules, and of them you learn nothing but when. Slots
    stand on your clock. `max_age` then reads your own calendars only.
    """
    freshened = await freshen_asked(user, services, people, age, question.calendar_ids)

    def answer() -> bytes:
        now, maximum_age = services.clock(), services.settings.stale_after
        if people.ids:
            together = find_common_availability(
                services.store,
                user,
                people.ids,
                question,
                at_least=people.at_least,
                now=now,
                maximum_age=maximum_age,
                answers=answers,
            )
            return render_common_availability(together, freshened.complete_as_of)
        alone = find_availability(
            services.store, user, question, now=now, maximum_age=maximum_age, answers=answers
        )
        return render_availability(alone, freshened.complete_as_of)

    with refusals():
        return Response(await run_quickly(answer), media_type="application/json")


@router.get("/rules", summary="Read my rules", response_model=RulesDocument)
def get_rules(user: CurrentUser, services: ServicesDep) -> Any:  # noqa: ANN401 - the response model.
    """Show the rules; before any are said, Monday to Friday, 09:00 to 17:00 in your zone."""
    return rules_to_document(load_rules(services.store, user))


@router.post(
    "/rules",
    summary="Replace my rules",
    response_model=RulesDocument,
    openapi_extra=_RULES_BODY,
    responses={
        422: describe_problem(
            422,
            "validation_failed",
            "Some of the input cannot be used.",
            ("weekly.0.end", "hours end after they start; hours over midnight are two windows."),
        )
    },
)
def set_rules(
    document: Annotated[dict[str, Any], Body(examples=[RULES_EXAMPLE])],
    user: CurrentUser,
    services: ServicesDep,
) -> Any:  # noqa: ANN401 - the response model.
    """Replace all rules at once; what is left out has its default, which for the hours is none."""
    with refusals():
        return rules_to_document(replace_rules(services.store, user, document))
