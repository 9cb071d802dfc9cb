"""Create the table of the ids by which providers speak of instances."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "b79eedc0093f"
down_revision: str | None = "61a2b1d675b8"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "series_instances",
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("provider_instance_id", sa.Text(), nullable=False),
        sa.Column("series_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_series_instances_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "calendar_id", "provider_instance_id", name=op.f("pk_series_instances")
        ),
    )
    op.create_index(
        "ix_series_instances_calendar_id_series_id",
        "series_instances",
        ["calendar_id", "series_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_series_instances_calendar_id_series_id", table_name="series_instances")
    op.drop_table("series_instances")
