"""Channels that are opened and renewed, full reads in pieces, and the circuit breaker."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "99e8ea422ffc"
down_revision: str | None = "b79eedc0093f"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "full_reads",
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("normalizer_version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("window_from <= window_until", name=op.f("ck_full_reads_window")),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_full_reads_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("calendar_id", name=op.f("pk_full_reads")),
    )
    op.add_column("calendars", sa.Column("held_deletions", sa.Integer(), nullable=True))
    op.add_column("calendars", sa.Column("accepted_deletions", sa.Integer(), nullable=True))
    op.add_column(
        "calendars",
        sa.Column(
            "next_channel_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.add_column("calendars", sa.Column("channel_error", sa.Text(), nullable=True))
    op.create_index("ix_calendars_next_channel_at", "calendars", ["next_channel_at"], unique=False)
    op.add_column("channels", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("channels", sa.Column("last_message_number", sa.BigInteger(), nullable=True))
    op.add_column("channels", sa.Column("doubted_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("channels", "provider_channel_id", existing_type=sa.TEXT(), nullable=True)
    op.alter_column(
        "channels", "expires_at", existing_type=postgresql.TIMESTAMP(timezone=True), nullable=True
    )
    op.drop_index(
        op.f("ix_channels_renew_at"), table_name="channels", postgresql_where="(stopped_at IS NULL)"
    )
    op.drop_column("channels", "renew_at")
    op.add_column("connections", sa.Column("reason_code", sa.Text(), nullable=True))
    op.alter_column("sync_jobs", "sent_at", new_column_name="resend_at")
    op.execute("ALTER INDEX ix_sync_jobs_sent_at RENAME TO ix_sync_jobs_resend_at")
    op.create_index("ix_sync_jobs_finished_at", "sync_jobs", ["finished_at"])


def downgrade() -> None:
    op.drop_index("ix_sync_jobs_finished_at", table_name="sync_jobs")
    op.execute("ALTER INDEX ix_sync_jobs_resend_at RENAME TO ix_sync_jobs_sent_at")
    op.alter_column("sync_jobs", "resend_at", new_column_name="sent_at")
    op.drop_column("connections", "reason_code")
    # Channels without an end or a confirmation have no place in the older table; they are opened
    # again where they are wanted.
    op.execute("DELETE FROM channels")
    op.add_column(
        "channels",
        sa.Column(
            "renew_at", postgresql.TIMESTAMP(timezone=True), autoincrement=False, nullable=False
        ),
    )
    op.create_index(
        op.f("ix_channels_renew_at"),
        "channels",
        ["renew_at"],
        unique=False,
        postgresql_where="(stopped_at IS NULL)",
    )
    op.alter_column(
        "channels", "expires_at", existing_type=postgresql.TIMESTAMP(timezone=True), nullable=False
    )
    op.alter_column("channels", "provider_channel_id", existing_type=sa.TEXT(), nullable=False)
    op.drop_column("channels", "doubted_at")
    op.drop_column("channels", "last_message_number")
    op.drop_column("channels", "opened_at")
    op.drop_index("ix_calendars_next_channel_at", table_name="calendars")
    op.drop_column("calendars", "channel_error")
    op.drop_column("calendars", "next_channel_at")
    op.drop_column("calendars", "accepted_deletions")
    op.drop_column("calendars", "held_deletions")
    op.drop_table("full_reads")
