"""Events as the providers have them, and their concrete occurrences."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT, TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Base, Row, owner


class EventRow(Row):
    """One single event, series master or override."""

    __tablename__ = "events"

    user_id: Mapped[uuid.UUID] = owner()
    calendar_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    provider_event_id: Mapped[str]
    kind: Mapped[str]
    start_at: Mapped[datetime | None]
    end_at: Mapped[datetime | None]
    start_on: Mapped[date | None]
    end_on: Mapped[date | None]
    time_zone: Mapped[str | None]
    title: Mapped[str]
    ical_uid: Mapped[str | None]
    series_id: Mapped[str | None]
    original_start_at: Mapped[datetime | None]
    original_start_on: Mapped[date | None]
    recurrence: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    status: Mapped[str]
    transparency: Mapped[str]
    event_type: Mapped[str]
    visibility: Mapped[str]
    my_response: Mapped[str | None]
    location: Mapped[str | None]
    meeting_url: Mapped[str | None]
    description: Mapped[str | None]
    organizer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    attendees: Mapped[list[dict[str, Any]]]
    etag: Mapped[str | None]
    sequence: Mapped[int]
    provider_updated_at: Mapped[datetime | None]
    mirror: Mapped[bool]
    busy: Mapped[str]
    fingerprint: Mapped[str]
    problem: Mapped[str | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("calendar_id", "provider_event_id"),
        CheckConstraint("kind IN ('single', 'master', 'override')", name="kind"),
        CheckConstraint("busy IN ('free', 'tentative', 'busy')", name="busy"),
        CheckConstraint("end_at >= start_at", name="span"),
        CheckConstraint("end_on >= start_on", name="dates"),
        CheckConstraint("start_at IS NULL OR start_on IS NULL", name="one_time"),
        CheckConstraint(
            "(kind = 'override') = (series_id IS NOT NULL)"
            " AND (kind = 'override') = (num_nonnulls(original_start_at, original_start_on) = 1)",
            name="override",
        ),
        Index(
            "ix_events_calendar_id_series_id",
            "calendar_id",
            "series_id",
            postgresql_where=text("series_id IS NOT NULL"),
        ),
        # One for the series of a person, of which there are few, and for all that is theirs.
        Index("ix_events_user_id_kind", "user_id", "kind"),
        Index(
            "ix_events_calendar_id_masters",
            "calendar_id",
            postgresql_where=text("kind = 'master' AND deleted_at IS NULL"),
        ),
        Index(
            "ix_events_deleted_at", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")
        ),
    )


class SeriesInstanceRow(Base):
    """By which id a provider may speak of an instance that has no event of its own."""

    __tablename__ = "series_instances"

    calendar_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True
    )
    provider_instance_id: Mapped[str] = mapped_column(primary_key=True)
    series_id: Mapped[str]

    __table_args__ = (
        Index("ix_series_instances_calendar_id_series_id", "calendar_id", "series_id"),
    )


class OccurrenceRow(Row):
    """One concrete time span of an event.

    ``span`` cannot hold a zero-length occurrence's place, because PostgreSQL knows only one
    empty range, so the two instants are the truth and the span is generated from them.
    """

    __tablename__ = "occurrences"

    user_id: Mapped[uuid.UUID] = owner()
    calendar_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    original_start: Mapped[datetime]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    span: Mapped[Range[datetime]] = mapped_column(
        TSTZRANGE, Computed("tstzrange(start_at, end_at, '[)')", persisted=True)
    )
    start_on: Mapped[date | None]
    end_on: Mapped[date | None]
    busy: Mapped[str]

    __table_args__ = (
        UniqueConstraint("event_id", "original_start"),
        CheckConstraint("end_at >= start_at", name="span"),
        CheckConstraint("busy IN ('free', 'tentative', 'busy')", name="busy"),
        Index("ix_occurrences_user_id_span", "user_id", "span", postgresql_using="gist"),
        Index(
            "ix_occurrences_user_id_start_at_empty",
            "user_id",
            "start_at",
            postgresql_where=text("start_at = end_at"),
        ),
        Index("ix_occurrences_calendar_id", "calendar_id"),
    )
