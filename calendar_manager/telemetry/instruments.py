"""Every number that processes count themselves, by name, meaning and labels.

Labels never hold ids, addresses, titles or anything else that belongs to a person, and only values
of which there are few.
"""

from dataclasses import dataclass
from typing import Final

from calendar_manager.domain.accounts import ProviderKind

PREFIX: Final = "calendar_manager_"

_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0)
_WAITS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A number, or rather one for each combination of its labels' values.

    Attributes:
        name: Without the prefix that all share, and without a counter's ``_total``.
        meaning: For whoever reads the numbers.
        labels: The names of what tells its series apart.
        buckets: Upper bounds of a histogram's buckets, ascending, without infinity; empty for a
            counter.
        always: The labels of series that are shown before anything was counted, because a counter
            that begins at one is no increase to Prometheus.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()
    always: tuple[tuple[str, ...], ...] = ()


REQUESTS: Final = Instrument(
    "request_seconds",
    "How long requests to the API and the pages took, by route.",
    ("route", "method", "status"),
    _QUICK,
)
TASKS: Final = Instrument(
    "task_seconds",
    "How long tasks ran in workers, by how they ended.",
    ("task", "outcome"),
    _LONG,
)
TASK_WAITS: Final = Instrument(
    "task_wait_seconds",
    "How long tasks that were due waited in their queue until a worker began.",
    ("queue",),
    _WAITS,
)
PROVIDER_CALLS: Final = Instrument(
    "provider_call_seconds",
    "How long providers took to answer; the status is 0 when none came.",
    ("provider", "endpoint", "status"),
    _QUICK,
)
PROVIDER_ERRORS: Final = Instrument(
    "provider_errors",
    "Calls to providers that failed, by the provider's own reason.",
    ("provider", "reason"),
)
HELD_BACK: Final = Instrument(
    "requests_held_back",
    "Requests that we did not make: over the budget, or during a pause that a provider asked for.",
    ("provider", "reason"),
)
EVENTS_CHANGED: Final = Instrument(
    "events_changed",
    "Events that syncs created, updated or deleted in our copy.",
    ("provider", "change"),
)
BREAKER_TRIPS: Final = Instrument(
    "breaker_trips",
    "Syncs that were stopped because they would have deleted too much.",
    ("provider",),
    always=tuple((provider.value,) for provider in ProviderKind),
)
NOTIFICATION_DELAYS: Final = Instrument(
    "notification_applied_seconds",
    "From a provider's notification until the change stood in our copy.",
    ("provider",),
    _WAITS,
)
ANSWER_CACHE: Final = Instrument(
    "answer_cache_lookups",
    "Questions for busy time that was computed before, by whether it was there.",
    ("outcome",),
)

INSTRUMENTS: Final = (
    REQUESTS,
    TASKS,
    TASK_WAITS,
    PROVIDER_CALLS,
    PROVIDER_ERRORS,
    HELD_BACK,
    EVENTS_CHANGED,
    BREAKER_TRIPS,
    NOTIFICATION_DELAYS,
    ANSWER_CACHE,
)
