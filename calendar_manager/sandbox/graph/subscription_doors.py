"""The HTTP doors of subscriptions, with the handshake that comes before each creation."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import requests
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from calendar_manager.sandbox.graph.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.graph.errors import GraphApiError, access_denied, bad_request
from calendar_manager.sandbox.graph.listing import answer_list
from calendar_manager.sandbox.graph.subscriptions import Subscription
from calendar_manager.sandbox.graph.times import read_instant

router = APIRouter()

Json = dict[str, Any]
Reading = Annotated[Call, begin_call("read")]

_HANDSHAKE_SECONDS = 10.0
_SHORTEST_LIFE = timedelta(minutes=45)
_LONGEST_STATE = 128
_KINDS = frozenset({"created", "updated", "deleted"})
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_WRITABLE = frozenset(
    {
        "changeType",
        "clientState",
        "expirationDateTime",
        "includeResourceData",
        "latestSupportedTlsVersion",
        "lifecycleNotificationUrl",
        "notificationUrl",
        "resource",
    }
)


@router.get("/subscriptions")
async def list_subscriptions(call: Reading) -> Response:
    """``GET`` of the application's subscriptions for this account."""
    return answer_list(call, "subscriptions", [one.render() for one in _own(call)])


@router.post("/subscriptions")
async def create_subscription(body: JsonBody, call: Reading) -> Response:
    """``POST`` of a subscription: both addresses must answer the handshake first."""
    subscription = _read(body, call)
    for url in filter(None, (subscription.notification_url, subscription.lifecycle_url)):
        await run_in_threadpool(_shake_hands, url)
    call.state.subscriptions.put(subscription)
    return _answer(call, subscription, 201)


@router.get("/subscriptions/{subscription_id}")
async def show_subscription(subscription_id: str, call: Reading) -> Response:
    """``GET`` of one subscription."""
    return _answer(call, _find(call, subscription_id))


@router.patch("/subscriptions/{subscription_id}")
async def renew_subscription(subscription_id: str, body: JsonBody, call: Reading) -> Response:
    """``PATCH``: another end, and on request another address, which must answer the handshake."""
    subscription = _find(call, subscription_id)
    surplus = body.keys() - {"expirationDateTime", "notificationUrl"}
    if surplus or not body:
        raise _invalid(f"Only the expiration can be changed, not {sorted(surplus)}.")
    if "notificationUrl" in body:
        url = _read_url(body, "notificationUrl")
        await run_in_threadpool(_shake_hands, url)
        subscription = replace(subscription, notification_url=url)
    expires_at = subscription.expires_at
    if "expirationDateTime" in body:
        expires_at = _read_end(body, call)
    return _answer(call, call.state.subscriptions.renew(subscription, expires_at))


@router.post("/subscriptions/{subscription_id}/reauthorize")
async def reauthorize(subscription_id: str, call: Reading) -> Response:
    """``reauthorize``: the subscription goes on until its end."""
    _find(call, subscription_id)
    return call.answer(None, 204)


@router.delete("/subscriptions/{subscription_id}")
async def delete_subscription(subscription_id: str, call: Reading) -> Response:
    """``DELETE`` of a subscription."""
    call.state.subscriptions.remove(_find(call, subscription_id).id)
    return call.answer(None, 204)


def _own(call: Call) -> list[Subscription]:
    key = (call.account.email, call.grant.client_id)
    live = call.state.subscriptions.live()
    return [one for one in live if (one.email, one.client_id) == key]


def _find(call: Call, subscription_id: str) -> Subscription:
    for subscription in _own(call):
        if subscription.id == subscription_id:
            return subscription
    raise GraphApiError(404, "ResourceNotFound", "The object was not found.")


def _answer(call: Call, subscription: Subscription, status: int = 200) -> Response:
    context = f"{call.base_url}/$metadata#subscriptions/$entity"
    return call.answer({"@odata.context": context, **subscription.render()}, status)


def _read(body: Json, call: Call) -> Subscription:
    for name in body:
        if name not in _WRITABLE and not name.startswith("@odata."):
            raise _invalid(f"The property '{name}' cannot be set.")
    for name in ("changeType", "notificationUrl", "resource", "expirationDateTime"):
        if not body.get(name):
            raise _invalid(f"Subscription {name} must be specified.")
    if body.get("includeResourceData"):
        raise _invalid("The sandbox sends no resource data.")
    kinds = frozenset(str(body["changeType"]).lower().split(","))
    if not kinds <= _KINDS:
        raise _invalid(f"ChangeType '{body['changeType']}' is not supported.")
    state = body.get("clientState")
    if state is not None and len(str(state)) > _LONGEST_STATE:
        raise _invalid(f"ClientState cannot be longer than {_LONGEST_STATE} characters.")
    lifecycle = body.get("lifecycleNotificationUrl")
    return Subscription(
        id=str(uuid.uuid4()),
        email=call.account.email,
        object_id=call.account.object_id,
        tenant=call.account.tenant,
        client_id=call.grant.client_id,
        resource=str(body["resource"]),
        calendar_id=_read_resource(str(body["resource"]), call),
        change_types=kinds,
        notification_url=_read_url(body, "notificationUrl"),
        lifecycle_url=_read_url(body, "lifecycleNotificationUrl") if lifecycle else None,
        client_state=None if state is None else str(state),
        expires_at=_read_end(body, call),
        immutable_ids=call.preferences.immutable_ids,
    )


def _read_resource(resource: str, call: Call) -> str | None:
    """Return the id of the calendar that a resource means; None is the whole mailbox.

    Raises:
        GraphApiError: 400, it is nothing to subscribe to; 403, it belongs to somebody else, whose
            permission a person's own does not replace; 404, there is no such calendar.
    """
    parts = [unquote(part) for part in resource.strip("/").split("/")]
    if len(parts) > 1 and parts[0].lower() == "users":
        if parts[1].lower() not in {call.account.object_id, call.account.email}:
            raise access_denied()
        parts = parts[2:]
    elif parts[0].lower() == "me":
        parts = parts[1:]
    names = [part.lower() for part in parts]
    if names == ["events"]:
        return None
    if names == ["calendar", "events"]:
        return call.account.default_calendar.id
    if len(parts) == 3 and names[0] == "calendars" and names[2] == "events":  # noqa: PLR2004
        calendar = call.open_calendar(parts[1])
        if calendar.owner != call.account.email:
            raise access_denied()
        return calendar.id
    raise _invalid(f"Resource '{resource}' is not supported.")


def _read_url(body: Json, name: str) -> str:
    """Return an address: https, or http on loopback, where stand-ins live."""
    url = str(body[name])
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure:
        raise _invalid(f"{name} must be an https address.")
    return url


def _read_end(body: Json, call: Call) -> datetime:
    """Return the end of a subscription; lives under 45 minutes are rounded up to these."""
    now_at = call.state.clock()
    expires_at = read_instant(str(body["expirationDateTime"]), "expirationDateTime")
    if expires_at <= now_at:
        raise _invalid("Subscription expiration must be in the future.")
    minutes = call.state.settings.subscription_max_minutes
    if expires_at > now_at + timedelta(minutes=minutes):
        raise _invalid(f"Subscription expiration can only be {minutes} minutes in the future.")
    return max(expires_at, now_at + _SHORTEST_LIFE)


def _shake_hands(url: str) -> None:
    """Ask an address to echo a token.

    Raises:
        GraphApiError: 400, it does not answer in time with 200, ``text/plain`` and the token.
    """
    token = f"Validation: Testing client application reachability for subscription {uuid.uuid4()}"
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("validationToken", token)])
    target = urlunsplit(parts._replace(query=query))
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                target, headers=headers, timeout=_HANDSHAKE_SECONDS, allow_redirects=False
            )
    except requests.Timeout as error:
        raise _unvalidated("Subscription validation request timed out.") from error
    except requests.RequestException as error:
        raise _unvalidated(f"Subscription validation request failed: {error}") from error
    plain = answer.headers.get("Content-Type", "").partition(";")[0].strip() == "text/plain"
    if answer.status_code != requests.codes.ok or not plain or answer.text != token:
        raise _unvalidated(
            "Subscription validation request failed. Notification endpoint must respond with 200 "
            "OK to validation request."
        )


def _unvalidated(message: str) -> GraphApiError:
    return bad_request(message, "ValidationError")


def _invalid(message: str) -> GraphApiError:
    return bad_request(message, "InvalidRequest")
