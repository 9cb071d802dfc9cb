import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from calendar_manager.embedded import Running, erase_home, start_postgres, start_redis
from tests.embedded.server_holder import Holders


@contextmanager
def make_place() -> Iterator[Path]:
    """A short, private folder; pytest's own ones are too long for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="cm-"))
    yield folder
    for home in folder.iterdir():
        if home.is_dir():
            erase_home(home)
    shutil.rmtree(folder)


@pytest.fixture
def place() -> Iterator[Path]:
    with make_place() as folder:
        yield folder


@pytest.fixture(scope="session")
def running_home() -> Iterator[Path]:
    with make_place() as place:
        yield place / "home"


@pytest.fixture(scope="session")
def running(running_home: Path) -> Iterator[tuple[Running, Running]]:
    """PostgreSQL and Redis for tests that only look at them; our environment has a secret."""
    with ExitStack() as servers:
        # Only while they start: the servers outlive this, and other tests have the same process.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JWT_SECRET", "not for them")
            postgres = servers.enter_context(start_postgres(running_home))
            redis = servers.enter_context(start_redis(running_home))
        yield postgres, redis


@pytest.fixture
def home(place: Path) -> Path:
    return place / "home"


@pytest.fixture
def holders(home: Path, request: pytest.FixtureRequest) -> Iterator[Holders]:
    holders = Holders(home, getattr(request, "param", "current"))
    yield holders
    holders.end_all()
