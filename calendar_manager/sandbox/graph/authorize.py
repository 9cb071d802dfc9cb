"""The doors of the identity platform that a browser sees: discovery, consent page, sign-out.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import uuid
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, ImmutableMultiDict
from starlette.responses import HTMLResponse, RedirectResponse, Response

from calendar_manager.sandbox.graph.consent_page import (
    render_consent,
    render_error,
    render_signed_out,
)
from calendar_manager.sandbox.graph.grants import KNOWN_SCOPES, Code
from calendar_manager.sandbox.graph.identity_errors import (
    IdentityError,
    invalid_scope,
    missing_parameter,
    unknown_application,
    wrong_redirect,
)
from calendar_manager.sandbox.graph.signing import public_keys
from calendar_manager.sandbox.graph.state import PERSONAL_TENANT, Account, GraphState

router = APIRouter()

_CARRIED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "prompt",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "login_hint",
    "domain_hint",
)
_GRAPH_SCOPE = "https://graph.microsoft.com/"


async def graph_state(request: Request) -> GraphState:
    """Return the state that the application holds."""
    state = request.app.state.sandbox.graph
    assert isinstance(state, GraphState)  # noqa: S101 - Tells the type checker.
    return state


State = Annotated[GraphState, Depends(graph_state)]


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked authorization request; ``scopes`` in short names, in the order asked."""

    values: dict[str, str]
    scopes: tuple[str, ...]


def read_scopes(text: str) -> tuple[str, ...]:
    """Return the scopes of a space-joined list in short names, each once.

    Raises:
        IdentityError: There is none, or one that does not exist.
    """
    scopes = tuple(dict.fromkeys(one.removeprefix(_GRAPH_SCOPE) for one in text.split()))
    if not scopes:
        raise missing_parameter("scope")
    known = {name.lower(): name for name in KNOWN_SCOPES}
    for scope in scopes:
        if scope.lower() not in known:
            raise invalid_scope(f"{scope} is not valid")
    return tuple(known[scope.lower()] for scope in scopes)


def read_request(
    fields: ImmutableMultiDict[str, str] | FormData, state: GraphState
) -> AuthorizationRequest:
    """Return the checked request of the page's query or of its form.

    Raises:
        IdentityError: Application, redirect, response type, scope or challenge is not acceptable.
    """
    values = {name: str(fields[name]) for name in _CARRIED if name in fields}
    client_id = values.get("client_id", "")
    application = state.grants.applications.get(client_id)
    if application is None:
        raise unknown_application(client_id)
    if not application.allows(values.get("redirect_uri", "")):
        raise wrong_redirect(values.get("redirect_uri", ""), client_id)
    if values.get("response_type") != "code":
        text = "The provided value for the input parameter 'response_type' is not allowed."
        raise IdentityError("unsupported_response_type", 700054, text)
    if values.get("response_mode", "query") != "query":
        text = "The sandbox answers in the query only."
        raise IdentityError("invalid_request", 700057, text)
    if values.get("code_challenge_method", "plain") not in {"S256", "plain"}:
        text = "The size or the method of the code_challenge is not valid."
        raise IdentityError("invalid_request", 501471, text)
    return AuthorizationRequest(values, read_scopes(values.get("scope", "")))


def accounts_of(state: GraphState, tenant: str) -> list[Account]:
    """Return the accounts that may sign in at a tenant's endpoints."""
    accounts = list(state.accounts.values())
    if tenant == "common":
        return accounts
    if tenant == "organizations":
        return [one for one in accounts if one.tenant != PERSONAL_TENANT]
    wanted = PERSONAL_TENANT if tenant == "consumers" else tenant.lower()
    return [one for one in accounts if one.tenant == wanted]


def issuer_of(request: Request, tenant: str) -> str:
    """Return the ``iss`` of a tenant's id tokens."""
    return f"{str(request.base_url).rstrip('/')}/microsoft/{tenant}/v2.0"


@router.get("/{tenant}/v2.0/.well-known/openid-configuration")
async def show_configuration(tenant: str, request: Request) -> dict[str, Any]:
    """OpenID Connect discovery."""
    here = f"{str(request.base_url).rstrip('/')}/microsoft/{tenant}"
    # Several tenants share an endpoint, so Microsoft prints a template where OpenID wants a name.
    shared = tenant in {"common", "organizations"}
    issuer_tenant = "{tenantid}" if shared else tenant
    issuer_tenant = PERSONAL_TENANT if tenant == "consumers" else issuer_tenant
    return {
        "issuer": issuer_of(request, issuer_tenant),
        "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        "token_endpoint": f"{here}/oauth2/v2.0/token",
        "end_session_endpoint": f"{here}/oauth2/v2.0/logout",
        "jwks_uri": f"{here}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username"],
        "request_uri_parameter_supported": False,
        "tenant_region_scope": None,
    }


@router.get("/{tenant}/discovery/v2.0/keys")
async def show_keys(tenant: str) -> dict[str, Any]:
    """Return the public key of the id tokens as a JWK set."""
    del tenant
    return public_keys()


@router.get("/{tenant}/oauth2/v2.0/authorize")
async def show_consent(tenant: str, request: Request, state: State) -> Response:
    """Show the consent page, or Microsoft's error page."""
    try:
        asked = read_request(request.query_params, state)
    except IdentityError as error:
        return _show_error(error, state)
    accounts = [(account.email, account.name) for account in accounts_of(state, tenant)]
    action = f"{request.url.path}/decision"
    return HTMLResponse(render_consent(action, asked.values, asked.scopes, accounts))


@router.post("/{tenant}/oauth2/v2.0/authorize/decision")
async def decide_consent(tenant: str, request: Request, state: State) -> Response:
    """Redirect with a code, or with an error."""
    form = await request.form()
    try:
        asked = read_request(form, state)
    except IdentityError as error:
        return _show_error(error, state)
    if form.get("decision") != "allow":
        text = "User declined to consent to access the app."
        refusal = IdentityError("access_denied", 65004, text)
        return _redirect(asked, {**_describe(refusal, state), "error_subcode": "cancel"})
    email = str(form.get("account", "")).lower()
    if email not in {account.email for account in accounts_of(state, tenant)}:
        text = f"User account '{email}' does not exist in tenant '{tenant}'."
        return _show_error(IdentityError("invalid_request", 50020, text), state)
    barrier = _find_barrier(asked, state)
    if barrier is not None:
        return _redirect(asked, _describe(barrier, state))
    return _redirect(asked, {"code": _issue_code(asked, email, state), "session_state": _guid()})


@router.get("/{tenant}/oauth2/v2.0/logout")
async def sign_out(tenant: str, request: Request) -> Response:
    """End the browser's session: there is none, so only the way back is taken."""
    del tenant
    target = request.query_params.get("post_logout_redirect_uri")
    return RedirectResponse(target, 302) if target else HTMLResponse(render_signed_out())


def _find_barrier(asked: AuthorizationRequest, state: GraphState) -> IdentityError | None:
    """Return why the tenant does not let the person consent, or None when it does."""
    if state.settings.admin_consent == "access_denied":
        text = "The grant requires admin permission."
        return IdentityError("access_denied", 90094, text)
    if state.settings.admin_consent == "consent_required":
        text = (
            "The user or administrator has not consented to use the application with ID "
            f"'{asked.values['client_id']}'. Send an interactive authorization request for this "
            "user and resource."
        )
        return IdentityError("consent_required", 65001, text)
    return None


def _issue_code(asked: AuthorizationRequest, email: str, state: GraphState) -> str:
    values, grants = asked.values, state.grants
    grant = grants.make_grant(email, values["client_id"], frozenset(asked.scopes))
    code = Code(
        grant=grant,
        redirect_uri=values["redirect_uri"],
        challenge=values.get("code_challenge"),
        challenge_method=values.get("code_challenge_method", "plain"),
        nonce=values.get("nonce"),
        expires_at=grant.issued_at,
    )
    return grants.issue_code(code)


def _describe(error: IdentityError, state: GraphState) -> dict[str, str]:
    description = error.describe(_guid(), _guid(), state.clock())
    return {"error": error.error, "error_description": description}


def _show_error(error: IdentityError, state: GraphState) -> Response:
    return HTMLResponse(render_error(error.describe(_guid(), _guid(), state.clock())), error.status)


def _redirect(asked: AuthorizationRequest, answer: dict[str, str]) -> Response:
    if "state" in asked.values:
        answer = {**answer, "state": asked.values["state"]}
    parts = urlsplit(asked.values["redirect_uri"])
    query = "&".join(filter(None, [parts.query, urlencode(answer)]))
    return RedirectResponse(urlunsplit(parts._replace(query=query)), status_code=302)


def _guid() -> str:
    return str(uuid.uuid4())
