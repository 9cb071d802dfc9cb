"""Change notification subscriptions: who is told of which calendar's changes.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks and
https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.ids import make_id
from calendar_manager.sandbox.graph.items import Item
from calendar_manager.sandbox.graph.settings import GraphSettings
from calendar_manager.sandbox.graph.times import write_stamp
from calendar_manager.sandbox.postman import Delivery, Manner, Parcel, Postman, find_waits
from calendar_manager.sandbox.settings import SandboxSettings

Json = dict[str, Any]

_GATHERING_SECONDS = 0.02


def _pack(items: Sequence[Json]) -> Parcel:
    """Return what is due for one address as one request, whatever subscriptions it is of."""
    body = json.dumps({"value": list(items)}).encode()
    return Parcel({"Content-Type": "application/json"}, body)


_MANNER = Manner(pack=_pack, gathers=True, accepted=range(200, 400))


@dataclass(frozen=True)
class Subscription:
    """One subscription.

    Attributes:
        id: Its GUID.
        email: The account that made it.
        object_id: The account's ``oid``, by which notifications name the mailbox.
        tenant: The account's tenant.
        client_id: The application that made it.
        resource: As the application named it.
        calendar_id: The calendar it watches; None for the whole mailbox.
        change_types: Some of ``created``, ``updated``, ``deleted``.
        notification_url: Where changes are posted.
        lifecycle_url: Where lifecycle events are posted, if anywhere.
        client_state: Sent along with everything.
        expires_at: When it ends by itself.
        immutable_ids: Whether notifications name events by immutable ids.
    """

    id: str
    email: str
    object_id: str
    tenant: str
    client_id: str
    resource: str
    calendar_id: str | None
    change_types: frozenset[str]
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires_at: datetime
    immutable_ids: bool

    def render(self) -> Json:
        """Return the resource."""
        ordered = [one for one in ("created", "updated", "deleted") if one in self.change_types]
        return {
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.client_id,
            "changeType": ",".join(ordered),
            "clientState": self.client_state,
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.lifecycle_url,
            "expirationDateTime": write_stamp(self.expires_at),
            "creatorId": self.object_id,
            "includeResourceData": False,
            "latestSupportedTlsVersion": "v1_2",
            "notificationQueryOptions": None,
            "encryptionCertificate": None,
            "encryptionCertificateId": None,
            "notificationUrlAppId": None,
        }

    def envelope(self) -> Json:
        """Return what every notification of it carries."""
        return {
            "subscriptionId": self.id,
            "subscriptionExpirationDateTime": write_stamp(self.expires_at),
            "clientState": self.client_state,
            "tenantId": self.tenant,
        }


class SubscriptionBoard:
    """The subscriptions of the sandbox. Everything but the delivery runs on the caller's thread.

    Args:
        clock: Gives the present instant, aware.
        shared_settings: The way of notifications.
        settings: The longest life.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        shared_settings: SandboxSettings,
        settings: GraphSettings,
    ) -> None:
        self._clock = clock
        self._shared = shared_settings
        self.settings = settings
        self._postman = Postman("sandbox-graph-notifications", _MANNER)
        self._subscriptions: dict[str, Subscription] = {}
        self._sent = 0

    def clear(self) -> None:
        """Drop every subscription and every notification that is not yet sent."""
        self._subscriptions.clear()
        self._postman.forget()

    def close(self) -> None:
        """Stop the delivery thread."""
        self._postman.close()

    def live(self) -> list[Subscription]:
        """Return the subscriptions that have not expired."""
        now_at = self._clock()
        return [one for one in self._subscriptions.values() if one.expires_at > now_at]

    def find(self, subscription_id: str) -> Subscription | None:
        """Return a live subscription."""
        return next((one for one in self.live() if one.id == subscription_id), None)

    def put(self, subscription: Subscription) -> None:
        """Add or replace a subscription."""
        self._subscriptions[subscription.id] = subscription

    def renew(self, subscription: Subscription, expires_at: datetime) -> Subscription:
        """Give a subscription another end and return it."""
        renewed = replace(subscription, expires_at=expires_at)
        self.put(renewed)
        return renewed

    def remove(self, subscription_id: str) -> None:
        """Remove a subscription; a notification under way still arrives."""
        self._subscriptions.pop(subscription_id, None)

    def drop_calendar(self, calendar_id: str) -> None:
        """Remove the subscriptions of a calendar that is no more."""
        for subscription in self.live():
            if subscription.calendar_id == calendar_id:
                self.remove(subscription.id)

    def notify(self, calendar: Calendar, item: Item, change_type: str) -> None:
        """Tell everyone who watches the calendar of one changed item, as the settings say."""
        for one in self.live():
            watches = one.calendar_id in {None, calendar.id} and one.email == calendar.mailbox
            if watches and change_type in one.change_types:
                self._send_change(one, item, change_type)

    def _send_change(self, subscription: Subscription, item: Item, change_type: str) -> None:
        mode, delay = self._shared.notifications, self._shared.notification_delay_seconds
        self._sent += 1
        event_id = make_id(item.key, immutable=subscription.immutable_ids)
        resource = f"Users/{subscription.object_id}/Events/{event_id}"
        content = {
            **subscription.envelope(),
            "changeType": change_type,
            "resource": resource,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": resource,
                "@odata.etag": item.stamp.etag,
                "id": event_id,
            },
        }
        odd = self._sent % 2 == 1
        for wait in find_waits(mode, delay, odd=odd, at_least=_GATHERING_SECONDS):
            self._postman.post(subscription.notification_url, content, wait)

    def deliveries(self) -> list[Delivery]:
        """Return what was sent, oldest first."""
        return self._postman.deliveries()

    def send_lifecycle(self, subscription: Subscription, event: str) -> None:
        """Send a lifecycle notification; a removed subscription is removed."""
        if event == "subscriptionRemoved":
            self.remove(subscription.id)
        if subscription.lifecycle_url is not None:
            content = {**subscription.envelope(), "lifecycleEvent": event}
            self._postman.post(subscription.lifecycle_url, content, 0.0)

    def wait_until_sent(self, timeout: float = 30.0) -> bool:
        """Wait until no notification is waiting; False when the time is over first."""
        return self._postman.wait_until_empty(timeout)
