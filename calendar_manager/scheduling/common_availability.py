"""When several people can be booked together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from calendar_manager.domain.common_time import CommonSlot, find_common_free, find_common_slots
from calendar_manager.domain.freshness import Freshness
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.answer_cache import AnswerCache
from calendar_manager.scheduling.availability import (
    AvailabilityQuestion,
    find_availability,
    load_rules,
)
from calendar_manager.store.unit_of_work import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonAvailability:
    """When enough of several people are free, and how far that can be trusted.

    Attributes:
        time_zone: The zone of the question.
        duration_minutes: How long the slots are.
        step_minutes: The grid of the slots.
        windows: When at least so many are free, whoever they are.
        slots: The slots that at least so many can take from start to end, with who can.
        freshness: Of the calendars of each person, by the person's id.
    """

    time_zone: str
    duration_minutes: int
    step_minutes: int
    windows: Sequence[Span]
    slots: Sequence[CommonSlot[UUID]]
    freshness: Mapping[UUID, Sequence[Freshness]]


def find_common_availability(
    store: Store,
    people: Sequence[User],
    question: AvailabilityQuestion,
    *,
    at_least: int | None = None,
    now: datetime,
    maximum_age: timedelta,
    answers: AnswerCache | None = None,
) -> CommonAvailability:
    """Return when several people can be booked together.

    Each is free by their own rules, calendars and settings. What the question leaves open, and
    the clock on which the slots stand, is the first one's, who asks.

    Args:
        store: PostgreSQL.
        people: Who; that they let the first one ask is the caller's to check.
        question: What is asked; without calendars, because nobody knows another one's.
        at_least: How many have to be free; None for all of them.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.
        answers: As for :func:`find_availability`.

    Raises:
        ValueError: Nobody is asked, or ``at_least`` is not between one and all of them.
        InvalidQuestionError: The stretch of time cannot be used.
        UnknownTimeZoneError: There is no such zone.
        InvalidRulesError: The holidays that somebody's rules name are not known.
    """
    if not people:
        raise ValueError("nobody is asked")
    rules = load_rules(store, people[0])
    asked = replace(
        question,
        time_zone=question.time_zone or rules.time_zone,
        duration_minutes=question.duration_minutes or rules.slot_duration_minutes,
        step_minutes=question.step_minutes or rules.slot_step_minutes,
        grid_zone=question.grid_zone or rules.time_zone,
        calendar_ids=(),
    )
    found = {
        person.id: find_availability(
            store, person, asked, now=now, maximum_age=maximum_age, answers=answers
        )
        for person in people
    }
    first = found[people[0].id]
    return CommonAvailability(
        time_zone=first.time_zone,
        duration_minutes=first.duration_minutes,
        step_minutes=first.step_minutes,
        windows=find_common_free(
            {person: answer.free.windows for person, answer in found.items()}, at_least=at_least
        ),
        slots=find_common_slots(
            {person: answer.free.slots for person, answer in found.items()}, at_least=at_least
        ),
        freshness={person: answer.freshness for person, answer in found.items()},
    )
