"""Free time kept as a schedule at the sandbox's Cal.com."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import Engine

from calendar_manager.accounts.exporting import EVERY, LEASE, Exporting
from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services, sync_context
from calendar_manager.sandbox.control_client import CaldotcomControl, ControlClient
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.web.deps import build_accounts
from tests.api.callers import Person, expect_problem
from tests.api.conftest import (
    Clock,
    QuickPasswords,
    address_of,
    listen,
    make_settings,
    serve,
)

pytestmark = pytest.mark.store

ACCOUNT = "mara@example.com"
PATH = "/api/availability/export"
SCHEDULES = "/calcom/v2/schedules"
ANY = "/calcom/v2/"
Work = Callable[[], None]


@pytest.fixture
def control(sandbox: SandboxThread) -> ControlClient:
    sandbox.control.reset()
    sandbox.control.add_account(ACCOUNT, name="Mara Lind")
    sandbox.control.caldotcom.add_account(ACCOUNT, time_zone="Europe/Berlin")
    return sandbox.control


@pytest.fixture
def caldotcom(control: ControlClient) -> CaldotcomControl:
    return control.caldotcom


@pytest.fixture
def door() -> socket.socket:
    """Where the application listens, so that it can be told before it exists."""
    return listen()


@pytest.fixture
def services(
    clean_database: Engine,
    clean_redis: str,
    database_url: str,
    control: ControlClient,
    clock: Clock,
    door: socket.socket,
) -> Iterator[Services]:
    variables = {**control.caldotcom_settings(), "FRONTEND_URL": address_of(door)}
    settings = make_settings(database_url, clean_redis, control, **variables)
    services = build_services(settings, clock=clock)
    yield services
    services.store.engine.dispose()
    services.redis.close()


@pytest.fixture
def base_url(services: Services, door: socket.socket) -> Iterator[str]:
    app = create_app(services)
    app.state.accounts = build_accounts(services, passwords=QuickPasswords())
    with serve(app, door) as url:
        yield url


@pytest.fixture
def exporting(services: Services) -> Exporting:
    return Exporting(sync_context(services), maximum_age=timedelta(hours=1))


@pytest.fixture
def connection_id(mara: Person, caldotcom: CaldotcomControl, work: Work) -> str:
    """Mara's Cal.com account, connected and read."""
    key = caldotcom.create_api_key(ACCOUNT)
    answer = mara.post("/api/auth/connect/caldotcom", json={"api_key": key})
    assert answer.status_code == 200, answer.text
    work()
    return str(answer.json()["connection"]["id"])


def exported(mara: Person) -> dict[str, Any]:
    answer = mara.get(PATH)
    assert answer.status_code == 200, answer.text
    schedule: dict[str, Any] = answer.json()
    return schedule


def push(mara: Person, **body: Any) -> dict[str, Any]:
    answer = mara.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    outcome: dict[str, Any] = answer.json()
    return outcome


def find_ours(control: ControlClient) -> list[dict[str, Any]]:
    """Return the schedules at Cal.com that are not the default one."""
    return [one for one in fetch(control, "schedules") if not one["isDefault"]]


def find_absences(control: ControlClient) -> list[dict[str, Any]]:
    return fetch(control, "me/ooo")


def fetch(control: ControlClient, path: str) -> list[dict[str, Any]]:
    key = control.caldotcom.create_api_key(ACCOUNT)
    with requests.Session() as session:
        answer = session.get(
            control.caldotcom_settings()["CALCOM_API_URL"] + path,
            headers={"Authorization": f"Bearer {key}", "cal-api-version": "2024-06-11"},
            timeout=10,
        )
    assert answer.ok, answer.text
    return list(answer.json()["data"])


def rule(mara: Person, **changes: Any) -> None:
    rules = {
        "time_zone": "Europe/Berlin",
        "weekly": [
            {
                "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                "start": "08:00",
                "end": "20:00",
            }
        ],
        **changes,
    }
    answer = mara.post("/api/availability/rules", json=rules)
    assert answer.status_code == 200, answer.text


def in_days(clock: Clock, days: int, hour: int = 10) -> datetime:
    """Return an hour in Berlin."""
    today = clock().astimezone(ZoneInfo("Europe/Berlin"))
    later = today + timedelta(days=days)
    return later.replace(hour=hour, minute=0, second=0, microsecond=0)


class TestReading:
    def test_anybody_can_read_theirs(self, mara: Person) -> None:
        rule(mara)
        schedule = exported(mara)
        assert schedule["name"] == "Calendar Manager"
        assert schedule["availability"][0]["startTime"] == "08:00"
        assert schedule["overrides"] == []
        assert exported(mara) == schedule

    def test_meetings_are_taken_out(
        self, mara: Person, control: ControlClient, clock: Clock, work: Work
    ) -> None:
        rule(mara)
        start = in_days(clock, 3)
        create(control, start, "Call")
        mara.connected(ACCOUNT)
        work()
        assert exported(mara)["overrides"] == [
            {"date": str(start.date()), "startTime": "08:00", "endTime": "10:00"},
            {"date": str(start.date()), "startTime": "11:00", "endTime": "20:00"},
        ]


class TestPushing:
    def test_without_cal_com_there_is_nothing_to_push_to(self, mara: Person) -> None:
        expect_problem(mara.post(PATH), 409, "caldotcom_not_connected")
        expect_problem(mara.delete(PATH), 409, "caldotcom_not_connected")

    def test_first_push_makes_a_schedule_of_its_own(
        self, mara: Person, control: ControlClient, connection_id: str
    ) -> None:
        rule(mara)
        outcome = push(mara, connection_id=connection_id)
        assert (outcome["pushed"], outcome["reason"]) == (True, "made")
        (ours,) = find_ours(control)
        assert str(ours["id"]) == outcome["schedule_id"]
        schedule = exported(mara)
        assert {name: ours[name] for name in schedule} == schedule

    @pytest.mark.usefixtures("connection_id")
    def test_nothing_is_sent_when_nothing_changed(
        self, mara: Person, control: ControlClient, clock: Clock
    ) -> None:
        first = push(mara)
        control.clear_requests()
        clock.advance(timedelta(seconds=90))
        again = push(mara)
        assert (again["pushed"], again["reason"]) == (False, "unchanged")
        assert (again["schedule_id"], again["hash"]) == (first["schedule_id"], first["hash"])
        assert control.count_requests(ANY) == 0

    @pytest.mark.usefixtures("connection_id")
    def test_a_change_is_written_once(self, mara: Person, control: ControlClient) -> None:
        rule(mara)
        first = push(mara)
        rule(mara, time_zone="Asia/Tokyo")
        control.clear_requests()
        changed = push(mara)
        assert (changed["pushed"], changed["reason"]) == (True, "changed")
        assert changed["schedule_id"] == first["schedule_id"]
        assert control.count_requests(ANY, "PATCH") == control.count_requests(SCHEDULES) == 1
        assert find_ours(control)[0]["timeZone"] == "Asia/Tokyo"

    @pytest.mark.usefixtures("connection_id")
    def test_long_absences_are_told_and_taken_back_and_make_nobody_busy(
        self, mara: Person, control: ControlClient, clock: Clock, work: Work
    ) -> None:
        first = in_days(clock, 10)
        days = {"first": str(first.date()), "last": str(first.date() + timedelta(days=4))}
        rule(mara, days_off=[days])
        push(mara)
        (entry,) = find_absences(control)
        assert (entry["start"][:10], entry["end"][:10]) == (days["first"], days["last"])
        sync_all(mara, work)
        # Read back, it is a mirror of the rules, and no event of its own.
        assert mara.get("/api/events", params=days_around(first)).json()["items"] == []
        assert push(mara)["reason"] == "unchanged"
        rule(mara)
        assert push(mara)["reason"] == "changed"
        assert find_absences(control) == []

    def test_missing_scope_is_told_and_the_account_stays_connected(
        self, mara: Person, control: ControlClient, services: Services, connection_id: str
    ) -> None:
        tokens = control.caldotcom.issue_tokens(ACCOUNT, scopes=["BOOKING_READ", "SCHEDULE_READ"])
        use_token(services, connection_id, tokens.access_token)
        expect_problem(mara.post(PATH), 403, "scope_missing")
        (connection,) = mara.get("/api/connections").json()["items"]
        assert connection["status"] == "active"

    @pytest.mark.usefixtures("connection_id")
    def test_trouble_is_told_and_tried_again_by_itself(
        self, mara: Person, control: ControlClient, exporting: Exporting, clock: Clock
    ) -> None:
        control.add_fault("server_error")
        expect_problem(mara.post(PATH), 503, "provider_unavailable")
        control.clear_faults()
        assert exporting.claim_due() == []
        clock.advance(EVERY)
        (due,) = exporting.claim_due()
        exporting.catch_up(due)
        assert len(find_ours(control)) == 1

    def test_strangers_cannot_push_there(self, otto: Person, connection_id: str) -> None:
        expect_problem(
            otto.post(PATH, json={"connection_id": connection_id}), 404, "connection_not_found"
        )
        expect_problem(
            otto.get(PATH, params={"connection_id": connection_id}), 404, "connection_not_found"
        )

    @pytest.mark.usefixtures("connection_id")
    def test_only_own_calendars_can_be_left_out(self, mara: Person) -> None:
        wrong = {"left_out_calendar_ids": ["0192f0c1-8b20-7e31-9c44-0d6f0d1b2a22"]}
        expect_problem(mara.post(PATH, json=wrong), 404, "calendar_not_found")


class TestNoLoop:
    def test_a_booking_changes_nothing_wherever_it_appears(
        self, mara: Person, control: ControlClient, connection_id: str, clock: Clock, work: Work
    ) -> None:
        rule(mara)
        mara.connected(ACCOUNT)
        work()
        first = push(mara, connection_id=connection_id)
        start = in_days(clock, 4)
        (booking,) = control.caldotcom.book(ACCOUNT, start, title="Intro", length_minutes=60)
        create(control, start, "Intro", uid=str(booking["icsUid"]))
        sync_all(mara, work)
        assert len(mara.get("/api/events", params=days_around(start)).json()["items"]) == 2
        again = push(mara)
        assert (again["reason"], again["hash"]) == ("unchanged", first["hash"])

    def test_a_copy_that_was_moved_by_hand_blocks(
        self, mara: Person, control: ControlClient, connection_id: str, clock: Clock, work: Work
    ) -> None:
        rule(mara)
        start = in_days(clock, 4)
        (booking,) = control.caldotcom.book(ACCOUNT, start, title="Intro", length_minutes=60)
        moved = start + timedelta(hours=4)
        create(control, moved, "Intro", uid=str(booking["icsUid"]))
        mara.connected(ACCOUNT)
        sync_all(mara, work)
        push(mara, connection_id=connection_id)
        assert [row["endTime"] for row in find_ours(control)[0]["overrides"]] == ["14:00", "20:00"]

    def test_a_calendar_that_cal_com_reads_itself_can_be_left_out(
        self, mara: Person, control: ControlClient, connection_id: str, clock: Clock, work: Work
    ) -> None:
        rule(mara)
        create(control, in_days(clock, 4), "Call")
        mara.connected(ACCOUNT)
        work()
        assert exported(mara)["overrides"]
        calendars = mara.get("/api/calendars").json()["items"]
        left_out = [one["id"] for one in calendars if one["provider"] == "google"]
        push(mara, connection_id=connection_id, left_out_calendar_ids=left_out)
        assert find_ours(control)[0]["overrides"] == exported(mara)["overrides"] == []
        push(mara, left_out_calendar_ids=[])
        assert find_ours(control)[0]["overrides"] != []


class TestDispatch:
    def test_it_comes_after_a_change_and_every_quarter_of_an_hour(
        self,
        mara: Person,
        exporting: Exporting,
        control: ControlClient,
        connection_id: str,
        clock: Clock,
        work: Work,
    ) -> None:
        assert exporting.claim_due() == []
        push(mara)
        assert exporting.claim_due() == []
        rule(mara)
        assert exporting.claim_due() == [UUID(connection_id)]
        exporting.catch_up(UUID(connection_id))
        assert exporting.claim_due() == []
        create(control, in_days(clock, 4), "Call")
        mara.connected(ACCOUNT)
        work()
        assert exporting.claim_due() == [UUID(connection_id)]
        exporting.catch_up(UUID(connection_id))
        assert find_ours(control)[0]["overrides"] == exported(mara)["overrides"] != []
        assert exporting.claim_due() == []
        clock.advance(EVERY)
        assert exporting.claim_due() == [UUID(connection_id)]

    def test_switched_off_it_never_comes_and_the_schedule_stays(
        self, mara: Person, exporting: Exporting, control: ControlClient, connection_id: str
    ) -> None:
        push(mara)
        assert mara.delete(PATH).status_code == 204
        rule(mara)
        assert exporting.claim_due() == []
        control.clear_requests()
        exporting.catch_up(UUID(connection_id))
        assert control.count_requests(ANY) == 0
        assert len(find_ours(control)) == 1
        assert push(mara)["reason"] == "changed"

    def test_one_that_is_under_way_is_left_alone_until_its_worker_must_be_dead(
        self,
        mara: Person,
        exporting: Exporting,
        services: Services,
        connection_id: str,
        clock: Clock,
    ) -> None:
        push(mara)
        now = clock()
        with services.store.begin() as uow:
            assert uow.exports.lease(UUID(connection_id), now=now, until=now + LEASE)
        rule(mara)
        assert push(mara)["reason"] == "under_way"
        assert exporting.claim_due() == []
        clock.advance(LEASE + timedelta(seconds=1))
        assert exporting.claim_due() == [UUID(connection_id)]
        assert push(mara)["reason"] == "changed"
        with services.store.begin() as uow:
            late = uow.exports.lease(UUID(connection_id), now=clock(), until=clock() + LEASE)
            assert late is not None
            dead = replace(late, leased_until=now)
            uow.exports.note_failed(dead, error="late", next_at=now)
            assert uow.exports.lease(UUID(connection_id), now=clock(), until=now) is None


def create(control: ControlClient, start: datetime, title: str, uid: str | None = None) -> None:
    """Put an hour into the primary calendar at Google."""
    end = start + timedelta(hours=1)
    event: dict[str, Any] = {
        "summary": title,
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": end.isoformat()},
    }
    if uid is not None:
        event["iCalUID"] = uid
    control.create_events(ACCOUNT, [event])


def days_around(start: datetime) -> dict[str, str]:
    return {"start": str(start.date()), "end": str(start.date() + timedelta(days=1))}


def sync_all(mara: Person, work: Work) -> None:
    for calendar in mara.get("/api/calendars").json()["items"]:
        assert mara.post(f"/api/calendars/{calendar['id']}/sync").status_code == 202
    work()


def use_token(services: Services, connection_id: str, access_token: str) -> None:
    with services.store.begin() as uow:
        loaded = uow.connections.load_tokens(UUID(connection_id))
        assert loaded is not None
        connection, tokens = loaded
        fresh = replace(tokens, access_token=access_token)
        assert uow.connections.replace_tokens(connection.id, old=tokens, fresh=fresh)
