"""Indexes for what deleting a person or a client looks up, and for the lists of everybody."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c3f9a1b7e426"
down_revision: str | None = "a7c1e5f2d804"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LIVING_MASTERS = sa.text("kind = 'master' AND deleted_at IS NULL")

INDEXES: Sequence[tuple[str, str, Sequence[str], str | None]] = (
    ("ix_calendars_client_id", "calendars", ["client_id"], "client_id IS NOT NULL"),
    ("ix_channels_user_id", "channels", ["user_id"], None),
    ("ix_conflict_history_user_id", "conflict_history", ["user_id"], None),
    ("ix_oauth_states_user_id", "oauth_states", ["user_id"], None),
    ("ix_audit_log_created_at_id", "audit_log", ["created_at", "id"], None),
    ("ix_audit_log_action_created_at_id", "audit_log", ["action", "created_at", "id"], None),
    ("ix_users_created_at_id", "users", ["created_at", "id"], None),
    ("ix_connections_created_at_id", "connections", ["created_at", "id"], None),
    (
        "ix_connections_status_created_at_id",
        "connections",
        ["status", "created_at", "id"],
        "status <> 'active'",
    ),
    (
        "ix_sync_jobs_finished_at_id_failed",
        "sync_jobs",
        ["finished_at", "id"],
        "status = 'failed'",
    ),
    ("ix_events_user_id_kind", "events", ["user_id", "kind"], None),
)
"""Name, table, columns, and which rows if not all; the largest table is closed last."""


def upgrade() -> None:
    for name, table, columns, rows in INDEXES:
        op.create_index(
            name, table, columns, postgresql_where=None if rows is None else sa.text(rows)
        )
    op.drop_index("ix_events_user_id_masters", table_name="events", postgresql_where=LIVING_MASTERS)


def downgrade() -> None:
    op.create_index(
        "ix_events_user_id_masters", "events", ["user_id"], postgresql_where=LIVING_MASTERS
    )
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
