"""Alembic's environment: the database comes from the settings, the schema from the tables."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from calendar_manager.store.tables import Base


def database_url() -> str:
    """Return the address of the database: the one handed over, or the environment's."""
    given = context.config.get_alembic_option("sqlalchemy.url")
    return given or os.environ["DATABASE_URL"]


def run(connection: Connection) -> None:
    """Run the migrations on an open connection, all of them in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=False,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    with engine.connect() as opened:
        run(opened)
