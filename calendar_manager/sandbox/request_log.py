"""The log of what was asked of the sandbox, for proofs such as "one request"."""

import itertools
import re
from collections import deque
from dataclasses import dataclass

_KEPT = 50_000


@dataclass(frozen=True)
class Entry:
    """One answered request; ``fault`` is the kind of fault it met, or None."""

    number: int
    method: str
    path: str
    query: str
    status: int
    fault: str | None


class RequestLog:
    """The newest 50,000 requests, oldest first; the control API's own are left out."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._numbers = itertools.count(1)

    def add(self, method: str, path: str, query: str, status: int, fault: str | None) -> None:
        """Log a request; a status of 0 means that the connection broke before one was sent."""
        self._entries.append(Entry(next(self._numbers), method, path, query, status, fault))

    def find(self, path: str, method: str | None) -> list[Entry]:
        """Return the requests whose path the expression finds, of one method or of all.

        Raises:
            re.error: The expression is none.
        """
        pattern = re.compile(path)
        return [
            entry
            for entry in self._entries
            if pattern.search(entry.path) and method in {None, entry.method}
        ]

    def clear(self) -> None:
        """Forget every request."""
        self._entries.clear()
