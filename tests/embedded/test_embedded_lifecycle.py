"""What happens to servers and data when the process that started them ends, however it ends."""

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.embedded.server_holder import ACCOUNTS, Holders, is_alive, read_mark, write_mark

pytestmark = pytest.mark.e2e

as_each_account = pytest.mark.parametrize("holders", ACCOUNTS, indirect=True)


@pytest.mark.parametrize(
    ("holders", "number"),
    [(account, signal.SIGTERM) for account in ACCOUNTS] + [("current", signal.SIGINT)],
    indirect=["holders"],
)
def test_servers_stop_with_their_parent_and_keep_their_data(
    holders: Holders, number: signal.Signals
) -> None:
    first = holders.start()
    write_mark(first.postgres_url, first.redis_url)

    first.end(number)

    assert not any(map(is_alive, first.server_pids))
    second = holders.start()
    assert read_mark(second.postgres_url, second.redis_url) == ("kept", b"kept")


@as_each_account
def test_a_killed_parent_leaves_servers_that_the_next_start_replaces(holders: Holders) -> None:
    killed = holders.start()
    write_mark(killed.postgres_url, killed.redis_url)
    killed.end(signal.SIGKILL)
    assert all(map(is_alive, killed.server_pids)), "nothing was left to find"

    following = holders.start()

    assert not any(map(is_alive, killed.server_pids))
    assert read_mark(following.postgres_url, following.redis_url) == ("kept", b"kept")


@as_each_account
def test_killed_servers_recover_what_was_committed(holders: Holders) -> None:
    crashed = holders.start()
    write_mark(crashed.postgres_url, crashed.redis_url)
    for pid in crashed.server_pids:
        psutil.Process(pid).kill()
    crashed.end(signal.SIGKILL)

    following = holders.start()

    assert read_mark(following.postgres_url, following.redis_url) == ("kept", b"kept")


def test_of_two_starts_at_the_same_time_exactly_one_wins(holders: Holders) -> None:
    contenders = [holders.launch() for _ in range(2)]

    lines = [process.stdout.readline() for process in contenders if process.stdout is not None]

    reports = [line for line in lines if line]
    assert len(reports) == 1
    assert all(is_alive(pid) for _, pid in json.loads(reports[0]).values())


def test_an_innocent_process_with_a_reused_number_is_left_alone(
    holders: Holders, tmp_path: Path
) -> None:
    holder = holders.start()
    holder.end(signal.SIGTERM)
    cluster = (holders.home / "postgres").resolve()
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as bystander:
        try:
            (cluster / "data" / "postmaster.pid").write_text(f"{bystander.pid}\n")
            holders.start()
            assert is_alive(bystander.pid)
        finally:
            bystander.kill()
