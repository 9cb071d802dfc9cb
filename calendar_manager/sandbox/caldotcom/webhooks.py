"""``/v2/webhooks``: an account's webhooks. The paths have no version of their own.

Source: the official description, ``WebhooksController``. It calls ids numbers.
"""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom.call import Call, JsonBody, begin_call, success
from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, bad_request, not_found
from calendar_manager.sandbox.caldotcom.fields import Fields, Query
from calendar_manager.sandbox.caldotcom.state import CaldotcomState
from calendar_manager.sandbox.caldotcom.webhook_board import PAYLOAD_VERSION, Webhook

router = APIRouter(prefix="/webhooks")

Json = dict[str, Any]

TRIGGERS = (
    "BOOKING_CREATED",
    "BOOKING_PAYMENT_INITIATED",
    "BOOKING_PAID",
    "BOOKING_RESCHEDULED",
    "BOOKING_REQUESTED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_NO_SHOW_UPDATED",
    "FORM_SUBMITTED",
    "MEETING_ENDED",
    "MEETING_STARTED",
    "RECORDING_READY",
    "INSTANT_MEETING",
    "RECORDING_TRANSCRIPTION_GENERATED",
    "OOO_CREATED",
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
    "FORM_SUBMITTED_NO_EVENT",
    "ROUTING_FORM_FALLBACK_HIT",
    "DELEGATION_CREDENTIAL_ERROR",
    "WRONG_ASSIGNMENT_REPORT",
)
"""What a webhook can be told of; of these the sandbox sends those on bookings and absences."""

MAX_PAGE = 250
"""The most webhooks of a page, and what it has when nothing is asked."""

_FIELDS = ("payloadTemplate", "active", "subscriberUrl", "triggers", "secret", "version")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

AnyCall = Annotated[Call, begin_call()]


@router.get("")
async def list_webhooks(request: Request, call: AnyCall) -> Response:
    """Return one page of the caller's webhooks."""
    query = Query(request, ("take", "skip"))
    take, skip = query.number("take", MAX_PAGE, 1, MAX_PAGE), query.number("skip", 0)
    take = min(take, call.state.shared.page_size or take)
    rows = call.state.webhooks.of(call.account.id)
    return success([render_webhook(one) for one in rows[skip : skip + take]])


@router.post("")
async def create_webhook(call: AnyCall, body: JsonBody) -> Response:
    """Add a webhook."""
    fields = Fields(body, _FIELDS)
    for name in ("active", "subscriberUrl", "triggers"):
        if name not in fields:
            raise bad_request(f"{name} should not be null or undefined")
    webhook = _apply(call, fields, Webhook(0, call.account.id, "", (), active=False))
    webhook = replace(webhook, id=call.state.next_number())
    call.state.webhooks.put(webhook)
    return success(render_webhook(webhook), 201)


@router.get("/{webhook_id}")
async def read_webhook(webhook_id: str, call: AnyCall) -> Response:
    """Return a webhook."""
    return success(render_webhook(_find(call, webhook_id)))


@router.patch("/{webhook_id}")
async def update_webhook(webhook_id: str, call: AnyCall, body: JsonBody) -> Response:
    """Change the given fields of a webhook."""
    webhook = _apply(call, Fields(body, _FIELDS), _find(call, webhook_id))
    call.state.webhooks.put(webhook)
    return success(render_webhook(webhook))


@router.delete("/{webhook_id}")
async def delete_webhook(webhook_id: str, call: AnyCall) -> Response:
    """Delete a webhook and return it."""
    webhook = _find(call, webhook_id)
    call.state.webhooks.remove(webhook.id)
    return success(render_webhook(webhook))


def render_webhook(webhook: Webhook) -> Json:
    """Return a webhook as the API shows it, to its owner with the secret."""
    body: Json = {
        "id": webhook.id,
        "userId": webhook.user_id,
        "subscriberUrl": webhook.url,
        "triggers": list(webhook.triggers),
        "active": webhook.active,
        "payloadTemplate": webhook.template or "",
    }
    return body if webhook.secret is None else {**body, "secret": webhook.secret}


def _find(call: Call, webhook_id: str) -> Webhook:
    for webhook in call.state.webhooks.of(call.account.id):
        if str(webhook.id) == webhook_id:
            return webhook
    raise not_found(f"Webhook with id ({webhook_id}) not found")


def _apply(call: Call, fields: Fields, webhook: Webhook) -> Webhook:
    fields.one_of("version", (PAYLOAD_VERSION,), PAYLOAD_VERSION)
    webhook = replace(
        webhook,
        active=fields.flag("active", webhook.active),
        secret=fields.text("secret", webhook.secret) or None,
        template=fields.text("payloadTemplate", webhook.template) or None,
    )
    if "triggers" in fields:
        webhook = replace(webhook, triggers=_read_triggers(call.state, fields))
    # Whether the address is taken is looked at last, as Cal.com does behind its validation.
    if "subscriberUrl" in fields:
        webhook = replace(webhook, url=_read_url(call, fields, webhook.id))
    return webhook


def _read_triggers(state: CaldotcomState, fields: Fields) -> tuple[str, ...]:
    # Builds without absences have no trigger for them either.
    known = [one for one in TRIGGERS if state.settings.out_of_office or one != "OOO_CREATED"]
    triggers = tuple(fields.texts("triggers"))
    if any(one not in known for one in triggers):
        choices = ", ".join(known)
        raise bad_request(f"each value in triggers must be one of the following values: {choices}")
    return triggers


def _read_url(call: Call, fields: Fields, webhook_id: int) -> str:
    """Return an https address, or an http one on loopback, that no other webhook has.

    Raises:
        CaldotcomApiError: 400, it is no such address; 409, another webhook of the account has it.
    """
    url = fields.required_text("subscriberUrl")
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" and parts.hostname) and not local:
        raise bad_request("subscriberUrl must be a URL address")
    others = (one for one in call.state.webhooks.of(call.account.id) if one.id != webhook_id)
    if any(one.url == url for one in others):
        raise CaldotcomApiError(409, "Webhook with this subscriberUrl already exists for this user")
    return url
