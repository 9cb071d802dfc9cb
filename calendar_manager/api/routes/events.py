"""The agenda: occurrences in a range, and single events."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from calendar_manager.accounts.assigning import Scope, Subject
from calendar_manager.api.deps import AccountsDep, CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import InvalidFieldError, describe_problem, join_problems
from calendar_manager.api.questions import (
    CalendarsQuery,
    MomentText,
    RangeDep,
    ZoneQuery,
    refusals,
)
from calendar_manager.api.schemas.clients import AssignmentBody, AssignmentOut
from calendar_manager.api.schemas.events import EventDetailOut, EventOut
from calendar_manager.api.text import Line
from calendar_manager.domain.events import original_start_key
from calendar_manager.domain.times import find_zone
from calendar_manager.scheduling.agenda import AgendaQuestion, find_event, list_agenda
from calendar_manager.scheduling.asked_time import Moment, resolve_moment, resolve_span

router = APIRouter(prefix="/api/events", tags=["events"])

LONGEST: Final = timedelta(days=366)
"""The longest range of one question: a leap year."""


class Include(StrEnum):
    """What a list of events can show beside the usual."""

    DESCRIPTION = "description"
    MIRRORS = "mirrors"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which occurrences are wanted, and what of them.

    Attributes:
        calendar_ids: On which calendars; empty for all.
        client_id: Of which client.
        text: With what in title, place or description.
        include: What to show beside the usual.
    """

    calendar_ids: frozenset[UUID]
    client_id: UUID | None
    text: str | None
    include: frozenset[Include]


async def read_wanted(
    calendar_id: CalendarsQuery = [],  # noqa: B006 - FastAPI copies it.
    client_id: Annotated[UUID | None, Query(description="Only what belongs to them.")] = None,
    q: Annotated[
        Line | None,
        Query(max_length=200, description="Only what has this in title, place or description."),
    ] = None,
    include: Annotated[
        list[str],
        Query(description="`description`, and `mirrors` that we made of other events."),
    ] = [],  # noqa: B006 - as above.
) -> Wanted:
    """Read which occurrences are wanted."""
    return Wanted(frozenset(calendar_id), client_id, q or None, _read_include(include))


@router.get(
    "",
    summary="List what lies in a range",
    response_model_exclude_unset=True,
    responses={
        404: join_problems(
            describe_problem(404, "calendar_not_found", "There is no such calendar."),
            describe_problem(404, "client_not_found", "There is no such client."),
        )
    },
)
def list_events(
    user: CurrentUser,
    services: ServicesDep,
    page: PageParamsDep,
    asked: RangeDep,
    wanted: Annotated[Wanted, Depends(read_wanted)],
) -> Page[EventOut]:
    """List occurrences in the order of their starts, recurring events expanded.

    At most 366 days at a time. `tz` is your own zone by default.
    """
    zone = find_zone(asked.time_zone or user.time_zone)
    with refusals():
        question = AgendaQuestion(
            span=resolve_span(asked.start, asked.end, zone, longest=LONGEST),
            calendar_ids=wanted.calendar_ids,
            client_id=wanted.client_id,
            text=wanted.text,
            mirrors=Include.MIRRORS in wanted.include,
        )
        items = list_agenda(services.store, user, question, after=page.after, limit=page.fetch)
    description = Include.DESCRIPTION in wanted.include
    return make_page(
        items,
        page,
        key=lambda item: item.entry.key,
        show=lambda item: EventOut.of(item, zone, description=description),
    )


@router.get(
    "/{event_id}",
    summary="Look at an event",
    responses={404: describe_problem(404, "event_not_found", "There is no such event.")},
)
def get_event(
    event_id: UUID, user: CurrentUser, services: ServicesDep, tz: ZoneQuery = None
) -> EventDetailOut:
    """Show a single event, a series or an override in one, with all that is known of it."""
    with refusals():
        detail, busy = find_event(services.store, user, event_id)
    return EventDetailOut.of_detail(detail, find_zone(tz or user.time_zone), busy=busy)


@router.patch(
    "/{event_id}/client",
    summary="Say whom an event belongs to",
    responses={
        404: join_problems(
            describe_problem(404, "event_not_found", "There is no such event."),
            describe_problem(404, "client_not_found", "There is no such client."),
        )
    },
)
def assign_event(
    event_id: UUID, body: AssignmentBody, user: CurrentUser, accounts: AccountsDep
) -> AssignmentOut:
    """Assign an event, one occurrence of a series, or a series; it wins over every rule.

    `id` is the event's. With scope `event`, a series needs `occurrence_id` or `original_start`
    to tell which occurrence is meant; what is said of one stays when the series is assigned.
    """
    subject = _subject(event_id, body.scope, body.occurrence_id, body.original_start)
    assigned = accounts.assigning.assign(user, subject, body.client_id, body.project)
    return AssignmentOut.of(assigned)


@router.delete(
    "/{event_id}/client",
    summary="Let the rules say whom an event belongs to",
    responses={404: describe_problem(404, "event_not_found", "There is no such event.")},
)
def unassign_event(
    event_id: UUID,
    user: CurrentUser,
    accounts: AccountsDep,
    scope: Annotated[
        Scope, Query(description="`event` for one occurrence, `series` for all of them.")
    ] = Scope.EVENT,
    occurrence_id: Annotated[
        UUID | None, Query(description="Which occurrence of a series is meant.")
    ] = None,
    original_start: Annotated[
        MomentText | None, Query(description="The same, by the start that the series gave it.")
    ] = None,
) -> AssignmentOut:
    """Forget what was said by hand, so that the rules count again; tells what they say."""
    subject = _subject(event_id, scope, occurrence_id, original_start)
    return AssignmentOut.of(accounts.assigning.forget(user, subject))


def _subject(
    event_id: UUID, scope: Scope, occurrence_id: UUID | None, start: Moment | None
) -> Subject:
    """Return what a person speaks of; a date names an all-day occurrence."""
    named = None
    if start is not None:
        with refusals():
            resolve_moment(start, "original_start", find_zone("UTC"))
        named = original_start_key(start)
    return Subject(
        event_id=event_id, scope=scope, occurrence_id=occurrence_id, original_start=named
    )


def _read_include(values: list[str]) -> frozenset[Include]:
    """Read what to include, said in several parameters or in one with commas."""
    names = [name for value in values for name in value.split(",") if name]
    try:
        return frozenset(Include(name) for name in names)
    except ValueError:
        known = ", ".join(Include)
        raise InvalidFieldError("include", f"Choose from: {known}.") from None
