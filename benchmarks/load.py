"""A load over HTTP from a process of its own: ``python -m benchmarks.load``.

It speaks HTTP/1.1 on kept connections by itself, because a full client would take more time than
the server that is measured. It reads one JSON line from standard input and writes one.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Final
from urllib.parse import urlsplit

ARRIVE_APART: Final = 0.01
"""How many seconds lie between two who arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to send.

    Attributes:
        urls: Asked in turns; all of one host.
        headers: Sent along.
        concurrency: How many ask at the same time.
        seconds: For how long.
        every: Each of them asks once in so many seconds; 0 for again as soon as the answer is
            there.
    """

    urls: Sequence[str]
    headers: Mapping[str, str]
    concurrency: int
    seconds: float
    every: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came back.

    Attributes:
        seconds: How long each answer took.
        errors: How many were no answer, or not of status 200.
        took: How long it all took.
    """

    seconds: list[float]
    errors: int
    took: float


async def put_load(order: Order) -> Outcome:
    """Send the load, and return what came back.

    Askers arrive one after the other, as people do; of a crowd that connects in the same moment one
    of several processes may get nearly all. What is answered before the last has come does not
    count.
    """
    parts = urlsplit(order.urls[0])
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    lines = "".join(f"{name}: {value}\r\n" for name, value in order.headers.items())
    paths = [url.removeprefix(f"http://{parts.netloc}") for url in order.urls]
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{lines}\r\n".encode() for path in paths
    ]
    seconds: list[float] = []
    errors = 0
    apart = order.every / order.concurrency if order.every else ARRIVE_APART
    opened = time.perf_counter()
    began = opened + apart * order.concurrency
    end = began + order.seconds

    async def ask_on(first: int) -> None:
        nonlocal errors
        turns = cycle(requests[first % len(requests) :] + requests[: first % len(requests)])
        due = opened + apart * first
        await asyncio.sleep(due - time.perf_counter())
        reader, writer = await asyncio.open_connection(host, port)
        while due < end:
            await asyncio.sleep(due - time.perf_counter())
            writer.write(next(turns))
            status = await _read_answer(reader)
            answered = time.perf_counter()
            # Who still waits for an answer when the next question is due waits for that one, too.
            if due >= began:
                seconds.append(answered - due)
            errors += status != b"200"
            due = due + order.every if order.every else answered
        writer.close()

    results = await asyncio.gather(
        *(ask_on(number) for number in range(order.concurrency)), return_exceptions=True
    )
    errors += sum(isinstance(result, BaseException) for result in results)
    return Outcome(seconds=seconds, errors=errors, took=time.perf_counter() - began)


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer with a Content-Length to its end, and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    await reader.readexactly(length)
    return head[9:12]


def main() -> None:
    """Do what the line on standard input says."""
    order = Order(**json.loads(sys.stdin.readline()))
    print(json.dumps(asdict(asyncio.run(put_load(order)))))


if __name__ == "__main__":
    main()
