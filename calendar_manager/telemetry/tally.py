"""Counting in memory: cheap enough for every request, shipped to Redis by somebody else."""

import os
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from calendar_manager.telemetry.instruments import Instrument

SERIES_LIMIT: Final = 500
"""So many combinations of labels one instrument may have in one process; what comes after them
is counted together, because a provider could invent reasons without end."""

OTHER: Final = "other"

COUNT: Final = "count"
SUM: Final = "sum"
INFINITY: Final = "+Inf"

_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One whole number of an instrument.

    Attributes:
        instrument: The instrument's name.
        labels: The values of its labels.
        name: ``count`` of a counter; of a histogram ``sum``, in microseconds, or the upper bound
            of one of its buckets, which holds only what no smaller bucket does.
    """

    instrument: str
    labels: tuple[str, ...]
    name: str


class Tally:
    """What this process has counted and not yet shipped; safe to share between threads."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a forked process must: what its parent counted the parent ships."""
        self._lock = threading.Lock()
        self._numbers: Counter[Part] = Counter()
        self._series: dict[str, set[tuple[str, ...]]] = {}

    def count(self, instrument: Instrument, *labels: str, by: int = 1) -> None:
        """Add to a counter.

        Args:
            instrument: Which.
            labels: The values of its labels, in their order.
            by: How much; nothing happens for 0.
        """
        if by:
            with self._lock:
                kept = self._bounded(instrument, labels)
                self._numbers[Part(instrument.name, kept, COUNT)] += by

    def observe(self, instrument: Instrument, seconds: float, *labels: str) -> None:
        """Put a duration into a histogram.

        Args:
            instrument: Which.
            seconds: How long; less than nothing, as between two clocks, counts as nothing.
            labels: The values of its labels, in their order.
        """
        seconds = max(seconds, 0.0)
        place = bisect_left(instrument.buckets, seconds)
        bound = INFINITY if place == len(instrument.buckets) else str(instrument.buckets[place])
        with self._lock:
            kept = self._bounded(instrument, labels)
            self._numbers[Part(instrument.name, kept, bound)] += 1
            self._numbers[Part(instrument.name, kept, SUM)] += round(seconds * _MICROSECONDS)

    def take(self) -> Mapping[Part, int]:
        """Return what was counted since the last time, and forget it."""
        with self._lock:
            taken, self._numbers = self._numbers, Counter()
        return taken

    def put_back(self, numbers: Mapping[Part, int]) -> None:
        """Keep what was taken and could not be shipped."""
        with self._lock:
            self._numbers.update(numbers)

    def _bounded(self, instrument: Instrument, labels: tuple[str, ...]) -> tuple[str, ...]:
        known = self._series.setdefault(instrument.name, set())
        if labels in known:
            return labels
        if len(labels) != len(instrument.labels):
            raise ValueError(f"{instrument.name} has the labels {instrument.labels}")
        if len(known) >= SERIES_LIMIT:
            return (OTHER,) * len(labels)
        known.add(labels)
        return labels


TALLY: Final = Tally()
"""The one of this process."""

os.register_at_fork(after_in_child=TALLY.forget)
