"""Who is asking: by bearer token, or by a browser's session cookie with its CSRF token."""

from http import HTTPStatus
from typing import Annotated, Final, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from structlog.contextvars import bind_contextvars

from calendar_manager.accounts.errors import TokenError
from calendar_manager.accounts.sessions import Login
from calendar_manager.accounts.tokens import TokenKind
from calendar_manager.api.problems import ProblemError, http_problem
from calendar_manager.api.quick_threads import run_quickly
from calendar_manager.domain.users import User
from calendar_manager.scheduling.answer_cache import AnswerCache
from calendar_manager.web.cookies import CSRF_HEADER, SESSION_COOKIE
from calendar_manager.web.deps import Accounts, AccountsDep, ServicesDep, accounts_of
from calendar_manager.web.errors import SignInNeededError
from calendar_manager.web.negotiation import wants_page

__all__ = [
    "AccountsDep",
    "AnswersDep",
    "CurrentAdmin",
    "CurrentLogin",
    "CurrentUser",
    "NavigatingLogin",
    "PossibleLogin",
    "ServicesDep",
]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="`access_token` of `/api/auth/login`."
)
_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    auto_error=False,
    description=f"A browser's session. Changes need the header `{CSRF_HEADER}` as well.",
)

Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
Cookie = Annotated[str | None, Security(_cookie)]


def find_login(request: Request, bearer: Bearer, cookie: Cookie) -> Login | None:
    """Return who is asking, or None when the request carries nothing to know them by.

    A bearer token goes first; when there is one, the cookie is not looked at.
    """
    accounts = accounts_of(request)
    if bearer is not None:
        return accounts.sessions.authenticate(TokenKind.ACCESS, bearer.credentials)
    if cookie is None or "authorization" in request.headers:
        return None
    login = accounts.sessions.authenticate(TokenKind.BROWSER, cookie)
    if request.method not in SAFE_METHODS:
        _check_csrf(request, accounts, login)
    return login


def find_possible_login(request: Request, bearer: Bearer, cookie: Cookie) -> Login | None:
    """As :func:`find_login`, for routes that serve anybody: a bad token counts as none."""
    try:
        return find_login(request, bearer, cookie)
    except TokenError:
        return None


async def require_login(request: Request, bearer: Bearer, cookie: Cookie) -> Login:
    """Return who is asking, and in which session.

    It changes to a thread by itself, because a dependency more for that is one more that FastAPI
    solves for each parameter that leads here.

    Raises:
        ProblemError: Nobody says who it is.
    """
    known = expect_login(await run_quickly(find_login, request, bearer, cookie))
    bind_contextvars(user_id=str(known.user.id))
    return known


def require_navigating_login(request: Request, bearer: Bearer, cookie: Cookie) -> Login:
    """As :func:`require_login`, for a route that people open by following a link.

    Raises:
        SignInNeededError: A browser in which nobody is signed in.
        ProblemError: A program that does not say who it is.
        TokenError: A program with a token that does not let it in.
    """
    try:
        return expect_login(find_login(request, bearer, cookie))
    except (TokenError, ProblemError):
        if wants_page(request):
            raise SignInNeededError from None
        raise


def expect_login(login: Login | None) -> Login:
    """Return a login that has to be there.

    Raises:
        ProblemError: It is not.
    """
    if login is None:
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "not_authenticated",
            "Sign in first, and send the access token as a bearer token.",
        )
    return login


async def require_user(login: Annotated[Login, Depends(require_login)]) -> User:
    """Return who is asking."""
    return login.user


async def require_admin(user: Annotated[User, Depends(require_user)]) -> User:
    """Return who is asking, if they run the installation.

    Raises:
        ProblemError: They do not; what is there for others only is not there for them.
    """
    if not user.is_admin:
        raise http_problem(HTTPStatus.NOT_FOUND)
    return user


async def get_answers(request: Request) -> AnswerCache:
    """Return where busy time is kept between questions."""
    return cast("AnswerCache", request.app.state.answers)


AnswersDep = Annotated[AnswerCache, Depends(get_answers)]
CurrentAdmin = Annotated[User, Depends(require_admin)]
CurrentLogin = Annotated[Login, Depends(require_login)]
CurrentUser = Annotated[User, Depends(require_user)]
NavigatingLogin = Annotated[Login, Depends(require_navigating_login)]
PossibleLogin = Annotated[Login | None, Depends(find_possible_login)]


def _check_csrf(request: Request, accounts: Accounts, login: Login) -> None:
    if not accounts.csrf.accepts(str(login.session_id), request.headers.get(CSRF_HEADER)):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "csrf_failed",
            f"A change on a session cookie needs its CSRF token in the header {CSRF_HEADER}.",
        )
