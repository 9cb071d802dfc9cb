"""Who may ask when somebody is free."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "a7c1e5f2d804"
down_revision: str | None = "e8b4c6d2f713"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "availability_grants",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("grantee_email", sa.Text(), nullable=False),
        sa.Column("grantee_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("grantee_id <> user_id", name=op.f("ck_availability_grants_two_people")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_availability_grants_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["grantee_id"],
            ["users.id"],
            name=op.f("fk_availability_grants_grantee_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_grants")),
        sa.UniqueConstraint(
            "user_id", "grantee_email", name=op.f("uq_availability_grants_user_id_grantee_email")
        ),
    )
    op.create_index("ix_availability_grants_grantee_id", "availability_grants", ["grantee_id"])


def downgrade() -> None:
    op.drop_table("availability_grants")
