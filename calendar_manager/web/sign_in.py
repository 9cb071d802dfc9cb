"""The pages for registering, signing in and signing out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from calendar_manager.accounts.errors import (
    AccountsError,
    EmailTakenError,
    InvalidFieldsError,
    SignInError,
)
from calendar_manager.accounts.sessions import SignedIn
from calendar_manager.bootstrap import Services
from calendar_manager.web.addresses import is_secure
from calendar_manager.web.cookies import clear_session, set_form, set_session
from calendar_manager.web.deps import Accounts, AccountsDep, ServicesDep
from calendar_manager.web.guards import (
    BrowserLogin,
    RequiredBrowserLogin,
    check_open_form,
    check_session_form,
    make_open_form,
)
from calendar_manager.web.rendering import render

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("/login")
def show_login(
    request: Request, login: BrowserLogin, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Show the form to sign in."""
    if login is not None:
        return _go_home()
    return _form_page(request, accounts, services, "login.html")


@router.post("/login", dependencies=[Depends(check_open_form)])
def sign_in(
    request: Request,
    accounts: AccountsDep,
    services: ServicesDep,
    email: Text = "",
    password: Text = "",
) -> Response:
    """Sign in, or show the form again with what was typed."""
    try:
        signed_in = accounts.sessions.sign_in(email=email, password=password)
    except SignInError as error:
        return _form_page(
            request,
            accounts,
            services,
            "login.html",
            status=HTTPStatus.UNAUTHORIZED,
            values={"email": email},
            problems={"": str(error)},
        )
    return _enter(request, accounts, services, signed_in)


@router.get("/register")
def show_registration(
    request: Request, login: BrowserLogin, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Show the form to register."""
    if login is not None:
        return _go_home()
    return _form_page(request, accounts, services, "register.html")


@router.post("/register", dependencies=[Depends(check_open_form)])
def register(
    request: Request,
    accounts: AccountsDep,
    services: ServicesDep,
    email: Text = "",
    password: Text = "",
    name: Text = "",
    time_zone: Text = "",
) -> Response:
    """Register and sign in, or show the form again with what was typed."""
    try:
        accounts.registration.register(
            email=email, password=password, name=name, time_zone=time_zone
        )
    except (InvalidFieldsError, EmailTakenError) as error:
        return _form_page(
            request,
            accounts,
            services,
            "register.html",
            status=_status_of(error),
            values={"email": email, "name": name, "time_zone": time_zone},
            problems=error.problems
            if isinstance(error, InvalidFieldsError)
            else {"email": str(error)},
        )
    signed_in = accounts.sessions.sign_in(email=email, password=password)
    return _enter(request, accounts, services, signed_in)


@router.post("/logout", dependencies=[Depends(check_session_form)])
def sign_out(
    request: Request, login: RequiredBrowserLogin, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """End the session."""
    accounts.sessions.sign_out(login)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    clear_session(response, secure=is_secure(request, services.settings))
    return response


def _status_of(error: AccountsError) -> HTTPStatus:
    taken = isinstance(error, EmailTakenError)
    return HTTPStatus.CONFLICT if taken else HTTPStatus.UNPROCESSABLE_ENTITY


def _form_page(
    request: Request,
    accounts: Accounts,
    services: Services,
    template: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    values: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    """Show a form to somebody who is not signed in; a password is never shown again."""
    cookie, token = make_open_form(request, accounts)
    response = render(
        template,
        status=status,
        user=None,
        csrf_token=token,
        values=values or {},
        problems=problems or {},
    )
    set_form(response, value=cookie, secure=is_secure(request, services.settings))
    return response


def _enter(
    request: Request, accounts: Accounts, services: Services, signed_in: SignedIn
) -> Response:
    response = _go_home()
    set_session(
        response,
        token=signed_in.browser_token,
        csrf_token=accounts.csrf.token(str(signed_in.login.session_id)),
        life=signed_in.browser_token_life,
        secure=is_secure(request, services.settings),
    )
    return response


def _go_home() -> Response:
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)
