"""Users, their logins, and what is remembered during an OAuth round trip."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Row, owner


class UserRow(Row):
    """A person with a login, a time zone and their settings."""

    __tablename__ = "users"

    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    time_zone: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="user")
    tentative_blocks: Mapped[bool] = mapped_column(server_default="true")
    conflict_types: Mapped[list[str]] = mapped_column(
        ARRAY(TEXT), server_default="{overlap,back_to_back,travel}"
    )
    minimum_overlap_minutes: Mapped[int] = mapped_column(server_default="0")
    conflict_buffer_minutes: Mapped[int] = mapped_column(server_default="0")
    travel_minutes: Mapped[int] = mapped_column(server_default="0")
    all_day_conflicts: Mapped[bool] = mapped_column(server_default="false")
    reassign_asked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_users_email", text("lower(email)"), unique=True),
        Index("ix_users_created_at_id", "created_at", "id"),
        Index(
            "ix_users_reassign_asked_at",
            "reassign_asked_at",
            postgresql_where=text("reassign_asked_at IS NOT NULL"),
        ),
        CheckConstraint("role IN ('user', 'admin')", name="role"),
        CheckConstraint(
            "minimum_overlap_minutes >= 0 AND conflict_buffer_minutes >= 0 AND travel_minutes >= 0",
            name="minutes",
        ),
    )


class LoginSessionRow(Row):
    """One signed-in device: the family of its rotating refresh tokens."""

    __tablename__ = "login_sessions"

    user_id: Mapped[uuid.UUID] = owner()
    refresh_token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_login_sessions_user_id", "user_id"),)


class OAuthStateRow(Row):
    """A consent that somebody is giving right now; used once, then removed."""

    __tablename__ = "oauth_states"

    user_id: Mapped[uuid.UUID] = owner()
    provider: Mapped[str]
    state_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    cookie_hash: Mapped[bytes] = mapped_column(LargeBinary)
    memory: Mapped[str]
    wants_json: Mapped[bool]
    expires_at: Mapped[datetime]

    # Given up ones may be kept for a year, and the index costs one entry for each consent.
    __table_args__ = (Index("ix_oauth_states_user_id", "user_id"),)


class AuditRow(Row):
    """Who did what; it outlives the user, so it refers to nobody by a foreign key."""

    __tablename__ = "audit_log"

    user_id: Mapped[uuid.UUID | None]
    action: Mapped[str]
    subject: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    request_id: Mapped[str | None]

    __table_args__ = (
        Index("ix_audit_log_user_id_created_at", "user_id", "created_at"),
        Index("ix_audit_log_created_at_id", "created_at", "id"),
        Index("ix_audit_log_action_created_at_id", "action", "created_at", "id"),
    )


class AvailabilityRulesRow(Row):
    """The availability rules of a user, as the document that the API shows."""

    __tablename__ = "availability_rules"

    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), unique=True
    )
    document: Mapped[dict[str, Any]]
