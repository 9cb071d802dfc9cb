"""Channels of a Cal.com account: webhooks that call us when its bookings change.

https://cal.com/docs/api-reference/v2/webhooks/create-a-webhook; the endpoint has no version, and
``2021-10-20`` is one of the messages' payloads, which nobody here reads: a message only says that
there is something to pull.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from calendar_manager.providers.base import ChannelHandle, ChannelRequest, OpenedChannel
from calendar_manager.providers.caldotcom.client import CalDotComClient
from calendar_manager.providers.caldotcom.failures import (
    SILENCE,
    BadRequestError,
    BriefTroubleError,
    NotFoundError,
)
from calendar_manager.providers.caldotcom.fields import read_id, read_list, read_mapping
from calendar_manager.providers.caldotcom.normalize import ID_LIMIT
from calendar_manager.providers.errors import (
    ChannelsUnavailableError,
    ProviderError,
    RetryLaterError,
)

BASIC_TRIGGERS: Final = (
    "BOOKING_CREATED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_REQUESTED",
)
"""What every build tells of bookings. That a host confirms one is told as its creation."""

TRIGGERS: Final = (*BASIC_TRIGGERS, "BOOKING_PAID", "BOOKING_NO_SHOW_UPDATED", "OOO_CREATED")
"""All that changes what we read. Of an absence that is changed or taken back nothing tells."""

WEBHOOKS_PER_PAGE: Final = 250
"""The most that ``/webhooks`` gives."""

_REFUSED = "Cal.com does not take our webhook"


class WebhookDesk:
    """Opens, checks and closes the channels of one account.

    Args:
        client: The line to Cal.com.
    """

    def __init__(self, client: CalDotComClient) -> None:
        self._client = client

    def open_channel(self, request: ChannelRequest) -> OpenedChannel:
        """Make a webhook, or take over the one that an earlier attempt made for this channel.

        An attempt whose answer got lost leaves a webhook behind, which bears the channel's id in
        its address; it is looked for before a new one is made, and again when the line breaks
        while one is being made. Webhooks of *other* channels are never touched, even though they
        lead to the same installation: two of its users may have connected one Cal.com account, and
        each has a webhook of their own there, which only they can tell from an abandoned one.

        Raises:
            ChannelsUnavailableError: We may not have webhooks, this build has none, or Cal.com does
                not take the address.
        """
        url = f"{request.address}?channel={request.channel_id}"
        wanted = {"subscriberUrl": url, "active": True, "secret": request.token}
        try:
            own_id = self._find(url)
            if own_id is not None:
                return self._push(wanted, own_id)
            try:
                return self._push(wanted, None)
            except RetryLaterError as error:
                if not isinstance(error, BriefTroubleError) and error.reason != SILENCE:
                    raise
                own_id = self._find(url)
                if own_id is None:
                    raise
                return self._push(wanted, own_id)
        except NotFoundError as error:
            raise ChannelsUnavailableError(
                f"This build of Cal.com has no webhooks. {error}", reason=error.reason
            ) from error

    def check_channel(self, channel: ChannelHandle) -> OpenedChannel | None:
        """Make sure that a webhook is still there; it has no end.

        Returns:
            None when it is gone, switched off, or no longer told of bookings.
        """
        try:
            found = read_mapping(self._client.pull_webhook(channel.provider_channel_id))
        except NotFoundError:
            return None
        told = set(map(str, read_list(found.get("triggers"))))
        if found.get("active") is not True or not told.issuperset(BASIC_TRIGGERS):
            return None
        return OpenedChannel(
            provider_channel_id=channel.provider_channel_id, resource_id=None, expires_at=None
        )

    def close_channel(self, channel: ChannelHandle) -> None:
        """Delete a webhook; one that is gone already is a success."""
        try:
            self._client.delete_webhook(channel.provider_channel_id)
        except NotFoundError:
            return

    def _push(self, wanted: Mapping[str, object], webhook_id: str | None) -> OpenedChannel:
        """Make or change a webhook, with fewer triggers where a build does not know all.

        Raises:
            ChannelsUnavailableError: Cal.com does not take it even so.
        """
        try:
            made = self._push_with(wanted, TRIGGERS, webhook_id)
        except BadRequestError:
            try:
                made = self._push_with(wanted, BASIC_TRIGGERS, webhook_id)
            except BadRequestError as error:
                text = f"{_REFUSED}: {error}"
                raise ChannelsUnavailableError(text, reason=error.reason) from error
        own_id = webhook_id or _read_id(made)
        if own_id is None:
            raise ProviderError("Cal.com made a webhook without an id", reason="otherShape")
        return OpenedChannel(provider_channel_id=own_id, resource_id=None, expires_at=None)

    def _push_with(
        self, wanted: Mapping[str, object], triggers: Sequence[str], webhook_id: str | None
    ) -> object:
        return self._client.push_webhook({**wanted, "triggers": list(triggers)}, webhook_id)

    def _find(self, url: str) -> str | None:
        """Return the id of the webhook that leads to an address."""
        for webhook in self._pull_all():
            if read_mapping(webhook).get("subscriberUrl") == url:
                return _read_id(webhook)
        return None

    def _pull_all(self) -> Iterator[object]:
        """Yield all webhooks; there is no word on whether more follow."""
        known: set[str | None] = set()
        while True:
            rows = self._client.pull_webhooks(take=WEBHOOKS_PER_PAGE, skip=len(known))
            fresh = {_read_id(row) for row in rows} - known
            if not fresh:
                return
            yield from rows
            known |= fresh


def _read_id(webhook: object) -> str | None:
    """Return a webhook's id: a number in the description, a text in Cal.com's database."""
    return read_id(read_mapping(webhook).get("id"), limit=ID_LIMIT)
