"""Signed tokens (JWT, RFC 7519), with the algorithm pinned to HS256.

A token says which session it belongs to and what it is for. It lets its bearer in only as long
as the session lives, so signing out works at once and not when the token runs out.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from jose import jwt
from jose.exceptions import JOSEError

from calendar_manager.accounts.errors import TokenExpiredError, TokenInvalidError

ALGORITHM: Final = "HS256"
ISSUER: Final = "calendar-manager"
AUDIENCE: Final = "calendar-manager"

_OPTIONS: Final[dict[str, Any]] = {
    # jose skips its check of a claim that is missing, so they are required as well.
    **{f"require_{claim}": True for claim in ("iss", "aud", "sub", "jti")},
    # jose asks the system's clock, and does so even unasked when the claim is required.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class TokenKind(StrEnum):
    """What a token is for."""

    ACCESS = "access"
    REFRESH = "refresh"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says.

    Attributes:
        user_id: Who.
        session_id: In which session.
    """

    user_id: UUID
    session_id: UUID


class TokenSigner:
    """Issues and reads tokens.

    Args:
        secret: The key of the signature, at least 32 bytes (RFC 7518 section 3.2).
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(
        self, kind: TokenKind, *, user_id: UUID, session_id: UUID, now: datetime, life: timedelta
    ) -> str:
        """Return a new token, unlike any other."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
            "jti": secrets.token_urlsafe(16),
            "type": kind.value,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, kind: TokenKind, token: str, *, now: datetime) -> Claims:
        """Return what a token says, once it has proved genuine and of the right kind.

        Raises:
            TokenExpiredError: It was good until some time ago.
            TokenInvalidError: It is anything else but a good token.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options=_OPTIONS,
            )
            found = Claims(UUID(str(claims["sub"])), UUID(str(claims["sid"])))
            is_right_kind = claims["type"] == kind.value
            begins, ends = float(claims["iat"]), float(claims["exp"])
        # jose lets some errors of damaged tokens through as what they are underneath.
        except (JOSEError, KeyError, ValueError, TypeError, AttributeError):
            raise TokenInvalidError from None
        if not is_right_kind or begins > ends:
            raise TokenInvalidError
        if not now.timestamp() < ends:
            raise TokenExpiredError
        return found
