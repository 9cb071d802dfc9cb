"""What counts as busy: the half that an event settles, and the half that settings decide.

The first half, :func:`busy_of`, is stored with every occurrence, so that changing a setting
never rewrites a row; the second, :func:`blocks`, is asked with every answer.
"""

from enum import StrEnum

from calendar_manager.domain.events import Event, EventStatus, EventType, Response, Transparency


class Busy(StrEnum):
    """How firmly an occurrence takes its time, before any setting is asked."""

    FREE = "free"
    TENTATIVE = "tentative"
    BUSY = "busy"


_NEVER_BUSY_TYPES = frozenset({EventType.WORKING_LOCATION, EventType.BIRTHDAY})
_UNDECIDED_RESPONSES = frozenset({Response.TENTATIVE, Response.NEEDS_ACTION})


def busy_of(event: Event) -> Busy:
    """Tell how firmly an event takes its time, whatever the user's settings are.

    The first rule that fits decides: cancelled or declined by me is free; a mirror that we made
    is free, because its source counts; marked transparent is free; a working location or a
    birthday is free; out of office is busy; tentative or unanswered is tentative; everything
    else is busy.

    Args:
        event: A single event, a master or an override. An all-day event follows the same rules,
            because its transparency says whether the provider marks it busy.
    """
    free = (
        event.status is EventStatus.CANCELLED
        or event.my_response is Response.DECLINED
        or event.mirror
        or event.transparency is Transparency.TRANSPARENT
        or event.event_type in _NEVER_BUSY_TYPES
    )
    if free:
        return Busy.FREE
    if event.event_type is EventType.OUT_OF_OFFICE:
        return Busy.BUSY
    if event.status is EventStatus.TENTATIVE or event.my_response in _UNDECIDED_RESPONSES:
        return Busy.TENTATIVE
    return Busy.BUSY


def blocks(
    busy: Busy,
    *,
    all_day: bool,
    tentative_blocks: bool,
    calendar_blocks: bool,
    all_day_blocks: bool,
    out_of_office: bool = False,
) -> bool:
    """Tell whether an occurrence makes the user busy under the user's settings.

    Args:
        busy: How firmly it takes its time, see :func:`busy_of`.
        all_day: Whether it has dates instead of instants.
        tentative_blocks: The user's setting for tentative and unanswered events.
        calendar_blocks: The calendar's ``blocks_availability``; False wins over everything.
        all_day_blocks: The calendar's setting for all-day events.
        out_of_office: Whether it is out of office, which the all-day setting cannot free.
    """
    if not calendar_blocks or busy is Busy.FREE:
        return False
    if out_of_office:
        return True
    if busy is Busy.TENTATIVE and not tentative_blocks:
        return False
    return all_day_blocks or not all_day
