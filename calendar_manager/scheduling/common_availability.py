"""When several people can be booked together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.domain.accounts import CalendarStatus, UnreadablePolicy
from calendar_manager.domain.common_time import CommonSlot, find_common_free, find_common_slots
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.freshness import Freshness
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.answer_cache import AnswerCache
from calendar_manager.scheduling.availability import (
    LONGEST,
    AvailabilityAnswer,
    AvailabilityQuestion,
    Background,
    answer_question,
    resolve_question,
)
from calendar_manager.scheduling.errors import InvalidQuestionError, UnknownSubjectError
from calendar_manager.store.unit_of_work import Store

MANY_SLOTS: Final = LONGEST // timedelta(minutes=1)
"""How many places for slots may be looked at, over all people: what one person may ask alone."""

_WORST_FIRST: Final = (
    CalendarStatus.FAILING,
    CalendarStatus.HELD,
    CalendarStatus.STALE,
    CalendarStatus.SYNCING,
    CalendarStatus.OK,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFreshness:
    """How far the answer can be trusted about somebody else, without what they have.

    Attributes:
        user_id: About whom.
        complete_as_of: As of when all of their calendars are known; None when one never was.
        status: Of the calendar that is worst off.
        is_uncertain: Whether a calendar cannot be read, and they want that to be known.
    """

    user_id: UUID
    complete_as_of: datetime | None
    status: CalendarStatus
    is_uncertain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonAvailability:
    """When enough of several people are free, and how far that can be trusted.

    Attributes:
        time_zone: The zone of the question.
        duration_minutes: How long the slots are.
        step_minutes: The grid of the slots.
        windows: When at least so many are free, whoever they are.
        slots: The slots that at least so many can take from start to end, with who can.
        asker_id: Who asks.
        freshness: Of the calendars of whoever asks, if the question is about them.
        others: Of everybody else who has calendars.
    """

    time_zone: str
    duration_minutes: int
    step_minutes: int
    windows: Sequence[Span]
    slots: Sequence[CommonSlot[UUID]]
    asker_id: UUID
    freshness: Sequence[Freshness]
    others: Sequence[PersonFreshness]


def find_common_availability(
    store: Store,
    asker: User,
    person_ids: Sequence[UUID],
    question: AvailabilityQuestion,
    *,
    at_least: int | None = None,
    now: datetime,
    maximum_age: timedelta,
    answers: AnswerCache | None = None,
) -> CommonAvailability:
    """Return when several people can be booked together.

    Each is free by their own rules, calendars and settings. What the question leaves open, and
    the clock on which the slots stand, are those of whoever asks.

    Args:
        store: PostgreSQL.
        asker: Who asks.
        person_ids: About whom, each once; the asker is asked about only when named.
        question: What is asked; without calendars, because nobody knows another one's.
        at_least: How many have to be free; None for all of them.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.
        answers: Where busy time is kept that was loaded for the same question before.

    Raises:
        ValueError: Nobody is asked, or ``at_least`` is not between one and all of them.
        UnknownSubjectError: Somebody does not let the asker ask, or is nobody.
        InvalidQuestionError: The stretch of time cannot be used, or is too long for so many
            people on so fine a grid; or the rules of somebody else cannot be used now.
        UnknownTimeZoneError: There is no such zone.
        InvalidRulesError: The holidays that the asker's rules name are not known.
    """
    if not person_ids:
        raise ValueError("nobody is asked")
    with store.begin() as uow:
        people = uow.availability_grants.find_people(asker.id, person_ids)
        if len(people) < len(person_ids):
            raise UnknownSubjectError("user")
        rules = uow.rules.load_each([asker, *people])
        own = rules[asker.id]
        _check_size(question, own, len(people))
        calendars = uow.lookups.load_calendars_of(person_ids)
    asked = _complete(question, own)
    found: dict[UUID, AvailabilityAnswer] = {}
    for person in people:
        background = Background(person, rules[person.id], calendars[person.id])
        try:
            found[person.id] = answer_question(
                store, background, asked, now=now, maximum_age=maximum_age, answers=answers
            )
        except InvalidRulesError:
            if person.id == asker.id:
                raise
            # What is wrong with them is not for others to know.
            message = "The rules of one of these people cannot be used at the moment."
            raise InvalidQuestionError("user_id", message) from None
    return _put_together(asker.id, found, at_least)


def _complete(question: AvailabilityQuestion, rules: AvailabilityRules) -> AvailabilityQuestion:
    """Return a question that leaves nothing to the rules of each person."""
    return replace(
        question,
        time_zone=question.time_zone or rules.time_zone,
        duration_minutes=question.duration_minutes or rules.slot_duration_minutes,
        step_minutes=question.step_minutes or rules.slot_step_minutes,
        grid_zone=question.grid_zone or rules.time_zone,
        calendar_ids=(),
    )


def _check_size(question: AvailabilityQuestion, rules: AvailabilityRules, people: int) -> None:
    """Refuse a question whose answer could have more slots than there is memory for."""
    span = resolve_question(question, rules)
    step = timedelta(minutes=question.step_minutes or rules.slot_step_minutes)
    if people * (span.duration // step) > MANY_SLOTS:
        message = "Ask for fewer people, a shorter time or a coarser step."
        raise InvalidQuestionError("step", message)


def _put_together(
    asker_id: UUID, found: Mapping[UUID, AvailabilityAnswer], at_least: int | None
) -> CommonAvailability:
    any_answer = next(iter(found.values()))
    return CommonAvailability(
        time_zone=any_answer.time_zone,
        duration_minutes=any_answer.duration_minutes,
        step_minutes=any_answer.step_minutes,
        windows=find_common_free(
            {person: answer.free.windows for person, answer in found.items()}, at_least=at_least
        ),
        slots=find_common_slots(
            {person: answer.free.slots for person, answer in found.items()}, at_least=at_least
        ),
        asker_id=asker_id,
        freshness=found[asker_id].freshness if asker_id in found else (),
        others=[
            _sum_up(person, answer.freshness)
            for person, answer in found.items()
            if person != asker_id and answer.freshness
        ],
    )


def _sum_up(person: UUID, calendars: Sequence[Freshness]) -> PersonFreshness:
    """Return how far somebody can be trusted as far as others may know it.

    One entry for the whole person tells neither what their calendars are called nor how many
    there are.
    """
    moments = [one.complete_as_of for one in calendars]
    known = [moment for moment in moments if moment is not None]
    return PersonFreshness(
        user_id=person,
        complete_as_of=min(known) if len(known) == len(moments) else None,
        status=min((one.status for one in calendars), key=_WORST_FIRST.index),
        is_uncertain=any(
            one.is_unreadable and one.policy is not UnreadablePolicy.IGNORE for one in calendars
        ),
    )
