"""Busy time that was loaded before, kept in Redis under a key that a change makes another one.

The key of a question names all that its answer depends on: the user's settings, the calendars
with theirs, the span, and the ids of the last changes of each calendar's events, which the
database's own triggers renew in the transaction of the change
(:class:`calendar_manager.store.tables.CalendarChangeRow`). So a change drops what it makes wrong by
being committed: nobody asks under the old key again, and nothing has to be sent or waited for.

The ids are read before the events. What is kept under them is therefore never older than they
are; if it is newer, that is by a change that has given the calendar new ids already.

Values end a day after their last use only so that Redis does not fill up. What a process has read
or written it also remembers itself: under a key that names everything, a copy is as right as the
original, and reading thousands of spans back takes longer than finding what is free among them.
"""

import hashlib
import json
import sys
from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final, Generic, TypeVar, cast

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from calendar_manager.domain.errors import InvalidSpanError
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.busy_time import BusyTime
from calendar_manager.scheduling.free_time import FreeTime
from calendar_manager.store.agenda_entries import AgendaCalendar
from calendar_manager.telemetry.instruments import ANSWER_CACHE
from calendar_manager.telemetry.tally import TALLY

log = structlog.get_logger(__name__)

LIFE: Final = timedelta(days=1)
AWAY: Final = timedelta(seconds=30)
"""For so long after Redis failed it is left alone, so that not every question waits for it."""

REMEMBERED: Final = 100_000
"""How many spans of busy time a process remembers, and of free time as many again; a hundred
thousand take some 30 MB of memory, and those of free time another 10 MB for their JSON."""

Value = TypeVar("Value")

_VERSION: Final = 1
"""To be raised when other things become busy or values look different, so that none is kept."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PREFIX: Final = "calendar-manager:busy:"


def name_question(user: User, calendars: Sequence[AgendaCalendar], span: Span) -> str:
    """Return the key of a question, equal for equal questions while nothing has changed.

    Args:
        user: Whose busy time; the settings count.
        calendars: Those that take part, as loaded before the events.
        span: What is asked for.
    """
    question = [
        _VERSION,
        user.id.hex,
        user.time_zone,
        user.tentative_blocks,
        *_show(span),
        sorted(
            [
                entry.calendar.id.hex,
                entry.calendar.blocks_availability,
                entry.calendar.all_day_blocks,
                None if entry.materialized is None else _show(entry.materialized),
                [change.hex for change in entry.changes],
            ]
            for entry in calendars
        ),
    ]
    return _PREFIX + hashlib.sha256(json.dumps(question).encode()).hexdigest()


class AnswerCache:
    """Keeps busy time. Without Redis it keeps nothing, and nobody minds.

    Args:
        redis: Where to.
        clock: Tells the time.
    """

    def __init__(self, redis: Redis, clock: Callable[[], datetime]) -> None:
        self._redis = redis
        self._clock = clock
        self._away_until: datetime | None = None
        self._memory = _Memory(REMEMBERED, _count_busy)
        self._free = _Memory(REMEMBERED, _count_free)

    @classmethod
    def connect(cls, url: str, clock: Callable[[], datetime]) -> "AnswerCache":
        """Keep answers in the Redis at an address.

        It is asked once and for half a second at most, because computing takes less than a
        second try.
        """
        redis = Redis.from_url(
            url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
        return cls(redis, clock)

    def close(self) -> None:
        """Let go of Redis."""
        self._redis.close()

    def find(self, key: str) -> BusyTime | None:
        """Return what was kept under a key, or None."""
        remembered = self._memory.find(key)
        if remembered is not None:
            TALLY.count(ANSWER_CACHE, "hit")
            return remembered
        if self._is_away():
            TALLY.count(ANSWER_CACHE, "away")
            return None
        try:
            value = cast("bytes | None", self._redis.getex(key, ex=LIFE))
        except RedisError as error:
            self._note_away(error)
            TALLY.count(ANSWER_CACHE, "away")
            return None
        TALLY.count(ANSWER_CACHE, "miss" if value is None else "hit")
        busy = None if value is None else _unpack(value)
        if busy is not None:
            self._memory.keep(key, busy)
        return busy

    def keep(self, key: str, busy: BusyTime) -> None:
        """Keep busy time under the key of the question that it was loaded for."""
        self._memory.keep(key, busy)
        if self._is_away():
            return
        try:
            self._redis.set(key, _pack(busy), ex=LIFE)
        except RedisError as error:
            self._note_away(error)

    def find_free(self, key: Hashable, compute: Callable[[], FreeTime]) -> FreeTime:
        """Return the free time that this process remembers, or else computes and remembers.

        Args:
            key: All that it depends on, the key of the busy time among it.
            compute: Finds it.
        """
        free = self._free.find(key)
        if free is not None:
            TALLY.count(ANSWER_CACHE, "hit")
            return free
        free = compute()
        self._free.keep(key, free)
        return free

    def _is_away(self) -> bool:
        return self._away_until is not None and self._clock() < self._away_until

    def _note_away(self, error: RedisError) -> None:
        self._away_until = self._clock() + AWAY
        log.warning("answer_cache_away", error=str(error))


class _Memory(Generic[Value]):
    """What this process remembers: the values that were used last, up to a number of spans.

    Args:
        most: How many spans in all.
        measure: Tells how many spans a value holds.
    """

    def __init__(self, most: int, measure: Callable[[Value], int]) -> None:
        self._most = most
        self._measure = measure
        self._spans = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        # Requests are answered by several threads.
        self._lock = Lock()

    def find(self, key: Hashable) -> Value | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def keep(self, key: Hashable, value: Value) -> None:
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._spans += self._size(value)
            while self._spans > self._most:
                _, oldest = self._values.popitem(last=False)
                self._spans -= self._size(oldest)

    def _size(self, value: Value) -> int:
        # One without any span takes room as well.
        return 1 + self._measure(value)


def _count_busy(busy: BusyTime) -> int:
    return len(busy.spans) + len(busy.meetings)


def _count_free(free: FreeTime) -> int:
    return len(free.windows) + len(free.slots)


def _show(span: Span) -> tuple[str, str]:
    return span.start.isoformat(), span.end.isoformat()


def _pack(busy: BusyTime) -> bytes:
    """Return busy time as little-endian integers: how many spans, then microseconds."""
    numbers = array("q", [len(busy.spans)])
    for span in (*busy.spans, *busy.meetings):
        numbers.append((span.start - _EPOCH) // _MICROSECOND)
        numbers.append((span.end - _EPOCH) // _MICROSECOND)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _unpack(value: bytes) -> BusyTime | None:
    """Return what :func:`_pack` packed; None for what cannot be that."""
    if not value or len(value) % 8:
        return None
    numbers = array("q", value)
    if sys.byteorder == "big":
        numbers.byteswap()
    if not 0 <= numbers[0] * 2 < len(numbers) or len(numbers) % 2 == 0:
        return None
    try:
        edges = [_EPOCH + timedelta(microseconds=number) for number in numbers[1:]]
        spans = [Span(*pair) for pair in zip(edges[::2], edges[1::2], strict=True)]
    except (OverflowError, InvalidSpanError):
        return None
    return BusyTime(spans[: numbers[0]], spans[numbers[0] :])
