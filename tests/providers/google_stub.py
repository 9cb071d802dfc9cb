"""A scripted HTTP server that checks every request against Google's discovery document."""

import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from googleapiclient.discovery_cache import get_static_doc

API_PATH = "/calendar/v3/"
METHODS = ("calendarList.list", "events.list", "events.watch", "channels.stop")


@dataclass(frozen=True)
class Answer:
    """One scripted answer.

    ``cut`` ends the connection after that many bytes of the body; ``reset`` does so with RST.
    """

    body: bytes | Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False

    @property
    def payload(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Request:
    """One request as it came in; ``form`` is the body of a POST, decoded as one."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    form: Mapping[str, list[str]]
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        return {name: values[0] for name, values in self.query.items()}


class Stub:
    """Answers in the order of the script and remembers what it was asked."""

    def __init__(self) -> None:
        self.script: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.problems: list[str] = []
        self.url = ""

    @property
    def api_url(self) -> str:
        return f"{self.url}{API_PATH}"

    def take(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.path.startswith(API_PATH):
            self.problems.extend(find_problems(request))
        if not self.script:
            self.problems.append(f"unexpected request {request.method} {request.path}")
            return Answer(b"the script is over", 500)
        return self.script.popleft()


@contextmanager
def run_stub() -> Iterator[Stub]:
    """Serve until the block ends, then insist that every request was a legal one."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.respond(b"")

        def do_POST(self) -> None:
            self.respond(self.rfile.read(int(self.headers["Content-Length"])))

        def respond(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            answer = stub.take(
                Request(
                    self.command,
                    parts.path,
                    parse_qs(parts.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    parse_qs(body.decode(), keep_blank_values=True),
                    body,
                )
            )
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.payload)))
            self.end_headers()
            self.wfile.write(answer.payload[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True
                if answer.reset:
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    # Closing the socket itself, not its copies, is what sends the RST.
                    self.wfile.close()
                    self.rfile.close()
                    self.connection.close()

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


class QuietServer(ThreadingHTTPServer):
    # A client that keeps its connection open must not keep the test.
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Say nothing about clients that hang up; the tests look at both ends themselves."""

    def shutdown_request(self, request: Any) -> None:
        if request.fileno() != -1:
            super().shutdown_request(request)


@cache
def load_discovery_document() -> dict[str, Any]:
    text = get_static_doc("calendar", "v3")  # type: ignore[no-untyped-call]  # The library's own.
    return dict(json.loads(text))


def find_problems(request: Request) -> list[str]:
    """Compare a request with the discovery document of Calendar API v3."""
    document = load_discovery_document()
    path = request.path.removeprefix(API_PATH)
    for name in METHODS:
        resource, _, verb = name.partition(".")
        method = document["resources"][resource]["methods"][verb]
        pattern = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(method["path"]))
        match = re.fullmatch(pattern, path)
        if match and request.method == method["httpMethod"]:
            known = {**document["parameters"], **method.get("parameters", {})}
            problems = [
                problem
                for parameter, values in request.query.items()
                for problem in check_parameter(parameter, values, known.get(parameter))
            ]
            if "request" in method:
                problems += check_body(json.loads(request.body), method["request"]["$ref"])
            elif request.body:
                problems.append(f"{name} takes no body")
            return problems
    return [f"no method of the API is {request.method} {unquote(path)}"]


def check_body(body: Any, schema: str) -> list[str]:
    """Return where a body differs from a flat schema of the discovery document."""
    if not isinstance(body, dict):
        return [f"the body is no {schema}"]
    known = load_discovery_document()["schemas"][schema]["properties"]
    problems = [f"{schema} has no {name}" for name in body.keys() - known.keys()]
    for name, value in body.items():
        if name in known and not fits(value, known[name]):
            problems.append(f"{name} cannot be {value!r}")
    return problems


def fits(value: Any, known: Mapping[str, Any]) -> bool:
    """Tell whether a JSON value is of the type that the discovery document names."""
    if known["type"] == "object":
        inner = known["additionalProperties"]
        return isinstance(value, dict) and all(fits(one, inner) for one in value.values())
    if known["type"] == "boolean":
        return isinstance(value, bool)
    assert known["type"] == "string"
    return isinstance(value, str) and (known.get("format") != "int64" or value.isdecimal())


def check_parameter(name: str, values: list[str], known: Mapping[str, Any] | None) -> list[str]:
    """Return what is wrong with one query parameter."""
    if known is None or known["location"] != "query":
        return [f"{name} is no parameter"]
    problems = [] if known.get("repeated") or len(values) == 1 else [f"{name} is repeated"]
    patterns = {"boolean": "true|false", "integer": "[0-9]+", "string": "(?s:.*)"}
    problems += [
        f"{name}={value} is no {known['type']}"
        for value in values
        if not re.fullmatch(patterns[known["type"]], value)
        or value not in known.get("enum", [value])
        or ("minimum" in known and int(value) < int(known["minimum"]))
    ]
    return problems
