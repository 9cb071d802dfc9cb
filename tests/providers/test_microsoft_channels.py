"""Channels of Microsoft: what is asked of Graph, what it may refuse, and a sandbox that calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from calendar_manager.domain.accounts import Tokens
from calendar_manager.providers.base import (
    ChannelHandle,
    ChannelProvider,
    ChannelRequest,
    OpenedChannel,
)
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    ChannelsUnavailableError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings
from calendar_manager.providers.microsoft.channels import LIFE, SHORTER_LIFE
from calendar_manager.sandbox.control_client import GraphControl
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.google_stub import Answer
from tests.providers.graph_scenes import CALENDAR, TOKENS, refusal
from tests.providers.graph_spec import load_spec
from tests.providers.graph_stub import NO_CONTENT, GraphStub, run_graph_stub
from tests.sandbox.graph_listener import Listener, listen

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"
TOKEN = "0123456789abcdef.a-channel_secret"
REQUEST = ChannelRequest(
    channel_id=UUID(int=1), token=TOKEN, address="https://cm.test/webhooks/microsoft", now=NOW
)
HANDLE = ChannelHandle(provider_calendar_id=CALENDAR, provider_channel_id=ID, resource_id=None)
TOO_LONG = "Subscription expiration can only be 4230 minutes in the future."


@pytest.fixture
def stub() -> Iterator[GraphStub]:
    with run_graph_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: GraphStub) -> Iterator[ChannelProvider]:
    settings = MicrosoftSettings(client_id="id", client_secret="secret", graph_url=stub.graph_url)
    provider = Microsoft(settings).open(TOKENS)
    yield provider
    provider.close()


def subscription(expires: str = "2026-03-08T11:00:00Z", status: int = 200) -> Answer:
    """A subscription as Graph's documentation shows one."""
    body = {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity",
        "id": ID,
        "resource": f"/me/calendars/{CALENDAR}/events",
        "applicationId": "24d3b144-21ae-4080-943f-7067b395b913",
        "changeType": "created,updated,deleted",
        "clientState": TOKEN,
        "notificationUrl": "https://cm.test/webhooks/microsoft",
        "expirationDateTime": expires,
        "creatorId": "8ee44408-0679-472c-bc2a-692812af3437",
        "latestSupportedTlsVersion": "v1_2",
    }
    return Answer(body, status)


def too_long() -> Answer:
    return Answer({"error": {"code": "ExtensionError", "message": TOO_LONG}}, 400)


class TestOpening:
    def test_graph_is_asked_for_the_longest_life(
        self, stub: GraphStub, provider: ChannelProvider
    ) -> None:
        stub.script.append(subscription("2026-03-05T18:23:45.9356913Z", 201))
        opened = provider.open_channel(CALENDAR, REQUEST)
        ends_at = datetime(2026, 3, 5, 18, 23, 45, 935691, tzinfo=UTC)
        assert opened == OpenedChannel(provider_channel_id=ID, resource_id=None, expires_at=ends_at)
        (request,) = stub.requests
        assert (request.method, stub.paths) == ("POST", ["subscriptions"])
        assert request.json == {
            "changeType": "created,updated,deleted",
            "resource": "/me/calendars/AAMk%2FCal==/events",
            "notificationUrl": "https://cm.test/webhooks/microsoft",
            "lifecycleNotificationUrl": "https://cm.test/webhooks/microsoft/lifecycle",
            "clientState": TOKEN,
            "expirationDateTime": "2026-03-08T11:50:00Z",
        }

    def test_every_property_is_one_that_graph_lets_us_set(
        self, stub: GraphStub, provider: ChannelProvider
    ) -> None:
        stub.script.append(subscription(status=201))
        provider.open_channel(CALENDAR, REQUEST)
        schema = load_spec()["components"]["schemas"]["microsoft.graph.subscription"]
        (properties,) = [part["properties"] for part in schema["allOf"] if "properties" in part]
        for name in stub.requests[0].json:
            assert "Read-only" not in properties[name]["description"]

    def test_shorter_life_is_asked_for_where_the_longest_is_refused(
        self, stub: GraphStub, provider: ChannelProvider
    ) -> None:
        stub.script += [too_long(), subscription("2026-03-04T10:20:00Z", 201)]
        opened = provider.open_channel(CALENDAR, REQUEST)
        assert opened.expires_at == NOW + SHORTER_LIFE
        first, second = (request.json for request in stub.requests)
        assert second == {**first, "expirationDateTime": "2026-03-04T10:20:00Z"}

    def test_life_that_is_never_short_enough_is_an_error(
        self, stub: GraphStub, provider: ChannelProvider
    ) -> None:
        stub.script += [too_long(), too_long()]
        with pytest.raises(ProviderError, match="shorter life"):
            provider.open_channel(CALENDAR, REQUEST)

    @pytest.mark.parametrize(
        ("status", "code", "words"),
        [
            (400, "ValidationError", "PUBLIC_URL"),
            (403, "ErrorAccessDenied", "somebody else"),
            (404, "ErrorItemNotFound", "somebody else"),
            (400, "InvalidRequest", "InvalidRequest"),
        ],
    )
    def test_refusal_says_why_in_words_for_a_person(
        self, stub: GraphStub, provider: ChannelProvider, status: int, code: str, words: str
    ) -> None:
        stub.script.append(refusal(status, code))
        with pytest.raises(ChannelsUnavailableError, match=words) as caught:
            provider.open_channel(CALENDAR, REQUEST)
        assert (caught.value.reason, caught.value.request_id) == (code, "1137f277")

    def test_pause_is_passed_on(self, stub: GraphStub, provider: ChannelProvider) -> None:
        stub.script.append(refusal(429, "TooManyRequests", **{"Retry-After": "90"}))
        with pytest.raises(RetryLaterError) as caught:
            provider.open_channel(CALENDAR, REQUEST)
        assert caught.value.retry_after == timedelta(seconds=90)

    @pytest.mark.parametrize(
        "trouble", [Answer(b"oops", 503), Answer(b"{", 201, cut=0), Answer(b"{}", 201)]
    )
    def test_subscription_is_never_asked_for_twice_at_once(
        self, stub: GraphStub, provider: ChannelProvider, trouble: Answer
    ) -> None:
        stub.script.append(trouble)
        with pytest.raises(RetryLaterError):
            provider.open_channel(CALENDAR, REQUEST)
        assert len(stub.requests) == 1

    def test_rejected_access_token_is_reported(
        self, stub: GraphStub, provider: ChannelProvider
    ) -> None:
        stub.script.append(refusal(401, "InvalidAuthenticationToken"))
        with pytest.raises(AccessTokenRejectedError):
            provider.open_channel(CALENDAR, REQUEST)

    def test_secrets_stay_out_of_the_log(
        self, stub: GraphStub, provider: ChannelProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = {"error": {"code": "InvalidRequest", "message": f"no {TOKEN} of secret"}}
        stub.script.append(Answer(body, 400))
        with caplog.at_level("DEBUG"), pytest.raises(ChannelsUnavailableError) as caught:
            provider.open_channel(CALENDAR, REQUEST)
        said = f"{caplog.text} {caught.value} {REQUEST}"
        assert TOKEN not in said
        assert "secret" not in said


class TestExtending:
    def test_end_moves_ahead(self, stub: GraphStub, provider: ChannelProvider) -> None:
        stub.script.append(subscription())
        extended = provider.extend_channel(HANDLE, now=NOW)
        assert extended is not None
        assert extended.provider_channel_id == ID
        assert extended.expires_at == datetime(2026, 3, 8, 11, tzinfo=UTC)
        (request,) = stub.requests
        assert (request.method, stub.paths) == ("PATCH", [f"subscriptions/{ID}"])
        assert request.json == {"expirationDateTime": "2026-03-08T11:50:00Z"}

    def test_shorter_life_is_asked_for_where_the_longest_is_refused(
        self, stub: GraphStub, provider: ChannelProvider
    ) -> None:
        stub.script += [too_long(), subscription()]
        assert provider.extend_channel(HANDLE, now=NOW)
        assert stub.requests[1].json == {"expirationDateTime": "2026-03-04T10:20:00Z"}

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (404, "ResourceNotFound"),
            (410, "unknown"),
            (403, "ErrorAccessDenied"),
            (400, "ErrorInvalidParameter"),
        ],
    )
    def test_what_cannot_be_extended_is_to_be_opened_anew(
        self, stub: GraphStub, provider: ChannelProvider, status: int, code: str
    ) -> None:
        stub.script.append(refusal(status, code))
        assert provider.extend_channel(HANDLE, now=NOW) is None

    @pytest.mark.parametrize(
        ("status", "code"), [(400, "ValidationError"), (429, "TooManyRequests")]
    )
    def test_passing_trouble_does_not_cost_a_subscription(
        self, stub: GraphStub, provider: ChannelProvider, status: int, code: str
    ) -> None:
        stub.script.append(refusal(status, code))
        with pytest.raises(RetryLaterError):
            provider.extend_channel(HANDLE, now=NOW)

    def test_brief_trouble_is_tried_again_at_once(
        self, stub: GraphStub, provider: ChannelProvider
    ) -> None:
        stub.script += [Answer(b"oops", 502), subscription()]
        assert provider.extend_channel(HANDLE, now=NOW)


class TestClosing:
    @pytest.mark.parametrize(
        "answer",
        [Answer(b"", NO_CONTENT), refusal(404, "ResourceNotFound"), refusal(410, "unknown")],
    )
    def test_subscription_is_gone_afterwards(
        self, stub: GraphStub, provider: ChannelProvider, answer: Answer
    ) -> None:
        stub.script.append(answer)
        provider.close_channel(HANDLE)
        (request,) = stub.requests
        assert (request.method, stub.paths) == ("DELETE", [f"subscriptions/{ID}"])
        assert request.json is None

    def test_refusal_is_reported(self, stub: GraphStub, provider: ChannelProvider) -> None:
        stub.script.append(refusal(403, "ErrorAccessDenied"))
        with pytest.raises(ProviderError, match="403"):
            provider.close_channel(HANDLE)


ME = "ada@contoso.example"
LUNCH = {
    "subject": "Lunch",
    "start": {"dateTime": "2026-03-03T12:00:00", "timeZone": "UTC"},
    "end": {"dateTime": "2026-03-03T13:00:00", "timeZone": "UTC"},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as sandbox:
        yield sandbox


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listen() as listener:
        yield listener


class Stage:
    """An account at the sandbox, and an address of ours that it can call."""

    def __init__(self, sandbox: SandboxThread, listener: Listener) -> None:
        sandbox.control.reset()
        sandbox.control.set_clock(NOW)
        self.control = sandbox.control
        self.graph: GraphControl = sandbox.control.graph
        made = self.graph.add_account(ME)
        self.calendar = str(made["calendars"][0]["id"])
        self.listener = listener
        where = self.graph.microsoft_settings()
        settings = MicrosoftSettings(
            client_id=where["MICROSOFT_CLIENT_ID"],
            client_secret=where["MICROSOFT_CLIENT_SECRET"],
            graph_url=where["MICROSOFT_GRAPH_URL"],
        )
        access = self.graph.issue_tokens(ME).access_token
        self.provider = Microsoft(settings).open(
            Tokens(access_token=access, refresh_token=None, expires_at=None, scopes=frozenset())
        )

    def open(self, calendar: str | None = None, **fields: Any) -> ChannelHandle:
        address = f"{self.listener.url}/webhooks/microsoft"
        given: dict[str, Any] = {"channel_id": UUID(int=1), "token": TOKEN, "address": address}
        request = ChannelRequest(**{**given, "now": NOW, **fields})
        opened = self.provider.open_channel(calendar or self.calendar, request)
        self.opened = opened
        return ChannelHandle(
            provider_calendar_id=self.calendar,
            provider_channel_id=opened.provider_channel_id,
            resource_id=opened.resource_id,
        )

    def change(self) -> None:
        self.graph.create_events(ME, [LUNCH])
        self.graph.flush_graph_notifications()


@pytest.fixture
def stage(sandbox: SandboxThread, listener: Listener) -> Iterator[Stage]:
    stage = Stage(sandbox, listener)
    yield stage
    stage.provider.close()


class TestAtTheSandbox:
    def test_both_addresses_are_validated_and_changes_are_told_with_our_token(
        self, stage: Stage, listener: Listener
    ) -> None:
        channel = stage.open()
        assert listener.handshakes == ["/webhooks/microsoft", "/webhooks/microsoft/lifecycle"]
        assert stage.opened.expires_at == NOW + LIFE
        stage.change()
        (item,) = listener.items
        assert item["subscriptionId"] == channel.provider_channel_id
        assert item["clientState"] == TOKEN

    def test_notifications_name_events_as_our_copy_does(
        self, stage: Stage, listener: Listener
    ) -> None:
        stage.open()
        (made,) = stage.graph.create_events(ME, [LUNCH])
        stage.graph.flush_graph_notifications()
        assert listener.items[0]["resourceData"]["id"] == made["id"]

    def test_lifecycle_comes_to_the_address_below(self, stage: Stage, listener: Listener) -> None:
        channel = stage.open()
        stage.graph.send_lifecycle(channel.provider_channel_id, "reauthorizationRequired")
        stage.graph.flush_graph_notifications()
        (item,) = listener.items
        assert item["lifecycleEvent"] == "reauthorizationRequired"
        assert item["clientState"] == TOKEN
        assert stage.provider.extend_channel(channel, now=NOW)

    def test_life_goes_on_after_extending_and_ends_with_closing(
        self, stage: Stage, listener: Listener
    ) -> None:
        channel = stage.open()
        later = NOW + timedelta(minutes=30)
        stage.control.set_clock(later)
        extended = stage.provider.extend_channel(channel, now=later)
        assert extended is not None
        assert extended.expires_at == later + LIFE
        stage.provider.close_channel(channel)
        stage.provider.close_channel(channel)
        assert stage.provider.extend_channel(channel, now=later) is None
        stage.change()
        assert listener.items == []

    def test_removed_subscription_cannot_be_extended(self, stage: Stage) -> None:
        channel = stage.open()
        stage.graph.send_lifecycle(channel.provider_channel_id, "subscriptionRemoved")
        assert stage.provider.extend_channel(channel, now=NOW) is None

    def test_older_limit_of_three_days_is_borne(self, stage: Stage) -> None:
        stage.graph.change_graph_settings(subscription_max_minutes=4_230)
        channel = stage.open()
        assert stage.opened.expires_at == NOW + SHORTER_LIFE
        extended = stage.provider.extend_channel(channel, now=NOW)
        assert extended is not None
        assert extended.expires_at == NOW + SHORTER_LIFE

    @pytest.mark.parametrize("echo", ["OK", '"{token}"'])
    def test_address_that_answers_wrongly_opens_no_channel(
        self, stage: Stage, listener: Listener, echo: str
    ) -> None:
        listener.echo = echo
        with pytest.raises(ChannelsUnavailableError, match="PUBLIC_URL"):
            stage.open()
        assert stage.graph.subscriptions() == []

    def test_address_where_nobody_listens_opens_no_channel(self, stage: Stage) -> None:
        with pytest.raises(ChannelsUnavailableError, match="PUBLIC_URL"):
            stage.open(address="http://127.0.0.1:1/webhooks/microsoft")

    def test_calendar_of_somebody_else_has_no_channel(self, stage: Stage) -> None:
        stage.graph.add_account("bea@fabrikam.example")
        shared = stage.graph.add_calendar(
            ME, "Client", can_edit=False, owner="bea@fabrikam.example"
        )
        with pytest.raises(ChannelsUnavailableError, match="somebody else"):
            stage.open(str(shared["id"]))

    def test_throttled_graph_is_asked_again_later(self, stage: Stage) -> None:
        stage.control.add_fault("too_many_requests", path="/graph/v1.0/", retry_after=7)
        with pytest.raises(RetryLaterError) as caught:
            stage.open()
        assert caught.value.retry_after == timedelta(seconds=7)
