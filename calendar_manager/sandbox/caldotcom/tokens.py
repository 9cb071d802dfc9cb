"""The token endpoint, ``/calcom/v2/auth/oauth2/token``.

Source: https://cal.com/docs/api-reference/v2/oauth, sections 3 and 4
"""

import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from calendar_manager.sandbox.caldotcom.grants import Grant, OAuthClient
from calendar_manager.sandbox.caldotcom.oauth import State
from calendar_manager.sandbox.caldotcom.state import CaldotcomState

router = APIRouter()

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class _TokenError(Exception):
    """An error answer: ``error`` and ``error_description``."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error = error
        self.description = description
        self.status = status
        super().__init__(description)


@router.post("/auth/oauth2/token")
async def issue_tokens(request: Request, state: State) -> Response:
    """Exchange a code, or refresh; the fields come as a form or as JSON."""
    try:
        fields = await _read_fields(request)
        client = _authenticate(fields, state)
        grant = _find_grant(fields, client, state)
    except _TokenError as error:
        body = {"error": error.error, "error_description": error.description}
        return JSONResponse(body, error.status, _NO_STORE)
    return JSONResponse(render_pair(grant, state), headers=_NO_STORE)


def render_pair(grant: Grant, state: CaldotcomState) -> dict[str, Any]:
    """Issue a new pair of tokens and return the endpoint's answer."""
    access_token, refresh_token, seconds = state.grants.issue_pair(grant)
    return {
        "access_token": access_token,
        "refresh_token": refresh_token,
        "token_type": "bearer",
        "expires_in": seconds,
        "scope": " ".join(sorted(grant.scopes)),
    }


async def _read_fields(request: Request) -> dict[str, str]:
    fields: Mapping[str, object] = {}
    if request.headers.get("Content-Type", "").startswith("application/json"):
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError as error:
            raise _TokenError("invalid_request", "The body is not JSON") from error
        if isinstance(body, dict):
            fields = body
    else:
        fields = await request.form()
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _authenticate(fields: dict[str, str], state: CaldotcomState) -> OAuthClient:
    if "client_id" not in fields:
        raise _TokenError("invalid_request", "client_id is required")
    if fields.get("grant_type") not in {"authorization_code", "refresh_token"}:
        message = "grant_type must be 'authorization_code' or 'refresh_token'"
        raise _TokenError("invalid_request", message)
    client = state.grants.clients.get(fields["client_id"])
    if client is None:
        raise _TokenError("invalid_client", "client_not_found", 401)
    secret = fields.get("client_secret", "").encode()
    if client.client_secret and not secrets.compare_digest(client.client_secret.encode(), secret):
        raise _TokenError("invalid_client", "invalid_client_credentials", 401)
    return client


def _find_grant(fields: dict[str, str], client: OAuthClient, state: CaldotcomState) -> Grant:
    if fields["grant_type"] == "refresh_token":
        _require(fields, "refresh_token")
        grant = state.grants.redeem_refresh(fields["refresh_token"], client.client_id)
        if grant is None:
            raise _TokenError("invalid_grant", "invalid_refresh_token")
        return grant
    _require(fields, "code", "redirect_uri")
    grant = state.grants.redeem_code(
        fields["code"], client.client_id, fields["redirect_uri"], fields.get("code_verifier")
    )
    if grant is None:
        raise _TokenError("invalid_grant", "code_invalid_or_expired")
    return grant


def _require(fields: dict[str, str], *names: str) -> None:
    for name in names:
        if not fields.get(name):
            raise _TokenError("invalid_request", f"{name} is required")
