"""Registering, signing in, staying signed in, signing out."""

from fastapi import APIRouter, Request, Response, status

from calendar_manager.api.deps import AccountsDep, CurrentLogin, ServicesDep
from calendar_manager.api.problems import TOO_MANY, describe_problem
from calendar_manager.api.schemas.accounts import (
    LoginIn,
    MeOut,
    RefreshIn,
    RegisterIn,
    TokensOut,
)
from calendar_manager.web.addresses import is_secure
from calendar_manager.web.callers import find_address
from calendar_manager.web.cookies import clear_session, set_session

router = APIRouter(prefix="/api/auth", tags=["account"])


@router.post(
    "/register",
    status_code=status.HTTP_201_CREATED,
    summary="Register",
    responses={
        409: describe_problem(
            409, "email_taken", "There is already an account with this e-mail address."
        ),
        429: TOO_MANY,
    },
)
def register(body: RegisterIn, request: Request, accounts: AccountsDep) -> MeOut:
    """Make a user. Nobody is signed in by it."""
    return MeOut.of(
        accounts.registration.register(
            email=body.email,
            password=body.password,
            name=body.name,
            time_zone=body.time_zone,
            address=find_address(request),
        )
    )


@router.post(
    "/login",
    summary="Sign in",
    responses={
        401: describe_problem(
            401, "invalid_credentials", "The e-mail address or the password is wrong."
        ),
        429: TOO_MANY,
    },
)
def login(
    body: LoginIn,
    request: Request,
    response: Response,
    accounts: AccountsDep,
    services: ServicesDep,
) -> TokensOut:
    """Begin a session: tokens for a program, and an HttpOnly cookie for a browser.

    A browser that relies on its cookie sends the value of the cookie `calendar_manager_csrf` as
    `X-CSRF-Token` with every change.
    """
    signed_in = accounts.sessions.sign_in(
        email=body.email, password=body.password, address=find_address(request)
    )
    set_session(
        response,
        token=signed_in.browser_token,
        csrf_token=accounts.csrf.token(str(signed_in.login.session_id)),
        life=signed_in.browser_token_life,
        secure=is_secure(request, services.settings),
    )
    return TokensOut.of(signed_in.tokens)


@router.post(
    "/refresh",
    summary="Get the next tokens",
    responses={
        401: describe_problem(401, "session_ended", "The session has ended. Sign in again."),
        429: TOO_MANY,
    },
)
def refresh(body: RefreshIn, request: Request, accounts: AccountsDep) -> TokensOut:
    """Exchange a refresh token for the next pair.

    Each refresh token serves once. Sending one again ends its whole session, because it shows
    that somebody else has a copy.
    """
    return TokensOut.of(
        accounts.sessions.refresh(body.refresh_token, address=find_address(request))
    )


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, summary="Sign out")
def logout(
    request: Request,
    response: Response,
    login: CurrentLogin,
    accounts: AccountsDep,
    services: ServicesDep,
) -> None:
    """End the session: all of its tokens and its cookie stop working at once."""
    accounts.sessions.sign_out(login)
    clear_session(response, secure=is_secure(request, services.settings))
