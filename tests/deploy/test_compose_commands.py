"""Every command of the Compose file starts as it is written, and ends when it is asked to."""

import signal
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
import requests
from dotenv import dotenv_values
from redis import Redis
from sqlalchemy import make_url

from calendar_manager.api.routes.health import find_newest_revision
from calendar_manager.job_queue import make_celery
from calendar_manager.launch.external import to_libpq
from calendar_manager.launch.ports import choose_port
from tests.deploy.compose_file import last_instruction, our_services, read_command
from tests.deploy.container import Container, read_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

Run = Callable[..., Container]


def status(url: str, login: tuple[str, str] | None = None) -> int:
    """The status of an answer; 0 while there is none."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, auth=login, timeout=10).status_code
        except requests.ConnectionError:
            return 0


def contents(place: Path) -> set[Path]:
    # No deeper, since what the image has is the checkout itself here.
    return set((place / "app").iterdir())


def test_secrets_are_made_once_and_for_their_users_alone(run: Run, place: Path) -> None:
    def kept() -> dict[str, str]:
        files = [one for one in place.glob("*/*") if one.is_file() and "app" not in one.parts]
        return {one.name: one.read_text() for one in files}

    made = kept()

    assert set(made) == {"secrets.env", "password", "pgpass", "grafana", "flower", "flower-user"}
    assert run("secrets").finish() == 0
    assert kept() == made
    for name in ("secrets/secrets.env", "database/password", "database/pgpass"):
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o600
    assert made["flower"] == dotenv_values(place / "secrets/secrets.env")["FLOWER_PASSWORD"]
    assert made["pgpass"] == f"*:*:*:*:{made['password']}\n"


def test_prometheus_gets_the_login_that_was_chosen(run: Run, place: Path) -> None:
    login = {"FLOWER_USER": "me", "FLOWER_PASSWORD": "of my own"}

    assert run("secrets", environ=login).finish() == 0

    assert (place / "monitoring/flower-user").read_text() == "me"
    assert (place / "monitoring/flower").read_text() == "of my own"


def test_what_is_set_wins_over_what_was_made(run: Run, place: Path) -> None:
    chosen = "chosen by the operator, and long enough"
    command = ["python", "-c", "import os; print(os.environ['JWT_SECRET'])"]
    made = dotenv_values(place / "secrets/secrets.env")["JWT_SECRET"]

    for given, expected in (("", made), (chosen, chosen)):
        container = run("api", command=command, environ={"JWT_SECRET": given})
        assert container.finish() == 0
        assert container.log.strip() == expected


def test_the_password_file_opens_the_database(place: Path, run: Run) -> None:
    url = make_url(our_services()["api"]["environment"]["DATABASE_URL"])
    passfile = str(url.query["passfile"])

    # What libpq makes of it, short of a server that asks for the password.
    dsn = psycopg2.extensions.parse_dsn(to_libpq(str(url)))
    assert dsn["passfile"] == passfile
    assert (place / passfile.removeprefix("/")).is_file()


def test_the_schema_is_brought_up_to_date(run: Run, empty_database_url: str) -> None:
    container = run("migrate", environ={"DATABASE_URL": empty_database_url})

    assert container.finish() == 0, container.log
    with psycopg2.connect(to_libpq(empty_database_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT version_num FROM alembic_version")
        assert cursor.fetchone() == (find_newest_revision(),)
    connection.close()


def test_the_api_serves_and_its_healthcheck_says_so(run: Run, place: Path) -> None:
    port = choose_port("127.0.0.1", 0, "--port")
    ports = {"--port=8000": f"--port={port}", ":8000/": f":{port}/"}
    check = read_command(last_instruction("HEALTHCHECK"))
    before = contents(place)

    assert run("check", command=check, changes=ports).finish() != 0
    api = run("api", changes=ports)
    api.wait_until(lambda: status(f"http://127.0.0.1:{port}/health/ready") == 200)
    assert run("check", command=check, changes=ports).finish() == 0
    processes = int(read_environment("api")["WEB_CONCURRENCY"])
    assert processes > 1
    # uvicorn ends once each of its processes has answered what it was asked.
    assert api.stop() == 0
    assert api.log.count("Application shutdown complete.") == processes
    # Containers cannot write where their program is.
    assert contents(place) == before


def test_the_image_itself_starts_the_api_in_one_process(run: Run) -> None:
    port = choose_port("127.0.0.1", 0, "--port")
    command = read_command(last_instruction("CMD"))

    # An empty variable is as good as none.
    alone = {"WEB_CONCURRENCY": ""}
    api = run("api", command=command, changes={"8000": str(port)}, environ=alone)

    api.wait_until(lambda: status(f"http://127.0.0.1:{port}/health/live") == 200)
    # uvicorn ends by the signal that it got, but only after it has answered what was asked.
    assert api.stop() == -signal.SIGTERM
    assert "Application shutdown complete." in api.log


def test_a_number_of_processes_that_is_none_is_refused(run: Run) -> None:
    container = run("api", environ={"WEB_CONCURRENCY": "two"})

    assert container.finish() == 1
    assert container.log.startswith("WEB_CONCURRENCY: ")
    assert "Traceback" not in container.log


@pytest.mark.parametrize(
    ("name", "node", "queues"),
    [
        ("worker-urgent", "urgent", {"sync.urgent"}),
        ("worker", "routine", {"sync", "maintenance"}),
    ],
)
def test_a_worker_takes_work_of_its_queues(
    run: Run, place: Path, environ: dict[str, str], name: str, node: str, queues: set[str]
) -> None:
    before = contents(place)
    celery = make_celery(environ["REDIS_URL"])
    worker = run(name)
    served: dict[str, set[str]] = {}

    def serves() -> bool:
        answers = celery.control.inspect(timeout=1).active_queues() or {}
        served.update({one: {queue["name"] for queue in its} for one, its in answers.items()})
        return bool(served)

    worker.wait_until(serves)

    assert [one.partition("@")[0] for one in served] == [node]
    assert list(served.values()) == [queues]
    assert worker.stop() == 0, worker.log
    assert contents(place) == before


def test_beat_takes_its_lock_and_gives_it_back(
    run: Run, place: Path, environ: dict[str, str]
) -> None:
    before = contents(place)
    with Redis.from_url(environ["REDIS_URL"]) as redis:

        def is_beating() -> bool:
            return bool(redis.exists("calendar-manager:beat::lock"))

        beat = run("beat")
        beat.wait_until(is_beating)
        assert beat.stop() == 0, beat.log
        assert not is_beating()
    assert contents(place) == before


def test_flower_asks_for_the_login_that_was_made(run: Run, place: Path) -> None:
    port = choose_port("127.0.0.1", 0, "--port")
    url = f"http://127.0.0.1:{port}"
    before = contents(place)
    flower = run("flower", changes={"--port=5555": f"--port={port}"})
    login = ("admin", (place / "monitoring/flower").read_text())

    flower.wait_until(lambda: status(url) == 401)

    assert status(url, ("admin", "wrong")) == 401
    assert status(url, login) == 200
    # What Prometheus reads.
    assert status(f"{url}/metrics", login) == 200
    assert contents(place) == before


def test_nothing_starts_without_secrets(run: Run, place: Path) -> None:
    (place / "secrets/secrets.env").unlink()

    container = run("beat")

    assert container.finish() != 0
    assert "JWT_SECRET: It is missing." in container.log
