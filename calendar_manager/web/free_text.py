"""Free times as text that a person pastes into an e-mail."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from calendar_manager.bootstrap import Services
from calendar_manager.domain.errors import InvalidRulesError
from calendar_manager.domain.rules import MINUTES_PER_DAY
from calendar_manager.domain.times import find_zone, is_zone, local_date
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.availability import AvailabilityQuestion, find_availability
from calendar_manager.scheduling.free_text import write_free_times
from calendar_manager.web.deps import ServicesDep
from calendar_manager.web.viewer import ViewerDep

router = APIRouter(include_in_schema=False)

DAYS: Final = 14
"""How many days there are to choose from, today included."""

CHOSEN: Final = 5
"""How many of those that have free times are chosen at first."""


@dataclass(frozen=True, slots=True)
class DayChoice:
    """A day to choose.

    Attributes:
        day: Its date in the rules' zone.
        label: Its name.
        chosen: Whether it is to be in the text.
        starts: How many bookable starts it has.
    """

    day: date
    label: str
    chosen: bool
    starts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTextView:
    """The text, and what it was made of.

    Attributes:
        text: The text; empty when nothing is free.
        days: The days to choose from.
        minutes: How long the meeting is, as it was typed.
        zone: The guest's zone, as it was typed.
        problems: Field → what is wrong with it; ``rules`` for the rules that are stored.
    """

    text: str
    days: Sequence[DayChoice]
    minutes: str
    zone: str
    problems: dict[str, str]


@router.get("/availability/text")
def show_text(
    viewer: ViewerDep,
    services: ServicesDep,
    text_day: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it.
    text_minutes: Annotated[str, Query()] = "",
    text_zone: Annotated[str, Query()] = "",
) -> Response:
    """Show the text for what was chosen."""
    view = view_free_text(
        services, viewer.user, days=frozenset(text_day), minutes=text_minutes, zone=text_zone
    )
    return viewer.render("parts/free_text.html", free=view)


def view_free_text(
    services: Services,
    user: User,
    *,
    days: Collection[str] | None = None,
    minutes: str | None = None,
    zone: str | None = None,
) -> FreeTextView:
    """Return free times as text, by the rules that are stored.

    Args:
        services: The joined parts.
        user: Whose free times.
        days: Which dates of the rules' zone are in it; None chooses the next ones.
        minutes: How long the meeting is; None for what the rules say.
        zone: The guest's zone; None for the user's own.
    """
    zone = user.time_zone if zone is None else zone.strip()
    problems: dict[str, str] = {}
    if not is_zone(zone):
        problems["text_zone"] = "This is not a time zone such as Europe/London."
    now = services.clock()
    with services.store.begin() as uow:
        rules = uow.lookups.load_rules(user.id, time_zone=user.time_zone)
    if minutes is None:
        minutes = str(rules.slot_duration_minutes)
    length = int(minutes) if minutes.isdecimal() and len(minutes) <= len("1440") else 0
    if not 1 <= length <= MINUTES_PER_DAY:
        problems["text_minutes"] = f"Write a whole number from 1 to {MINUTES_PER_DAY}."
    today = local_date(now, find_zone(rules.time_zone))
    slots: Sequence[Span] = []
    if not problems:
        try:
            slots = _find_slots(services, user, today, length, now)
        except InvalidRulesError:
            # The form beside it tells what is wrong, and is the place to mend it.
            problems["rules"] = "The rules as they are saved cannot be used any more."
    home = find_zone(rules.time_zone)
    choices = _list_choices(today, [local_date(slot.start, home) for slot in slots], days)
    chosen = {choice.day for choice in choices if choice.chosen}
    text = ""
    if not problems:
        wanted = (slot for slot in slots if local_date(slot.start, home) in chosen)
        text = write_free_times(wanted, find_zone(zone))
    return FreeTextView(text=text, days=choices, minutes=minutes, zone=zone, problems=problems)


def _find_slots(
    services: Services, user: User, today: date, minutes: int, now: datetime
) -> Sequence[Span]:
    answer = find_availability(
        services.store,
        user,
        AvailabilityQuestion(
            start=today, end=today + timedelta(days=DAYS), duration_minutes=minutes
        ),
        now=now,
        maximum_age=services.settings.stale_after,
    )
    return answer.free.slots


def _list_choices(
    today: date, starts: Sequence[date], wanted: Collection[str] | None
) -> list[DayChoice]:
    days = [today + timedelta(days=offset) for offset in range(DAYS)]
    if wanted is None:
        free = [day for day in days if day in starts]
        wanted = {day.isoformat() for day in free[:CHOSEN]}
    return [
        DayChoice(day, f"{day:%a} {day.day} {day:%b}", day.isoformat() in wanted, starts.count(day))
        for day in days
    ]
