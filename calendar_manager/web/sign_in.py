"""The pages for registering, signing in and signing out."""

import math
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.errors import (
    AccountsError,
    EmailTakenError,
    InvalidFieldsError,
    SignInError,
    TooManyAttemptsError,
)
from calendar_manager.accounts.sessions import SignedIn
from calendar_manager.bootstrap import Services
from calendar_manager.domain.times import ZONE_NAMES
from calendar_manager.web.addresses import is_secure
from calendar_manager.web.callers import find_address
from calendar_manager.web.cookies import clear_session, set_form, set_session
from calendar_manager.web.deps import Accounts, AccountsDep, ServicesDep
from calendar_manager.web.guards import (
    BrowserLogin,
    RequiredBrowserLogin,
    check_open_form,
    check_session_form,
    make_open_form,
)
from calendar_manager.web.problem_pages import render_problem_page
from calendar_manager.web.rendering import render
from calendar_manager.web.return_paths import HOME, LOGIN, safe_path

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form()]
Next = Annotated[str, Query()]


@router.get("/login")
def show_login(
    request: Request,
    login: BrowserLogin,
    accounts: AccountsDep,
    services: ServicesDep,
    next: Next = HOME,  # noqa: A002 - as the address calls it.
) -> Response:
    """Show the form to sign in."""
    if login is not None:
        return _go_on(next)
    return _form_page(request, accounts, services, "login.html", values={"next": next})


@router.post("/login", dependencies=[Depends(check_open_form)])
def sign_in(
    request: Request,
    accounts: AccountsDep,
    services: ServicesDep,
    email: Text = "",
    password: Text = "",
    next: Text = HOME,  # noqa: A002 - as the form calls it.
) -> Response:
    """Sign in, or show the form again with what was typed."""
    try:
        signed_in = accounts.sessions.sign_in(
            email=email, password=password, address=find_address(request)
        )
    except (SignInError, TooManyAttemptsError) as error:
        return _form_page(
            request,
            accounts,
            services,
            "login.html",
            status=_status_of(error),
            values={"email": email, "next": next},
            problems={"": str(error)},
            headers=_headers_of(error),
        )
    return _enter(request, accounts, services, signed_in, next)


@router.post("/login/demo", dependencies=[Depends(check_open_form)])
def sign_in_to_demo(request: Request, accounts: AccountsDep, services: ServicesDep) -> Response:
    """Sign in as the demo's user, whom only the demo has."""
    settings = services.settings
    if settings.demo_email is None or settings.demo_password is None:
        return render_problem_page(request, HTTPStatus.NOT_FOUND, "This is not the demo.")
    try:
        signed_in = accounts.sessions.sign_in(
            email=settings.demo_email, password=settings.demo_password.get_secret_value()
        )
    except SignInError:
        return render_problem_page(
            request, HTTPStatus.CONFLICT, "The tour has not made its user yet. Try again soon."
        )
    except TooManyAttemptsError as error:
        return render_problem_page(request, HTTPStatus.TOO_MANY_REQUESTS, str(error))
    return _enter(request, accounts, services, signed_in, HOME)


@router.get("/register")
def show_registration(
    request: Request,
    login: BrowserLogin,
    accounts: AccountsDep,
    services: ServicesDep,
    next: Next = HOME,  # noqa: A002 - as the address calls it.
) -> Response:
    """Show the form to register."""
    if login is not None:
        return _go_on(next)
    return _form_page(request, accounts, services, "register.html", values={"next": next})


@router.post("/register", dependencies=[Depends(check_open_form)])
def register(
    request: Request,
    accounts: AccountsDep,
    services: ServicesDep,
    email: Text = "",
    password: Text = "",
    name: Text = "",
    time_zone: Text = "",
    next: Text = HOME,  # noqa: A002 - as the form calls it.
) -> Response:
    """Register and sign in, or show the form again with what was typed."""
    try:
        accounts.registration.register(
            email=email,
            password=password,
            name=name,
            time_zone=time_zone,
            address=find_address(request),
        )
    except (InvalidFieldsError, EmailTakenError, TooManyAttemptsError) as error:
        return _form_page(
            request,
            accounts,
            services,
            "register.html",
            status=_status_of(error),
            values={"email": email, "name": name, "time_zone": time_zone, "next": next},
            problems=_problems_of(error),
            headers=_headers_of(error),
        )
    try:
        signed_in = accounts.sessions.sign_in(
            email=email, password=password, address=find_address(request)
        )
    except TooManyAttemptsError as error:
        # Whoever registers once more would only hear that the address is taken.
        return _form_page(
            request,
            accounts,
            services,
            "login.html",
            status=_status_of(error),
            values={"email": email, "next": next},
            problems={"": f"Your account is made, only signing in was refused. {error}"},
            headers=_headers_of(error),
        )
    return _enter(request, accounts, services, signed_in, next)


@router.post("/logout", dependencies=[Depends(check_session_form)])
def sign_out(
    request: Request, login: RequiredBrowserLogin, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """End the session."""
    accounts.sessions.sign_out(login)
    response = RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
    clear_session(response, secure=is_secure(request, services.settings))
    return response


def _status_of(error: AccountsError) -> HTTPStatus:
    return {
        EmailTakenError: HTTPStatus.CONFLICT,
        SignInError: HTTPStatus.UNAUTHORIZED,
        TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    }.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)


def _headers_of(error: AccountsError) -> dict[str, str]:
    """Return what tells programs when to try again (RFC 9110 section 10.2.3)."""
    if isinstance(error, TooManyAttemptsError):
        return {"Retry-After": str(math.ceil(error.retry_after.total_seconds()))}
    return {}


def _problems_of(error: AccountsError) -> dict[str, str]:
    """Return the field that each sentence belongs to; none for what is about the whole form."""
    if isinstance(error, InvalidFieldsError):
        return error.problems
    return {"email" if isinstance(error, EmailTakenError) else "": str(error)}


def _form_page(
    request: Request,
    accounts: Accounts,
    services: Services,
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    values: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Show a form to somebody who is not signed in; a password is never shown again."""
    cookie, token = make_open_form(request, accounts)
    values = values or {}
    response = render(
        request,
        template,
        status=status,
        csrf_token=token,
        values=values,
        problems=problems or {},
        next=safe_path(values.get("next")),
        time_zones=ZONE_NAMES,
        demo=services.settings.demo_email is not None,
    )
    response.headers.update(headers or {})
    set_form(response, value=cookie, secure=is_secure(request, services.settings))
    return response


def _enter(
    request: Request, accounts: Accounts, services: Services, signed_in: SignedIn, path: str
) -> Response:
    response = _go_on(path)
    set_session(
        response,
        token=signed_in.browser_token,
        csrf_token=accounts.csrf.token(str(signed_in.login.session_id)),
        life=signed_in.browser_token_life,
        secure=is_secure(request, services.settings),
    )
    return response


def _go_on(path: str) -> Response:
    return RedirectResponse(safe_path(path), HTTPStatus.SEE_OTHER)
