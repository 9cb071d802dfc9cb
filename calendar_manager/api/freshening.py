"""``max_age``: answers that wait, within a deadline, for calendars to be read first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Query

from calendar_manager.accounts.catching_up import CatchingUp, Errand
from calendar_manager.api.questions import refusals
from calendar_manager.bootstrap import Services
from calendar_manager.domain.users import User

LONGEST_WAIT: Final = 20
OLDEST: Final = 366 * 24 * 60

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5

Pause = Callable[[float], Awaitable[None]]
"""Lets some seconds pass."""

MaximumAgeQuery = Annotated[
    int | None,
    Query(
        ge=0,
        le=OLDEST,
        description="In minutes: calendars whose copy is older are read first.",
    ),
]
MaximumWaitQuery = Annotated[
    float,
    Query(ge=0, le=LONGEST_WAIT, description="In seconds: how long to wait for them at most."),
]


@dataclass(frozen=True, slots=True)
class Freshened:
    """What was done about the age of the copies.

    Attributes:
        complete_as_of: As of when copies had to be complete; None when nobody asked.
    """

    complete_as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class AskedAge:
    """How young the copies behind an answer have to be.

    Attributes:
        maximum_age: Calendars whose copy is older are read first; None when nobody asked.
        maximum_wait: How long to wait for them at most.
    """

    maximum_age: timedelta | None
    maximum_wait: timedelta


async def read_age(max_age: MaximumAgeQuery = None, max_wait: MaximumWaitQuery = 5) -> AskedAge:
    """Read how young the copies have to be."""
    return AskedAge(
        None if max_age is None else timedelta(minutes=max_age), timedelta(seconds=max_wait)
    )


AgeDep = Annotated[AskedAge, Depends(read_age)]


async def freshen(
    user: User, services: Services, age: AskedAge, calendar_ids: Collection[UUID]
) -> Freshened:
    """Have calendars read that are older than the question allows, and wait for them.

    Meanwhile no transaction, database connection or thread is held.

    Args:
        user: Whose calendars.
        services: The joined parts.
        age: How young the copies have to be.
        calendar_ids: Which; empty for all that are read.
    """
    if age.maximum_age is None:
        return Freshened()
    with refusals():
        return await catch_up(services, user.id, calendar_ids, age.maximum_age, age.maximum_wait)


async def catch_up(
    services: Services,
    user_id: UUID,
    calendar_ids: Collection[UUID],
    maximum_age: timedelta,
    maximum_wait: timedelta,
    *,
    pause: Pause = asyncio.sleep,
) -> Freshened:
    """Ask for syncs, and return when they are done or the deadline has passed.

    Args:
        services: The joined parts.
        user_id: Whose calendars.
        calendar_ids: Which; empty for all that are read.
        maximum_age: How old a copy may be.
        maximum_wait: The deadline.
        pause: Lets time pass between two looks.

    Raises:
        UnknownSubjectError: The user has no such calendar.
    """
    catching_up = CatchingUp(store=services.store, jobs=services.queue, clock=services.clock)
    deadline = services.clock() + maximum_wait
    errand: Errand = await asyncio.to_thread(catching_up.begin, user_id, calendar_ids, maximum_age)
    seconds = _FIRST_PAUSE
    while (left := (deadline - services.clock()).total_seconds()) > 0:
        if await asyncio.to_thread(catching_up.is_done, errand):
            break
        await pause(min(seconds, left))
        seconds = min(seconds * 1.5, _LONGEST_PAUSE)
    return Freshened(errand.complete_as_of)
