"""One log line, and one number, for every request that is made to a provider.

A line names the endpoint by its template and what came of it, and nothing that a request or its
answer held: ids, cursors, tokens and addresses are data of people.
"""

import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.errors import ProviderError
from calendar_manager.telemetry.instruments import PROVIDER_CALLS, PROVIDER_ERRORS
from calendar_manager.telemetry.tally import OTHER, TALLY

log = structlog.get_logger(__name__)

HIDDEN_SEGMENT: Final = "{id}"

_SANE_REASON: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,59}|[1-5]\d\d")
_KEYED_SEGMENT: Final = re.compile(r"(?P<word>\w+)\(.*\)")


class ProviderCall:
    """Something that we ask a provider, in one request or, when the line breaks, in several.

    Args:
        provider: Whom.
        method: The HTTP method.
        endpoint: What, as a template without ids and without a query.

    Attributes:
        method: The HTTP method.
        status: The HTTP status of the last answer, to be set by whoever got it; None without one.
    """

    def __init__(self, provider: ProviderKind, method: str, endpoint: str) -> None:
        self._provider = provider.value
        self.method = method
        self._endpoint = endpoint
        self._requests = 0
        self.status: int | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Surround one request: whatever comes of it is logged and counted in the end."""
        self.status, reason = None, None
        began = time.perf_counter()
        try:
            yield
        except ProviderError as error:
            reason = _name_reason(error.reason)
            raise
        except BaseException as error:
            reason = type(error).__name__
            raise
        finally:
            self._note(time.perf_counter() - began, reason)
            self._requests += 1

    def _note(self, seconds: float, reason: str | None) -> None:
        log.info(
            "provider_call",
            provider=self._provider,
            endpoint=self._endpoint,
            method=self.method,
            status=self.status,
            duration_ms=round(seconds * 1000, 1),
            retries=self._requests,
            reason=reason,
        )
        TALLY.observe(
            PROVIDER_CALLS, seconds, self._provider, self._endpoint, str(self.status or 0)
        )
        if reason is not None:
            TALLY.count(PROVIDER_ERRORS, self._provider, reason)


def make_template(path: str, words: Collection[str]) -> str:
    """Return a path in which only known words are left, and ``{id}`` for the rest.

    Args:
        path: Without host and query. A key in brackets, as OData has it (``events('AAMk')``),
            counts as a segment of its own.
        words: What belongs to the provider's own vocabulary.
    """
    segments: list[str] = []
    for segment in path.strip("/").split("/"):
        keyed = _KEYED_SEGMENT.fullmatch(segment)
        if segment in words:
            segments.append(segment)
        elif keyed is not None and keyed["word"] in words:
            segments += [keyed["word"], HIDDEN_SEGMENT]
        else:
            segments.append(HIDDEN_SEGMENT)
    return "/".join(segments)


def _name_reason(reason: str) -> str:
    """Return a reason that is a code; a provider's prose is neither logged nor counted by."""
    return reason if _SANE_REASON.fullmatch(reason) else OTHER
