"""The pages of somebody who is signed in: their connections, and how connecting went."""

from collections import defaultdict
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.errors import ConnectError, ConnectionNotFoundError
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import (
    Calendar,
    Connection,
    ConnectionStatus,
    ProviderKind,
)
from calendar_manager.domain.times import find_zone
from calendar_manager.web.deps import AccountsDep, ServicesDep
from calendar_manager.web.guards import (
    BrowserLogin,
    RequiredBrowserLogin,
    check_session_form,
)
from calendar_manager.web.rendering import render

router = APIRouter(include_in_schema=False)

PROVIDER_NAMES: Final = {
    ProviderKind.GOOGLE: "Google",
    ProviderKind.MICROSOFT: "Microsoft 365",
    ProviderKind.CALDOTCOM: "Cal.com",
}

STATES: Final = {
    ConnectionStatus.ACTIVE: "connected",
    ConnectionStatus.NEEDS_REAUTH: "has to be connected again",
    ConnectionStatus.DISCONNECTED: "disconnected",
}

REASONS: Final = {
    "oauth_state_invalid": "The consent took too long, was used before, or was begun in another"
    " browser or under another address.",
    "consent_denied": "You did not allow the access.",
    "scope_missing": "Not everything that is needed was ticked.",
    "provider_refused": "The provider refused the connection.",
    "provider_unavailable": "The provider cannot answer now. Try again in a while.",
    "provider_error": "The provider gave an answer that could not be understood.",
}
"""What each reason of an outcome means; nothing else from the address is ever shown."""


@router.get("/")
def show_home(
    login: RequiredBrowserLogin, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Show the connected accounts with their calendars."""
    connections, calendars = _load(services, login.user.id)
    return render(
        "home.html",
        user=login.user,
        zone=find_zone(login.user.time_zone),
        csrf_token=accounts.csrf.token(str(login.session_id)),
        connections=connections,
        calendars=calendars,
        providers=[(kind, PROVIDER_NAMES[kind]) for kind in services.registry.kinds],
        provider_names=PROVIDER_NAMES,
        states=STATES,
    )


@router.post("/connections/caldotcom/key", dependencies=[Depends(check_session_form)])
def reconnect_by_key(
    login: RequiredBrowserLogin, accounts: AccountsDep, api_key: Annotated[str, Form()] = ""
) -> Response:
    """Connect a Cal.com account again with a new key in place of one that is refused."""
    try:
        accounts.connecting.connect_with_key(
            login.user.id, ProviderKind.CALDOTCOM, api_key.strip()[:500]
        )
    except ConnectError as error:
        return render(
            "problem.html",
            status=HTTPStatus.BAD_GATEWAY,
            user=login.user,
            csrf_token=accounts.csrf.token(str(login.session_id)),
            title="The account is not connected",
            detail=str(error),
        )
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


@router.post("/connections/{connection_id}/disconnect", dependencies=[Depends(check_session_form)])
def disconnect(
    connection_id: UUID,
    login: RequiredBrowserLogin,
    accounts: AccountsDep,
    provider: Annotated[ProviderKind, Form()],
) -> Response:
    """Leave an account; one that is gone already is as good."""
    with suppress(ConnectionNotFoundError):
        accounts.disconnecting.disconnect(login.user.id, provider, connection_id)
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


@router.get("/connected")
def show_outcome(
    login: BrowserLogin,
    accounts: AccountsDep,
    provider: Annotated[str, Query()] = "",
    outcome: Annotated[str, Query()] = "",
    reason: Annotated[str, Query()] = "",
) -> Response:
    """Show how connecting went."""
    names = {kind.value: name for kind, name in PROVIDER_NAMES.items()}
    return render(
        "connected.html",
        user=None if login is None else login.user,
        csrf_token="" if login is None else accounts.csrf.token(str(login.session_id)),
        provider=names.get(provider, "the provider"),
        connected=outcome == "connected",
        reason=REASONS.get(reason, REASONS["provider_error"]),
        again=provider if provider in names else None,
    )


def _load(services: Services, user_id: UUID) -> tuple[list[Connection], dict[UUID, list[Calendar]]]:
    """Return a user's connections, and the calendars of each."""
    calendars: dict[UUID, list[Calendar]] = defaultdict(list)
    with services.store.begin() as uow:
        connections = list(uow.connections.list(user_id))
        for calendar, _ in uow.calendars.list(user_id):
            calendars[calendar.connection_id].append(calendar)
    return connections, calendars
