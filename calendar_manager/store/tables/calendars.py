"""Connections, their calendars, and the channels on which providers call us."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Base, Row, owner


class ConnectionRow(Row):
    """One account at one provider, with its encrypted tokens."""

    __tablename__ = "connections"

    user_id: Mapped[uuid.UUID] = owner()
    provider: Mapped[str]
    provider_account_id: Mapped[str]
    account: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="active")
    reason: Mapped[str | None]
    reason_code: Mapped[str | None]
    access_token: Mapped[str | None]
    refresh_token: Mapped[str | None]
    token_expires_at: Mapped[datetime | None]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")
    refresh_failures: Mapped[int] = mapped_column(server_default="0")
    next_refresh_at: Mapped[datetime | None]
    next_discovery_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        UniqueConstraint("user_id", "provider", "provider_account_id"),
        CheckConstraint("status IN ('active', 'needs_reauth', 'disconnected')", name="status"),
        CheckConstraint("provider IN ('google', 'microsoft', 'caldotcom')", name="provider"),
        Index("ix_connections_created_at_id", "created_at", "id"),
        # The active ones are most of all, so a list of them needs no index of its own.
        Index(
            "ix_connections_status_created_at_id",
            "status",
            "created_at",
            "id",
            postgresql_where=text("status <> 'active'"),
        ),
        Index(
            "ix_connections_next_refresh_at",
            "next_refresh_at",
            postgresql_where=text("status = 'active'"),
        ),
        Index(
            "ix_connections_next_discovery_at",
            "next_discovery_at",
            postgresql_where=text("status = 'active'"),
        ),
    )


class CalendarRow(Row):
    """One calendar inside a connection, with its settings and the state of its sync."""

    __tablename__ = "calendars"

    user_id: Mapped[uuid.UUID] = owner()
    connection_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE")
    )
    provider: Mapped[str]
    provider_calendar_id: Mapped[str]
    name: Mapped[str]
    time_zone: Mapped[str | None]
    color: Mapped[str | None]
    primary: Mapped[bool]
    access_role: Mapped[str]
    sync_enabled: Mapped[bool] = mapped_column(server_default="true")
    blocks_availability: Mapped[bool] = mapped_column(server_default="true")
    all_day_blocks: Mapped[bool] = mapped_column(server_default="true")
    unreadable_policy: Mapped[str] = mapped_column(server_default="warn")
    client_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("clients.id", ondelete="SET NULL")
    )
    deleted_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    cursor: Mapped[str | None]
    cursor_version: Mapped[int | None]
    materialized_from: Mapped[datetime | None]
    materialized_until: Mapped[datetime | None]
    lease_token: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]
    next_sync_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_synced_at: Mapped[datetime | None]
    last_synced_via: Mapped[str | None]
    held_at: Mapped[datetime | None]
    held_deletions: Mapped[int | None]
    accepted_deletions: Mapped[int | None]
    next_channel_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    channel_error: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("connection_id", "provider_calendar_id"),
        CheckConstraint("unreadable_policy IN ('block', 'warn', 'ignore')", name="policy"),
        CheckConstraint(
            "access_role IN ('owner', 'writer', 'reader', 'freeBusyReader')", name="access_role"
        ),
        CheckConstraint("materialized_from <= materialized_until", name="materialized"),
        Index("ix_calendars_user_id", "user_id"),
        Index(
            "ix_calendars_client_id", "client_id", postgresql_where=text("client_id IS NOT NULL")
        ),
        Index(
            "ix_calendars_next_sync_at",
            "next_sync_at",
            postgresql_where=text("sync_enabled AND deleted_at IS NULL AND gone_at IS NULL"),
        ),
        Index("ix_calendars_next_channel_at", "next_channel_at"),
    )


class CalendarChangeRow(Base):
    """The last transactions that changed a calendar's events or occurrences, kept by triggers.

    As long as a reader finds the same ids, nothing has changed in between.
    """

    __tablename__ = "calendar_changes"

    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, server_default=text("gen_random_uuid()")
    )
    calendar_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    made_by: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (Index("ix_calendar_changes_calendar_id", "calendar_id"),)


class FullReadRow(Base):
    """A full read of a calendar that is under way, perhaps in pieces, and how far it has come."""

    __tablename__ = "full_reads"

    calendar_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True
    )
    began_at: Mapped[datetime]
    normalizer_version: Mapped[int]
    position: Mapped[str | None]
    window_from: Mapped[datetime]
    window_until: Mapped[datetime]

    __table_args__ = (CheckConstraint("window_from <= window_until", name="window"),)


class ReadMarkRow(Base):
    """An event that the running full read of a calendar has seen; the sweep spares it."""

    __tablename__ = "read_marks"

    calendar_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("calendars.id", ondelete="CASCADE"), primary_key=True
    )
    provider_event_id: Mapped[str] = mapped_column(primary_key=True)


class ChannelRow(Row):
    """A provider's promise to call us when a calendar changes."""

    __tablename__ = "channels"

    user_id: Mapped[uuid.UUID] = owner()
    calendar_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    provider: Mapped[str]
    provider_channel_id: Mapped[str | None]
    resource_id: Mapped[str | None]
    token: Mapped[str]
    opened_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    last_message_at: Mapped[datetime | None]
    last_message_number: Mapped[int | None] = mapped_column(BigInteger)
    doubted_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("provider", "provider_channel_id"),
        Index("ix_channels_calendar_id", "calendar_id"),
        Index("ix_channels_user_id", "user_id"),
    )
