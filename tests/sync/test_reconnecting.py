"""An account whose consent was lost: what it costs the others, and how it comes back."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from structlog.testing import capture_logs

from calendar_manager.accounts.connecting import Connecting
from calendar_manager.domain.accounts import ConnectionStatus, ProviderKind
from calendar_manager.domain.sync_jobs import SyncCounts, SyncKind, SyncStatus, SyncTrigger
from calendar_manager.sandbox.control_client import approve_consent
from calendar_manager.sync.dispatch import claim_due_refreshes, dispatch_syncs
from tests.sync.desk import EMAIL, Desk, connect, timed

pytestmark = pytest.mark.store

OTHER = "studio@example.test"
EVENTS = r"/calendars/[^/]+/events$"


@pytest.fixture
def other(desk: Desk) -> Desk:
    """A second account of another person's, which keeps its consent."""
    desk.control.add_account(OTHER)
    return Desk(desk.context, desk.clock, desk.control, connect(desk.context, OTHER))


class Outbox:
    """Keeps what would be sent to the workers."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def sync_calendar(self, job_id: Any, *, urgent: bool, **_: Any) -> None:
        assert urgent
        self.sent.append(job_id)

    def examine_conflicts(self, user_id: Any) -> None:
        """Nobody looks for conflicts here."""

    def tend_channel(self, calendar_id: Any) -> None:
        """Do nothing."""


def reconnect(desk: Desk) -> Outbox:
    """Let the person connect again, as the application does it."""
    outbox = Outbox()
    connecting: Any = Connecting(
        store=desk.context.store,
        registry=desk.context.registry,
        jobs=outbox,
        clock=desk.context.clock,
    )
    uri = "http://127.0.0.1:8000/api/auth/callback/google"
    consent = connecting.begin(desk.user_id, ProviderKind.GOOGLE, redirect_uri=uri, wants_json=True)
    connecting.finish(
        ProviderKind.GOOGLE,
        parameters=walk(consent.url),
        browser_secret=consent.browser_secret,
        signed_in=desk.user_id,
    )
    return outbox


def walk(url: str) -> dict[str, str]:
    with requests.Session() as session:
        return dict(parse_qsl(urlsplit(approve_consent(session, url, EMAIL)).query))


def status(desk: Desk) -> ConnectionStatus:
    with desk.context.store.begin() as uow:
        connection = uow.connections.find(desk.user_id, desk.connection.id)
    assert connection is not None
    return connection.status


def test_one_lost_consent_does_not_stop_the_others(desk: Desk, other: Desk) -> None:
    desk.sync()
    other.sync()
    desk.control.revoke_grants(EMAIL)
    with capture_logs() as logs:
        assert desk.sync().status is SyncStatus.FAILED
    assert status(desk) is ConnectionStatus.NEEDS_REAUTH
    (line,) = [line for line in logs if line["event"] == "consent_lost"]
    assert line["provider"] == "google"
    assert line["code"] == "revoked"
    assert line["connection_id"] == str(desk.connection.id)
    assert EMAIL not in str(line)
    desk.control.create_events(OTHER, [timed("Call", "03 09:00", "03 10:00")])
    assert other.sync().counts == SyncCounts(created=1)
    assert status(other) is ConnectionStatus.ACTIVE


def test_beat_leaves_a_lost_account_alone_and_serves_the_others(desk: Desk, other: Desk) -> None:
    desk.sync()
    other.sync()
    desk.control.revoke_grants(EMAIL)
    desk.sync()
    desk.clock.now += desk.context.options.poll_interval * 8
    sent: list[Any] = []
    dispatch_syncs(desk.context, lambda jobs: sent.extend(job_id for job_id, _ in jobs))
    mine = {row["id"] for row in desk.rows("SELECT id FROM sync_jobs WHERE status = 'queued'")}
    assert set(sent) == mine
    owners = {
        row["user_id"] for row in desk.rows("SELECT user_id FROM sync_jobs WHERE status = 'queued'")
    }
    assert owners == {other.user_id}
    assert claim_due_refreshes(desk.context) == [other.connection.id]


def test_after_reconnecting_the_account_goes_on_from_its_old_cursor(desk: Desk) -> None:
    desk.control.create_events(EMAIL, [timed("Before", "03 09:00", "03 10:00")])
    desk.sync()
    before = desk.rows('SELECT cursor FROM calendars WHERE "primary"')
    desk.control.revoke_grants(EMAIL)
    desk.sync()
    assert desk.rows('SELECT cursor FROM calendars WHERE "primary"') == before
    desk.control.create_events(EMAIL, [timed("Meanwhile", "04 09:00", "04 10:00")])
    outbox = reconnect(desk)
    (row,) = desk.rows("SELECT status, reason, reason_code, refresh_failures FROM connections")
    assert row == {
        "status": "active",
        "reason": None,
        "reason_code": None,
        "refresh_failures": 0,
    }
    desk.control.clear_requests()
    jobs = [desk.job(job_id) for job_id in outbox.sent]
    (job,) = [job for job in jobs if job.calendar_id == desk.calendar_id]
    desk.run(job)
    done = desk.job(job.id)
    assert (done.kind, done.counts) == (SyncKind.INCREMENTAL, SyncCounts(created=1))
    (request,) = desk.control.requests(EVENTS)
    assert "syncToken=" in request.query
    assert [title for title, _, _ in desk.spans()] == ["Before", "Meanwhile"]


def test_a_job_that_waited_for_the_consent_is_sent_after_reconnecting(desk: Desk) -> None:
    desk.sync()
    desk.control.revoke_grants(EMAIL)
    desk.sync()
    waiting = desk.request(SyncTrigger.BEAT)
    sent: list[Any] = []
    desk.clock.now += desk.context.options.poll_interval
    dispatch_syncs(desk.context, lambda jobs: sent.extend(job_id for job_id, _ in jobs))
    assert sent == [], "nobody reads an account without consent"
    outbox = reconnect(desk)
    assert waiting.id in outbox.sent
    desk.run(waiting)
    done = desk.job(waiting.id)
    assert (done.kind, done.status) == (SyncKind.INCREMENTAL, SyncStatus.SUCCEEDED)
