"""A scripted sign-in service of Microsoft's: where it is and what it answers."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msal
from jose import jwt

from calendar_manager.providers.base import AuthorizationRequest, Grant
from calendar_manager.providers.microsoft.auth import MicrosoftAuth
from calendar_manager.providers.microsoft.settings import MicrosoftSettings
from tests.providers.google_stub import Answer
from tests.providers.graph_stub import GraphStub

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
REDIRECT = "http://localhost:8000/api/auth/callback/microsoft"
GRANTED = "openid profile Calendars.Read Calendars.Read.Shared User.Read"
CLIENT = "11111111-2222-3333-4444-555555555555"
OID = "aaaaaaaa-0000-0000-0000-000000000001"
TID = "bbbbbbbb-0000-0000-0000-000000000002"
PATH = "/microsoft/common/"
FULL = "https://graph.microsoft.com/"


def make_auth(stub: GraphStub, **settings: str) -> MicrosoftAuth:
    values = {"client_id": CLIENT, "client_secret": "our-secret", **settings}
    return MicrosoftAuth(MicrosoftSettings(**{"authority": f"{stub.url}/microsoft", **values}))


def discovery(stub: GraphStub, **fields: Any) -> Answer:
    base = f"{stub.url}{PATH}"
    return Answer(
        {
            "issuer": f"{base}v2.0",
            "authorization_endpoint": f"{base}oauth2/v2.0/authorize",
            "token_endpoint": f"{base}oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}oauth2/v2.0/devicecode",
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            **fields,
        }
    )


def nonce_of(request: AuthorizationRequest) -> str:
    return parse_qs(urlsplit(request.url).query)["nonce"][0]


def granted(request: AuthorizationRequest | None = None, **fields: Any) -> Answer:
    """The token endpoint's answer; None takes a field out."""
    claims = {
        "iss": f"https://login.microsoftonline.com/{TID}/v2.0",
        "aud": CLIENT,
        "sub": "pairwise",
        "oid": OID,
        "tid": TID,
        "preferred_username": "Ada@Contoso.Test",
        "name": "Ada",
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(hours=1)).timestamp()),
        "nonce": nonce_of(request) if request else None,
        **fields.pop("claims", {}),
    }
    info = json.dumps({"uid": OID, "utid": TID}).encode()
    answer = {
        "token_type": "Bearer",
        "scope": GRANTED,
        "expires_in": 4321,
        "ext_expires_in": 4321,
        "access_token": "new-access",
        "refresh_token": "new-refresh",
        "client_info": base64.urlsafe_b64encode(info).decode().rstrip("="),
        "id_token": jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            "unknown",
            algorithm="HS256",
        ),
        **fields,
    }
    return Answer({name: value for name, value in answer.items() if value is not None})


def refusal(number: int, error: str = "invalid_grant", status: int = 400, **fields: Any) -> Answer:
    text = f"AADSTS{number}: Words. Trace ID: 1\r\nCorrelation ID: 2\r\nTimestamp: 3"
    return Answer(
        {"error": error, "error_description": text, "error_codes": [number], **fields}, status
    )


def begin(auth: MicrosoftAuth) -> AuthorizationRequest:
    return auth.authorization(state="the-state", redirect_uri=REDIRECT)


def finish(auth: MicrosoftAuth, request: AuthorizationRequest, **parameters: str) -> Grant:
    return auth.exchange(
        parameters={"state": "the-state", **(parameters or {"code": "the-code"})},
        memory=request.memory,
        redirect_uri=REDIRECT,
        now=NOW,
    )


def connect(stub: GraphStub, auth: MicrosoftAuth, **fields: Any) -> Grant:
    """Walk the whole way; the discovery document is asked for once."""
    stub.script.append(discovery(stub))
    request = begin(auth)
    stub.script.append(granted(request, **fields))
    return finish(auth, request)


def refresh_token_in(cache_text: str | None) -> str:
    """The one refresh token in a connection's token cache."""
    cache = msal.SerializableTokenCache()
    cache.deserialize(cache_text)
    (entry,) = cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)
    return str(entry["secret"])
