"""When a calendar that was just read is due again, as SQL over its row.

It is worked out by the statement that ends a run, because asking first would cost every run that
finds nothing a round trip.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, func, or_

from calendar_manager.domain.sync_jobs import SOON, NextTurns
from calendar_manager.store.tables import CalendarRow, ChannelRow, OccurrenceRow


def next_sync_at(turns: NextTurns, now: datetime) -> ColumnElement[datetime]:
    """Choose among a calendar's possible next turns.

    Args:
        turns: What there is to choose from.
        now: The present.
    """
    told = exists().where(ChannelRow.calendar_id == CalendarRow.id, *healthy_channel(now))
    near = exists().where(
        OccurrenceRow.user_id == CalendarRow.user_id,
        OccurrenceRow.calendar_id == CalendarRow.id,
        OccurrenceRow.span.op("&&")(func.tstzrange(now, now + SOON)),
    )
    return case((told, turns.with_push), (near, turns.soon), else_=turns.otherwise)


def healthy_channel(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of :meth:`calendar_manager.domain.channels.Channel.is_healthy`."""
    return (
        ChannelRow.opened_at.is_not(None),
        ChannelRow.stopped_at.is_(None),
        ChannelRow.doubted_at.is_(None),
        or_(ChannelRow.expires_at.is_(None), ChannelRow.expires_at > now),
    )
