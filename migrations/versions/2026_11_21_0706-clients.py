"""Budgets and projects of clients, and asking for their rules to be applied anew."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5b0c7d1e93a4"
down_revision: str | None = "99e8ea422ffc"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("weekly_budget_minutes", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_clients_price"), "clients", "(rate IS NULL) = (currency IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_clients_weekly_budget"), "clients", "weekly_budget_minutes > 0"
    )
    op.add_column(
        "client_rules", sa.Column("position", sa.Integer(), server_default="0", nullable=False)
    )
    op.alter_column("client_rules", "position", server_default=None)
    op.add_column("client_rules", sa.Column("project", sa.Text(), nullable=True))
    op.add_column("event_assignments", sa.Column("project", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_event_assignments_rule"),
        "event_assignments",
        "origin = 'hand' OR (client_id IS NOT NULL AND original_start IS NULL)",
    )
    op.add_column(
        "users", sa.Column("reassign_asked_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_users_reassign_asked_at",
        "users",
        ["reassign_asked_at"],
        unique=False,
        postgresql_where=sa.text("reassign_asked_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_users_reassign_asked_at", table_name="users")
    op.drop_column("users", "reassign_asked_at")
    op.drop_constraint(op.f("ck_event_assignments_rule"), "event_assignments", type_="check")
    op.drop_column("event_assignments", "project")
    op.drop_column("client_rules", "project")
    op.drop_column("client_rules", "position")
    op.drop_constraint(op.f("ck_clients_weekly_budget"), "clients", type_="check")
    op.drop_constraint(op.f("ck_clients_price"), "clients", type_="check")
    op.drop_column("clients", "weekly_budget_minutes")
