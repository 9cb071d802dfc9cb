"""How far an answer can be trusted: the freshness of each calendar behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from calendar_manager.domain.accounts import Calendar, CalendarStatus, ReadVia, UnreadablePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh the copy of one calendar is.

    Attributes:
        calendar_id: Which calendar.
        name: What the person calls it.
        complete_as_of: When it was last read completely; None when never.
        via: By which way it was; None when never.
        status: How the copy is doing at the moment of the answer.
        policy: What availability does when the calendar cannot be read.
    """

    calendar_id: UUID
    name: str
    complete_as_of: datetime | None
    via: ReadVia | None
    status: CalendarStatus
    policy: UnreadablePolicy

    @property
    def is_unreadable(self) -> bool:
        """Whether the copy may lack events: never read, too old, failing or held."""
        if self.complete_as_of is None:
            return True
        return self.status not in {CalendarStatus.OK, CalendarStatus.SYNCING}

    @property
    def blocks_answer(self) -> bool:
        """Whether the user would rather have no free time than a guess."""
        return self.is_unreadable and self.policy is UnreadablePolicy.BLOCK


def freshness_of(calendar: Calendar, now: datetime, maximum_age: timedelta) -> Freshness:
    """Tell how fresh the copy of a calendar is.

    Failing and held stay what they are, however young the copy: something must be mended. A copy
    that was never complete is syncing. One that is too old is stale, even while it is being read
    again. Otherwise the stored status holds.

    Args:
        calendar: As stored. Whether it is read at all is the caller's to ask.
        now: The moment of the answer.
        maximum_age: A copy older than this is stale; one exactly as old is not.
    """
    return Freshness(
        calendar_id=calendar.id,
        name=calendar.name,
        complete_as_of=calendar.last_synced_at,
        via=calendar.last_synced_via,
        status=_status(calendar, now, maximum_age),
        policy=calendar.unreadable_policy,
    )


def find_blocking(freshness: Iterable[Freshness]) -> list[Freshness]:
    """Return the calendars that keep the user busy all the time because they cannot be read."""
    return [calendar for calendar in freshness if calendar.blocks_answer]


def _status(calendar: Calendar, now: datetime, maximum_age: timedelta) -> CalendarStatus:
    if calendar.status in {CalendarStatus.FAILING, CalendarStatus.HELD}:
        return calendar.status
    if calendar.last_synced_at is None:
        return CalendarStatus.SYNCING
    if now - calendar.last_synced_at > maximum_age:
        return CalendarStatus.STALE
    return calendar.status
