"""The demo, which is the main job from end to end."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from calendar_manager.launch.supervisor import find_marked
from tests.launch.command_line import Command, get, post

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PORTS = ("--port", "0", "--flower-port", "0", "--sandbox-port", "0")


def test_the_tour_shows_the_main_job_and_ends(
    start_command: Callable[..., Command], home: Path
) -> None:
    demo = start_command("demo", "--once", "--json", *PORTS)
    line = demo.read_line()

    assert demo.finish() == 0
    assert set(line) == {"api", "flower", "sandbox", "users"}
    shown = demo.errors.read_text()
    for text_shown in (
        "Google: freelancer@example.com allowed access",
        "Microsoft: mara.lind@harbour.example allowed access",
        "Cal.com: mara@lind.example allowed access",
        "4 calendars, none left out",
        "Nordlicht: daily stand-up",
        "Harbour: architecture board",
        "Out of office: travel",
        "2×: one meeting on two calendars",
        "Double bookings",
        "Tax adviser",
        "Free time",
        "closed by itself",
        "'Harbour: check-in' moves from",
        "A guest reschedules a booking",
        "All of it worked",
    ):
        assert text_shown in shown
    assert list(find_marked((home / "demo").resolve())) == []
    assert not (home / "demo").exists(), "nothing is left of a demo that worked"


def test_it_stays_up_on_external_servers_with_a_persons_own_calendar(
    start_command: Callable[..., Command],
    tmp_path: Path,
    home: Path,
    empty_database_url: str,
    clean_redis: str,
) -> None:
    calendar = tmp_path / "mine.ics"
    calendar.write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:u1\r\n"
        "DTSTAMP:20261101T080000Z\r\nDTSTART:20250106T080000Z\r\nDTEND:20250106T090000Z\r\n"
        "RRULE:FREQ=DAILY\r\nSUMMARY:My very own habit\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    environ = {"DATABASE_URL": empty_database_url, "REDIS_URL": clean_redis}
    environ["COLUMNS"] = "80"
    demo = start_command("demo", "--json", "--seed", str(calendar), *PORTS, environ=environ)
    line = demo.read_line()

    shown = demo.errors.read_text()
    assert "My very own habit" in shown
    assert "Helios Labs: urgent call" in shown
    (user,) = line["users"]
    # Standard error is no terminal here: nothing is cut off.
    for value in (line["api"], line["flower"], line["sandbox"], user["email"], user["password"]):
        assert f"  {value}\n" in shown
    assert post(f"{line['api']}/api/auth/login", user).status_code == 200
    assert get(line["flower"]).status_code == 401
    assert get(f"{line['sandbox']}/_control/health").status_code == 200
    assert not (home / "demo" / "postgres").exists()
    assert not (home / "demo" / "redis").exists()
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM occurrences")).scalar_one() > 0
    engine.dispose()
    with Redis.from_url(clean_redis) as redis:
        assert redis.dbsize() > 0

    assert demo.end() == 0
    assert "Stopping" in demo.errors.read_text()
