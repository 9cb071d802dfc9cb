"""Strictly increasing change stamps, from which Google derives ``etag`` and ``updated``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, order=True, slots=True)
class Stamp:
    """One change, in microseconds since 1970 (UTC)."""

    microseconds: int

    @property
    def etag(self) -> str:
        """The quoted entity tag: twice the microseconds, as recorded answers show."""
        return f'"{2 * self.microseconds}"'

    @property
    def updated(self) -> str:
        """The instant with milliseconds, as in an event's ``updated``."""
        at = datetime.fromtimestamp(self.microseconds / _MICROSECONDS, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"

    @property
    def created(self) -> str:
        """The instant cut to seconds, as in an event's ``created``."""
        at = datetime.fromtimestamp(self.microseconds // _MICROSECONDS, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @property
    def list_etag(self) -> str:
        """The entity tag of a collection, which Google writes in base 32."""
        digits = "0123456789abcdefghijklmnopqrstuv"
        number, text = self.microseconds, ""
        while number:
            number, digit = divmod(number, 32)
            text = digits[digit] + text
        return f'"p{text}"'


class StampSource:
    """Gives stamps that never repeat and never go back, even when the clock does.

    Args:
        clock: Gives the present instant, aware.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> Stamp:
        """Return a stamp for a change made now."""
        now = int(self._clock().timestamp() * _MICROSECONDS)
        # A millisecond between two changes keeps ``updated``, which is cut to milliseconds, unique.
        self._last = max(now, self._last + 1000)
        return Stamp(self._last)
