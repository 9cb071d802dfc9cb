"""An endpoint that receives Graph's notifications, as an application would have one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


class Listener:
    """What arrived, and how the endpoint behaves.

    Attributes:
        url: Where it listens.
        posts: The bodies of the notifications, one for each request.
        handshakes: The paths whose validation was asked for.
        echo: What the handshake answers, from the token.
        content_type: The content type of that answer.
        failures: How many notifications to refuse with 503 first.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.posts: list[Json] = []
        self.handshakes: list[str] = []
        self.echo = "{token}"
        self.content_type = "text/plain"
        self.failures = 0

    @property
    def items(self) -> list[Json]:
        return [item for post in self.posts for item in post["value"]]


@contextmanager
def listen() -> Iterator[Listener]:
    holder: list[Listener] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            listener = holder[0]
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = parse_qs(parts.query).get("validationToken")
            if token:
                listener.handshakes.append(parts.path)
                answer = listener.echo.format(token=token[0]).encode()
                self._answer(200, answer, listener.content_type)
                return
            if listener.failures:
                listener.failures -= 1
                self._answer(503, b"", "text/plain")
                return
            listener.posts.append(json.loads(body))
            self._answer(202, b"", "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    holder.append(Listener(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield holder[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
