"""When several people are free together: all of them, or at least some number."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from calendar_manager.domain.timespan import Span, merge_spans

Person = TypeVar("Person", bound=Hashable)


@dataclass(frozen=True, slots=True)
class CommonSlot(Generic[Person]):
    """A slot that enough people can take from its start to its end.

    Attributes:
        span: When.
        people: Who can, in the order in which they were asked.
    """

    span: Span
    people: tuple[Person, ...]


def find_common_free(
    windows: Mapping[Person, Sequence[Span]], *, at_least: int | None = None
) -> list[Span]:
    """Return when at least so many people are free.

    Who is free may change inside a span that is returned, so that a meeting of the same people
    need not fit into it: :func:`find_common_slots` answers that.

    Args:
        windows: When each person is free, in any order.
        at_least: How many have to be free; None for all of them.

    Returns:
        Sorted, disjoint, non-empty spans.

    Raises:
        ValueError: Nobody is asked, or ``at_least`` is not between one and all of them.
    """
    needed = _check(len(windows), at_least)
    steps: Counter[datetime] = Counter()
    for spans in windows.values():
        for span in merge_spans(spans):
            steps[span.start] += 1
            steps[span.end] -= 1
    common: list[Span] = []
    free, start = 0, None
    for moment, step in sorted(steps.items()):
        free += step
        if free >= needed and start is None:
            start = moment
        elif free < needed and start is not None:
            common.append(Span(start, moment))
            start = None
    return common


def find_common_slots(
    slots: Mapping[Person, Sequence[Span]], *, at_least: int | None = None
) -> list[CommonSlot[Person]]:
    """Return the slots that at least so many people can take, the same ones throughout.

    Args:
        slots: Which slots each person can take, found with one duration on one grid.
        at_least: How many have to be able; None for all of them.

    Returns:
        In the order of their starts.

    Raises:
        ValueError: Nobody is asked, or ``at_least`` is not between one and all of them.
    """
    needed = _check(len(slots), at_least)
    people: dict[Span, list[Person]] = defaultdict(list)
    for person, theirs in slots.items():
        for slot in theirs:
            people[slot].append(person)
    enough = (span for span, able in people.items() if len(able) >= needed)
    return [CommonSlot(span, tuple(people[span])) for span in sorted(enough)]


def _check(asked: int, at_least: int | None) -> int:
    needed = asked if at_least is None else at_least
    if not 1 <= needed <= asked:
        raise ValueError(f"{needed} of {asked} people cannot be free")
    return needed
