"""Where providers call us when a calendar changes.

Nobody signs in here: each message proves with the token of its channel that the provider sent it.
The answer comes after one short write; the worker hears of it after the answer is on its way.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, BackgroundTasks, Depends, Request
from fastapi.responses import PlainTextResponse, Response

from calendar_manager.api.deps import ServicesDep
from calendar_manager.api.problems import ProblemError, describe_problem
from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.sync.notification_shapes import (
    MalformedNotificationError,
    UnsignedNotificationError,
    read_caldotcom,
    read_google,
    read_graph,
    read_validation_token,
)
from calendar_manager.sync.notifications import Message, Received, receive

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

MAXIMUM_BYTES: Final = 256 * 1024
"""How much a notification may have; the largest that providers send are a tenth of it."""

_UNKNOWN: Final = "There is no such channel, or the message does not prove to be about it."
_UNSIGNED: Final = "The message does not carry the signature of this channel."
_TOO_LARGE: Final = f"A notification may have {MAXIMUM_BYTES} bytes at most."


def _answers(field: str, message: str) -> dict[int | str, dict[str, Any]]:
    return {
        400: describe_problem(
            400,
            "notification_malformed",
            "This is not a notification in the provider's shape.",
            (field, message),
        ),
        404: describe_problem(404, "channel_not_found", _UNKNOWN),
        413: describe_problem(413, "body_too_large", _TOO_LARGE),
        503: describe_problem(
            503, "database_unavailable", "The database cannot be reached. Try again in a while."
        ),
    }


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


def _json_body(description: str, example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"description": description, "required": True, "content": content}


_CHANNEL_ID: Final = "6d9a2c1e-7c3f-4a53-9a0e-0d9f5e2b7a11"
_TOKEN: Final = "6d9a2c1e7c3f4a539a0e0d9f5e2b7a11.pYk3"  # noqa: S105 - an example.
_GOOGLE: Final = {
    "parameters": [
        _header("X-Goog-Channel-ID", "Our id of the channel.", _CHANNEL_ID),
        _header("X-Goog-Channel-Token", "The secret of the channel.", _TOKEN),
        _header("X-Goog-Resource-ID", "Google's id of what is watched.", "ret08u3rv24htgh289g"),
        _header(
            "X-Goog-Resource-State",
            "`sync` when the channel is opened, `exists` or `not_exists` after a change.",
            "exists",
        ),
        _header("X-Goog-Message-Number", "Counts up within the channel.", "10"),
    ]
}
_VALIDATION: Final = {
    "name": "validationToken",
    "in": "query",
    "required": False,
    "description": "Sent while a subscription is being made; to be repeated as plain text.",
    "schema": {"type": "string", "maxLength": 2048},
    "example": "Validation: Testing client application reachability",
}
_GRAPH_ITEM: Final = {
    "subscriptionId": "7f105c7d-2dc5-4530-97cd-4e7ae6534c07",
    "clientState": _TOKEN,
    "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
    "resource": "Users/48d31887/Events/AAMkAGUwNjQ4ZjIx",
}
_GRAPH: Final = {
    "parameters": [_VALIDATION],
    "requestBody": _json_body(
        "Change notifications, perhaps of several subscriptions.",
        {"value": [{**_GRAPH_ITEM, "changeType": "updated"}]},
    ),
}
_LIFECYCLE: Final = {
    "parameters": [_VALIDATION],
    "requestBody": _json_body(
        "Lifecycle notifications: `reauthorizationRequired`, `subscriptionRemoved` or `missed`.",
        {"value": [{**_GRAPH_ITEM, "lifecycleEvent": "missed"}]},
    ),
}
_CALDOTCOM: Final = {
    "parameters": [
        {
            "name": "channel",
            "in": "query",
            "required": True,
            "description": "Our id of the channel, from the address that Cal.com was given.",
            "schema": {"type": "string"},
            "example": _CHANNEL_ID,
        },
        _header(
            "X-Cal-Signature-256",
            "The hexadecimal HMAC-SHA256 of the body under the secret of the channel.",
            "9f8b1f6d0c5f7a4e2d1c0b9a88776655443322110ffeeddccbbaa99887766554",
        ),
    ],
    "requestBody": _json_body(
        "What happened to a booking.",
        {
            "triggerEvent": "BOOKING_CREATED",
            "createdAt": "2026-11-20T09:00:00.000Z",
            "payload": {"uid": "vTo5uD2xYKhS9qLxDbuaXB"},
        },
    ),
}


async def read_body(request: Request) -> bytes:
    """Return the body of a notification as it came.

    Raises:
        ProblemError: It is larger than any notification.
    """
    declared = request.headers.get("content-length", "")
    too_large = ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", _TOO_LARGE)
    if declared.isdecimal() and int(declared) > MAXIMUM_BYTES:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAXIMUM_BYTES:
            raise too_large
    return bytes(body)


Body = Annotated[bytes, Depends(read_body)]


@router.post(
    "/google",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Take in a message of Google's",
    responses=_answers("X-Goog-Channel-ID", "This header is missing or unreadable."),
    openapi_extra=_GOOGLE,
)
def receive_google(
    request: Request, _body: Body, services: ServicesDep, background: BackgroundTasks
) -> None:
    """Queue a sync of the calendar that changed; a repeated message changes nothing."""
    try:
        message = read_google(request.headers)
    except MalformedNotificationError as error:
        raise _malformed(error) from error
    if _take_in(services, background, ProviderKind.GOOGLE, [message]).genuine == 0:
        raise _unknown()


_GRAPH_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The validation token, repeated.",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": _VALIDATION["example"]}
        },
    },
    **_answers("value", "This is not a list of notifications."),
}


@router.post(
    "/microsoft",
    status_code=HTTPStatus.ACCEPTED,
    response_class=Response,
    summary="Take in change notifications of Microsoft's",
    responses=_GRAPH_ANSWERS,
    openapi_extra=_GRAPH,
)
def receive_microsoft(
    request: Request, body: Body, services: ServicesDep, background: BackgroundTasks
) -> Response:
    """Queue a sync of each calendar that changed, or repeat the token of the handshake."""
    return _receive_graph(request, body, services, background)


@router.post(
    "/microsoft/lifecycle",
    status_code=HTTPStatus.ACCEPTED,
    response_class=Response,
    summary="Take in lifecycle notifications of Microsoft's",
    responses=_GRAPH_ANSWERS,
    openapi_extra=_LIFECYCLE,
)
def receive_microsoft_lifecycle(
    request: Request, body: Body, services: ServicesDep, background: BackgroundTasks
) -> Response:
    """Renew or replace subscriptions that need it, and sync where notifications got lost."""
    return _receive_graph(request, body, services, background)


@router.post(
    "/caldotcom",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Take in a message of Cal.com's",
    responses={
        **_answers("triggerEvent", "This is missing or not a text."),
        401: describe_problem(401, "signature_invalid", _UNSIGNED),
    },
    openapi_extra=_CALDOTCOM,
)
def receive_caldotcom(
    request: Request, body: Body, services: ServicesDep, background: BackgroundTasks
) -> None:
    """Queue a sync of the bookings; the same message within a day changes nothing."""
    signature = request.headers.get("X-Cal-Signature-256")
    try:
        message = read_caldotcom(body, signature, request.query_params.get("channel"))
    except UnsignedNotificationError as error:
        raise _unsigned() from error
    except MalformedNotificationError as error:
        raise _malformed(error) from error
    received = _take_in(services, background, ProviderKind.CALDOTCOM, [message])
    if received.genuine == 0:
        raise _unsigned() if received.known else _unknown()


def _receive_graph(
    request: Request, body: bytes, services: Services, background: BackgroundTasks
) -> Response:
    token = request.query_params.get("validationToken")
    try:
        if token is not None:
            return PlainTextResponse(read_validation_token(token))
        messages = read_graph(body)
    except MalformedNotificationError as error:
        raise _malformed(error) from error
    received = _take_in(services, background, ProviderKind.MICROSOFT, messages)
    if messages and received.genuine == 0:
        raise _unknown()
    # Refusing the genuine ones because of a forged one among them would lose them.
    return Response(status_code=HTTPStatus.ACCEPTED)


def _take_in(
    services: Services,
    background: BackgroundTasks,
    provider: ProviderKind,
    messages: Sequence[Message | None],
) -> Received:
    possible = [message for message in messages if message is not None]
    received = receive(services.store, services.redis, provider, possible, now=services.clock())
    for job_id in received.jobs:
        background.add_task(services.queue.sync_calendar, job_id, urgent=True)
    return received


def _malformed(error: MalformedNotificationError) -> ProblemError:
    return ProblemError(
        HTTPStatus.BAD_REQUEST,
        "notification_malformed",
        "This is not a notification in the provider's shape.",
        errors=[(error.field, str(error))],
    )


def _unknown() -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, "channel_not_found", _UNKNOWN)


def _unsigned() -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, "signature_invalid", _UNSIGNED)
