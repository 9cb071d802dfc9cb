"""Who is in front of the browser, and whether a form really comes from one of our pages."""

import secrets
from typing import Annotated

from fastapi import Depends, Form
from starlette.requests import Request

from calendar_manager.accounts.errors import TokenError
from calendar_manager.accounts.sessions import Login
from calendar_manager.accounts.tokens import TokenKind
from calendar_manager.web.cookies import CSRF_HEADER, FORM_COOKIE, SESSION_COOKIE
from calendar_manager.web.deps import AccountsDep
from calendar_manager.web.errors import FormForgedError, SignInNeededError

CsrfField = Annotated[str, Form(alias="csrf_token")]


def find_browser_login(request: Request, accounts: AccountsDep) -> Login | None:
    """Return who is signed in in this browser, or None."""
    token = request.cookies.get(SESSION_COOKIE)
    if token is None:
        return None
    try:
        return accounts.sessions.authenticate(TokenKind.BROWSER, token)
    except TokenError:
        return None


BrowserLogin = Annotated[Login | None, Depends(find_browser_login)]


async def require_browser_login(login: BrowserLogin) -> Login:
    """Return who is signed in in this browser.

    Raises:
        SignInNeededError: Nobody is.
    """
    if login is None:
        raise SignInNeededError
    return login


RequiredBrowserLogin = Annotated[Login, Depends(require_browser_login)]


async def check_session_form(
    request: Request,
    login: RequiredBrowserLogin,
    accounts: AccountsDep,
    csrf_token: CsrfField = "",
) -> None:
    """Refuse a form that does not come from a page of this session.

    The token stands in a field, or in the header that htmx sends with everything.

    Raises:
        FormForgedError: It does not.
    """
    sent = csrf_token or request.headers.get(CSRF_HEADER, "")
    if not accounts.csrf.accepts(str(login.session_id), sent):
        raise FormForgedError


async def check_open_form(
    request: Request, accounts: AccountsDep, csrf_token: CsrfField = ""
) -> None:
    """Refuse a form of somebody not signed in that does not come from a page in this browser.

    Without it, another site could sign a visitor in to somebody else's account.

    Raises:
        FormForgedError: It does not.
    """
    value = request.cookies.get(FORM_COOKIE)
    if value is None or not accounts.csrf.accepts(_form_binding(value), csrf_token):
        raise FormForgedError


def make_open_form(request: Request, accounts: AccountsDep) -> tuple[str, str]:
    """Return the value of the form cookie, a new one where there is none, and its CSRF token."""
    value = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    return value, accounts.csrf.token(_form_binding(value))


def _form_binding(value: str) -> str:
    """Keep the tokens of open forms apart from those of sessions."""
    return f"form {value}"
