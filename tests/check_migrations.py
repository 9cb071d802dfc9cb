"""Runs every migration up, compares the result with the tables, and runs them down again."""

import tempfile
from pathlib import Path

from alembic import command

from calendar_manager.embedded import start_postgres
from calendar_manager.store.migrations import make_alembic_config


def check(url: str) -> None:
    config = make_alembic_config()
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
    command.check(config)
    command.downgrade(config, "base")
    command.upgrade(config, "head")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        server = start_postgres(Path(home))
        try:
            check(server.url)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
