"""What every API method begins with: the token, its scopes, the query, the calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from starlette.responses import Response

from calendar_manager.sandbox.google.calendar import Calendar, Row
from calendar_manager.sandbox.google.discovery import SCOPE_PREFIX, read_method
from calendar_manager.sandbox.google.errors import (
    GoogleApiError,
    insufficient_scope,
    invalid_value,
    not_found,
    unauthenticated,
)
from calendar_manager.sandbox.google.grants import Grant
from calendar_manager.sandbox.google.oauth import google_state
from calendar_manager.sandbox.google.partial import read_mask, select
from calendar_manager.sandbox.google.state import ACCESS_ROLES, Account, GoogleState, ListEntry

Json = dict[str, Any]

_BARE_SCOPES = frozenset({f"{SCOPE_PREFIX}calendar.events.freebusy"})
_APP_SCOPES = frozenset({f"{SCOPE_PREFIX}calendar.app.created"})
_OWNED_SCOPES = frozenset(
    {
        f"{SCOPE_PREFIX}calendar.events.owned",
        f"{SCOPE_PREFIX}calendar.events.owned.readonly",
    }
)


@dataclass(frozen=True)
class OpenedCalendar:
    """A calendar that a call may use, with the caller's entry for it."""

    calendar: Calendar
    entry: ListEntry


@dataclass(frozen=True)
class Call:
    """One authorized call of an API method.

    Attributes:
        method: The method's id, such as ``events.list``.
        state: The sandbox's Google.
        grant: What the caller may do.
        account: Whose token it is.
        query: The checked query parameters.
        if_match: The ``If-Match`` header.
        if_none_match: The ``If-None-Match`` header.
    """

    method: str
    state: GoogleState
    grant: Grant
    account: Account
    query: Mapping[str, Any]
    if_match: str | None
    if_none_match: str | None

    @property
    def scopes(self) -> frozenset[str]:
        """The granted scopes that this method accepts."""
        return self.grant.scopes & read_method(self.method).scopes

    @property
    def bare(self) -> bool:
        """Whether the scopes show free and busy times only."""
        return self.scopes <= _BARE_SCOPES

    def open_calendar(self, calendar_id: str, least: str = "freeBusyReader") -> OpenedCalendar:
        """Return the calendar and the caller's entry for it.

        Raises:
            GoogleApiError: 404, it is not on the caller's list; 403, the caller's role is less than
                ``least`` or the scopes do not reach this calendar.
        """
        entry = self.state.entry(self.account, calendar_id)
        calendar = self.state.calendars[entry.calendar_id]
        if self.scopes <= _APP_SCOPES and calendar.made_by_client != self.grant.client_id:
            raise not_found()
        if self.scopes <= _OWNED_SCOPES | _APP_SCOPES and entry.access_role != "owner":
            raise insufficient_scope(self.method)
        if ACCESS_ROLES.index(entry.access_role) < ACCESS_ROLES.index(least):
            raise GoogleApiError(
                403,
                "requiredAccessLevel",
                f"You need to have {least} access to this calendar.",
            )
        return OpenedCalendar(calendar, entry)

    def check_etag(self, row: Row) -> None:
        """Refuse a write whose ``If-Match`` names another version.

        Raises:
            GoogleApiError: 412.
        """
        if self.if_match not in {None, "*", row.stamp.etag}:
            raise GoogleApiError(
                412, "conditionNotMet", "Precondition Failed", location=("header", "If-Match")
            )

    def answer(self, body: Json, etag: str | None = None) -> Response:
        """Return the JSON response, cut to the ``fields`` that the caller wants."""
        if etag is not None and etag == self.if_none_match:
            return Response(status_code=304, headers={"ETag": etag})
        if "fields" in self.query:
            body = select(body, read_mask(str(self.query["fields"])))
        headers = {"ETag": etag} if etag else None
        return json_response(body, headers=headers)


def json_response(
    body: Json, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response in Google's content type."""
    return Response(orjson.dumps(body), status, headers, "application/json; charset=UTF-8")


def begin_call(method: str) -> Any:  # noqa: ANN401 - FastAPI's Depends has no type of its own.
    """Return the dependency that authorizes a call of this method."""

    async def begin(request: Request) -> Call:
        state = google_state(request)
        grant = _find_grant(state, request.headers.get("Authorization", ""))
        rules = read_method(method)
        if not grant.scopes & rules.scopes:
            raise insufficient_scope(method)
        query = rules.read_query(request.query_params.multi_items())
        if query.get("alt", "json") != "json":
            raise invalid_value(parameter="alt")
        return Call(
            method,
            state,
            grant,
            state.account(grant.email),
            query,
            request.headers.get("If-Match"),
            request.headers.get("If-None-Match"),
        )

    return Depends(begin)


def _find_grant(state: GoogleState, authorization: str) -> Grant:
    scheme, _, token = authorization.partition(" ")
    grant = state.grants.find_access(token) if scheme.lower() == "bearer" else None
    if grant is None or grant.email not in state.accounts:
        raise unauthenticated()
    return grant


async def _read_json(request: Request) -> Json:
    text = await request.body()
    try:
        body = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise GoogleApiError(400, "parseError", "Parse Error") from error
    if not isinstance(body, dict):
        raise GoogleApiError(400, "parseError", "Parse Error")
    return body


JsonBody = Annotated[Json, Depends(_read_json)]
"""The request's JSON object; 400 ``parseError`` when it is none."""
