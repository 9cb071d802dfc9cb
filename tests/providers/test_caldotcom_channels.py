"""Cal.com calling us: webhooks made, checked, deleted, and found again after a broken line."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from calendar_manager.providers.base import (
    ChannelHandle,
    ChannelProvider,
    ChannelRequest,
    OpenedChannel,
)
from calendar_manager.providers.caldotcom.channels import BASIC_TRIGGERS, TRIGGERS
from calendar_manager.providers.caldotcom.provider import CalDotComProvider
from calendar_manager.providers.errors import (
    AccessTokenRejectedError,
    CalendarGoneError,
    ChannelsUnavailableError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.registry import is_signed_by_caldotcom
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from tests.providers.caldotcom_sandbox import HOST, NOW, add_account, open_account

pytestmark = pytest.mark.unit

CHANNEL_ID = UUID("01234567-89ab-4def-8123-456789abcdef")
ADDRESS = "http://127.0.0.1:9/webhooks/caldotcom"
URL = f"{ADDRESS}?channel={CHANNEL_ID}"
WEBHOOKS = "/calcom/v2/webhooks"
ASKED = ChannelRequest(
    channel_id=CHANNEL_ID, token=f"{CHANNEL_ID.hex}.{'t' * 43}", address=ADDRESS, now=NOW
)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxThread]:
    with SandboxThread() as server:
        yield server


@pytest.fixture
def control(server: SandboxThread) -> ControlClient:
    add_account(server.control)
    return server.control


@pytest.fixture
def provider(control: ControlClient) -> Iterator[CalDotComProvider]:
    provider = open_account(control)
    yield provider
    provider.close()


def handle(opened: OpenedChannel) -> ChannelHandle:
    return ChannelHandle(
        provider_calendar_id="bookings",
        provider_channel_id=opened.provider_channel_id,
        resource_id=None,
    )


class TestOpening:
    def test_channel_is_a_webhook_without_an_end(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        assert isinstance(provider, ChannelProvider)
        opened = provider.open_channel("bookings", ASKED)
        (webhook,) = control.caldotcom.webhooks()
        assert opened == OpenedChannel(
            provider_channel_id=str(webhook["id"]), resource_id=None, expires_at=None
        )
        assert (webhook["subscriberUrl"], webhook["secret"]) == (URL, ASKED.token)
        assert (webhook["active"], tuple(webhook["triggers"])) == (True, TRIGGERS)

    def test_its_messages_prove_to_know_the_token(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        provider.open_channel("bookings", ASKED)
        control.caldotcom.book(HOST, NOW.replace(day=3), title="Café")
        control.flush_notifications()
        (sent,) = control.deliveries("caldotcom")
        assert sent.address == URL
        signature = sent.headers["X-Cal-Signature-256"]
        assert is_signed_by_caldotcom(sent.body.encode(), signature, ASKED.token)
        assert not is_signed_by_caldotcom(sent.body.encode(), signature, "another")

    def test_build_that_knows_fewer_triggers_tells_of_bookings(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        control.caldotcom.change_caldotcom_settings(out_of_office=False)
        provider.open_channel("bookings", ASKED)
        (webhook,) = control.caldotcom.webhooks()
        assert tuple(webhook["triggers"]) == BASIC_TRIGGERS

    def test_earlier_attempt_for_the_same_channel_is_taken_over(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        first = provider.open_channel("bookings", ASKED)
        other = ChannelRequest(channel_id=CHANNEL_ID, token="new", address=ADDRESS, now=NOW)
        assert provider.open_channel("bookings", other) == first
        (webhook,) = control.caldotcom.webhooks()
        assert webhook["secret"] == "new"

    def test_webhooks_of_other_channels_are_left_alone(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        control.change_settings(page_size=2)
        made = [
            provider.open_channel(
                "bookings",
                ChannelRequest(channel_id=UUID(int=number), token="t", address=ADDRESS, now=NOW),
            )
            for number in range(5)
        ]
        again = ChannelRequest(channel_id=UUID(int=4), token="t", address=ADDRESS, now=NOW)
        assert provider.open_channel("bookings", again) == made[4]
        assert len(control.caldotcom.webhooks()) == 5

    def test_webhook_whose_making_broke_the_line_is_found(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        control.add_fault("reset_mid_body", path=f"{WEBHOOKS}$", method="POST", times=1)
        opened = provider.open_channel("bookings", ASKED)
        (webhook,) = control.caldotcom.webhooks()
        assert opened.provider_channel_id == str(webhook["id"])
        assert control.count_requests(f"{WEBHOOKS}$", "POST") == 1

    def test_trouble_that_made_nothing_is_for_later(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        control.add_fault("server_error", path=f"{WEBHOOKS}$", method="POST")
        with pytest.raises(RetryLaterError):
            provider.open_channel("bookings", ASKED)
        assert control.caldotcom.webhooks() == []

    @pytest.mark.parametrize(
        ("status", "method"), [(403, "GET"), (403, "POST"), (404, "GET"), (400, "POST")]
    )
    def test_account_that_may_have_none_is_polled(
        self, control: ControlClient, provider: CalDotComProvider, status: int, method: str
    ) -> None:
        control.add_fault("status", status=status, path=WEBHOOKS, method=method)
        with pytest.raises(ChannelsUnavailableError):
            provider.open_channel("bookings", ASKED)

    def test_address_that_cal_com_cannot_reach_is_polled(self, provider: CalDotComProvider) -> None:
        asked = ChannelRequest(
            channel_id=CHANNEL_ID, token="t", address="http://app.example/x", now=NOW
        )
        with pytest.raises(ChannelsUnavailableError, match="subscriberUrl"):
            provider.open_channel("bookings", asked)

    def test_rejected_token_is_not_the_webhooks_fault(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        control.caldotcom.revoke_api_keys(HOST)
        with pytest.raises(AccessTokenRejectedError):
            provider.open_channel("bookings", ASKED)

    def test_there_is_no_other_calendar(self, provider: CalDotComProvider) -> None:
        with pytest.raises(CalendarGoneError):
            provider.open_channel("another", ASKED)


class TestLife:
    def test_channel_that_is_there_goes_on(self, provider: CalDotComProvider) -> None:
        opened = provider.open_channel("bookings", ASKED)
        assert provider.extend_channel(handle(opened), now=NOW) == opened

    @pytest.mark.parametrize("change", [{"active": False}, {"triggers": ["BOOKING_PAID"]}])
    def test_channel_that_a_person_changed_has_to_be_opened_anew(
        self, control: ControlClient, provider: CalDotComProvider, change: dict[str, object]
    ) -> None:
        opened = provider.open_channel("bookings", ASKED)
        # Stands in for a person on the pages of Cal.com.
        client = provider._client
        client.push_webhook(change, opened.provider_channel_id)
        assert provider.extend_channel(handle(opened), now=NOW) is None
        # Opening takes the old webhook over and mends it.
        assert provider.open_channel("bookings", ASKED) == opened
        assert provider.extend_channel(handle(opened), now=NOW) == opened
        assert len(control.caldotcom.webhooks()) == 1

    def test_channel_that_is_gone_cannot_be_extended_and_is_closed(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        opened = provider.open_channel("bookings", ASKED)
        provider.close_channel(handle(opened))
        assert control.caldotcom.webhooks() == []
        assert provider.extend_channel(handle(opened), now=NOW) is None
        provider.close_channel(handle(opened))

    def test_closing_over_a_broken_line_is_a_success(
        self, control: ControlClient, provider: CalDotComProvider
    ) -> None:
        opened = provider.open_channel("bookings", ASKED)
        control.add_fault("reset_mid_body", path=WEBHOOKS, method="DELETE", times=1)
        provider.close_channel(handle(opened))
        assert control.caldotcom.webhooks() == []

    def test_trouble_is_told(self, control: ControlClient, provider: CalDotComProvider) -> None:
        opened = provider.open_channel("bookings", ASKED)
        control.add_fault("too_many_requests", path=WEBHOOKS, retry_after=30)
        with pytest.raises(RetryLaterError):
            provider.extend_channel(handle(opened), now=NOW)
        with pytest.raises(ProviderError):
            provider.close_channel(handle(opened))
