"""Sync jobs: recorded runs over one calendar, and the durable queue of runs to come."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Row, owner


class SyncJobRow(Row):
    """One run over one calendar. At most one is queued and one is running per calendar."""

    __tablename__ = "sync_jobs"

    user_id: Mapped[uuid.UUID] = owner()
    calendar_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calendars.id", ondelete="CASCADE"))
    kind: Mapped[str]
    trigger: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="queued")
    pages: Mapped[int] = mapped_column(server_default="0")
    created_count: Mapped[int] = mapped_column(server_default="0")
    updated_count: Mapped[int] = mapped_column(server_default="0")
    deleted_count: Mapped[int] = mapped_column(server_default="0")
    unchanged_count: Mapped[int] = mapped_column(server_default="0")
    rejected_count: Mapped[int] = mapped_column(server_default="0")
    rejections: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    attempts: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    error_reason: Mapped[str | None]
    queued_at: Mapped[datetime]
    resend_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("kind IN ('initial', 'incremental', 'full')", name="kind"),
        CheckConstraint("trigger IN ('connect', 'manual', 'beat', 'notification')", name="trigger"),
        CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'held')", name="status"
        ),
        Index(
            "uq_sync_jobs_calendar_id_queued",
            "calendar_id",
            unique=True,
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "uq_sync_jobs_calendar_id_running",
            "calendar_id",
            unique=True,
            postgresql_where=text("status = 'running'"),
        ),
        Index("ix_sync_jobs_user_id_queued_at", "user_id", "queued_at"),
        Index("ix_sync_jobs_calendar_id_queued_at", "calendar_id", "queued_at"),
        Index("ix_sync_jobs_finished_at", "finished_at"),
        Index(
            "ix_sync_jobs_finished_at_id_failed",
            "finished_at",
            "id",
            postgresql_where=text("status = 'failed'"),
        ),
        Index("ix_sync_jobs_resend_at", "resend_at", postgresql_where=text("status = 'queued'")),
    )
