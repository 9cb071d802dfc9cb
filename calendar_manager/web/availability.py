"""When one can be booked: the rules, what comes of them, and why not."""

from datetime import date, datetime, time
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.bootstrap import Services
from calendar_manager.domain.rules import MINUTES_PER_DAY
from calendar_manager.domain.rules_document import rules_to_document
from calendar_manager.scheduling.availability import replace_rules
from calendar_manager.scheduling.errors import InvalidQuestionError, UnknownSubjectError
from calendar_manager.scheduling.explanation import ExplanationQuestion, explain_start
from calendar_manager.scheduling.holiday_places import list_parts
from calendar_manager.web import availability_publishing, free_text
from calendar_manager.web.availability_page import PAGE, preview_typed, render_page
from calendar_manager.web.availability_view import ExplanationView, show_explanation
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import check_session_form
from calendar_manager.web.rules_form import RulesRefusedError, parse_rules, read_form
from calendar_manager.web.viewer import Viewer, ViewerDep

router = APIRouter(include_in_schema=False)
router.include_router(free_text.router)
router.include_router(availability_publishing.router)

_CHECKED: Final = [Depends(check_session_form)]


class _UnusableQuestionError(Exception):
    """A start that cannot be asked about; the message is meant for the person."""


async def _get_form(request: Request) -> FormData:
    return await request.form()


FormDep = Annotated[FormData, Depends(_get_form)]


@router.get(PAGE)
def show(viewer: ViewerDep, services: ServicesDep, accounts: AccountsDep) -> Response:
    """Show the page."""
    return render_page(viewer, services, accounts)


@router.post(PAGE, dependencies=_CHECKED)
def save(
    viewer: ViewerDep, services: ServicesDep, accounts: AccountsDep, form: FormDep
) -> Response:
    """Replace the rules as a whole, or show beside each field what is wrong with it."""
    typed = read_form(form)
    try:
        rules = parse_rules(typed)
    except RulesRefusedError:
        return render_page(
            viewer, services, accounts, typed=typed, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    replace_rules(services.store, viewer.user, rules_to_document(rules))
    return RedirectResponse(f"{PAGE}?done=saved", HTTPStatus.SEE_OTHER)


@router.post("/availability/preview", dependencies=_CHECKED)
def preview(viewer: ViewerDep, services: ServicesDep, form: FormDep) -> Response:
    """Show what people could book by the form as it stands; nothing is stored."""
    first = _read_day(_text(form, "preview_from"))
    part = preview_typed(services, viewer, read_form(form), first)
    return viewer.render("parts/availability_preview.html", preview=part)


@router.get("/availability/regions")
def show_regions(viewer: ViewerDep, country: Annotated[str, Query()] = "") -> Response:
    """Show the parts of a country that have holidays of their own."""
    return viewer.render("parts/holiday_regions.html", parts=list_parts(country), region="")


@router.post("/availability/explain", dependencies=_CHECKED)
def explain(viewer: ViewerDep, services: ServicesDep, form: FormDep) -> Response:
    """Show why a start can be booked by the form as it stands, or not."""
    answer = problem = None
    try:
        answer = _explain(viewer, services, form)
    except RulesRefusedError:
        problem = "Mend what is marked in the rules first."
    except (_UnusableQuestionError, InvalidQuestionError) as error:
        problem = str(error)
    except UnknownSubjectError:
        problem = "This client does not exist any more."
    return viewer.render("parts/why_not.html", answer=answer, problem=problem)


def _explain(viewer: Viewer, services: Services, form: FormData) -> ExplanationView:
    rules = parse_rules(read_form(form))
    answer = explain_start(
        services.store,
        viewer.user,
        _read_question(form),
        now=services.clock(),
        maximum_age=services.settings.stale_after,
        rules=rules,
    )
    return show_explanation(answer)


def _read_question(form: FormData) -> ExplanationQuestion:
    day = _read_day(_text(form, "why_date"))
    try:
        clock = time.fromisoformat(_text(form, "why_time"))
    except ValueError:
        clock = None
    if day is None or clock is None or clock.tzinfo is not None:
        raise _UnusableQuestionError("Choose a date, and a time such as 09:30.")
    minutes = _text(form, "why_minutes")
    length = int(minutes) if minutes.isdecimal() and len(minutes) <= len("1440") else 0
    if not 1 <= length <= MINUTES_PER_DAY:
        raise _UnusableQuestionError(f"A booking lasts from 1 to {MINUTES_PER_DAY} minutes.")
    client = _text(form, "why_client")
    try:
        client_id = UUID(client) if client else None
    except ValueError:
        raise UnknownSubjectError("client") from None
    return ExplanationQuestion(
        at=datetime.combine(day, clock), duration_minutes=length, client_id=client_id
    )


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip()[:100] if isinstance(value, str) else ""
