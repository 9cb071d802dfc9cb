"""How costs grow: each at 1, 10 and 100 times the data, with the exponent of its growth."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.computing import ask, make_busy, make_meetings
from benchmarks.line_chart import Line, draw_chart
from benchmarks.people import make_even_person, settle
from benchmarks.results import show_seconds
from benchmarks.timing import take_turns
from calendar_manager.bootstrap import Services, system_clock
from calendar_manager.domain.conflicts import ConflictSettings, find_conflicts
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.agenda import AgendaQuestion, list_agenda
from calendar_manager.scheduling.availability import AvailabilityQuestion, find_availability
from calendar_manager.store.unit_of_work import Store
from calendar_manager.sync.detect import examine_conflicts

FACTORS = (1, 10, 100)


@dataclass(frozen=True, slots=True)
class Growth:
    """How one cost grows.

    Attributes:
        what: What was measured, and what grew.
        sizes: How much data there was, each time.
        seconds: How long it took, each time.
    """

    what: str
    sizes: Sequence[int]
    seconds: Sequence[float]

    @property
    def exponent(self) -> float:
        """The power of the data with which the cost grows: 0 not at all, 1 along with it."""
        xs = [math.log(size) for size in self.sizes]
        ys = [math.log(seconds) for seconds in self.seconds]
        middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
        products = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
        return products / sum((x - middle_x) ** 2 for x in xs)


def measure(services: Services, *, base: int, runs: int) -> Iterator[Growth]:
    """Yield how each cost grows.

    Args:
        services: What is measured.
        base: How many occurrences the smallest calendar has.
        runs: How often each is timed.
    """
    sizes = [base * factor for factor in FACTORS]
    people = {size: make_even_person(services.store.engine, size) for size in sizes}
    settle(services.store.engine)
    questions: dict[str, Callable[[UUID], Any]] = {
        "free time of 60 days, not cached, in a longer calendar": lambda one: _ask_free(
            services, one
        ),
        "a week's agenda, in a longer calendar": lambda one: _ask_week(services, one),
        "conflicts after one change, in a longer calendar": lambda one: _examine(
            services.store, one
        ),
    }
    for what, question in questions.items():
        subjects = {str(size): _bind(question, person) for size, person in people.items()}
        taken = take_turns(subjects, runs=runs)
        yield Growth(what, sizes, [taken[str(size)].median for size in sizes])
    yield _grow_pure("free time of a year, pure, more busy spans", base, _ask_pure, runs)
    yield _grow_pure("all conflicts of a calendar, pure, more meetings", base // 10, _find, runs)


def _bind(question: Callable[[UUID], Any], person: UUID) -> Callable[[], Any]:
    return lambda: question(person)


def _grow_pure(
    what: str, base: int, prepare: Callable[[int], Callable[[], Any]], runs: int
) -> Growth:
    sizes = [base * factor for factor in FACTORS]
    taken = take_turns({str(size): prepare(size) for size in sizes}, runs=max(1, runs // 3))
    return Growth(what, sizes, [taken[str(size)].median for size in sizes])


def _ask_pure(size: int) -> Callable[[], Any]:
    busy = make_busy(size, 365)
    return lambda: ask(busy, 365)


def _find(size: int) -> Callable[[], Any]:
    meetings = make_meetings(size)
    return lambda: find_conflicts(meetings, ConflictSettings())


def _ask_free(services: Services, person: UUID) -> None:
    now = system_clock()
    with services.store.begin() as uow:
        user = uow.users.find(person)
    assert user is not None  # noqa: S101 - it was just written.
    question = AvailabilityQuestion(start=now, end=now + timedelta(days=60))
    find_availability(services.store, user, question, now=now, maximum_age=timedelta(hours=1))


def _ask_week(services: Services, person: UUID) -> None:
    now = system_clock()
    with services.store.begin() as uow:
        user = uow.users.find(person)
    assert user is not None  # noqa: S101 - as above.
    list_agenda(
        services.store, user, AgendaQuestion(span=Span(now, now + timedelta(days=7))), limit=500
    )


def _examine(store: Store, person: UUID) -> None:
    noon = system_clock().replace(minute=0, second=0, microsecond=0)
    with store.begin() as uow:
        uow.conflicts.request_check(person, [Span(noon, noon + timedelta(hours=1))])
    examine_conflicts(store, person, system_clock)


def draw(growths: Sequence[Growth], path: Path) -> None:
    """Write a chart with both axes logarithmic: a flat line grows not at all."""
    lines = [
        Line(
            f"{one.what} (exponent {one.exponent:.2f})",
            [
                (size / one.sizes[0], seconds * 1000)
                for size, seconds in zip(one.sizes, one.seconds, strict=True)
            ],
        )
        for one in growths
    ]
    path.write_text(
        draw_chart(lines, x_label="times the data", y_label="milliseconds"), encoding="utf-8"
    )


def write_table(growths: Sequence[Growth]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    factors = [f"{factor} ×" for factor in FACTORS]
    yield "| what | " + " | ".join(factors) + " | exponent |"
    yield "|" + " --- |" * (len(factors) + 2)
    for one in growths:
        times = " | ".join(show_seconds(seconds) for seconds in one.seconds)
        yield f"| {one.what}, from {one.sizes[0]:,} on | {times} | {one.exponent:.2f} |"
