"""Who connected: the claims of Google's ID token.

https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jose import jwt
from jose.exceptions import JWTError

from calendar_manager.providers.errors import ConnectRefusedError
from calendar_manager.providers.google.fields import read_text

ISSUERS = ("https://accounts.google.com", "accounts.google.com")

_CLOCK_SKEW = timedelta(minutes=5)
_TEXT_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """A Google account.

    Attributes:
        subject: Google's id of it, which never changes and is never used again.
        email: Its address in lower case, None when it is not told.
    """

    subject: str
    email: str | None


def read_identity(id_token: str | None, *, client_id: str, now: datetime) -> Identity:
    """Check an ID token's claims and return whose it is.

    The token came straight from the token endpoint over TLS, which OpenID Connect Core, section
    3.1.3.7, number 6, accepts in place of checking the signature.

    Args:
        id_token: The token endpoint's ``id_token``.
        client_id: Our own id, which has to be the audience.
        now: The present, against which the expiry is held.

    Raises:
        ConnectRefusedError: The token is missing, malformed, expired or meant for another.
    """
    try:
        claims = jwt.decode(
            id_token or "",
            key="",
            audience=client_id,
            issuer=ISSUERS,
            options={
                "verify_signature": False,
                "verify_at_hash": False,
                # The library would read the system's clock; the expiry is checked below.
                "verify_exp": False,
                "verify_nbf": False,
                "require_aud": True,
                "require_iss": True,
                "require_sub": True,
            },
        )
    except JWTError as error:
        raise _refusal(str(error)) from error
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires + _CLOCK_SKEW.total_seconds() < (
        now.timestamp()
    ):
        raise _refusal("it has expired")
    subject = read_text(claims.get("sub"), limit=_TEXT_LIMIT)
    if subject is None:
        raise _refusal("it names no account")
    email = read_text(claims.get("email"), limit=_TEXT_LIMIT)
    return Identity(subject, email.lower() if email else None)


def _refusal(detail: str) -> ConnectRefusedError:
    return ConnectRefusedError(
        f"Google's proof of identity cannot be accepted ({detail}). Connect again.",
        reason="invalidIdToken",
    )
