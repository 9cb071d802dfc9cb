"""The HTTP doors of push channels: ``watch`` and ``channels.stop``."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.google.calendar_list import list_resource
from calendar_manager.sandbox.google.call import Call, JsonBody, begin_call
from calendar_manager.sandbox.google.channels import Channel, resource_id_of
from calendar_manager.sandbox.google.discovery import check_fields
from calendar_manager.sandbox.google.errors import GoogleApiError, invalid_value

router = APIRouter()

Json = dict[str, Any]

_CHANNEL_ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
_GENERATED = "@group.v.calendar.google.com"  # Holidays, birthdays, week numbers.
_TOKEN_LENGTH = 256
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_MILLISECONDS = 1000


@router.post("/calendars/{calendar_id}/events/watch")
async def watch_events(
    calendar_id: str,
    body: JsonBody,
    request: Request,
    call: Annotated[Call, begin_call("events.watch")],
) -> Response:
    """``events.watch``."""
    calendar = call.open_calendar(calendar_id).calendar
    if calendar.id.endswith(_GENERATED):
        raise GoogleApiError(
            400,
            "pushNotSupportedForRequestedResource",
            "Push notifications are not supported by this resource.",
        )
    path = f"calendars/{quote(calendar.id, safe='@')}/events"
    return _open(call, body, calendar.id, _uri(request, path))


@router.post("/users/me/calendarList/watch")
async def watch_calendar_list(
    body: JsonBody, request: Request, call: Annotated[Call, begin_call("calendarList.watch")]
) -> Response:
    """``calendarList.watch``."""
    return _open(call, body, list_resource(call.account), _uri(request, "users/me/calendarList"))


@router.post("/channels/stop")
async def stop(body: JsonBody, call: Annotated[Call, begin_call("channels.stop")]) -> Response:
    """``channels.stop``: needs the id and the resource id, and the token's own client."""
    check_fields(body, "Channel")
    channel = call.state.channels.find(str(body.get("id", "")))
    if (
        channel is None
        or channel.resource_id != body.get("resourceId")
        or channel.client_id != call.grant.client_id
        or channel.email != call.account.email
    ):
        raise GoogleApiError(
            404, "notFound", f"Channel '{body.get('id')}' not found for project 'sandbox'"
        )
    call.state.channels.stop(channel.id)
    return Response(status_code=204)


def _uri(request: Request, path: str) -> str:
    return f"{request.base_url}google/calendar/v3/{path}?alt=json"


def _open(call: Call, body: Json, resource: str, uri: str) -> Response:
    check_fields(body, "Channel")
    board = call.state.channels
    channel_id = str(body.get("id") or "")
    if not _CHANNEL_ID.fullmatch(channel_id):
        raise GoogleApiError(400, "required" if not channel_id else "invalid", "Invalid channel id")
    if board.find(channel_id):
        raise GoogleApiError(400, "channelIdNotUnique", f"Channel id {channel_id} not unique")
    if body.get("type") not in {"web_hook", "webhook"}:
        raise invalid_value("Unknown channel type.", "type")
    token = body.get("token")
    if token is not None and len(str(token)) > _TOKEN_LENGTH:
        raise invalid_value("The channel token is too long.", "token")
    channel = Channel(
        id=channel_id,
        resource=resource,
        resource_id=resource_id_of(resource),
        resource_uri=uri,
        address=_check_address(str(body.get("address") or "")),
        token=str(token) if token is not None else None,
        expires_at=_expire(call, body),
        client_id=call.grant.client_id,
        email=call.account.email,
    )
    board.open(channel)
    return call.answer(render_channel(channel))


def render_channel(channel: Channel) -> Json:
    """Return a ``Channel`` resource; ``expiration`` is in milliseconds since 1970, as text."""
    rendered = {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "expiration": str(int(channel.expires_at.timestamp() * _MILLISECONDS)),
    }
    return {**rendered, "token": channel.token} if channel.token is not None else rendered


def _check_address(address: str) -> str:
    """Return an https address, or an http one on loopback, which the real service refuses."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return address
    raise GoogleApiError(
        400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {address}"
    )


def _expire(call: Call, body: Json) -> datetime:
    """Return when the channel ends: as asked, yet never later than the longest life."""
    now_at = call.state.clock()
    latest = now_at + timedelta(seconds=call.state.settings.channel_max_seconds)
    try:
        if body.get("expiration") is not None:
            asked = datetime.fromtimestamp(int(body["expiration"]) / _MILLISECONDS, UTC)
        elif (body.get("params") or {}).get("ttl") is not None:
            asked = now_at + timedelta(seconds=int(body["params"]["ttl"]))
        else:
            return latest
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise invalid_value(parameter="expiration") from error
    if asked <= now_at:
        raise invalid_value("The channel would be over at once.", "expiration")
    return min(asked, latest)
