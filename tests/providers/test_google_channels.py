"""Google's channels: what is asked for, what is promised, and what is refused."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import (
    CalendarProvider,
    ChannelHandle,
    ChannelProvider,
    ChannelRequest,
    OpenedChannel,
)
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    ChannelsUnavailableError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.google import Google, GoogleSettings
from calendar_manager.providers.google.channels import (
    ASSUMED_LIFE,
    LONGEST_LIFE,
    read_channel,
    write_request,
    write_stop,
)
from calendar_manager.providers.google.wire import GoogleChannel
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.google_stub import API_PATH, Answer, Request, Stub, check_body, run_stub

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALENDAR = "user/1@example.test"
WATCH_PATH = f"{API_PATH}calendars/user%2F1%40example.test/events/watch"
CHANNEL_ID = UUID("01234567-89ab-4def-8123-456789abcdef")
ASKED = ChannelRequest(
    channel_id=CHANNEL_ID,
    token=f"{CHANNEL_ID.hex}.{'t' * 43}",
    address="https://calendar.example.test/webhooks/google",
    now=NOW,
)
HANDLE = ChannelHandle(
    provider_calendar_id=CALENDAR,
    provider_channel_id=str(CHANNEL_ID),
    resource_id="o3hgv1538sdjfh",
)
# The example of Google's guide to push notifications, with times of our own; the guide shows the
# expiration as a number, the discovery document says text.
PROMISED: dict[str, Any] = {
    "kind": "api#channel",
    "id": str(CHANNEL_ID),
    "resourceId": "o3hgv1538sdjfh",
    "resourceUri": "https://www.googleapis.com/calendar/v3/calendars/my_calendar@gmail.com/events",
    "token": ASKED.token,
    "expiration": str(int((NOW + LONGEST_LIFE).timestamp()) * 1000),
}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[ChannelProvider]:
    settings = GoogleSettings(client_id="id", client_secret="secret", api_url=stub.api_url)
    yield from opened(Google(settings), "secret")


def opened(factory: Google, access_token: str) -> Iterator[ChannelProvider]:
    provider: CalendarProvider = factory.open(
        Tokens(access_token=access_token, refresh_token=None, expires_at=None, scopes=frozenset())
    )
    assert isinstance(provider, ChannelProvider)
    yield provider
    provider.close()


def refusal(status: int, reason: str, message: str = "Words", domain: str = "global") -> Answer:
    entry = {"domain": domain, "reason": reason, "message": message}
    return Answer({"error": {"code": status, "message": message, "errors": [entry]}}, status)


def test_channel_is_asked_for_with_our_id_and_token_and_the_longest_life(
    stub: Stub, provider: ChannelProvider
) -> None:
    stub.script.append(Answer(PROMISED))
    channel = provider.open_channel(CALENDAR, ASKED)
    (request,) = stub.requests
    assert (request.method, request.path) == ("POST", WATCH_PATH)
    assert request.parameters == {"alt": "json"}
    assert json.loads(request.body) == {
        "id": str(CHANNEL_ID),
        "type": "web_hook",
        "address": ASKED.address,
        "token": ASKED.token,
        "params": {"ttl": "604800"},
    }
    assert channel == OpenedChannel(
        provider_channel_id=str(CHANNEL_ID),
        resource_id="o3hgv1538sdjfh",
        expires_at=NOW + LONGEST_LIFE,
    )


def test_bodies_keep_to_the_discovery_document() -> None:
    for body in (write_request(ASKED), write_stop(HANDLE, "resource"), PROMISED):
        assert check_body(body, "Channel") == []
    assert len(check_body({"surprise": 1, "expiration": 5}, "Channel")) == 2


def promise(expiration: object) -> GoogleChannel:
    answer: Any = {**PROMISED, "expiration": expiration}
    return answer  # type: ignore[no-any-return]  # As wrong as Google may be.


@pytest.mark.parametrize("form", [str, int])
def test_end_is_the_one_that_google_tells(form: type[str | int]) -> None:
    end = NOW + timedelta(days=2, milliseconds=7)
    milliseconds = round(end.timestamp() * 1000)
    assert read_channel(promise(form(milliseconds)), ASKED).expires_at == end


@pytest.mark.parametrize(
    "expiration",
    [None, "", "soon", True, 1.5, [], {}, "1426325213000", 0, -1, "9" * 30, "9" * 5000, 10**40],
)
def test_end_that_cannot_be_read_is_taken_for_near(expiration: object) -> None:
    assert read_channel(promise(expiration), ASKED).expires_at == NOW + ASSUMED_LIFE
    assert ASSUMED_LIFE < LONGEST_LIFE


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_end_always_lies_ahead(expiration: object) -> None:
    expires_at = read_channel(promise(expiration), ASKED).expires_at
    assert expires_at is not None
    assert expires_at > NOW


@pytest.mark.parametrize("resource_id", [None, "", " ", 7])
def test_channel_without_its_resource_is_of_no_use(
    resource_id: object, stub: Stub, provider: ChannelProvider
) -> None:
    stub.script.append(Answer({**PROMISED, "resourceId": resource_id}))
    with pytest.raises(RetryLaterError) as caught:
        provider.open_channel(CALENDAR, ASKED)
    assert caught.value.reason == "noResourceId"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            refusal(
                400,
                "pushNotSupportedForRequestedResource",
                "Push notifications are not supported by this resource.",
                "calendar",
            ),
            ChannelsUnavailableError,
        ),
        (
            refusal(
                401,
                "push.webhookUrlUnauthorized",
                f"Unauthorized WebHook callback channel: {ASKED.address}",
            ),
            ChannelsUnavailableError,
        ),
        (refusal(400, "push.webhookUrlUnauthorized"), ChannelsUnavailableError),
        (
            refusal(
                400,
                "push.webhookUrlNotHttps",
                f"WebHook callback must be HTTPS: {ASKED.address}",
            ),
            ChannelsUnavailableError,
        ),
        (refusal(400, "push.somethingNew"), ChannelsUnavailableError),
        (refusal(403, "forbidden"), ChannelsUnavailableError),
        (refusal(403, "requiredAccessLevel", domain="calendar"), ChannelsUnavailableError),
        (refusal(400, "channelIdNotUnique"), RetryLaterError),
        (refusal(403, "rateLimitExceeded", domain="usageLimits"), RetryLaterError),
        (refusal(403, "quotaExceeded", domain="usageLimits"), RetryLaterError),
        (refusal(401, "authError"), AccessTokenRejectedError),
        (refusal(403, "insufficientPermissions"), ConsentLostError),
        (refusal(404, "notFound"), CalendarGoneError),
        (refusal(400, "invalid"), ProviderError),
        (refusal(403, "notACalendarUser", domain="calendar"), ProviderError),
    ],
)
def test_refused_channel_is_classified_by_its_reason(
    answer: Answer, expected: type[ProviderError], stub: Stub, provider: ChannelProvider
) -> None:
    stub.script.append(answer)
    with pytest.raises(ProviderError) as caught:
        provider.open_channel(CALENDAR, ASKED)
    assert type(caught.value) is expected
    assert caught.value.reason == json.loads(answer.payload)["error"]["errors"][0]["reason"]
    assert ASKED.token not in str(caught.value)


def test_lost_answer_is_asked_for_again_and_the_taken_id_reported(
    stub: Stub, provider: ChannelProvider
) -> None:
    stub.script.extend([Answer(PROMISED, cut=10, reset=True), refusal(400, "channelIdNotUnique")])
    with pytest.raises(RetryLaterError) as caught:
        provider.open_channel(CALENDAR, ASKED)
    assert caught.value.reason == "channelIdNotUnique"


def test_channel_is_stopped_by_both_its_ids(stub: Stub, provider: ChannelProvider) -> None:
    stub.script.append(Answer(b"", 204))
    provider.close_channel(HANDLE)
    (request,) = stub.requests
    assert (request.method, request.path) == ("POST", f"{API_PATH}channels/stop")
    assert json.loads(request.body) == {"id": str(CHANNEL_ID), "resourceId": "o3hgv1538sdjfh"}


@pytest.mark.parametrize("status", [404, 410])
def test_stopping_what_is_gone_is_a_success(
    status: int, stub: Stub, provider: ChannelProvider
) -> None:
    stub.script.append(
        refusal(status, "notFound", "Channel 'x' not found for project '636397034666'")
    )
    provider.close_channel(HANDLE)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(401, "authError"), AccessTokenRejectedError),
        (refusal(400, "invalid"), ProviderError),
        (refusal(403, "userRateLimitExceeded"), RetryLaterError),
    ],
)
def test_channel_that_cannot_be_stopped_is_told(
    answer: Answer, expected: type[ProviderError], stub: Stub, provider: ChannelProvider
) -> None:
    stub.script.append(answer)
    with pytest.raises(ProviderError) as caught:
        provider.close_channel(HANDLE)
    assert type(caught.value) is expected


def test_channel_that_was_never_confirmed_asks_nothing_of_google(
    stub: Stub, provider: ChannelProvider
) -> None:
    provider.close_channel(
        ChannelHandle(
            provider_calendar_id=CALENDAR, provider_channel_id=str(CHANNEL_ID), resource_id=None
        )
    )
    assert stub.requests == []


def test_channel_cannot_be_extended(stub: Stub, provider: ChannelProvider) -> None:
    assert provider.extend_channel(HANDLE, now=NOW) is None
    assert stub.requests == []


class TestSandbox:
    """The same against the sandbox, with somebody listening."""

    ACCOUNT = "freelancer@example.test"

    @pytest.fixture(scope="class")
    @staticmethod
    def server() -> Iterator[SandboxThread]:
        with SandboxThread() as server:
            yield server

    @pytest.fixture
    @staticmethod
    def control(server: SandboxThread) -> ControlClient:
        server.control.reset()
        server.control.set_clock(NOW)
        server.control.add_account(TestSandbox.ACCOUNT)
        return server.control

    @pytest.fixture
    @staticmethod
    def watcher(control: ControlClient) -> Iterator[ChannelProvider]:
        settings = GoogleSettings(
            client_id="id",
            client_secret="secret",
            api_url=control.google_settings()["GOOGLE_API_URL"],
        )
        token = control.issue_tokens(TestSandbox.ACCOUNT).access_token
        yield from opened(Google(settings), token)

    def open(self, watcher: ChannelProvider, listener: Stub, **changes: Any) -> ChannelHandle:
        address = f"{listener.url}/webhooks/google"
        request = replace(ASKED, **{"address": address, **changes})
        channel = watcher.open_channel(self.ACCOUNT, request)
        assert channel.expires_at is not None
        assert timedelta(0) <= channel.expires_at - NOW - LONGEST_LIFE < timedelta(minutes=1)
        return ChannelHandle(
            provider_calendar_id=self.ACCOUNT,
            provider_channel_id=channel.provider_channel_id,
            resource_id=channel.resource_id,
        )

    def change(self, control: ControlClient) -> None:
        day = {"start": {"date": "2026-11-23"}, "end": {"date": "2026-11-24"}}
        control.create_events(self.ACCOUNT, [day])
        control.flush_notifications()

    def test_life_of_a_channel(
        self, control: ControlClient, watcher: ChannelProvider, stub: Stub
    ) -> None:
        stub.script.extend([Answer(b"", 204)] * 2)
        handle = self.open(watcher, stub)
        self.change(control)
        watcher.close_channel(handle)
        # A third message would find no answer and fail the test.
        self.change(control)
        watcher.close_channel(handle)
        assert [state(message) for message in stub.requests] == ["sync", "exists"]
        for message in stub.requests:
            assert message.path == "/webhooks/google"
            assert message.body == b""
            assert message.headers["x-goog-channel-id"] == str(CHANNEL_ID)
            assert message.headers["x-goog-channel-token"] == ASKED.token
            assert message.headers["x-goog-resource-id"] == handle.resource_id

    def test_next_channel_is_open_before_the_first_is_closed(
        self, control: ControlClient, watcher: ChannelProvider, stub: Stub
    ) -> None:
        stub.script.extend([Answer(b"", 204)] * 5)
        first = self.open(watcher, stub)
        second = self.open(watcher, stub, channel_id=UUID(int=2), token="second")
        assert second.resource_id == first.resource_id
        self.change(control)
        watcher.close_channel(first)
        self.change(control)
        told = [
            message.headers["x-goog-channel-id"]
            for message in stub.requests
            if state(message) == "exists"
        ]
        assert sorted(told) == sorted([str(UUID(int=2)), str(CHANNEL_ID), str(UUID(int=2))])

    def test_refusals_are_understood(
        self, control: ControlClient, watcher: ChannelProvider, stub: Stub
    ) -> None:
        with pytest.raises(ChannelsUnavailableError):
            self.open(watcher, stub, address="http://calendar.example.test/webhooks/google")
        holidays = "en.german#holiday@group.v.calendar.google.com"
        control.add_calendar(self.ACCOUNT, "Holidays", calendar_id=holidays)
        with pytest.raises(ChannelsUnavailableError):
            watcher.open_channel(holidays, ASKED)
        stub.script.append(Answer(b"", 204))
        self.open(watcher, stub)
        with pytest.raises(RetryLaterError):
            self.open(watcher, stub)
        with pytest.raises(CalendarGoneError):
            watcher.open_channel("nobody@example.test", ASKED)
        control.flush_notifications()
        control.expire_access_tokens(self.ACCOUNT)
        with pytest.raises(AccessTokenRejectedError):
            self.open(watcher, stub, channel_id=UUID(int=2))


def state(message: Request) -> str:
    return message.headers["x-goog-resource-state"]
