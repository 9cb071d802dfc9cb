"""Clients, how their meetings are recognised, and their hours."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.clients import ClientFields
from calendar_manager.accounts.errors import InvalidFieldsError
from calendar_manager.domain.clients import Client, ClientRule, RuleKind
from calendar_manager.domain.currencies import CURRENCIES
from calendar_manager.domain.times import ZONE_NAMES
from calendar_manager.web.client_form import (
    RuleRow,
    read_fields,
    read_rules,
    rows_of,
    values_of,
)
from calendar_manager.web.client_view import (
    AskedHours,
    Range,
    load_clients,
    load_hours,
    load_surroundings,
)
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import check_session_form
from calendar_manager.web.palette import NEUTRAL
from calendar_manager.web.return_paths import is_htmx
from calendar_manager.web.viewer import ViewerDep

router = APIRouter(prefix="/clients", include_in_schema=False)

RULE_KINDS: Final = {
    RuleKind.ATTENDEE_DOMAIN: "The domain of somebody invited",
    RuleKind.ADDRESS: "The address of somebody",
    RuleKind.TITLE: "Words in the title",
    RuleKind.CALENDAR: "Its calendar",
}

_FORM: Final = [Depends(check_session_form)]
_BLANK: Final = {
    "name": "",
    "color": NEUTRAL,
    "rate": "",
    "currency": "",
    "budget": "",
    "domain": "",
}
_REFUSED: Final = HTTPStatus.UNPROCESSABLE_ENTITY

Text = Annotated[str, Form()]
Texts = Annotated[list[str], Form()]


@router.get("")
def show(viewer: ViewerDep, services: ServicesDep) -> Response:
    """Show all clients."""
    return _show_list(viewer, services)


@router.post("", dependencies=_FORM)
def add(  # noqa: PLR0913 - a form's fields.
    viewer: ViewerDep,
    services: ServicesDep,
    accounts: AccountsDep,
    *,
    name: Text = "",
    color: Text = NEUTRAL,
    rate: Text = "",
    currency: Text = "",
    budget: Text = "",
    domain: Text = "",
) -> Response:
    """Add a client, or show what is wrong with it."""
    typed = {"name": name, "color": color, "rate": rate, "currency": currency, "budget": budget}
    rules = (
        [ClientRule(kind=RuleKind.ATTENDEE_DOMAIN, pattern=domain.strip())]
        if domain.strip()
        else []
    )
    try:
        fields = ClientFields(**read_fields(typed))
        client = accounts.clients.add(viewer.user.id, fields, rules)
    except InvalidFieldsError as error:
        problems = {_FIELDS.get(field, field): text for field, text in error.problems.items()}
        return _show_list(viewer, services, values={**typed, "domain": domain}, problems=problems)
    return _lead_to(f"/clients/{client.id}", "client-added")


@router.get("/{client_id}")
def show_one(
    viewer: ViewerDep,
    services: ServicesDep,
    accounts: AccountsDep,
    client_id: UUID,
    period: str = "",
    first: str = "",
    last: str = "",
) -> Response:
    """Show a client with its hours."""
    asked = AskedHours()
    with suppress(ValueError):
        asked = AskedHours(Range(period), first, last)
    return _show_client(
        viewer, services, accounts.clients.find(viewer.user.id, client_id), asked=asked
    )


@router.post("/{client_id}", dependencies=_FORM)
def change(  # noqa: PLR0913 - a form's fields.
    viewer: ViewerDep,
    services: ServicesDep,
    accounts: AccountsDep,
    client_id: UUID,
    *,
    name: Text = "",
    color: Text = NEUTRAL,
    shown_color: Text = "",
    rate: Text = "",
    currency: Text = "",
    time_zone: Text = "",
    notes: Text = "",
    budget: Text = "",
) -> Response:
    """Change a client, or show what is wrong with the changes.

    A browser always sends a colour, so only one other than the one that was shown is stored.
    """
    typed = {
        "name": name,
        "rate": rate,
        "currency": currency,
        "time_zone": time_zone,
        "notes": notes,
        "budget": budget,
    }
    if color != shown_color:
        typed["color"] = color
    try:
        accounts.clients.change(viewer.user.id, client_id, read_fields(typed))
    except InvalidFieldsError as error:
        client = accounts.clients.find(viewer.user.id, client_id)
        return _show_client(viewer, services, client, values=typed, problems=error.problems)
    return _lead_to(f"/clients/{client_id}", "saved")


async def read_rows(
    kind: Texts = [],  # noqa: B006 - FastAPI copies it.
    pattern: Texts = [],  # noqa: B006 - as above.
    calendar: Texts = [],  # noqa: B006 - as above.
    project: Texts = [],  # noqa: B006 - as above.
) -> list[RuleRow]:
    """Read the rows of rules; a form that lacks a field somewhere loses its last rows."""
    columns = zip(kind, pattern, calendar, project, strict=False)
    return [RuleRow(*columns_of_row) for columns_of_row in columns]


@router.post("/{client_id}/rules", dependencies=_FORM)
def change_rules(
    request: Request,
    viewer: ViewerDep,
    services: ServicesDep,
    accounts: AccountsDep,
    client_id: UUID,
    rows: Annotated[list[RuleRow], Depends(read_rows)],
    do: Text = "save",
    drop: Text = "",
) -> Response:
    """Add or remove a row, or store all of them, or show what is wrong with them."""
    client = accounts.clients.find(viewer.user.id, client_id)
    problems: Mapping[str, str] = {}
    if drop:
        rows = [row for place, row in enumerate(rows) if str(place) != drop]
    elif do == "add":
        rows = [*rows, RuleRow()]
    else:
        rows = [row for row in rows if not row.is_blank]
        try:
            accounts.clients.change(viewer.user.id, client_id, {}, read_rules(rows))
        except InvalidFieldsError as error:
            problems = error.problems
        else:
            return _lead_to(f"/clients/{client_id}", "rules-saved")
    edited = "" if problems else "removed" if drop else "added"
    return _show_client(
        viewer,
        services,
        client,
        rows=rows,
        rule_problems=problems,
        edited=edited,
        template="parts/client_rules.html" if is_htmx(request) else "client.html",
    )


@router.get("/{client_id}/delete")
def ask_delete(
    request: Request, viewer: ViewerDep, accounts: AccountsDep, client_id: UUID
) -> Response:
    """Ask whether a client is to be deleted: in a dialog, or as a page."""
    by_dialog = is_htmx(request)
    return viewer.render(
        "parts/client_leaving.html" if by_dialog else "client_delete.html",
        client=accounts.clients.find(viewer.user.id, client_id),
        by_dialog=by_dialog,
    )


@router.post("/{client_id}/delete", dependencies=_FORM)
def delete(viewer: ViewerDep, accounts: AccountsDep, client_id: UUID) -> Response:
    """Put a client aside."""
    accounts.clients.delete(viewer.user.id, client_id)
    return _lead_to("/clients", "client-deleted")


@router.post("/{client_id}/restore", dependencies=_FORM)
def restore(viewer: ViewerDep, accounts: AccountsDep, client_id: UUID) -> Response:
    """Take a client back that was put aside."""
    accounts.clients.restore(viewer.user.id, client_id)
    return _lead_to(f"/clients/{client_id}", "client-restored")


_FIELDS: Final = {"rules.0.pattern": "domain", "weekly_budget_minutes": "budget"}
"""How the form for a new client calls what the use case calls otherwise."""


def _show_list(
    viewer: ViewerDep,
    services: ServicesDep,
    *,
    values: Mapping[str, str] = _BLANK,
    problems: Mapping[str, str] | None = None,
) -> Response:
    return viewer.render(
        "clients.html",
        status=_REFUSED if problems else HTTPStatus.OK,
        page=load_clients(services.store, viewer.user, now=services.clock()),
        values=values,
        problems=problems or {},
        currencies=sorted(CURRENCIES),
    )


def _show_client(  # noqa: PLR0913 - everything that may stand in the forms of the page.
    viewer: ViewerDep,
    services: ServicesDep,
    client: Client,
    *,
    asked: AskedHours | None = None,
    values: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    rows: Sequence[RuleRow] | None = None,
    rule_problems: Mapping[str, str] | None = None,
    edited: str = "",
    template: str = "client.html",
) -> Response:
    store, user = services.store, viewer.user
    shown, calendars, own = load_surroundings(store, user, client)
    hours = load_hours(
        store, user, client, shown.color, asked or AskedHours(), now=services.clock()
    )
    refused = problems or rule_problems or hours.problems
    return viewer.render(
        template,
        status=_REFUSED if refused else HTTPStatus.OK,
        client=client,
        shown=shown,
        hours=hours,
        values={**values_of(client), "color": shown.color, **(values or {})},
        problems=problems or {},
        rows=rows_of(client.rules) if rows is None else rows,
        rule_problems=rule_problems or {},
        edited=edited,
        kinds=RULE_KINDS,
        calendars=calendars,
        own_calendars=own,
        zone_names=ZONE_NAMES,
        currencies=sorted(CURRENCIES),
        path=f"/clients/{client.id}",
    )


def _lead_to(path: str, word: str) -> Response:
    return RedirectResponse(f"{path}?done={word}", HTTPStatus.SEE_OTHER)
