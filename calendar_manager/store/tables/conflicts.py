"""Conflicts, what happened to them, and the spans that still have to be examined."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Row, owner


class ConflictRow(Row):
    """Two meetings of one user that get in each other's way.

    ``first`` and ``second`` show both meetings as they last were, so that a closed conflict
    still tells its story when the events are gone. ``hull`` covers both meetings.
    """

    __tablename__ = "conflicts"

    user_id: Mapped[uuid.UUID] = owner()
    type: Mapped[str]
    severity: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="open")
    closed_by: Mapped[str | None]
    note: Mapped[str | None]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    first_occurrence_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    second_occurrence_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    first_start_at: Mapped[datetime]
    first_end_at: Mapped[datetime]
    second_start_at: Mapped[datetime]
    second_end_at: Mapped[datetime]
    hull: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    first: Mapped[dict[str, Any]]
    second: Mapped[dict[str, Any]]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("type IN ('overlap', 'back_to_back', 'travel')", name="type"),
        CheckConstraint("severity IN ('high', 'medium', 'low')", name="severity"),
        CheckConstraint("status IN ('open', 'resolved', 'ignored')", name="status"),
        CheckConstraint("closed_by IN ('person', 'auto')", name="closed_by"),
        CheckConstraint("(status = 'open') = (closed_by IS NULL)", name="closed"),
        CheckConstraint("end_at >= start_at", name="span"),
        CheckConstraint("NOT first_occurrence_ids && second_occurrence_ids", name="two_meetings"),
        Index("ix_conflicts_user_id_hull", "user_id", "hull", postgresql_using="gist"),
        Index("ix_conflicts_user_id_status_start_at", "user_id", "status", "start_at"),
    )


class ConflictHistoryRow(Row):
    """One thing that happened to a conflict: who, when, why."""

    __tablename__ = "conflict_history"

    user_id: Mapped[uuid.UUID] = owner()
    conflict_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conflicts.id", ondelete="CASCADE"))
    happened_at: Mapped[datetime]
    action: Mapped[str]
    actor: Mapped[str]
    note: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(
            "action IN ('opened', 'changed', 'resolved', 'ignored', 'reopened', 'closed')",
            name="action",
        ),
        Index("ix_conflict_history_conflict_id", "conflict_id"),
        Index("ix_conflict_history_user_id", "user_id"),
    )


class ConflictCheckRow(Row):
    """A span in which occurrences changed and conflicts have not been looked for yet.

    Written in the transaction that changes the occurrences, so that no crash loses it.
    """

    __tablename__ = "conflict_checks"

    user_id: Mapped[uuid.UUID] = owner()
    span: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)

    __table_args__ = (Index("ix_conflict_checks_user_id", "user_id"),)
