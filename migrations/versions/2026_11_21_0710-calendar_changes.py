"""Which changes of a calendar's events an answer has seen, noted by the database itself."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c4d2a9e07b16"
down_revision: str | None = "5b0c7d1e93a4"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# A transaction leaves one row for each calendar that it changes, whose id nobody else ever had,
# and takes away those that it finds. The row of the last transaction to commit can thus not have
# been taken away by an earlier one: whenever events change, so do the ids that a reader finds.
# Nothing waits here for anybody: rows that another transaction is taking away are left to it.
NOTE_CHANGES = """
CREATE FUNCTION note_calendar_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched uuid[];
BEGIN
    SELECT array_agg(one.calendar_id) INTO touched
    FROM (SELECT DISTINCT calendar_id FROM changed) AS one
    WHERE NOT EXISTS (
        SELECT FROM calendar_changes AS own
        WHERE own.calendar_id = one.calendar_id
          AND own.made_by = pg_current_xact_id()::text::bigint
          AND own.made_at = now()
    );
    IF touched IS NULL THEN
        RETURN NULL;
    END IF;
    DELETE FROM calendar_changes WHERE id IN (
        SELECT id FROM calendar_changes WHERE calendar_id = ANY (touched) FOR UPDATE SKIP LOCKED
    );
    INSERT INTO calendar_changes (calendar_id, made_by)
    SELECT id, pg_current_xact_id()::text::bigint FROM calendars WHERE id = ANY (touched);
    RETURN NULL;
END
$$
"""

TRIGGER = """
CREATE TRIGGER {table}_note_{verb} AFTER {verb} ON {table}
REFERENCING {rows} TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION note_calendar_changes()
"""

TABLES = ("events", "occurrences")
ROWS_OF = {"insert": "NEW", "update": "NEW", "delete": "OLD"}


def upgrade() -> None:
    op.create_table(
        "calendar_changes",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_calendar_changes_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_changes")),
    )
    op.create_index("ix_calendar_changes_calendar_id", "calendar_changes", ["calendar_id"])
    op.execute(NOTE_CHANGES)
    for table in TABLES:
        for verb, rows in ROWS_OF.items():
            op.execute(TRIGGER.format(table=table, verb=verb, rows=rows))


def downgrade() -> None:
    for table in TABLES:
        for verb in ROWS_OF:
            op.execute(f"DROP TRIGGER {table}_note_{verb} ON {table}")
    op.execute("DROP FUNCTION note_calendar_changes()")
    op.drop_table("calendar_changes")
