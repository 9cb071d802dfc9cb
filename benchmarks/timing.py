"""Taking times so that they can be compared: in turns, several times, the median told."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took, in seconds.

    Attributes:
        median: Half of the runs were faster.
        low: A tenth of the runs were faster.
        high: A tenth of the runs were slower.
        runs: How many there were.
    """

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Timing":
        """Sum up single runs."""
        ordered = sorted(seconds)
        if len(ordered) == 1:
            return cls(ordered[0], ordered[0], ordered[0], 1)
        tenths = statistics.quantiles(ordered, n=10, method="inclusive")
        return cls(statistics.median(ordered), tenths[0], tenths[-1], len(ordered))


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return within how many seconds 50, 95 and 99 of a hundred runs were done."""
    ordered = sorted(seconds)
    p50, p95, p99 = (ordered[int(len(ordered) * part)] for part in (0.5, 0.95, 0.99))
    return p50, p95, p99


def show_percentiles(seconds: Sequence[float], took: float) -> str:
    """Say within how many milliseconds runs were done, and how many in a second.

    Args:
        seconds: Of each run.
        took: All together, with several at a time.
    """
    p50, p95, p99 = (1000 * one for one in percentiles(seconds))
    rate = len(seconds) / took
    return f"p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms, {rate:,.0f} a second"


def take_turns(
    subjects: Mapping[str, Callable[[], Any]], *, runs: int, warm_up: int = 1
) -> dict[str, Timing]:
    """Time several things in turns, so that what else the machine does meets all of them.

    Args:
        subjects: What to run, by name.
        runs: How often each.
        warm_up: How often each runs untimed before.

    Returns:
        The timing of each, by the same names.
    """
    for subject in subjects.values():
        for _ in range(warm_up):
            subject()
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(runs):
        for name, subject in subjects.items():
            gc.collect()
            began = time.perf_counter()
            subject()
            taken[name].append(time.perf_counter() - began)
    return {name: Timing.of(seconds) for name, seconds in taken.items()}
