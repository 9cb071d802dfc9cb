"""Free time that is exported to Cal.com."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Mapped, mapped_column

from calendar_manager.store.tables.base import Row, owner


class CaldotcomExportRow(Row):
    """The schedule that we keep at one Cal.com account, and what it said last."""

    __tablename__ = "caldotcom_exports"

    user_id: Mapped[uuid.UUID] = owner()
    connection_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("connections.id", ondelete="CASCADE"), unique=True
    )
    enabled: Mapped[bool] = mapped_column(server_default="true")
    left_out: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID), server_default="{}")
    schedule_id: Mapped[str | None]
    content_hash: Mapped[str | None]
    seen: Mapped[str | None]
    next_export_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    leased_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]

    __table_args__ = (
        Index("ix_caldotcom_exports_user_id", "user_id"),
        Index(
            "ix_caldotcom_exports_next_export_at",
            "next_export_at",
            postgresql_where=text("enabled"),
        ),
    )
