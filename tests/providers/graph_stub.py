"""A scripted HTTP server that checks requests and its own answers by Graph's description."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.providers.google_stub import Answer, QuietServer, Request
from tests.providers.graph_spec import (
    DELTA,
    find_answer_problems,
    find_request_problems,
    find_selection_problems,
)

GRAPH_PATH = "/graph/v1.0/"
NO_CONTENT = 204
PREFER = 'odata.maxpagesize=500, outlook.timezone="UTC", IdType="ImmutableId"'


@dataclass(frozen=True)
class GraphRequest(Request):
    """One request with its JSON body, None without one."""

    json: Any = None


class GraphStub:
    """Answers in the order of the script and remembers what it was asked.

    Attributes:
        prefer: The preferences that every request has to have; empty for any.
    """

    def __init__(self) -> None:
        self.script: deque[Answer] = deque()
        self.requests: list[GraphRequest] = []
        self.problems: list[str] = []
        self.url = ""
        self.prefer = PREFER

    @property
    def graph_url(self) -> str:
        return f"{self.url}{GRAPH_PATH}"

    @property
    def paths(self) -> list[str]:
        """The paths asked for, below the root."""
        return [request.path.removeprefix(GRAPH_PATH) for request in self.requests]

    def link(self, calendar_id: str, **token: str) -> str:
        """A next or delta link as Graph writes it."""
        ((name, value),) = token.items()
        return f"{self.graph_url}me/calendars/{calendar_id}/calendarView/delta?${name}={value}"

    def take(self, request: GraphRequest) -> Answer:
        self.requests.append(request)
        if not self.script:
            self.problems.append(f"unexpected request {request.method} {request.path}")
            return Answer(b"the script is over", 500)
        answer = self.script.popleft()
        if request.path.startswith(GRAPH_PATH):
            self.problems += self.check(request, answer)
        return answer

    def check(self, request: GraphRequest, answer: Answer) -> list[str]:
        path = "/" + request.path.removeprefix(GRAPH_PATH)
        problems = find_request_problems(request.method, path, request.query)
        problems += find_selection_problems(request.parameters.get("$select", "id"))
        if self.prefer and request.headers.get("prefer") != self.prefer:
            problems.append(f"Prefer is {request.headers.get('prefer')!r}")
        if request.json is not None:
            problems += find_answer_problems(request.json, "subscription")
        if isinstance(answer.body, Mapping) and answer.cut is None:
            problems += find_answer_problems(answer.body, _schema_of(path, answer.status))
        return problems


def _schema_of(path: str, status: int) -> str | Mapping[str, Any]:
    if status >= 400:
        return "ODataErrors.ODataError"
    if path.endswith("/delta"):
        return DELTA
    if path.endswith("/instances"):
        return "eventCollectionResponse"
    if path.endswith("/calendars"):
        return "calendarCollectionResponse"
    if path.startswith("/subscriptions"):
        return "subscription"
    return "event"


@contextmanager
def run_graph_stub() -> Iterator[GraphStub]:
    """Serve until the block ends, then insist that everything that was said was legal."""
    stub = GraphStub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.respond(b"")

        def do_POST(self) -> None:
            self.respond(self.rfile.read(int(self.headers["Content-Length"] or 0)))

        def do_PATCH(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def respond(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            is_json = self.headers.get("Content-Type") == "application/json"
            answer = stub.take(
                GraphRequest(
                    self.command,
                    parts.path,
                    parse_qs(parts.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    parse_qs(body.decode(), keep_blank_values=True),
                    json=json.loads(body) if is_json else None,
                )
            )
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers and answer.status != NO_CONTENT:
                self.send_header("Content-Length", str(len(answer.payload)))
            self.end_headers()
            self.wfile.write(answer.payload[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert stub.problems == []
    assert not stub.script, "not everything was asked for"
