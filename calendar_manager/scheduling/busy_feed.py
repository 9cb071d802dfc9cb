"""A user's busy time for readers who may know nothing else of them."""

from datetime import datetime, timedelta
from typing import Final

from calendar_manager.domain.freshness import find_blocking
from calendar_manager.domain.rules import AvailabilityRules
from calendar_manager.domain.times import find_zone, local_date, start_of_day
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.scheduling.answer_cache import AnswerCache
from calendar_manager.scheduling.availability import find_busy_time
from calendar_manager.scheduling.calendars import find_freshness, load_calendars
from calendar_manager.store.unit_of_work import Store

SHORTEST_DAYS: Final = 60
LONGEST_DAYS: Final = 180
"""Between these many days after today lies the end of a feed, whatever the rules' horizon."""

_ONE_DAY: Final = timedelta(days=1)


def find_busy_blocks(
    store: Store,
    user: User,
    *,
    now: datetime,
    maximum_age: timedelta,
    answers: AnswerCache | None = None,
) -> list[Span]:
    """Return when a user is busy, as availability sees it.

    What blocks is what blocks in :func:`calendar_manager.scheduling.availability.find_availability`
    asked for all calendars. Working hours, buffers and limits are left out: they are wishes about
    new bookings, and not time that the user has given away. A calendar that cannot be read keeps
    the user busy for the whole window when its policy is ``block``.

    Blocks are not cut at the window's ends, so that one that lies across an end is the same block
    tomorrow.

    Args:
        store: PostgreSQL.
        user: Whose busy time.
        now: The moment of the question.
        maximum_age: Copies of calendars older than this are stale.
        answers: Where busy time is kept that was loaded for the same question before.

    Returns:
        Sorted, apart, and none empty.
    """
    with store.begin() as uow:
        rules = uow.lookups.load_rules(user.id, time_zone=user.time_zone)
        calendars = load_calendars(uow.lookups, user.id, ())
    taking_part = [entry for entry in calendars if entry.calendar.blocks_availability]
    window = feed_window(rules, now)
    if find_blocking(find_freshness(taking_part, now, maximum_age)):
        return [window]
    return list(find_busy_time(store, user, taking_part, window, answers).spans)


def feed_window(rules: AvailabilityRules, now: datetime) -> Span:
    """Return which span a feed is about.

    Args:
        rules: Their zone and horizon count.
        now: The moment of the question.

    Returns:
        From the beginning of yesterday to the end of the horizon's last day, which is at least
        60 and at most 180 days after today, so that it is the same all day long.
    """
    zone = find_zone(rules.time_zone)
    today = local_date(now, zone)
    days = min(max(rules.horizon_days, SHORTEST_DAYS), LONGEST_DAYS)
    return Span(
        start_of_day(today - _ONE_DAY, zone),
        start_of_day(today + timedelta(days=days) + _ONE_DAY, zone),
    )
