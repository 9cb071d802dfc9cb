"""A user's free time as a schedule for one Cal.com account, without going round in circles.

Cal.com blocks its own bookings and absences, and what stands in the calendars that it reads
itself. Were these taken out of the schedule as well, a booking could not even be moved by an
hour, and a cancelled one would block until we hear of it. So they are left out of the export:
the events of the account's own calendar here, the same meetings on other calendars, where
Cal.com writes its bookings to, and whole calendars that the user names.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.domain.caldotcom_export import (
    export_schedule,
    exported_span,
    find_long_absences,
    hash_document,
    schedule_to_document,
)
from calendar_manager.domain.freshness import find_blocking
from calendar_manager.domain.times import find_zone, local_date
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.busy_time import BusyTime, load_busy_time
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.scheduling.public_holidays import find_holidays
from calendar_manager.store.agenda_entries import AgendaCalendar, BlockingSpan
from calendar_manager.store.unit_of_work import Store, UnitOfWork

SCHEDULE_NAME: Final = "Calendar Manager"
"""What the schedule is called at Cal.com; by it, one that we lost track of is found again."""

_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a Cal.com account is to say of a user's time.

    Attributes:
        schedule: Free time as ``/v2/schedules`` takes it.
        absences: The days on which the user is away for long.
        today: The date at the user's place.
    """

    schedule: Mapping[str, object]
    absences: tuple[DateSpan, ...]
    today: date

    @property
    def content_hash(self) -> str:
        """What tells whether two exports say the same."""
        absences = [[one.first.isoformat(), one.end.isoformat()] for one in self.absences]
        return hash_document({"schedule": self.schedule, "absences": absences})


def find_export(
    store: Store,
    user: User,
    connection_id: UUID | None,
    *,
    left_out: Collection[UUID],
    now: datetime,
    maximum_age: timedelta,
) -> Export:
    """Return what a Cal.com account is to say of a user's time.

    A calendar that cannot be read keeps the user busy all the time when its policy is ``block``.

    Args:
        store: PostgreSQL.
        user: Whose free time.
        connection_id: The Cal.com account that it is for; None for none of those connected.
        left_out: The calendars that this account reads itself.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.

    Raises:
        InvalidRulesError: The holidays that the rules name are not known.
    """
    with store.begin() as uow:
        rules = uow.lookups.load_rules(user.id, time_zone=user.time_zone)
        span = exported_span(rules, now)
        calendars = load_calendars(uow.lookups, user.id, ())
        own = [one for one in calendars if one.calendar.connection_id == connection_id]
        others = [
            one
            for one in calendars
            if one.calendar.blocks_availability
            and one.calendar.connection_id != connection_id
            and one.calendar.id not in left_out
        ]
        before = timedelta(minutes=rules.buffer_before_minutes)
        after = timedelta(minutes=rules.buffer_after_minutes)
        reached = span.widened(before, after)
        busy = BusyTime.of(_load_busy(uow, user, own, others, reached))
    if find_blocking(find_freshness(others, now, maximum_age)):
        busy = replace(busy, spans=[reached])
    zone = find_zone(rules.time_zone)
    holidays = find_holidays(
        rules.holidays, local_date(span.start, zone) - _ONE_DAY, local_date(span.end, zone)
    )
    schedule = export_schedule(rules, busy.spans, now, holidays, busy.meetings)
    return Export(
        schedule=schedule_to_document(schedule, SCHEDULE_NAME),
        absences=tuple(find_long_absences(rules, now)),
        today=local_date(now, zone),
    )


def _load_busy(
    uow: UnitOfWork,
    user: User,
    own: Sequence[AgendaCalendar],
    others: Sequence[AgendaCalendar],
    span: Span,
) -> list[BlockingSpan]:
    """Return what makes a user busy and is nothing of Cal.com's own.

    One meeting on several calendars has the same iCalendar UID and the same times. A copy of a
    booking that was moved by hand blocks, because Cal.com knows nothing of that.
    """
    strict = replace(user, tentative_blocks=True)
    all_own = [
        replace(one, calendar=replace(one.calendar, blocks_availability=True)) for one in own
    ]
    bookings = {
        (booking.ical_uid, booking.span)
        for booking in load_busy_time(uow, strict, all_own, [span])
        if booking.ical_uid
    }
    return [
        one
        for one in load_busy_time(uow, user, others, [span])
        if (one.ical_uid, one.span) not in bookings
    ]
