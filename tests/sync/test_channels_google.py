"""Channels at the sandbox's Google, from the opening to the disconnect."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import pytest

from calendar_manager.accounts.disconnecting import Disconnecting
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.sync.channels import tend_channel
from calendar_manager.sync.notification_shapes import read_google
from calendar_manager.sync.notifications import Received, receive
from tests.sync.desk import EMAIL, Clock, Desk, timed

pytestmark = pytest.mark.store


class NoJobs:
    """Sends nothing."""

    def sync_calendar(self, job_id: UUID, *, urgent: bool) -> None:
        """Do nothing."""

    def examine_conflicts(self, user_id: UUID) -> None:
        """Do nothing."""

    def tend_channel(self, calendar_id: UUID) -> None:
        """Do nothing."""


@pytest.fixture
def received(desk: Desk) -> Iterator[list[Received]]:
    """What came in at a small server that stands where the application would."""
    took: list[Received] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = read_google(dict(self.headers.items()))
            store, redis = desk.context.store, desk.context.redis
            assert message is not None
            now = desk.context.clock()
            took.append(receive(store, redis, ProviderKind.GOOGLE, [message], now=now))
            self.send_response(204 if took[-1].genuine else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/webhooks/"
    options = replace(desk.context.options, webhook_url=address)
    desk.context = replace(desk.context, options=options)
    yield took
    server.shutdown()
    thread.join(5)
    server.server_close()


def wait_for(desk: Desk, done: Callable[[], bool]) -> None:
    for _ in range(100):
        if done():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not happen within five seconds")


def live(desk: Desk) -> list[UUID]:
    rows = desk.rows("SELECT id FROM channels WHERE stopped_at IS NULL AND opened_at IS NOT NULL")
    return [row["id"] for row in rows]


def test_google_tells_of_a_change_on_one_channel_after_the_other(
    desk: Desk, clock: Clock, received: list[Received]
) -> None:
    desk.sync()
    tend_channel(desk.context, desk.calendar_id)
    wait_for(desk, lambda: len(received) == 1)
    assert received[0].genuine == 1
    (first,) = live(desk)
    clock.now += timedelta(days=6)
    desk.control.set_clock(clock.now)
    tend_channel(desk.context, desk.calendar_id)
    (second,) = live(desk)
    assert second != first
    wait_for(desk, lambda: len(received) == 2)
    desk.control.create_events(EMAIL, [timed("News", "09 10:00", "09 11:00")])
    wait_for(desk, lambda: len(received) == 3)
    assert received[-1].genuine == 1
    assert desk.sync().counts.created == 1


def test_disconnecting_closes_the_channels_before_the_grant_is_given_back(
    desk: Desk, received: list[Received]
) -> None:
    desk.sync()
    tend_channel(desk.context, desk.calendar_id)
    wait_for(desk, lambda: len(received) == 1)
    Disconnecting(
        store=desk.context.store,
        registry=desk.context.registry,
        jobs=NoJobs(),
        clock=desk.context.clock,
    ).disconnect(desk.user_id, ProviderKind.GOOGLE)
    assert desk.rows("SELECT id FROM channels") == []
    desk.control.create_events(EMAIL, [timed("Unheard", "09 10:00", "09 11:00")])
    threading.Event().wait(0.5)
    assert len(received) == 1


def test_a_poll_that_finds_what_nobody_told_doubts_the_channel(
    desk: Desk, clock: Clock, received: list[Received]
) -> None:
    tend_channel(desk.context, desk.calendar_id)
    wait_for(desk, lambda: len(received) == 1)
    clock.now += timedelta(minutes=1)
    desk.sync()
    doubted = "SELECT 1 FROM channels WHERE doubted_at IS NOT NULL"
    desk.control.change_settings(notifications="lost")
    desk.control.create_events(EMAIL, [timed("Told", "09 10:00", "09 11:00")])
    clock.now += timedelta(minutes=1)
    desk.run(desk.request(SyncTrigger.MANUAL))
    assert desk.rows(doubted) == []
    desk.control.create_events(EMAIL, [timed("Kept back", "10 10:00", "10 11:00")])
    clock.now += timedelta(minutes=1)
    desk.run(desk.request(SyncTrigger.BEAT))
    assert len(desk.rows(doubted)) == 1
    (calendar,) = desk.rows('SELECT next_sync_at FROM calendars WHERE "primary"')
    assert calendar["next_sync_at"] <= clock.now + timedelta(minutes=6)
    desk.control.change_settings(notifications="normal")
    desk.control.create_events(EMAIL, [timed("Heard", "11 10:00", "11 11:00")])
    wait_for(desk, lambda: len(received) == 2)
    assert desk.rows(doubted) == []
    desk.run(desk.request(SyncTrigger.NOTIFICATION))
    (calendar,) = desk.rows('SELECT next_sync_at FROM calendars WHERE "primary"')
    assert calendar["next_sync_at"] >= clock.now + timedelta(minutes=30)
