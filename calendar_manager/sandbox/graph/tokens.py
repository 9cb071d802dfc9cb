"""The token endpoint of the identity platform.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import base64
import hashlib
import secrets
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from calendar_manager.sandbox.graph.authorize import State, issuer_of, read_scopes
from calendar_manager.sandbox.graph.grants import Application, Grant
from calendar_manager.sandbox.graph.identity_errors import (
    IdentityError,
    expired_token,
    interaction_required,
    missing_parameter,
    not_consented,
    redeemed_code,
    revoked_grant,
    unknown_application,
    unknown_token,
    wrong_redirect,
    wrong_secret,
    wrong_verifier,
)
from calendar_manager.sandbox.graph.signing import sign, write_client_info
from calendar_manager.sandbox.graph.state import GraphState

router = APIRouter()

_NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
_SIGN_IN_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_ID_TOKEN_SECONDS = 3600


@router.post("/{tenant}/oauth2/v2.0/token")
async def issue_tokens(tenant: str, request: Request, state: State) -> Response:
    """Exchange a code, or refresh."""
    del tenant
    form = await request.form()
    try:
        application = _authenticate(form, request.headers.get("Authorization", ""), state)
        answer = _serve(form, application, state, request)
    except IdentityError as error:
        return JSONResponse(error.body(state.clock()), error.status, _NO_STORE)
    return JSONResponse(answer, headers=_NO_STORE)


def _serve(
    form: FormData, application: Application, state: GraphState, request: Request
) -> dict[str, Any]:
    kind = form.get("grant_type")
    if kind == "authorization_code":
        return _exchange_code(form, application, state, request)
    if kind == "refresh_token":
        return _refresh(form, application, state, request)
    text = "The app requested an unsupported grant type."
    raise IdentityError("unsupported_grant_type", 70003, text)


def _authenticate(form: FormData, authorization: str, state: GraphState) -> Application:
    """Return the application, known by form fields or HTTP basic authentication."""
    client_id, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
    if authorization.startswith("Basic "):
        try:
            decoded = base64.b64decode(authorization[6:]).decode()
        except ValueError as error:
            raise wrong_secret(client_id) from error
        client_id, _, secret = decoded.partition(":")
    if not client_id:
        raise missing_parameter("client_id")
    application = state.grants.applications.get(client_id)
    if application is None:
        raise unknown_application(client_id)
    if not secrets.compare_digest(application.client_secret.encode(), secret.encode()):
        raise wrong_secret(client_id)
    return application


def _exchange_code(
    form: FormData, application: Application, state: GraphState, request: Request
) -> dict[str, Any]:
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            raise missing_parameter(name)
    text, verifier = str(form["code"]), form.get("code_verifier")
    code = state.grants.find_code(text)
    if code is None or code.grant.client_id != application.client_id:
        raise unknown_token("code")
    if code.redeemed:
        raise redeemed_code()
    if code.expires_at <= state.clock():
        raise expired_token()
    if code.redirect_uri != form["redirect_uri"]:
        raise wrong_redirect(str(form["redirect_uri"]), application.client_id)
    if not code.proven_by(str(verifier) if verifier else None):
        raise wrong_verifier()
    state.grants.redeem(text)
    refresh_token = None
    if "offline_access" in code.grant.scopes:
        refresh_token = state.grants.issue_refresh(code.grant)
    issuer = issuer_of(request, state.account(code.grant.email).tenant)
    return write_tokens(code.grant, refresh_token, state, issuer, nonce=code.nonce, form=form)


def _refresh(
    form: FormData, application: Application, state: GraphState, request: Request
) -> dict[str, Any]:
    if not form.get("refresh_token"):
        raise missing_parameter("refresh_token")
    text = str(form["refresh_token"])
    token = state.grants.find_refresh(text)
    if token is None or token.grant.client_id != application.client_id:
        raise unknown_token("refresh_token")
    grant = token.grant
    if token.revoked_at is not None:
        raise revoked_grant(grant.issued_at, token.revoked_at)
    if not state.grants.is_live(token):
        raise expired_token()
    if grant.email in state.grants.interaction_required:
        raise interaction_required()
    asked = frozenset(read_scopes(str(form["scope"]))) if form.get("scope") else grant.scopes
    if not asked - _SIGN_IN_SCOPES <= state.grants.consented(grant.email, grant.client_id):
        raise not_consented(grant.client_id)
    refresh_token = state.grants.issue_refresh(grant)
    state.grants.retire_refresh(text)
    issuer = issuer_of(request, state.account(grant.email).tenant)
    return write_tokens(grant, refresh_token, state, issuer, form=form)


def write_tokens(
    grant: Grant,
    refresh_token: str | None,
    state: GraphState,
    issuer: str,
    *,
    nonce: str | None = None,
    form: FormData | None = None,
) -> dict[str, Any]:
    """Return a token answer.

    Args:
        grant: What was allowed.
        refresh_token: The refresh token to hand over, if any.
        state: The sandbox's Microsoft.
        issuer: The ``iss`` of the id token.
        nonce: The authorization request's.
        form: The request, which may ask for ``client_info``; None always gets it.
    """
    account = state.account(grant.email)
    access_token, expires_in = state.grants.issue_access(grant)
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": " ".join(sorted(grant.scopes - {"offline_access"})),
        "expires_in": expires_in,
        "ext_expires_in": expires_in,
        "access_token": access_token,
    }
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token
    if "openid" in grant.scopes:
        answer["id_token"] = _write_id_token(grant, state, issuer, nonce)
    if form is None or str(form.get("client_info", "")) == "1":
        answer["client_info"] = write_client_info(account.object_id, account.tenant)
    return answer


def _write_id_token(grant: Grant, state: GraphState, issuer: str, nonce: str | None) -> str:
    account, now = state.account(grant.email), int(state.clock().timestamp())
    pairwise = hashlib.sha256(f"{account.object_id} {grant.client_id}".encode()).digest()
    claims: dict[str, Any] = {
        "ver": "2.0",
        "iss": issuer,
        "aud": grant.client_id,
        "sub": base64.urlsafe_b64encode(pairwise).rstrip(b"=").decode(),
        "oid": account.object_id,
        "tid": account.tenant,
        "iat": now,
        "nbf": now,
        "exp": now + _ID_TOKEN_SECONDS,
    }
    if "profile" in grant.scopes:
        claims |= {"name": account.name, "preferred_username": account.email}
    if "email" in grant.scopes:
        claims["email"] = account.email
    if nonce:
        claims["nonce"] = nonce
    return sign(claims)
