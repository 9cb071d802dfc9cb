"""Delta rounds that are being paged through, and the texts of next and delta links.

Both tokens are opaque to a client. A next link leads to a round that is held here; a delta link
carries the calendar, the window that was frozen when its first round began, and the change up to
which it tells.
"""

import base64
import binascii
import json
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from calendar_manager.sandbox.graph.errors import bad_request
from calendar_manager.sandbox.graph.items import Instance, Item
from calendar_manager.sandbox.graph.times import Window

_OPEN_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a delta.

    Attributes:
        kind: ``whole`` is a single event or an exception, ``bare`` an occurrence.
        item: What it belongs to, as it stood when the round began.
        instance: The instance that is shown, for ``whole`` and ``bare``.
        name: Which occurrence is ``removed``; empty for the item itself.
    """

    kind: Literal["whole", "master", "bare", "removed"]
    item: Item
    instance: Instance | None = None
    name: str = ""


@dataclass(frozen=True)
class DeltaState:
    """What a delta link stands for."""

    calendar_id: str
    window: Window
    change: int
    epoch: int
    issued_at: datetime


@dataclass(frozen=True)
class Round:
    """A round's rows, and the delta link that follows the last of them."""

    rows: Sequence[Row]
    following: DeltaState


@dataclass(frozen=True)
class Position:
    """A place in an open round: the next row's offset, and the page's number from 1."""

    round_id: str
    offset: int = 0
    page: int = 1


class RoundBook:
    """The open rounds; the oldest are forgotten."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Round] = OrderedDict()

    def start(self, opened: Round) -> Position:
        """Hold a round and return its first position."""
        round_id = secrets.token_urlsafe(12)
        self._open[round_id] = opened
        while len(self._open) > _OPEN_ROUNDS:
            self._open.popitem(last=False)
        return Position(round_id)

    def find(self, position: Position) -> Round | None:
        """Return the round of a position, or None when it is forgotten."""
        return self._open.get(position.round_id)


def write_position(position: Position) -> str:
    """Return the text of a ``$skiptoken``."""
    return _pack([position.round_id, position.offset, position.page])


def read_position(token: str) -> Position:
    """Return the position that a ``$skiptoken`` names.

    Raises:
        GraphApiError: 400, the text is none.
    """
    round_id, offset, page = _unpack(token, 3)
    return Position(str(round_id), int(str(offset)), int(str(page)))


def write_state(state: DeltaState) -> str:
    """Return the text of a ``$deltatoken``."""
    instants = (state.window.start_at, state.window.end_at, state.issued_at)
    return _pack([state.calendar_id, state.change, state.epoch, *map(_write_instant, instants)])


def read_state(token: str) -> DeltaState:
    """Return what a ``$deltatoken`` stands for.

    Raises:
        GraphApiError: 400, the text is none.
    """
    calendar_id, change, epoch, start, end, issued = _unpack(token, 6)
    window = Window(_read_instant(start), _read_instant(end))
    return DeltaState(
        str(calendar_id), window, int(str(change)), int(str(epoch)), _read_instant(issued)
    )


def _write_instant(at: datetime) -> float:
    return at.timestamp()


def _read_instant(value: object) -> datetime:
    return datetime.fromtimestamp(float(str(value)), UTC)


def _pack(parts: list[object]) -> str:
    text = json.dumps(parts, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack(token: str, count: int) -> list[object]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _badly_formed() from error
    if not isinstance(parts, list) or len(parts) != count:
        raise _badly_formed()
    return parts


def _badly_formed() -> Exception:
    return bad_request("Badly formed token.", "ErrorInvalidUrlQuery")
