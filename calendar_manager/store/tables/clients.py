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
    weekly_budget_minutes: Mapped[int | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("(rate IS NULL) = (currency IS NULL)", name="price"),
        CheckConstraint("weekly_budget_minutes > 0", name="weekly_budget"),
        Index("ix_clients_user_id", "user_id"),
    )


class ClientRuleRow(Row):
    """How events of a client are recognised."""

    __tablename__ = "client_rules"

    user_id: Mapped[uuid.UUID] = owner()
    client_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[str]
    pattern: Mapped[str]
    project: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("kind IN ('attendee_domain', 'address', 'title', 'calendar')", name="kind"),
        Index("ix_client_rules_client_id", "client_id"),
        Index("ix_client_rules_user_id", "user_id"),
    )


class EventAssignmentRow(Row):
    """An event that belongs to a client; without an original start, all its occurrences.

    What a person says of one occurrence of a series stands at the master's id and the
    occurrence's original start, so that it stays when the provider turns the occurrence into an
    event of its own, or back.
    """

    __tablename__ = "event_assignments"

    user_id: Mapped[uuid.UUID] = owner()
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    original_start: Mapped[datetime | None]
    client_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("clients.id", ondelete="CASCADE")
    )
    project: Mapped[str | None]
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
        CheckConstraint(
            "origin = 'hand' OR (client_id IS NOT NULL AND original_start IS NULL)", name="rule"
        ),
        Index("ix_event_assignments_client_id", "client_id"),
        Index("ix_event_assignments_user_id", "user_id"),
    )
