"""The consent page: ``/google/o/oauth2/v2/auth`` and the decision that it posts.

Source: https://developers.google.com/identity/protocols/oauth2/web-server
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, ImmutableMultiDict
from starlette.responses import HTMLResponse, RedirectResponse, Response

from calendar_manager.sandbox.google.consent_page import render_consent, render_error
from calendar_manager.sandbox.google.discovery import SCOPE_PREFIX, known_scopes
from calendar_manager.sandbox.google.grants import Code, Grant
from calendar_manager.sandbox.google.state import GoogleState

router = APIRouter()

_ALIASES = {
    "email": f"{SCOPE_PREFIX}userinfo.email",
    "profile": f"{SCOPE_PREFIX}userinfo.profile",
}
_CARRIED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "access_type",
    "prompt",
    "include_granted_scopes",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "login_hint",
)


class AuthorizationError(Exception):
    """A request that ends on Google's error page, since its redirect cannot be trusted."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        super().__init__(detail)


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked authorization request; ``scopes`` in full names, in the order asked."""

    values: dict[str, str]
    scopes: tuple[str, ...]

    @property
    def fresh_consent(self) -> bool:
        """Whether ``prompt`` asks for the consent anew."""
        return "consent" in self.values.get("prompt", "").split()


def read_request(
    fields: ImmutableMultiDict[str, str] | FormData, state: GoogleState
) -> AuthorizationRequest:
    """Return the checked request of the page's query or of its form.

    Raises:
        AuthorizationError: Client, redirect, response type, scope or challenge is not acceptable.
    """
    values = {name: str(fields[name]) for name in _CARRIED if name in fields}
    client = state.grants.clients.get(values.get("client_id", ""))
    if client is None:
        raise AuthorizationError(401, "invalid_client", "The OAuth client was not found.")
    if not client.allows(values.get("redirect_uri", "")):
        raise AuthorizationError(
            400,
            "redirect_uri_mismatch",
            "The redirect URI in the request does not match one authorized for the client.",
        )
    if values.get("response_type") != "code":
        raise AuthorizationError(400, "unsupported_response_type", "Only the code flow is there.")
    scopes = tuple(_ALIASES.get(name, name) for name in values.get("scope", "").split())
    if not scopes:
        raise AuthorizationError(400, "invalid_request", "Missing required parameter: scope")
    unknown = [name for name in scopes if name not in known_scopes()]
    if unknown:
        raise AuthorizationError(400, "invalid_scope", f"Unknown scopes: {unknown}")
    method = values.get("code_challenge_method", "plain")
    if method not in {"S256", "plain"}:
        raise AuthorizationError(400, "invalid_request", f"Unknown challenge method {method}.")
    return AuthorizationRequest(values, tuple(dict.fromkeys(scopes)))


def google_state(request: Request) -> GoogleState:
    """Return the state that the application holds."""
    state = request.app.state.sandbox.google
    assert isinstance(state, GoogleState)  # noqa: S101 - Tells the type checker.
    return state


State = Annotated[GoogleState, Depends(google_state)]


@router.get("/o/oauth2/v2/auth")
async def show_consent(request: Request, state: State) -> Response:
    """Show the consent page, or Google's error page."""
    try:
        asked = read_request(request.query_params, state)
    except AuthorizationError as error:
        return HTMLResponse(render_error(error.code, error.detail), error.status)
    accounts = [(account.email, account.name) for account in state.accounts.values()]
    return HTMLResponse(render_consent(asked.values, asked.scopes, accounts))


@router.post("/o/oauth2/v2/auth/decision")
async def decide_consent(request: Request, state: State) -> Response:
    """Redirect with a code, or with ``error=access_denied``."""
    form = await request.form()
    try:
        asked = read_request(form, state)
    except AuthorizationError as error:
        return HTMLResponse(render_error(error.code, error.detail), error.status)
    email = str(form.get("account", "")).lower()
    if form.get("decision") == "allow" and email not in state.accounts:
        return HTMLResponse(render_error("invalid_request", f"No such account: {email}"), 400)
    ticked = {str(value) for value in form.getlist("granted")}
    # OpenID Connect's own scopes have no checkbox; a page without any ticked one denies.
    sign_in = {name for name in asked.scopes if not name.startswith(f"{SCOPE_PREFIX}calendar")}
    granted = [name for name in asked.scopes if name in ticked | sign_in]
    if form.get("decision") != "allow" or not granted:
        return _redirect(asked, {"error": "access_denied"})
    return _redirect(asked, _grant(asked, email, frozenset(granted), state))


def _grant(
    asked: AuthorizationRequest, email: str, granted: frozenset[str], state: GoogleState
) -> dict[str, str]:
    values = asked.values
    if values.get("include_granted_scopes") == "true":
        granted |= state.grants.consented(email, values["client_id"])
    code = Code(
        grant=Grant(email, values["client_id"], granted),
        redirect_uri=values["redirect_uri"],
        challenge=values.get("code_challenge"),
        challenge_method=values.get("code_challenge_method", "plain"),
        nonce=values.get("nonce"),
        offline=values.get("access_type") == "offline",
        expires_at=datetime.fromtimestamp(0, UTC),
    )
    text = state.grants.issue_code(code, fresh_consent=asked.fresh_consent)
    return {"code": text, "scope": " ".join(sorted(granted)), "authuser": "0", "prompt": "consent"}


def _redirect(asked: AuthorizationRequest, answer: dict[str, str]) -> Response:
    if "state" in asked.values:
        answer = {"state": asked.values["state"], **answer}
    parts = urlsplit(asked.values["redirect_uri"])
    query = "&".join(filter(None, [parts.query, urlencode(answer)]))
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=302)
