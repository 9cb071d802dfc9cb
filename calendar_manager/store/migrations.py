"""Bringing the database to the newest schema with Alembic's own commands."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import calendar_manager


def locate_migrations() -> Path:
    """Return the folder of the migrations.

    A wheel carries it inside the package; in a checkout it is the top-level folder beside it.

    Raises:
        FileNotFoundError: It is in neither place, so the installation is broken.
    """
    package = Path(calendar_manager.__file__).parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError("The migrations are missing. Install calendar-manager again.")


def make_alembic_config() -> Config:
    """Return Alembic's configuration, which needs no file beside the migrations."""
    config = Config()
    config.set_main_option("script_location", str(locate_migrations()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade_database(url: str) -> None:
    """Bring a database to the newest schema; does nothing when it is there already.

    Args:
        url: SQLAlchemy's address of the database.
    """
    config = make_alembic_config()
    # Alembic's options go through configparser, which reads % as its own sign.
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")
