"""A scripted token endpoint: what it is asked with and what it answers."""

from datetime import UTC, datetime, timedelta

from jose import jwt

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import Grant
from calendar_manager.providers.google.auth import CALENDAR_LIST_SCOPE, EVENTS_SCOPE, GoogleAuth
from calendar_manager.providers.google.settings import GoogleSettings
from tests.providers.google_stub import Answer, Stub

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
REDIRECT = "http://localhost:8000/api/auth/callback/google"
MEMORY = {"code_verifier": "v" * 43}
USERINFO = "https://www.googleapis.com/auth/userinfo.email"
GRANTED = f"openid {USERINFO} {EVENTS_SCOPE} {CALENDAR_LIST_SCOPE}"
CLAIMS = {
    "iss": "https://accounts.google.com",
    "aud": "our-client",
    "sub": "10769150350006150715113082367",
    "email": "Me@Example.test",
    "exp": int((NOW + timedelta(hours=1)).timestamp()),
    "iat": int(NOW.timestamp()),
    "at_hash": "not checked",
}
TOKENS = Tokens(
    access_token="old-access",
    refresh_token="old-refresh",
    expires_at=NOW,
    scopes=frozenset(GRANTED.split()),
)


def make_auth(stub: Stub) -> GoogleAuth:
    return GoogleAuth(
        GoogleSettings(
            client_id="our-client",
            client_secret="our-secret",
            token_url=f"{stub.url}/token",
            revoke_url=f"{stub.url}/revoke",
        )
    )


def sign(**claims: object) -> str:
    """Sign with a key that nobody knows: the signature is not what is checked."""
    given = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return str(jwt.encode(given, "unknown", algorithm="HS256"))


def granted(**fields: object) -> Answer:
    answer = {
        "access_token": "new-access",
        "expires_in": 3599,
        "refresh_token": "new-refresh",
        "scope": GRANTED,
        "token_type": "Bearer",
        "id_token": sign(),
        **fields,
    }
    return Answer({name: value for name, value in answer.items() if value is not None})


def exchange(auth: GoogleAuth, **parameters: str) -> Grant:
    return auth.exchange(
        parameters=parameters or {"code": "the-code", "state": "s"},
        memory=MEMORY,
        redirect_uri=REDIRECT,
        now=NOW,
    )
