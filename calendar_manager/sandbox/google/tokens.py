"""The token and revocation endpoints, and the key behind id tokens.

Source: https://developers.google.com/identity/protocols/oauth2/web-server
"""

import base64
import secrets
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter, Request
from jose import jwk, jwt
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from calendar_manager.sandbox.google.grants import Grant, OAuthClient
from calendar_manager.sandbox.google.oauth import State
from calendar_manager.sandbox.google.state import GoogleState

router = APIRouter()

ISSUER = "https://accounts.google.com"
"""The ``iss`` of id tokens."""

_KEY_ID = "sandbox-key-1"
_NO_STORE = {
    "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
    "Pragma": "no-cache",
}


class TokenError(Exception):
    """An error answer of the token endpoint: ``error`` and ``error_description``."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error = error
        self.description = description
        self.status = status
        super().__init__(description)


@router.post("/token")
async def issue_tokens(request: Request, state: State) -> Response:
    """Exchange a code, or refresh."""
    form = await request.form()
    try:
        client = _authenticate(form, request.headers.get("Authorization", ""), state)
        answer = _serve(form, client, state)
    except TokenError as error:
        body = {"error": error.error, "error_description": error.description}
        return JSONResponse(body, error.status, _NO_STORE)
    return JSONResponse(answer, headers=_NO_STORE)


def _serve(form: FormData, client: OAuthClient, state: GoogleState) -> dict[str, Any]:
    kind = form.get("grant_type")
    if kind == "authorization_code":
        return _exchange_code(form, client, state)
    if kind == "refresh_token":
        return _refresh(form, client, state)
    raise TokenError("unsupported_grant_type", f"Invalid grant_type: {kind}")


@router.post("/revoke")
async def revoke_token(request: Request, state: State) -> Response:
    """Take back a consent by one of its tokens, in the form or the query."""
    form = await request.form()
    token = form.get("token") or request.query_params.get("token") or ""
    if state.grants.revoke(str(token)):
        return JSONResponse({})
    body = {"error": "invalid_token", "error_description": "Token expired or revoked"}
    return JSONResponse(body, 400)


@router.get("/oauth2/v3/certs")
async def show_keys() -> dict[str, Any]:
    """Return the public key of the id tokens as a JWK set."""
    key = jwk.construct(_private_key(), "RS256").public_key().to_dict()
    shown = {n: v.decode() if isinstance(v, bytes) else v for n, v in key.items()}
    return {"keys": [{**shown, "kid": _KEY_ID, "use": "sig"}]}


def _authenticate(form: FormData, authorization: str, state: GoogleState) -> OAuthClient:
    """Return the client, known by form fields or HTTP basic authentication."""
    client_id, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
    if authorization.startswith("Basic "):
        try:
            decoded = base64.b64decode(authorization[6:]).decode()
        except ValueError as error:
            raise TokenError("invalid_client", "Unauthorized", 401) from error
        client_id, _, secret = decoded.partition(":")
    client = state.grants.clients.get(client_id)
    if client is None:
        raise TokenError("invalid_client", "The OAuth client was not found.", 401)
    if not secrets.compare_digest(client.client_secret, secret):
        raise TokenError("invalid_client", "Unauthorized", 401)
    return client


def _exchange_code(form: FormData, client: OAuthClient, state: GoogleState) -> dict[str, Any]:
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            raise TokenError("invalid_request", f"Missing required parameter: {name}")
    redirect_uri = str(form["redirect_uri"])
    if not client.allows(redirect_uri):
        raise TokenError("redirect_uri_mismatch", "Bad Request")
    verifier = form.get("code_verifier")
    code = state.grants.redeem_code(
        str(form["code"]), client.client_id, redirect_uri, str(verifier) if verifier else None
    )
    if code is None:
        raise TokenError("invalid_grant", "Bad Request")
    answer = _answer(code.grant, code.nonce, state)
    if code.offline:
        answer["refresh_token"] = state.grants.issue_refresh(code.grant)
    return answer


def _refresh(form: FormData, client: OAuthClient, state: GoogleState) -> dict[str, Any]:
    if not form.get("refresh_token"):
        raise TokenError("invalid_request", "Missing required parameter: refresh_token")
    grant = state.grants.find_refresh(str(form["refresh_token"]), client.client_id)
    if grant is None:
        raise TokenError("invalid_grant", "Token has been expired or revoked.")
    return _answer(grant, None, state)


def _answer(grant: Grant, nonce: str | None, state: GoogleState) -> dict[str, Any]:
    access_token, expires_in = state.grants.issue_access(grant)
    answer: dict[str, Any] = {
        "access_token": access_token,
        "expires_in": expires_in,
        "scope": " ".join(sorted(grant.scopes)),
        "token_type": "Bearer",
    }
    if "openid" in grant.scopes:
        answer["id_token"] = _sign(grant, nonce, access_token, state)
    return answer


def _sign(grant: Grant, nonce: str | None, access_token: str, state: GoogleState) -> str:
    account = state.account(grant.email)
    now = int(state.clock().timestamp())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "azp": grant.client_id,
        "aud": grant.client_id,
        "sub": account.subject,
        "iat": now,
        "exp": now + 3600,
    }
    if any(scope.endswith("userinfo.email") for scope in grant.scopes):
        claims |= {"email": account.email, "email_verified": True}
    if any(scope.endswith("userinfo.profile") for scope in grant.scopes):
        claims["name"] = account.name
    if nonce:
        claims["nonce"] = nonce
    headers = {"kid": _KEY_ID}
    return str(jwt.encode(claims, _private_key(), "RS256", headers, access_token))


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()
