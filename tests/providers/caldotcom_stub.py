"""An HTTP server in Cal.com's place, whose clock stands still and which checks every request."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.caldotcom import CalDotCom, CalDotComSettings, CalDotComVersions
from tests.providers.caldotcom_schemas import API_PATH, find_request_problems
from tests.providers.google_stub import Answer, QuietServer, Request

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
OVERLAPPED = "2026-03-20T09:50:01.000Z"
"""Ten minutes before :data:`UPDATED`."""
UPDATED = "2026-03-20T10:00:01.000Z"
PROFILE = {"id": 7, "email": "ida@example.test", "timeZone": "Europe/Berlin", "username": "ida"}
KEY = Tokens(access_token="cal_secret", refresh_token=None, expires_at=None, scopes=frozenset())


class Stub:
    """Answers in the order of the script and remembers what it was asked.

    The profile and, unless the test scripts them itself, the absences answer by themselves.
    """

    def __init__(self) -> None:
        self.script: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.problems: list[str] = []
        self.version: str | None = "2024-08-13"
        self.profile = Answer({"status": "success", "data": PROFILE})
        self.absences: deque[Answer] | None = None
        self.date: str | None = format_datetime(NOW, usegmt=True)
        self.url = ""

    @property
    def api_url(self) -> str:
        return f"{self.url}{API_PATH}"

    def asked(self, path: str) -> list[dict[str, str]]:
        """The parameters of all requests for one path under the API."""
        return [one.parameters for one in self.requests if one.path == f"{API_PATH}{path}"]

    def take(self, request: Request) -> Answer:
        self.requests.append(request)
        if request.path.startswith(API_PATH) and request.method == "GET":
            self.problems.extend(find_request_problems(request, self.version))
        if request.path == f"{API_PATH}me":
            return self.profile
        if request.path == f"{API_PATH}me/ooo":
            if self.absences is None:
                return Answer({"status": "success", "data": []})
            return self._next(self.absences, request)
        return self._next(self.script, request)

    def _next(self, script: deque[Answer], request: Request) -> Answer:
        if not script:
            self.problems.append(f"unexpected request {request.method} {request.path}")
            return Answer(b"the script is over", 500)
        return script.popleft()


@contextmanager
def run_stub() -> Iterator[Stub]:
    """Serve until the block ends, then insist that every request was a legal one."""
    stub = Stub()
    with serve(stub.take, lambda: stub.date) as url:
        stub.url = url
        yield stub
    assert stub.problems == []
    assert not stub.script, "not everything was asked for"
    assert not stub.absences, "not all absences were asked for"


@contextmanager
def serve(take: Callable[[Request], Answer], date: Callable[[], str | None]) -> Iterator[str]:
    """Serve answers under an address until the block ends; ``date`` is the server's clock."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.respond(b"")

        def do_POST(self) -> None:
            self.respond(self.rfile.read(int(self.headers["Content-Length"])))

        def respond(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            answer = take(
                Request(
                    self.command,
                    parts.path,
                    parse_qs(parts.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    parse_qs(body.decode(), keep_blank_values=True),
                )
            )
            # Not send_response, which would tell the date of the system's clock.
            self.send_response_only(answer.status)
            moment = date()
            own = {"Content-Length": str(len(answer.payload))}
            dated = {"Date": moment} if moment else {}
            for name, value in {**own, **dated, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.payload[: answer.cut])
            if answer.cut is not None:
                self.hang_up(reset=answer.reset)

        def hang_up(self, *, reset: bool) -> None:
            self.close_connection = True
            if reset:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                # Closing the socket itself, not its copies, is what sends the RST.
                self.wfile.close()
                self.rfile.close()
                self.connection.close()

        def log_message(self, *_: object) -> None:
            pass

    server = QuietServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def open_provider(
    url: str, *, version: str | None = "2024-08-13", per_page: int = 100
) -> CalendarProvider:
    """Open the account of :data:`KEY` at a server."""
    settings = CalDotComSettings(
        api_url=f"{url}{API_PATH}", versions=CalDotComVersions(bookings=version)
    )
    return CalDotCom(settings, bookings_per_page=per_page).open(KEY)


def booking(uid: str, **fields: object) -> dict[str, Any]:
    """Make one row of the bookings, half an hour of Ida's with Bob."""
    row = {
        "id": 101,
        "uid": uid,
        "title": f"Booking {uid}",
        "description": "",
        "hosts": [
            {
                "id": 7,
                "name": "Ida Freelance",
                "email": "ida@example.test",
                "displayEmail": "ida@example.test",
                "username": "ida",
                "timeZone": "Europe/Berlin",
            }
        ],
        "status": "accepted",
        "start": "2026-03-30T07:00:00.000Z",
        "end": "2026-03-30T07:30:00.000Z",
        "duration": 30,
        "eventTypeId": 50,
        "eventType": {"id": 50, "slug": "30min"},
        "location": "https://app.cal.com/video/x",
        "absentHost": False,
        "createdAt": UPDATED,
        "updatedAt": UPDATED,
        "icsUid": f"{uid}@Cal.com",
        "attendees": [
            {
                "name": "Bob Client",
                "email": "bob@client.test",
                "displayEmail": "bob@client.test",
                "timeZone": "America/New_York",
                "absent": False,
            }
        ],
        "guests": [],
        "bookingFieldsResponses": {},
    }
    return {**row, **fields}


def counted(*rows: object, more: bool = False, total: int | None = None) -> Answer:
    """Make a page of bookings among counted ones."""
    total = len(rows) if total is None else total
    pages = {
        "totalItems": total,
        "remainingItems": int(more),
        "returnedItems": len(rows),
        "itemsPerPage": 100,
        "currentPage": 1,
        "totalPages": 1 + more,
        "hasNextPage": more,
        "hasPreviousPage": False,
    }
    return Answer({"status": "success", "data": rows, "pagination": pages})


def followed(*rows: object, cursor: object = None) -> Answer:
    """Make a page of bookings that a cursor leads on from."""
    pages = {"nextCursor": cursor, "hasMore": cursor is not None}
    return Answer({"status": "success", "data": rows, "pagination": pages})


def refusal(status: int, code: str, message: str = "Words", **headers: str) -> Answer:
    """Make an error as Cal.com words it."""
    body: Mapping[str, Any] = {"status": "error", "error": {"code": code, "message": message}}
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})
