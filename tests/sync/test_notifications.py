"""What is genuine becomes one sync, what is not costs one look-up."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text

from calendar_manager.domain.accounts import ProviderKind, Tokens
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.providers.base import Gate, always_open
from calendar_manager.providers.registry import Registry
from calendar_manager.sync.channels import claim_due_channels, tend_channel
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.notification_shapes import (
    MalformedNotificationError,
    UnsignedNotificationError,
    read_caldotcom,
    read_google,
    read_graph,
    read_validation_token,
)
from calendar_manager.sync.notifications import Message, News, Received, knows, receive
from tests.sync.desk import EMAIL, NOW, Clock, Desk, timed
from tests.sync.switchboard import Account, Factory, Switchboard, switch

pytestmark = pytest.mark.store


@pytest.fixture
def board() -> Switchboard:
    return Switchboard()


@pytest.fixture
def watched(desk: Desk, board: Switchboard) -> Desk:
    """A calendar that was read once and has a channel."""
    desk.sync()
    real = desk.context
    desk.context = switch(desk.context, lambda: Account(board))
    tend_channel(desk.context, desk.calendar_id)
    desk.context = real
    write(desk, "DELETE FROM sync_jobs")
    return desk


def write(desk: Desk, statement: str, **parameters: Any) -> None:
    with desk.context.store.begin() as uow:
        uow.session.execute(text(statement), parameters)


def say(board: Switchboard, news: News = News.CHANGED, **changes: Any) -> Message:
    """Return a genuine message on the only channel, but for what is changed about it."""
    (request,) = board.live.values()
    values: dict[str, Any] = {
        "channel_id": request.channel_id,
        "news": news,
        "proves": knows(request.token),
        "provider_channel_id": str(request.channel_id),
        "resource_id": "watched",
        **changes,
    }
    return Message(**values)


def take_in(
    desk: Desk, *messages: Message, provider: ProviderKind = ProviderKind.GOOGLE
) -> Received:
    return receive(
        desk.context.store, desk.context.redis, provider, messages, now=desk.context.clock()
    )


def channel(desk: Desk) -> dict[str, Any]:
    (row,) = desk.rows("SELECT * FROM channels")
    return row


def jobs(desk: Desk) -> list[tuple[str, str]]:
    rows = desk.rows("SELECT trigger, status FROM sync_jobs ORDER BY queued_at, status")
    return [(row["trigger"], row["status"]) for row in rows]


def test_a_change_queues_one_sync(watched: Desk, board: Switchboard, clock: Clock) -> None:
    write(watched, "UPDATE channels SET doubted_at = now()")
    clock.now += timedelta(minutes=1)
    received = take_in(watched, say(board, number=2))
    assert received.genuine == 1
    assert len(received.jobs) == 1
    assert jobs(watched) == [("notification", "queued")]
    row = channel(watched)
    assert (row["last_message_at"], row["doubted_at"]) == (clock.now, None)


def test_a_greeting_only_proves_the_channel_alive(watched: Desk, board: Switchboard) -> None:
    assert take_in(watched, say(board, News.GREETING, number=1)) == Received(1, 1)
    assert jobs(watched) == []
    assert channel(watched)["last_message_at"] == NOW


@pytest.mark.parametrize(
    "changes",
    [
        {"proves": knows("wrong")},
        {"proves": knows("")},
        {"proves": knows("ünïcödé \ud800")},
        {"provider_channel_id": "another"},
        {"resource_id": "another"},
        {"channel_id": uuid4()},
    ],
)
def test_a_forged_message_costs_one_query_and_changes_nothing(
    watched: Desk, board: Switchboard, statements: list[str], changes: dict[str, Any]
) -> None:
    message = say(board, **changes)
    before = channel(watched)
    statements.clear()
    assert take_in(watched, message).genuine == 0
    assert len(statements) == 1
    assert (channel(watched), jobs(watched)) == (before, [])


def test_a_message_in_another_providers_name_is_forged(watched: Desk, board: Switchboard) -> None:
    assert take_in(watched, say(board), provider=ProviderKind.MICROSOFT).genuine == 0


def test_a_channel_whose_token_cannot_be_read_any_more_believes_nobody(
    watched: Desk, board: Switchboard
) -> None:
    write(watched, "UPDATE channels SET token = 'sealed with a key that is gone'")
    assert take_in(watched, say(board)).genuine == 0


def test_a_replay_is_ignored(watched: Desk, board: Switchboard) -> None:
    take_in(watched, say(board, number=7))
    write(watched, "DELETE FROM sync_jobs")
    for number in (7, 6, 1):
        assert take_in(watched, say(board, number=number)) == Received(1, 1)
    assert jobs(watched) == []
    assert len(take_in(watched, say(board, number=8)).jobs) == 1


def test_a_storm_sends_one_message(watched: Desk, board: Switchboard, clock: Clock) -> None:
    sent = 0
    for number in range(50):
        sent += len(take_in(watched, say(board, number=number)).jobs)
        clock.now += timedelta(milliseconds=500)
    assert sent == 1
    assert jobs(watched) == [("notification", "queued")]


def test_a_storm_does_not_hide_that_the_message_got_lost(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    sent = []
    for number in range(100):
        if take_in(watched, say(board, number=number)).jobs:
            sent.append(clock.now - NOW)
        clock.now += timedelta(seconds=1)
    assert sent == [timedelta(seconds=seconds) for seconds in (0, 30, 60, 90)]


def test_a_sync_that_waits_for_its_turn_becomes_urgent(watched: Desk, board: Switchboard) -> None:
    routine = watched.request(SyncTrigger.BEAT)
    assert take_in(watched, say(board, number=1)).jobs == (routine.id,)
    assert take_in(watched, say(board, number=2)).jobs == ()
    assert jobs(watched) == [("notification", "queued")]


def test_what_a_notification_hurries_counts_as_asked_for_since_then(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    watched.request(SyncTrigger.BEAT)
    for number, minutes in enumerate((20, 25), start=1):
        clock.now = NOW + timedelta(minutes=minutes)
        take_in(watched, say(board, number=number))
    (row,) = watched.rows("SELECT queued_at FROM sync_jobs")
    assert row["queued_at"] == NOW + timedelta(minutes=20)


def test_a_sync_that_somebody_waits_for_is_not_sent_again(
    watched: Desk, board: Switchboard
) -> None:
    watched.request(SyncTrigger.MANUAL)
    assert take_in(watched, say(board, number=1)).jobs == ()
    assert jobs(watched) == [("manual", "queued")]


def test_a_sync_that_the_provider_put_off_stays_put_off(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    watched.request(SyncTrigger.BEAT)
    later = NOW + timedelta(minutes=20)
    write(watched, "UPDATE sync_jobs SET resend_at = :later", later=later)
    assert take_in(watched, say(board, number=1)).jobs == ()
    (row,) = watched.rows("SELECT resend_at FROM sync_jobs")
    assert row["resend_at"] == later
    clock.now = later
    assert len(take_in(watched, say(board, number=2)).jobs) == 1


def test_what_comes_in_during_a_run_leads_to_exactly_one_more(
    watched: Desk, board: Switchboard
) -> None:
    first = watched.request()
    watched.control.create_events(EMAIL, [timed("Late", "04 10:00", "04 11:00")])
    received: list[Received] = []

    class Intruded(Factory):
        def open(self, tokens: Tokens, *, gate: Gate = always_open) -> Any:
            if not received:
                received.extend(take_in(watched, say(board, number=n)) for n in range(20))
            return self.real.open(tokens, gate=gate)

    intruded: Any = Intruded(watched.context.registry.get(ProviderKind.GOOGLE), lambda: None)
    registry = Registry({ProviderKind.GOOGLE: intruded})
    watched.context = replace(watched.context, registry=registry)
    follow_up = run_job(watched.context, first.id)
    assert follow_up is not None
    assert sorted(jobs(watched)) == [("manual", "succeeded"), ("notification", "queued")]
    assert sum(len(one.jobs) for one in received) == 1
    assert run_job(watched.context, follow_up.job_id) is None
    assert [status for _, status in jobs(watched)] == ["succeeded", "succeeded"]


def test_known_but_given_up_is_neither_refused_nor_obeyed(
    watched: Desk, board: Switchboard
) -> None:
    write(watched, "UPDATE channels SET stopped_at = now()")
    assert take_in(watched, say(board, number=1)) == Received(1, 1)
    assert jobs(watched) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE calendars SET sync_enabled = false",
        "UPDATE calendars SET deleted_at = now()",
        "UPDATE connections SET status = 'needs_reauth'",
    ],
)
def test_what_is_not_read_is_not_queued(watched: Desk, board: Switchboard, change: str) -> None:
    write(watched, change)
    assert take_in(watched, say(board, number=1)) == Received(1, 1)
    assert jobs(watched) == []


def test_the_first_message_may_come_before_the_opening_returns(
    desk: Desk, board: Switchboard
) -> None:
    desk.context = switch(desk.context, lambda: Account(board))
    received: list[Received] = []
    board.on_open = lambda: received.append(take_in(desk, say(board, News.GREETING, number=1)))
    tend_channel(desk.context, desk.calendar_id)
    assert received == [Received(1, 1)]
    row = channel(desk)
    assert row["last_message_number"] == 1
    assert row["opened_at"] is not None


def test_a_removed_channel_is_replaced_soon_and_the_calendar_read(
    watched: Desk, board: Switchboard
) -> None:
    assert len(take_in(watched, say(board, News.REMOVED)).jobs) == 1
    assert channel(watched)["stopped_at"] is not None
    watched.context = switch(watched.context, lambda: Account(board))
    assert watched.calendar_id in claim_due_channels(watched.context)


def test_a_channel_that_must_be_reauthorized_is_extended_soon(
    watched: Desk, board: Switchboard, clock: Clock
) -> None:
    board.extends = True
    clock.now += timedelta(days=1)
    message = say(board, News.REAUTHORIZE)
    assert take_in(watched, message) == Received(1, 1)
    watched.context = switch(watched.context, lambda: Account(board))
    assert watched.calendar_id in claim_due_channels(watched.context)
    tend_channel(watched.context, watched.calendar_id)
    assert board.verbs == ["open", "extend"]
    assert channel(watched)["expires_at"] == clock.now + timedelta(days=7)


def test_one_request_may_speak_of_many_channels(watched: Desk, board: Switchboard) -> None:
    many = [say(board), say(board), say(board, proves=knows("forged"))]
    received = take_in(watched, *many)
    assert (received.known, received.genuine, len(received.jobs)) == (3, 2, 1)


def test_a_message_without_a_number_is_known_by_its_fingerprint(
    watched: Desk, board: Switchboard
) -> None:
    assert len(take_in(watched, say(board, fingerprint="f")).jobs) == 1
    write(watched, "DELETE FROM sync_jobs")
    assert take_in(watched, say(board, fingerprint="f")) == Received(1, 1)
    assert take_in(watched, say(board, fingerprint="f", proves=knows("x"))) == Received(1)
    assert len(take_in(watched, say(board, fingerprint="g")).jobs) == 1


def test_without_redis_a_repeat_is_one_sync_too_many(watched: Desk, board: Switchboard) -> None:
    nowhere = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    for _ in range(2):
        received = receive(
            watched.context.store,
            nowhere,
            ProviderKind.GOOGLE,
            [say(board, fingerprint="f")],
            now=NOW,
        )
        assert len(received.jobs) == 1
        write(watched, "DELETE FROM sync_jobs")


GOOGLE = {
    "X-Goog-Channel-ID": "6d9a2c1e-7c3f-4a53-9a0e-0d9f5e2b7a11",
    "X-Goog-Channel-Token": "secret",
    "X-Goog-Resource-ID": "ret08u3rv24htgh289g",
    "X-Goog-Resource-State": "exists",
    "X-Goog-Message-Number": "10",
}


def test_google_speaks_in_headers() -> None:
    message = read_google(GOOGLE)
    assert message is not None
    assert message.channel_id == UUID(GOOGLE["X-Goog-Channel-ID"])
    assert (message.number, message.resource_id) == (10, "ret08u3rv24htgh289g")
    assert (message.proves("secret"), message.proves("Secret")) == (True, False)


@pytest.mark.parametrize(
    ("state", "news"),
    [("sync", News.GREETING), ("exists", News.CHANGED), ("not_exists", News.CHANGED)],
)
def test_google_says_why(state: str, news: News) -> None:
    message = read_google({**GOOGLE, "X-Goog-Resource-State": state})
    assert message is not None
    assert message.news is news


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Goog-Channel-ID", ""),
        ("X-Goog-Resource-State", "\x00"),
        ("X-Goog-Resource-ID", "x" * 1025),
        ("X-Goog-Message-Number", "-1"),
        ("X-Goog-Message-Number", "9" * 19),
        ("X-Goog-Message-Number", "\u0661"),
    ],
)
def test_googles_headers_are_named_when_they_cannot_be_read(name: str, value: str) -> None:
    with pytest.raises(MalformedNotificationError) as caught:
        read_google({**GOOGLE, name: value})
    assert caught.value.field == name


@pytest.mark.parametrize("name", ["not-ours", "6D9A2C1E-7C3F-4A53-9A0E-0D9F5E2B7A11", "x" * 36])
def test_a_channel_that_cannot_be_ours_needs_no_look_up(name: str) -> None:
    assert read_google({**GOOGLE, "X-Goog-Channel-ID": name}) is None


def graph(**changes: Any) -> bytes:
    item = {"subscriptionId": "sub", "clientState": f"{'a' * 32}.rest", "changeType": "updated"}
    return json.dumps({"value": [{**item, **changes}]}).encode()


@pytest.mark.parametrize(
    ("event", "news"),
    [
        (None, News.CHANGED),
        ("missed", News.CHANGED),
        ("subscriptionRemoved", News.REMOVED),
        ("reauthorizationRequired", News.REAUTHORIZE),
        ("somethingNew", News.CHANGED),
    ],
)
def test_microsoft_says_why(event: str | None, news: News) -> None:
    (message,) = read_graph(graph(lifecycleEvent=event))
    assert message is not None
    assert (message.news, message.provider_channel_id) == (news, "sub")
    assert message.channel_id == UUID("a" * 32)
    assert message.proves(f"{'a' * 32}.rest")
    assert not message.proves(f"{'a' * 32}.best")


@pytest.mark.parametrize("state", [None, 7, "", "short.x", "z" * 32 + ".x", "\ud800" * 32])
def test_a_client_state_that_cannot_be_ours_needs_no_look_up(state: Any) -> None:
    assert read_graph(graph(clientState=state)) == [None]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"\xff\xfe\x00", "body"),
        (b"[" * 200_000, "body"),
        (b"[]", "value"),
        (b'{"value": {}}', "value"),
        (b'{"value": [3]}', "value.0"),
        (graph(subscriptionId="a\x00b"), "value.0.subscriptionId"),
        (graph(subscriptionId=None), "value.0.subscriptionId"),
        (graph(lifecycleEvent={}), "value.0.lifecycleEvent"),
    ],
)
def test_microsofts_bodies_are_told_what_is_wrong_with_them(body: bytes, field: str) -> None:
    with pytest.raises(MalformedNotificationError) as caught:
        read_graph(body)
    assert caught.value.field == field


@pytest.mark.parametrize("token", ["", "a\nb", "x" * 2049, "caf\u00e9", "\x00"])
def test_no_nonsense_is_repeated(token: str) -> None:
    with pytest.raises(MalformedNotificationError):
        read_validation_token(token)


def test_caldotcom_signs_the_raw_body() -> None:
    body = b'{"triggerEvent": "BOOKING_CREATED",   "payload": {"uid": "u"}}'
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    message = read_caldotcom(body, signature, str(UUID(int=5)))
    assert message is not None
    assert (message.channel_id, message.news) == (UUID(int=5), News.CHANGED)
    assert message.proves("secret")
    assert not message.proves("other")
    assert message.fingerprint == hashlib.sha256(body).hexdigest()


def test_caldotcom_must_sign() -> None:
    with pytest.raises(UnsignedNotificationError):
        read_caldotcom(b"{}", None, str(UUID(int=5)))


@pytest.mark.parametrize(
    ("body", "field"), [(b"[]", "body"), (b"{", "body"), (b"{}", "triggerEvent")]
)
def test_caldotcoms_bodies_are_told_what_is_wrong_with_them(body: bytes, field: str) -> None:
    with pytest.raises(MalformedNotificationError) as caught:
        read_caldotcom(body, "f" * 64, str(UUID(int=5)))
    assert caught.value.field == field
