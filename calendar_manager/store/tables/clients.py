"""Clients, the rules that find their events, and the events assigned to them."""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Row, owner


class ClientRow(Row):
    """Somebody whom hours belong to."""

    __tablename__ = "clients"

    user_id: Mapped[uuid.UUID] = owner()
    name: Mapped[str]
    color: Mapped[str | None]
    rate: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    currency: Mapped[str | None]
    time_zone: Mapped[str | None]
    notes: Mapped[str | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_clients_user_id", "user_id"),)


class ClientRuleRow(Row):
    """How events of a client are recognised."""

    __tablename__ = "client_rules"

    user_id: Mapped[uuid.UUID] = owner()
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    kind: Mapped[str]
    pattern: Mapped[str]

    __table_args__ = (
        CheckConstraint("kind IN ('attendee_domain', 'address', 'title', 'calendar')", name="kind"),
        Index("ix_client_rules_client_id", "client_id"),
        Index("ix_client_rules_user_id", "user_id"),
    )


class EventAssignmentRow(Row):
    """An event that belongs to a client; without an original start, all its occurrences."""

    __tablename__ = "event_assignments"

    user_id: Mapped[uuid.UUID] = owner()
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    original_start: Mapped[datetime | None]
    client_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("clients.id", ondelete="CASCADE")
    )
    origin: Mapped[str]

    __table_args__ = (
        Index(
            "uq_event_assignments_event_id_original_start",
            "event_id",
            "original_start",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("origin IN ('hand', 'rule')", name="origin"),
        Index("ix_event_assignments_client_id", "client_id"),
        Index("ix_event_assignments_user_id", "user_id"),
    )
