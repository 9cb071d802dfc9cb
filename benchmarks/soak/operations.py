"""What people change at the three providers, decided ahead: one seed, one list."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any, Final, Literal

Provider = Literal["google", "microsoft", "caldotcom"]

CALENDARS: Final[tuple[tuple[Provider, str], ...]] = (
    ("google", "primary"),
    ("google", "Private"),
    ("google", "Projects"),
    ("microsoft", "primary"),
    ("microsoft", "Travel"),
    ("caldotcom", "bookings"),
    ("caldotcom", "bookings"),
)
"""Where changes happen, one as often as the other; bookings twice as often."""

PROBE_SHARE: Final = 0.25
"""How many of the changes are new busy single events whose way to the answers is timed."""

FEW: Final = 3
MANY: Final = 10
"""A calendar has about so many living events of a sort; with fewer none ends, with more some do."""

EVENT_KINDS: Final = ("edit", "edit", "respond", "delete")
SERIES_KINDS: Final = (
    *("edit_one", "edit_one", "move_one", "move_one", "delete_one", "delete_one"),
    *("edit_following", "delete_following", "edit_all", "move_all", "delete_series"),
)
NEW_AT_CALDOTCOM: Final = (
    *(("book", "event"), ("book", "event"), ("book_pending", "pending")),
    *(("book_course", "course"), ("add_absence", "absence")),
)
CHANGES_AT_CALDOTCOM: Final = (
    *(("reschedule", "event"), ("reschedule", "event"), ("cancel", "event")),
    *(("confirm", "pending"), ("decline", "pending"), ("cancel_all", "course")),
    *(("change_absence", "absence"), ("remove_absence", "absence")),
)
ENDS: Final = {
    "event": ("delete", "cancel"),
    "series": ("delete_series",),
    "pending": ("decline",),
    "course": ("cancel_all",),
    "absence": ("remove_absence",),
}
"""How each sort of thing ends."""
REPETITIONS: Final = ("daily", "every_other_day", "weekly", "fortnightly", "monthly")
ANSWERS: Final = ("accepted", "declined", "tentative")
LENGTHS: Final = (15, 30, 60, 90, 600)


@dataclass(frozen=True)
class Operation:
    """One change by a person.

    Attributes:
        number: Counts from 0, in the order of the list.
        provider: Where.
        calendar: In which calendar, by a name of `CALENDARS`.
        kind: What is done.
        target: The number of the operation that made what is changed; None for something new.
        details: What else there is to say, in values of JSON.
    """

    number: int
    provider: Provider
    calendar: str
    kind: str
    target: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title that this operation gives, like no other's."""
        return f"Soak {self.number}"


def plan_operations(seed: int, monday: date) -> Iterator[Operation]:
    """Return the changes of a seed, without end.

    What is chosen depends on the seed alone and never on what a provider answers, so that two
    runs of one seed do the same, however fast they are.

    Args:
        seed: Any number.
        monday: The day around which everything lies, three weeks before to fourteen after it.
    """
    random = Random(seed)
    books = {place: _Book(random, monday) for place in dict.fromkeys(CALENDARS)}
    for number in count():
        place = random.choice(CALENDARS)
        yield books[place].decide(number, *place)


class _Book:
    """What the planner remembers of one calendar."""

    def __init__(self, random: Random, monday: date) -> None:
        self._random = random
        self._monday = monday
        self._living: dict[str, list[int]] = {sort: [] for sort in ENDS}

    def decide(self, number: int, provider: Provider, calendar: str) -> Operation:
        """Choose the next change."""
        if self._random.random() < PROBE_SHARE:
            details = self._times(all_day=False, lengths=(15, 30, 60)) | {"busy": True}
            return Operation(number, provider, calendar, "probe", None, details)
        if provider == "caldotcom":
            kind, sort = self._choose_at_caldotcom()
        else:
            kind, sort = self._choose_in_calendar()
        target = self._pick(kind, sort, number)
        return Operation(number, provider, calendar, kind, target, self._details(kind))

    def _choose_in_calendar(self) -> tuple[str, str]:
        events, series = self._living["event"], self._living["series"]
        if len(events) > MANY or len(series) > MANY:
            return ("delete", "event") if len(events) > MANY else ("delete_series", "series")
        choices = [("create", "event"), ("create", "event"), ("create_series", "series")]
        choices += [(kind, "event") for kind in EVENT_KINDS] * (len(events) > FEW)
        choices += [(kind, "series") for kind in SERIES_KINDS] * (len(series) > FEW)
        return self._random.choice(choices)

    def _choose_at_caldotcom(self) -> tuple[str, str]:
        for sort, living in self._living.items():
            if len(living) > MANY:
                return ENDS[sort][-1], sort
        choices = list(NEW_AT_CALDOTCOM)
        choices += [one for one in CHANGES_AT_CALDOTCOM if len(self._living[one[1]]) > FEW]
        return self._random.choice(choices)

    def _pick(self, kind: str, sort: str, number: int) -> int | None:
        """Choose whom it concerns, and remember who lives."""
        living = self._living[sort]
        if kind.startswith(("create", "book", "add_")):
            living.append(number)
            return None
        target = self._random.choice(living)
        if kind in ENDS[sort] or kind == "confirm":
            living.remove(target)
        if kind == "confirm":
            self._living["event"].append(target)
        return target

    def _details(self, kind: str) -> dict[str, Any]:
        random = self._random
        details: dict[str, Any] = {"instance": random.randrange(60)}
        if kind in {"create", "create_series", "edit"}:
            details |= self._times(all_day=random.random() < 0.15)  # noqa: PLR2004 - a share.
            details["busy"] = random.random() < 0.7  # noqa: PLR2004 - a share.
        elif kind in {"move_one", "move_all", "book", "book_pending", "book_course", "reschedule"}:
            details |= self._times(all_day=False)
        elif kind in {"add_absence", "change_absence"}:
            details |= self._times(all_day=True)
        if kind == "create_series":
            details["repetition"] = random.choice(REPETITIONS)
            details["times"] = random.choice((None, 1, 5, 12))
        details["answer"] = random.choice(ANSWERS)
        return details

    def _times(self, *, all_day: bool, lengths: tuple[int, ...] = LENGTHS) -> dict[str, Any]:
        """Return dates, or the wall clock of the account's zone."""
        day = self._monday + timedelta(days=self._random.randrange(-21, 100))
        if all_day:
            end = day + timedelta(days=self._random.randint(1, 3))
            return {"all_day": True, "start": str(day), "end": str(end)}
        start = datetime.combine(day, time(self._random.randrange(6, 20)))
        start += timedelta(minutes=5 * self._random.randrange(12))
        end_at = start + timedelta(minutes=self._random.choice(lengths))
        return {"all_day": False, "start": start.isoformat(), "end": end_at.isoformat()}
