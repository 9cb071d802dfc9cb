"""Busy time as iCalendar (RFC 5545), with nothing in it but that it is busy.

Every block is one event in UTC: without recurrence and without a zone there is nothing that a
reader could expand differently.

**UIDs.** A block's UID is made of the user and of its start and end (UUID version 5). So it is the
same with every fetch, at every address that the user ever makes, and whichever meetings the block
is made of; two blocks of one feed never share one. A block that changes is another event. Readers
are therefore never asked to notice that an event which they know has changed, for which the times
of unread calendars would have to be in ``SEQUENCE`` and ``DTSTAMP``: they add what is new and
remove what is gone, which is all that a subscription is.

**DTSTAMP** says when an event was last revised (section 3.8.7.2), which these never are. It is the
moment at which the address was made, so that equal busy time has equal bytes.

**ETag.** Since equal busy time has equal bytes, a feed's tag is made of the busy time. Most fetches
find nothing new, and they cost no writing.

There is no ``CLASS``: nothing in an event is worth hiding, and servers leave out private events
where their user shares the calendar, which would show busy time as free.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import icalendar

from calendar_manager.domain.timespan import Span, merge_spans

MEDIA_TYPE: Final = "text/calendar; charset=utf-8"

REFRESH_EVERY: Final = timedelta(minutes=15)
"""How often readers are asked to come back; many come when they like."""

_VERSION: Final = 1
"""To be raised when equal busy time is written in another way, so that readers fetch it again."""
_PRODUCT: Final = "-//Calendar Manager//Busy feed//EN"
_NAME: Final = "Busy"
_ONE_SECOND: Final = timedelta(seconds=1)


def tag_feed(user_id: UUID, blocks: Iterable[Span], *, made_at: datetime) -> str:
    """Return the strong entity tag (RFC 9110 section 8.8.3) of what :func:`write_feed` writes.

    Args:
        user_id: As there.
        blocks: As there.
        made_at: As there.
    """
    digest = hashlib.sha256(f"{_VERSION} {icalendar.__version__} {user_id} {made_at}".encode())
    for block in merge_spans(map(_in_seconds, blocks)):
        digest.update(f" {_show(block)}".encode())
    return f'"{digest.hexdigest()}"'


def write_feed(user_id: UUID, blocks: Iterable[Span], *, made_at: datetime) -> bytes:
    """Return busy time as an iCalendar stream.

    Args:
        user_id: Whose; the UIDs are made of it, and it cannot be found out from them.
        blocks: When the user is busy, in any order. Parts of a second are busy seconds.
        made_at: When the address of the feed was made.
    """
    calendar = icalendar.Calendar()
    calendar.add("PRODID", _PRODUCT)
    calendar.add("VERSION", "2.0")
    # The two names of one thing: RFC 7986 section 5.1 and what most readers understand.
    calendar.add("NAME", _NAME)
    calendar.add("X-WR-CALNAME", _NAME)
    # RFC 7986 section 5.7, and what Outlook understands ([MS-OXCICAL] section 2.1.3.1.1.16).
    calendar.add("REFRESH-INTERVAL", REFRESH_EVERY, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", icalendar.vDuration(REFRESH_EVERY))
    for block in merge_spans(map(_in_seconds, blocks)):
        calendar.add_component(_write_block(user_id, block, made_at))
    content: bytes = calendar.to_ical()
    return content


def _write_block(user_id: UUID, block: Span, made_at: datetime) -> icalendar.Event:
    event = icalendar.Event()
    event.add("UID", str(uuid5(user_id, _show(block))))
    event.add("DTSTAMP", made_at)
    event.add("DTSTART", block.start)
    event.add("DTEND", block.end)
    event.add("SUMMARY", _NAME)
    event.add("TRANSP", "OPAQUE")
    return event


def _show(span: Span) -> str:
    return f"{span.start.isoformat()}/{span.end.isoformat()}"


def _in_seconds(span: Span) -> Span:
    """Return the whole seconds that a span touches; iCalendar has no smaller ones."""
    end = span.end.replace(microsecond=0)
    return Span(span.start.replace(microsecond=0), end if end == span.end else end + _ONE_SECOND)
