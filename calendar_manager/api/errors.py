"""Turning every error into problem details."""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from calendar_manager.accounts.errors import (
    AccountsError,
    CaldotcomNotConnectedError,
    CalendarNeedsConsentError,
    CalendarNotFoundError,
    CalendarNotHeldError,
    ClientNotFoundError,
    ConnectError,
    ConnectionAmbiguousError,
    ConnectionNotFoundError,
    ConsentDeniedError,
    EmailTakenError,
    EventNotFoundError,
    ExportError,
    ExportNeedsConsentError,
    ExportScopeMissingError,
    ExportUnavailableError,
    FeedNotFoundError,
    InvalidFieldsError,
    NothingToSyncError,
    OAuthStateInvalidError,
    ProviderRefusedError,
    ProviderUnavailableError,
    ScopeMissingError,
    SessionNotFoundError,
    SignInError,
    SyncDisabledError,
    TokenError,
    TooManyAttemptsError,
    UserGoneError,
    UserNotFoundError,
)
from calendar_manager.api.problems import CHALLENGE, ProblemError, answer_problem, http_problem
from calendar_manager.domain.errors import UnknownTimeZoneError
from calendar_manager.providers.errors import ProviderNotConfiguredError
from calendar_manager.store.unit_of_work import StoreUnavailableError

log = structlog.get_logger(__name__)

STATUS_OF: Final[dict[type[AccountsError], HTTPStatus]] = {
    CaldotcomNotConnectedError: HTTPStatus.CONFLICT,
    CalendarNeedsConsentError: HTTPStatus.CONFLICT,
    CalendarNotHeldError: HTTPStatus.CONFLICT,
    CalendarNotFoundError: HTTPStatus.NOT_FOUND,
    ClientNotFoundError: HTTPStatus.NOT_FOUND,
    ConnectError: HTTPStatus.BAD_REQUEST,
    ConnectionAmbiguousError: HTTPStatus.CONFLICT,
    ConnectionNotFoundError: HTTPStatus.NOT_FOUND,
    ConsentDeniedError: HTTPStatus.FORBIDDEN,
    EmailTakenError: HTTPStatus.CONFLICT,
    EventNotFoundError: HTTPStatus.NOT_FOUND,
    ExportError: HTTPStatus.BAD_GATEWAY,
    ExportNeedsConsentError: HTTPStatus.CONFLICT,
    ExportScopeMissingError: HTTPStatus.FORBIDDEN,
    ExportUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    FeedNotFoundError: HTTPStatus.NOT_FOUND,
    InvalidFieldsError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NothingToSyncError: HTTPStatus.CONFLICT,
    OAuthStateInvalidError: HTTPStatus.BAD_REQUEST,
    ProviderRefusedError: HTTPStatus.BAD_GATEWAY,
    ProviderUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    ScopeMissingError: HTTPStatus.FORBIDDEN,
    SessionNotFoundError: HTTPStatus.NOT_FOUND,
    SignInError: HTTPStatus.UNAUTHORIZED,
    SyncDisabledError: HTTPStatus.CONFLICT,
    TokenError: HTTPStatus.UNAUTHORIZED,
    TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    UserGoneError: HTTPStatus.UNAUTHORIZED,
    UserNotFoundError: HTTPStatus.NOT_FOUND,
}
"""The status of each error; one that is missing has its parent's."""

_PLACES: Final = frozenset({"body", "query", "path", "header", "cookie"})


def install_error_handlers(app: FastAPI) -> None:
    """Let every error that a route may raise be answered with problem details."""
    app.add_exception_handler(ProblemError, _answer_problem)
    app.add_exception_handler(AccountsError, _answer_accounts_error)
    app.add_exception_handler(ProviderNotConfiguredError, _answer_not_configured)
    app.add_exception_handler(StoreUnavailableError, _answer_store_unavailable)
    app.add_exception_handler(UnknownTimeZoneError, _answer_unknown_zone)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_error)


def to_problem(error: AccountsError) -> ProblemError:
    """Return the problem that an error of the use cases is over HTTP."""
    status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    fields = error.problems.items() if isinstance(error, InvalidFieldsError) else ()
    headers = {}
    if isinstance(error, TokenError | UserGoneError):
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="invalid_token"'
    if isinstance(error, TooManyAttemptsError):
        headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    return ProblemError(status, error.code, str(error), errors=tuple(fields), headers=headers)


def invalid_input(findings: Sequence[Any]) -> ProblemError:
    """Return the problem of input that pydantic refused, without repeating the input."""
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "validation_failed",
        "Some of the input cannot be used.",
        errors=[(_path(finding["loc"]), _message(finding)) for finding in findings],
    )


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - Starlette's types are wider than its use.
    return answer_problem(request, error)


async def _answer_accounts_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AccountsError)  # noqa: S101 - as above.
    return answer_problem(request, to_problem(error))


async def _answer_not_configured(request: Request, error: Exception) -> Response:
    detail = f"{error}. Its operator has to set the client id and secret."
    return answer_problem(
        request, ProblemError(HTTPStatus.CONFLICT, "provider_not_configured", detail)
    )


async def _answer_store_unavailable(request: Request, error: Exception) -> Response:
    log.error("store_unavailable", exc_info=error)
    return answer_problem(
        request,
        ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "database_unavailable",
            "The database cannot be reached. Try again in a while.",
            headers={"Retry-After": "5"},
        ),
    )


async def _answer_unknown_zone(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnknownTimeZoneError)  # noqa: S101 - as above.
    # In queries it has a shorter name; what was not sent there came in a body.
    field = "tz" if request.query_params.get("tz") == error.name else "time_zone"
    return answer_problem(
        request,
        ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "validation_failed",
            "Some of the input cannot be used.",
            errors=[(field, f"{error}. Write it as Europe/Berlin.")],
        ),
    )


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above.
    return answer_problem(request, invalid_input(error.errors()))


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above.
    return answer_problem(request, http_problem(error.status_code, error.headers))


def _path(location: Sequence[str | int]) -> str:
    """Return where a finding is, without the part of the request unless that is all there is."""
    steps = list(location)
    if len(steps) > 1 and steps[0] in _PLACES:
        steps = steps[1:]
    return ".".join(str(step) for step in steps)


def _message(finding: Any) -> str:  # noqa: ANN401 - pydantic's findings are plain dictionaries.
    if finding["type"] == "json_invalid":
        reason = finding.get("ctx", {}).get("error", "")
        return f"This is not JSON: {reason}".rstrip(": ")
    if finding["type"] == "missing":
        return "This is missing."
    text = str(finding["msg"]).removeprefix("Value error, ")
    return text if text.endswith((".", "?", "!")) else f"{text}."
