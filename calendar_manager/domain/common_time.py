"""When several people are free together: all of them, or at least some number."""

from collections import Counter
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
        slots: Which slots each person can take, each once, found with one duration on one grid,
            so that equal starts are equal slots.
        at_least: How many have to be able; None for all of them.

    Returns:
        In the order of their starts.

    Raises:
        ValueError: Nobody is asked, or ``at_least`` is not between one and all of them.
    """
    needed = _check(len(slots), at_least)
    # Sorting is several times as fast as counting in a dictionary, because comparing instants
    # is cheap and hashing them is not. It is stable, which keeps the order of the people.
    offers = [(slot, person) for person, theirs in slots.items() for slot in theirs]
    offers.sort(key=_start_of_offer)
    common: list[CommonSlot[Person]] = []
    first = 0
    while first < len(offers):
        slot = offers[first][0]
        last = first + 1
        while last < len(offers) and offers[last][0].start == slot.start:
            last += 1
        if last - first >= needed:
            common.append(CommonSlot(slot, tuple(person for _, person in offers[first:last])))
        first = last
    return common


def _start_of_offer(offer: tuple[Span, Hashable]) -> datetime:
    return offer[0].start


def _check(asked: int, at_least: int | None) -> int:
    needed = asked if at_least is None else at_least
    if not 1 <= needed <= asked:
        raise ValueError(f"{needed} of {asked} people cannot be free")
    return needed
