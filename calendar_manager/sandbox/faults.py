"""Faults on demand: rules that break answers, and the middleware that applies them."""

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calendar_manager.sandbox.connection import ABORT_EXTENSION
from calendar_manager.sandbox.google.errors import GoogleApiError
from calendar_manager.sandbox.request_log import RequestLog

CONTROL_PATH = "/_control"
"""Requests below this path meet no fault and are not logged."""

_FLUSH_SECONDS = 0.05
_REASONS = {401: "authError", 403: "rateLimitExceeded", 404: "notFound", 429: "rateLimitExceeded"}


class Match(BaseModel):
    """Which requests a rule strikes: a regular expression searched in the path, and a method."""

    model_config = ConfigDict(extra="forbid")

    path: str = ".*"
    method: str | None = None

    @field_validator("path")
    @classmethod
    def _compile(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return path

    def hits(self, method: str, path: str) -> bool:
        """Tell whether a request is meant."""
        same = self.method is None or self.method.upper() == method
        return same and re.search(self.path, path) is not None


class Rule(BaseModel):
    """One fault rule; ``ControlClient.add_fault`` describes the fields."""

    model_config = ConfigDict(extra="forbid")

    match: Match = Field(default_factory=Match)
    kind: Literal[
        "status", "quota_403", "too_many_requests", "server_error", "reset_mid_body", "slow"
    ]
    status: int | None = Field(None, ge=400, le=599)
    reason: str | None = None
    message: str | None = None
    retry_after: int | str | None = None
    seconds: float = Field(1.0, ge=0, le=600)
    skip: int = Field(0, ge=0)
    times: int | None = Field(None, ge=1)
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = 0

    def headers(self) -> dict[str, str]:
        """Return the extra headers of the rule's answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def error(self) -> GoogleApiError:
        """Return the error that the rule answers with at Google."""
        usual = {"quota_403": 403, "too_many_requests": 429, "server_error": 500, "status": 500}
        status = self.status or usual[self.kind]
        reason = self.reason or _REASONS.get(status, "backendError")
        return GoogleApiError(status, reason, self.message, headers=self.headers())


@dataclass(frozen=True)
class Refusal:
    """The answer with which a rule strikes: status, JSON body, extra headers."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


RefusalMaker = Callable[[Rule, str], Refusal]
"""Makes the answer of a rule to a request, whose path some providers' errors name."""


def refuse_as_google(rule: Rule) -> Refusal:
    """Return the answer of a rule in Google's form."""
    error = rule.error()
    return Refusal(error.status, error.body(), error.headers)


@dataclass
class _ActiveRule:
    number: int
    rule: Rule
    seen: int = 0
    struck: int = 0
    draw: random.Random = field(default_factory=random.Random)


class FaultBook:
    """The fault rules in the order they were added; the first that strikes decides."""

    def __init__(self) -> None:
        self._rules: list[_ActiveRule] = []
        self._number = 0

    def add(self, rule: Rule) -> int:
        """Add a rule and return its number."""
        self._number += 1
        draw = random.Random(rule.seed)  # noqa: S311 - Repeatable by design, not secret.
        self._rules.append(_ActiveRule(self._number, rule, draw=draw))
        return self._number

    def clear(self) -> None:
        """Remove every rule."""
        self._rules.clear()

    def describe(self) -> list[dict[str, object]]:
        """Return the rules with how often they struck."""
        return [
            {"number": one.number, "struck": one.struck, **one.rule.model_dump()}
            for one in self._rules
        ]

    def strike(self, method: str, path: str) -> Rule | None:
        """Return the rule that strikes this request, and count it."""
        for one in self._rules:
            rule = one.rule
            if not rule.match.hits(method, path):
                continue
            one.seen += 1
            if one.seen <= rule.skip or (rule.times is not None and one.struck >= rule.times):
                continue
            if one.draw.random() < rule.probability:
                one.struck += 1
                return rule
        return None


class FaultMiddleware:
    """ASGI middleware that logs every request and applies the fault rules.

    Args:
        app: The application.
        faults: The rules.
        log: Where requests are logged.
        refusals: How rules answer below a path; elsewhere they answer as Google does.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: FaultBook,
        log: RequestLog,
        refusals: Mapping[str, RefusalMaker],
    ) -> None:
        self._app = app
        self._faults = faults
        self._log = log
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PATH):
            await self._app(scope, receive, send)
            return
        rule = self._faults.strike(scope["method"], scope["path"])
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._answer(rule, scope, receive, watch)
        finally:
            query = scope["query_string"].decode("latin-1")
            kind = rule.kind if rule else None
            self._log.add(scope["method"], scope["path"], query, status, kind)

    async def _answer(self, rule: Rule | None, scope: Scope, receive: Receive, send: Send) -> None:
        if rule is None:
            await self._app(scope, receive, send)
        elif rule.kind == "slow":
            await asyncio.sleep(rule.seconds)
            await self._app(scope, receive, send)
        elif rule.kind == "reset_mid_body":
            await self._answer_in_part(scope, receive, send)
        else:
            await _refuse(self._make_refusal(rule, scope["path"]), receive, send)

    def _make_refusal(self, rule: Rule, path: str) -> Refusal:
        for prefix, make in self._refusals.items():
            if path.startswith(prefix):
                return make(rule, path)
        return refuse_as_google(rule)

    async def _answer_in_part(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do what was asked, send half of the answer, then reset the connection."""
        started: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self._app(scope, receive, keep)
        # An answer without a body is cut off too: it announces a byte that never comes.
        length = max(len(body), 1)
        headers = [(n, v) for n, v in started["headers"] if n.lower() != b"content-length"]
        headers.append((b"content-length", str(length).encode()))
        status = 200 if started["status"] in {204, 304} else started["status"]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        half = bytes(body[: len(body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        # The first half must reach the wire, or the client would see no answer at all.
        await asyncio.sleep(_FLUSH_SECONDS)
        extension = scope.get("extensions", {}).get(ABORT_EXTENSION)
        if extension is None:
            raise ConnectionResetError("This server cannot reset a connection.")
        extension["call"]()
        # The server complains of an unfinished answer unless it has noticed the end.
        while (await receive())["type"] != "http.disconnect":
            pass


async def _refuse(refusal: Refusal, receive: Receive, send: Send) -> None:
    """Answer with an error; the request's body is read first, so that the connection lives on."""
    while (await receive()).get("more_body", False):
        pass
    body = orjson.dumps(refusal.body)
    headers = [
        (b"content-type", b"application/json; charset=UTF-8"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in refusal.headers.items()),
    ]
    await send(
        cast(
            "Message",
            {"type": "http.response.start", "status": refusal.status, "headers": headers},
        )
    )
    await send({"type": "http.response.body", "body": body})
