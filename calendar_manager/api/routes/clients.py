"""Clients, their rules and their hours."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, status
from fastapi.responses import JSONResponse, Response

from calendar_manager.api.csv_text import MEDIA_TYPE, write_csv
from calendar_manager.api.deps import AccountsDep, CurrentUser, ServicesDep
from calendar_manager.api.paging import Page, PageParamsDep, make_page
from calendar_manager.api.problems import describe_problem
from calendar_manager.api.questions import RangeDep, refusals
from calendar_manager.api.schemas.clients import (
    ClientBody,
    ClientHoursOut,
    ClientOut,
    ClientPatch,
)
from calendar_manager.domain.client_hours import Period
from calendar_manager.domain.times import find_zone
from calendar_manager.scheduling.asked_time import resolve_span
from calendar_manager.scheduling.client_hours import ClientHours, HoursQuestion, list_hours
from calendar_manager.web.negotiation import wants_csv

router = APIRouter(prefix="/api/clients", tags=["clients"])

NOT_FOUND: Final = describe_problem(404, "client_not_found", "There is no such client.")
LONGEST: Final = timedelta(days=3 * 366)
"""The longest range of hours: what a tax office may ask about at once."""

_COLUMNS: Final = (
    "client",
    "project",
    "start",
    "end",
    "meetings",
    "minutes",
    "distinct_minutes",
    "rate",
    "amount",
    "currency",
)
_CSV_EXAMPLE: Final = (
    "client,project,start,end,meetings,minutes,distinct_minutes,rate,amount,currency\r\n"
    "Nordlicht,Relaunch,2026-11-01,2026-12-01,12,750,720,95.00,1187.50,EUR\r\n"
)


class Format(StrEnum):
    """How hours are written."""

    JSON = "json"
    CSV = "csv"


@router.get("", summary="List my clients")
def list_clients(
    user: CurrentUser,
    services: ServicesDep,
    page: PageParamsDep,
    *,
    deleted: Annotated[
        bool, Query(description="Whether to list the deleted ones, which can be restored, instead.")
    ] = False,
) -> Page[ClientOut]:
    """List clients, the oldest first."""
    with services.store.begin() as uow:
        clients = uow.clients.list(user.id, deleted=deleted, after=page.after, limit=page.fetch)
    return make_page(clients, page, key=lambda one: (one.created_at, one.id), show=ClientOut.of)


@router.post("", status_code=status.HTTP_201_CREATED, summary="Add a client")
def add_client(body: ClientBody, user: CurrentUser, accounts: AccountsDep) -> ClientOut:
    """Add a client; its rules are applied to all your events within moments."""
    rules = [rule.rule() for rule in body.rules]
    return ClientOut.of(accounts.clients.add(user.id, body.entered(), rules))


@router.get("/{client_id}", summary="Look at a client", responses={404: NOT_FOUND})
def get_client(client_id: UUID, user: CurrentUser, accounts: AccountsDep) -> ClientOut:
    """Show a client with its rules."""
    return ClientOut.of(accounts.clients.find(user.id, client_id))


@router.patch("/{client_id}", summary="Change a client", responses={404: NOT_FOUND})
def change_client(
    client_id: UUID, body: ClientPatch, user: CurrentUser, accounts: AccountsDep
) -> ClientOut:
    """Change a client. Rules are replaced as a whole, and applied anew to all your events."""
    return ClientOut.of(
        accounts.clients.change(user.id, client_id, body.changes(), body.new_rules())
    )


@router.delete(
    "/{client_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a client",
    responses={404: NOT_FOUND},
)
def delete_client(client_id: UUID, user: CurrentUser, accounts: AccountsDep) -> None:
    """Put a client aside: it is shown nowhere, and its rules rest. It can be restored."""
    accounts.clients.delete(user.id, client_id)


@router.post("/{client_id}/restore", summary="Restore a client", responses={404: NOT_FOUND})
def restore_client(client_id: UUID, user: CurrentUser, accounts: AccountsDep) -> ClientOut:
    """Take a deleted client back, with all that was assigned to it."""
    return ClientOut.of(accounts.clients.restore(user.id, client_id))


@router.get(
    "/{client_id}/hours",
    summary="Add up a client's hours",
    response_model=ClientHoursOut,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE}}},
        404: NOT_FOUND,
    },
)
def get_hours(
    client_id: UUID,
    request: Request,
    user: CurrentUser,
    services: ServicesDep,
    asked: RangeDep,
    period: Annotated[Period, Query(description="How to divide the range.")] = Period.TOTAL,
    *,
    include_all_day: Annotated[
        bool, Query(description="Whether all-day events count, with all of their days.")
    ] = False,
    format: Annotated[  # noqa: A002 - the parameter's name in addresses.
        Format | None, Query(description="By default what the header `Accept` asks for.")
    ] = None,
) -> Response:
    """Add up meetings by period and project.

    Each meeting counts once, on however many calendars it is. Cancelled, declined and free ones
    take no time; tentative ones do. Meetings are cut at midnight in `tz`, in real time. `tz` is
    the client's zone by default, or else your own. A week begins on Monday.
    """
    with refusals():
        with services.store.begin() as uow:
            client = uow.clients.find(user.id, client_id)
        own = None if client is None else client.time_zone
        zone = find_zone(asked.time_zone or own or user.time_zone)
        span = resolve_span(asked.start, asked.end, zone, longest=LONGEST)
        question = HoursQuestion(span, period, zone, include_all_day)
        hours = list_hours(services.store, user, client_id, question)
    if format is Format.CSV or (format is None and wants_csv(request)):
        disposition = {"Content-Disposition": 'attachment; filename="hours.csv"'}
        return Response(_show_csv(hours), media_type=MEDIA_TYPE, headers=disposition)
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    shown = ClientHoursOut.of(hours, start, end, period, zone.key)
    return JSONResponse(shown.model_dump(mode="json"))


def _show_csv(hours: ClientHours) -> str:
    client = hours.client
    return write_csv(
        _COLUMNS,
        (
            (
                client.name,
                row.project,
                row.first_on,
                row.end_on,
                row.hours.meetings,
                row.hours.minutes,
                row.hours.distinct_minutes,
                client.rate,
                None if client.rate is None else row.hours.amount(client.rate),
                client.currency,
            )
            for row in hours.rows
        ),
    )
