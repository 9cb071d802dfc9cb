"""Questions about several people: who is asked, and how many of them are needed."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Query

from calendar_manager.api.freshening import AskedAge, Freshened, freshen
from calendar_manager.api.problems import InvalidFieldError
from calendar_manager.api.questions import CalendarsQuery
from calendar_manager.bootstrap import Services
from calendar_manager.domain.users import User

MANY_PEOPLE: Final = 20
"""About how many people one question may be."""

PeopleQuery = Annotated[
    list[UUID],
    Query(
        max_length=MANY_PEOPLE,
        description="These people together; may be repeated. Others have to let you ask.",
    ),
]
AtLeastQuery = Annotated[
    int | None,
    Query(ge=1, description="How many of the people have to be free; all of them by default."),
]


@dataclass(frozen=True, slots=True)
class AskedPeople:
    """Whom a question is about.

    Attributes:
        ids: Each once, in the order of the question; none is whoever asks, alone.
        at_least: How many of them have to be free; None for all.
    """

    ids: tuple[UUID, ...] = ()
    at_least: int | None = None


async def read_people(
    user_id: PeopleQuery = [],  # noqa: B006 - FastAPI copies it.
    at_least: AtLeastQuery = None,
    calendar_id: CalendarsQuery = [],  # noqa: B006 - as above.
) -> AskedPeople:
    """Read whom a question is about.

    Raises:
        InvalidFieldError: More are needed than are asked, or calendars are named, which nobody
            knows of others.
    """
    ids = tuple(dict.fromkeys(user_id))
    if ids and calendar_id:
        raise InvalidFieldError("calendar_id", "Name calendars or people, but not both.")
    if at_least is not None and at_least > max(len(ids), 1):
        raise InvalidFieldError("at_least", "No more can be free than are asked.")
    return AskedPeople(ids, at_least)


PeopleDep = Annotated[AskedPeople, Depends(read_people)]


async def freshen_asked(
    user: User,
    services: Services,
    people: AskedPeople,
    age: AskedAge,
    calendar_ids: Collection[UUID],
) -> Freshened:
    """As :func:`freshen`, for the calendars of whoever asks when the question is about them.

    Those of others are never read for it, because that would spend what their providers allow
    them. The answer tells whether they are as young as was asked for.
    """
    if age.maximum_age is not None and people.ids and user.id not in people.ids:
        return Freshened(services.clock() - age.maximum_age)
    return await freshen(user, services, age, calendar_ids)
