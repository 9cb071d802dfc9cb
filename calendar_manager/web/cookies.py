"""The cookies: how they are named, and that none of them is more open than it has to be."""

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from calendar_manager.accounts.connecting import STATE_LIFE

SESSION_COOKIE: Final = "calendar_manager_session"
"""Signs a browser in; scripts cannot read it."""

CSRF_COOKIE: Final = "calendar_manager_csrf"
"""Tells a script of ours what to send as ``X-CSRF-Token``; worth nothing without the session."""

CONSENT_COOKIE: Final = "calendar_manager_consent"
"""Ties a consent at a provider to the browser that it was begun in."""

FORM_COOKIE: Final = "calendar_manager_form"
"""What the CSRF token of a form is bound to while nobody is signed in."""

CSRF_HEADER: Final = "X-CSRF-Token"
CONSENT_PATH: Final = "/api/auth"


def set_session(
    response: Response, *, token: str, csrf_token: str, life: timedelta, secure: bool
) -> None:
    """Sign a browser in.

    ``SameSite=Lax`` lets the cookie come along when the provider sends the person back, and keeps
    it at home when another site posts a form.

    Args:
        response: Where the cookies are set.
        token: The browser's token.
        csrf_token: The CSRF token of its session.
        life: How long the session lives.
        secure: Whether the cookies may travel by https only.
    """
    seconds = int(life.total_seconds())
    for name, value, hidden in (
        (SESSION_COOKIE, token, True),
        (CSRF_COOKIE, csrf_token, False),
    ):
        response.set_cookie(
            name, value, max_age=seconds, httponly=hidden, secure=secure, samesite="lax"
        )


def clear_session(response: Response, *, secure: bool) -> None:
    """Sign a browser out, and end a consent that it may be in the middle of."""
    response.delete_cookie(SESSION_COOKIE, httponly=True, secure=secure, samesite="lax")
    response.delete_cookie(CSRF_COOKIE, secure=secure, samesite="lax")
    clear_consent(response, secure=secure)


def set_consent(response: Response, *, secret: str, secure: bool) -> None:
    """Tie a consent to this browser for as long as the state lives."""
    response.set_cookie(
        CONSENT_COOKIE,
        secret,
        max_age=int(STATE_LIFE.total_seconds()),
        path=CONSENT_PATH,
        httponly=True,
        secure=secure,
        samesite="lax",
    )


def clear_consent(response: Response, *, secure: bool) -> None:
    """Forget a consent that has come to its end."""
    response.delete_cookie(
        CONSENT_COOKIE, path=CONSENT_PATH, httponly=True, secure=secure, samesite="lax"
    )


def set_form(response: Response, *, value: str, secure: bool) -> None:
    """Bind the forms of somebody who is not signed in to this browser."""
    response.set_cookie(FORM_COOKIE, value, httponly=True, secure=secure, samesite="lax")
