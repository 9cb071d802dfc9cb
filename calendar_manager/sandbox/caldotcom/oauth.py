"""The consent page, ``/calcom/auth/oauth2/authorize``, and the decision that it posts.

Source: https://cal.com/docs/api-reference/v2/oauth
"""

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, ImmutableMultiDict
from starlette.responses import HTMLResponse, RedirectResponse, Response

from calendar_manager.sandbox.caldotcom.consent_page import render_consent, render_error
from calendar_manager.sandbox.caldotcom.grants import SCOPES, Grant, OAuthClient
from calendar_manager.sandbox.caldotcom.state import CaldotcomState

router = APIRouter()

_CARRIED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


class _PageError(Exception):
    """A request that ends on Cal.com's own page, since its redirect cannot be trusted."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


@dataclass(frozen=True)
class _Asked:
    """A request whose client and redirect are good; ``problem`` is what else is wrong with it."""

    values: dict[str, str]
    client: OAuthClient
    scopes: tuple[str, ...]
    problem: str | None

    def redirect(self, answer: dict[str, str]) -> Response:
        """Return to the application with the answer and the ``state`` that it gave."""
        if "state" in self.values:
            answer = {**answer, "state": self.values["state"]}
        parts = urlsplit(self.values["redirect_uri"])
        query = "&".join(filter(None, [parts.query, urlencode(answer)]))
        return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=302)


def caldotcom_state(request: Request) -> CaldotcomState:
    """Return the state that the application holds."""
    state = request.app.state.sandbox.caldotcom
    assert isinstance(state, CaldotcomState)  # noqa: S101 - Tells the type checker.
    return state


async def _read_state(request: Request) -> CaldotcomState:
    return caldotcom_state(request)


State = Annotated[CaldotcomState, Depends(_read_state)]
"""The sandbox's Cal.com."""


@router.get("/auth/oauth2/authorize")
async def show_consent(request: Request, state: State) -> Response:
    """Show the consent page, or say what is wrong with the request."""
    try:
        asked = _read_request(request.query_params, state)
    except _PageError as error:
        return HTMLResponse(render_error(str(error)), error.status)
    if asked.problem:
        return _refuse(asked, asked.problem)
    accounts = [(account.email, account.name) for account in state.accounts.values()]
    return HTMLResponse(render_consent(asked.values, asked.scopes, accounts))


@router.post("/auth/oauth2/authorize/decision")
async def decide_consent(request: Request, state: State) -> Response:
    """Redirect with a code, or with ``error=access_denied``."""
    form = await request.form()
    try:
        asked = _read_request(form, state)
    except _PageError as error:
        return HTMLResponse(render_error(str(error)), error.status)
    if asked.problem:
        return _refuse(asked, asked.problem)
    if form.get("decision") != "allow":
        return asked.redirect({"error": "access_denied"})
    email = str(form.get("account", "")).lower()
    if email not in state.accounts:
        return HTMLResponse(render_error(f"No such account: {email}"), 400)
    grant = Grant(email, asked.client.client_id, frozenset(asked.scopes))
    challenge = asked.values.get("code_challenge")
    code = state.grants.issue_code(grant, asked.values["redirect_uri"], challenge)
    return asked.redirect({"code": code})


def _refuse(asked: _Asked, problem: str) -> Response:
    return asked.redirect({"error": "invalid_request", "error_description": problem})


def _read_request(fields: ImmutableMultiDict[str, str] | FormData, state: CaldotcomState) -> _Asked:
    """Return the request of the page's query or of its form.

    Raises:
        _PageError: The client is unknown, may not be redirected there, or no scope is asked for.
    """
    values = {name: str(fields[name]) for name in _CARRIED if name in fields}
    client = state.grants.clients.get(values.get("client_id", ""))
    if client is None:
        raise _PageError(401, "client_not_found")
    if not client.allows(values.get("redirect_uri", "")):
        raise _PageError(400, "redirect_uri_mismatch")
    # Scopes are separated by blanks or commas.
    scopes = tuple(dict.fromkeys(filter(None, re.split(r"[\s,]+", values.get("scope", "")))))
    if not scopes:
        raise _PageError(400, "scope parameter is required for this OAuth client")
    return _Asked(values, client, scopes, _find_problem(values, client, scopes))


def _find_problem(
    values: dict[str, str], client: OAuthClient, scopes: tuple[str, ...]
) -> str | None:
    if values.get("response_type", "code") != "code":
        return "response_type must be code"
    if not set(scopes) <= SCOPES.keys():
        return "Requested scope is not a recognized scope"
    if not set(scopes) <= client.scopes:
        return "Requested scope exceeds the client's registered scopes"
    if "code_challenge" not in values:
        return None if client.client_secret else "code_challenge required for public clients"
    if values.get("code_challenge_method", "S256") != "S256":
        return "code_challenge_method must be S256"
    return None
