"""The stretch of time that a question is about."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from calendar_manager.domain.times import start_of_day
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.errors import InvalidQuestionError

Moment = datetime | date
"""An aware instant, or a date that stands for its midnight in the question's zone."""

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Outside of these no calendar of a living person has anything, and dates are typing errors."""


def resolve_moment(moment: Moment, field: str, zone: ZoneInfo) -> datetime:
    """Return the instant that a moment is.

    Args:
        moment: What was asked.
        field: How that part of the question is called.
        zone: Whose midnight a date stands for.

    Raises:
        InvalidQuestionError: It is further away than any calendar reaches.
    """
    try:
        instant = (
            moment.astimezone(UTC) if isinstance(moment, datetime) else start_of_day(moment, zone)
        )
    except OverflowError:
        instant = None
    if instant is None or not EARLIEST <= instant <= LATEST:
        message = f"Ask for a time between {EARLIEST.year} and {LATEST.year}."
        raise InvalidQuestionError(field, message)
    return instant


def resolve_span(start: Moment, end: Moment, zone: ZoneInfo, *, longest: timedelta) -> Span:
    """Return the stretch of time between two moments.

    Args:
        start: Its first moment.
        end: The first moment after it.
        zone: Whose midnight a date stands for.
        longest: How long it may be.

    Raises:
        InvalidQuestionError: A moment is out of reach, the end does not come after the start,
            or the two are too far apart.
    """
    first, last = resolve_moment(start, "start", zone), resolve_moment(end, "end", zone)
    if last <= first:
        raise InvalidQuestionError("end", "The end has to come after the start.")
    if last - first > longest:
        message = f"Ask for at most {longest.days} days at a time."
        raise InvalidQuestionError("end", message)
    return Span(first, last)
