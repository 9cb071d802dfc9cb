"""What every Graph request begins with: the token, its scopes, the mailbox's limit, ``Prefer``."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote

import orjson
from fastapi import Depends, Request
from starlette.responses import Response

from calendar_manager.sandbox.graph.authorize import graph_state
from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.errors import (
    access_denied,
    bad_request,
    changed_meanwhile,
    item_not_found,
    mailbox_concurrency,
    make_request_id,
    unauthenticated,
)
from calendar_manager.sandbox.graph.grants import Grant
from calendar_manager.sandbox.graph.items import Stamp
from calendar_manager.sandbox.graph.prefer import Preferences, read_preferences
from calendar_manager.sandbox.graph.rendering import EventRenderer
from calendar_manager.sandbox.graph.state import Account, Found, GraphState

Json = dict[str, Any]
Permission = Literal["read", "write", "user", "mailbox"]

GRAPH_PATH = "/graph/v1.0"
"""Where Graph is mounted."""

_WRITE = frozenset({"Calendars.ReadWrite", "Calendars.ReadWrite.Shared"})
_READ = _WRITE | {"Calendars.Read", "Calendars.Read.Shared", "Calendars.ReadBasic"}
_SCOPES: dict[Permission, frozenset[str]] = {
    "read": _READ,
    "write": _WRITE,
    "user": frozenset({"User.Read"}),
    "mailbox": frozenset({"MailboxSettings.Read"}),
}
_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8"


@dataclass(frozen=True)
class Call:
    """One authorized Graph request.

    Attributes:
        state: The sandbox's Microsoft.
        account: Whose token it is.
        grant: What the token may do.
        preferences: The request's ``Prefer``.
        query: The query by lower-case names, since Graph does not mind case.
        base_url: Where Graph is, without a trailing slash, as the caller addressed it.
        path: The request's path below ``base_url``.
        if_match: The ``If-Match`` header.
        request_id: Names the request in the answer.
    """

    state: GraphState
    account: Account
    grant: Grant
    preferences: Preferences
    query: Mapping[str, str]
    base_url: str
    path: str
    if_match: str | None
    request_id: str

    @property
    def renderer(self) -> EventRenderer:
        """What writes events in the way the request wants."""
        per_occurrence = self.state.settings.ical_uid == "occurrence"
        return EventRenderer(self.preferences, uid_per_occurrence=per_occurrence)

    def link(self, path: str, query: Mapping[str, str]) -> str:
        """Return an absolute address in Graph."""
        pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return f"{self.base_url}{path}?{pairs}"

    def context(self, path: str) -> str:
        """Return an ``@odata.context``."""
        return f"{self.base_url}/$metadata#users('{quote(self.account.email, safe='')}')/{path}"

    def open_calendar(self, calendar_id: str | None) -> Calendar:
        """Return a calendar of the mailbox; None means the default one."""
        if calendar_id is None:
            return self.account.default_calendar
        return self.state.calendar(self.account, calendar_id)

    def open_event(self, event_id: str, calendar_id: str | None = None) -> Found:
        """Return what an event id names, in one calendar where the path names one."""
        found = self.state.find(self.account, event_id)
        if calendar_id is not None and found.calendar.id != calendar_id:
            self.open_calendar(calendar_id)
            raise item_not_found()
        return found

    def check_writable(self, calendar: Calendar) -> None:
        """Refuse to write to a calendar that is shared for reading only.

        Raises:
            GraphApiError: 403.
        """
        if not calendar.can_edit:
            raise access_denied()

    def check_etag(self, stamp: Stamp) -> None:
        """Refuse a write whose ``If-Match`` names another version.

        Raises:
            GraphApiError: 412.
        """
        if self.if_match not in {None, "*", stamp.etag}:
            raise changed_meanwhile()

    def answer(self, body: Json | None, status: int = 200, applied: str = "") -> Response:
        """Return the response; without a body there is no content either.

        Args:
            body: The JSON object.
            status: The HTTP status.
            applied: What ``Preference-Applied`` names besides what the request preferred.
        """
        headers = {"request-id": self.request_id, "client-request-id": self.request_id}
        preferences = ", ".join(filter(None, [applied, self.preferences.applied]))
        if preferences:
            headers["Preference-Applied"] = preferences
        if body is None:
            return Response(status_code=status, headers=headers)
        return Response(orjson.dumps(body), status, headers, _JSON)


def begin_call(permission: Permission) -> Any:  # noqa: ANN401 - FastAPI's Depends has no type.
    """Return the dependency that authorizes a request and counts it against its mailbox."""

    async def begin(
        request: Request, state: Annotated[GraphState, Depends(graph_state)]
    ) -> AsyncIterator[Call]:
        grant = _find_grant(state, request.headers.get("Authorization", ""))
        if not grant.scopes & _SCOPES[permission]:
            raise access_denied()
        account, limit = state.accounts[grant.email], state.settings.concurrent_requests
        if limit and account.running >= limit:
            raise mailbox_concurrency()
        account.running += 1
        try:
            if state.settings.answer_seconds:
                await asyncio.sleep(state.settings.answer_seconds)
            yield _make_call(request, state, grant)
        finally:
            account.running -= 1

    return Depends(begin)


def _make_call(request: Request, state: GraphState, grant: Grant) -> Call:
    return Call(
        state=state,
        account=state.accounts[grant.email],
        grant=grant,
        preferences=read_preferences(request.headers.getlist("Prefer")),
        query={name.lower(): value for name, value in request.query_params.items()},
        base_url=str(request.base_url).rstrip("/") + GRAPH_PATH,
        path=request.url.path.removeprefix(GRAPH_PATH),
        if_match=request.headers.get("If-Match"),
        request_id=request.headers.get("client-request-id") or make_request_id(),
    )


def _find_grant(state: GraphState, authorization: str) -> Grant:
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise unauthenticated("Access token is empty.")
    token = state.grants.find_access(text)
    if token is None or token.grant.email not in state.accounts:
        raise unauthenticated("IDX14100: JWT is not well formed, there are no dots (.).")
    if not state.grants.is_live(token):
        raise unauthenticated("Lifetime validation failed, the token is expired.")
    return token.grant


async def _read_json(request: Request) -> Json:
    text = await request.body()
    try:
        body = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise bad_request(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and "
            "payload is of valid JSON format.",
            "BadRequest",
        ) from error
    if not isinstance(body, dict):
        raise bad_request("Empty Payload. JSON content expected.", "BadRequest")
    return body


JsonBody = Annotated[Json, Depends(_read_json)]
"""The request's JSON object; 400 when it is none."""
