"""The benchmarks run to their end, and what they measure proves right; never how long it takes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine, text

from benchmarks import mixed
from benchmarks.crowd import CALENDARS, OCCURRENCES, list_sizes, make_crowd, person_of
from benchmarks.installation import Installation, start_installation
from benchmarks.large import measure_large, show_size, write_sizes
from calendar_manager.bootstrap import system_clock

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

SHAPE = """
SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with start_installation(tmp_path, postgres=FORGETFUL) as found:
        yield found
    structlog.reset_defaults()


def shape_of(engine: Engine) -> list[str]:
    """Return every constraint, index and trigger."""
    with engine.connect() as connection:
        return sorted(connection.scalars(text(SHAPE)))


def count(engine: Engine, statement: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalars(text(statement)).one())


@pytest.mark.parametrize("part", ["computing", "syncing", "answering"])
def test_a_quick_run_ends_well_and_shows_its_rows(part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ours (median)" in done.stdout
    rows = {"computing": "occurrences", "syncing": "first sync", "answering": "availability over"}
    assert rows[part] in done.stdout


def test_a_crowd_is_complete_and_leaves_the_tables_as_they_were(
    installation: Installation,
) -> None:
    engine = installation.services.store.engine
    before, told = shape_of(engine), list[str]()
    make_crowd(engine, 3, now=system_clock(), tell=told.append)
    assert shape_of(engine) == before
    assert count(engine, "SELECT count(*) FROM occurrences") == 3 * OCCURRENCES
    # The triggers noted one change for each calendar, as for any other writer.
    assert count(engine, "SELECT count(*) FROM calendar_changes") == 3 * CALENDARS
    assert count(engine, "SELECT count(DISTINCT calendar_id) FROM occurrences") == 3 * CALENDARS
    with installation.services.store.begin() as uow:
        assert len(uow.lookups.load_calendars(person_of(2, engine))) == CALENDARS
    assert "6,000 occurrences written" in told
    assert any(one.table == "occurrences" and one.index for one in list_sizes(engine))


def test_a_large_installation_is_measured_beside_a_small_one(installation: Installation) -> None:
    rows = list(measure_large(installation.services, users=4, runs=1))
    assert [row.floor is not None for row in rows] == [False] + [True] * 6
    assert "8,000 occurrences" in rows[0].what
    assert any("| occurrences |" in line for line in write_sizes(installation.services))
    assert [show_size(2**20), show_size(3 * 2**30)] == ["1.0 MB", "3.0 GB"]


def test_answers_stay_right_while_workers_sync(installation: Installation) -> None:
    (row,) = mixed.measure(installation, mixed.QUICK)
    assert row.floor is not None
    assert "no errors" in row.remark
