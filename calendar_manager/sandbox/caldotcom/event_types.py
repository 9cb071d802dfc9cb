"""Event types over HTTP, as far as bookings and slots need them.

Source: the official description of ``/v2/event-types``, version 2024-06-14, of which bodies may
hold only the fields that the sandbox acts upon.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.sandbox.caldotcom.call import Call, JsonBody, begin_call, success
from calendar_manager.sandbox.caldotcom.errors import CaldotcomApiError, bad_request, not_found
from calendar_manager.sandbox.caldotcom.fields import Fields, Query
from calendar_manager.sandbox.caldotcom.state import CaldotcomState, EventType, Recurrence

router = APIRouter(prefix="/event-types")

Json = dict[str, Any]

VERSION = "2024-06-14"
"""The version of these paths."""

_FIELDS = (
    "title",
    "slug",
    "lengthInMinutes",
    "description",
    "scheduleId",
    "hidden",
    "seats",
    "recurrence",
    "confirmationPolicy",
)
_SEATS = ("seatsPerTimeSlot", "showAttendeeInfo", "showAvailabilityCount")
_FREQUENCIES = ("weekly", "monthly", "yearly")

ReadCall = Annotated[Call, begin_call(VERSION, scope="EVENT_TYPE_READ")]
PublicCall = Annotated[Call, begin_call(VERSION, scope="EVENT_TYPE_READ", public=True)]
WriteCall = Annotated[Call, begin_call(VERSION, scope="EVENT_TYPE_WRITE")]


@router.get("")
async def list_event_types(request: Request, call: PublicCall) -> Response:
    """Return the caller's event types, or what somebody offers to everyone."""
    query = Query(request, ("username", "eventSlug", "sortCreatedAt"))
    username, slug = query.text("username"), query.text("eventSlug")
    if slug is not None and username is None:
        raise bad_request("username is required when eventSlug is given")
    own = call.caller is not None and username in {None, call.caller.username}
    wanted = call.caller.username if own and call.caller else username
    if wanted is None:
        return success([])
    found = [
        one
        for one in call.state.event_types.values()
        if call.state.owner(one.owner_id).username == wanted
        and slug in {None, one.slug}
        and (own or not one.hidden)
    ]
    newest_first = query.one_of("sortCreatedAt", ("asc", "desc")) == "desc"
    found.sort(key=lambda one: one.id, reverse=newest_first)
    return success([render_event_type(call.state, one) for one in found])


@router.post("")
async def create_event_type(call: WriteCall, body: JsonBody) -> Response:
    """Create an event type."""
    fields = Fields(body, _FIELDS)
    title, slug = fields.required_text("title"), fields.required_text("slug")
    minutes = fields.integer("lengthInMinutes", 0)
    if minutes < 1:
        raise bad_request("lengthInMinutes must not be less than 1")
    draft = EventType(0, call.account.id, title, slug, minutes)
    _apply(call, fields, draft)
    event_type = call.state.add_event_type(call.account, title, slug, minutes)
    _apply(call, fields, event_type)
    return success(render_event_type(call.state, event_type), 201)


@router.get("/{event_type_id}")
async def read_event_type(request: Request, event_type_id: str, call: ReadCall) -> Response:
    """Return an event type."""
    Query(request, ())
    return success(render_event_type(call.state, _find(call, event_type_id)))


@router.patch("/{event_type_id}")
async def update_event_type(event_type_id: str, call: WriteCall, body: JsonBody) -> Response:
    """Change what is given."""
    event_type = _find(call, event_type_id)
    fields = Fields(body, _FIELDS)
    title = fields.text("title", event_type.title)
    slug = fields.text("slug", event_type.slug)
    minutes = fields.integer("lengthInMinutes", event_type.length_minutes)
    if not title or not slug or minutes < 1:
        raise bad_request("title, slug and lengthInMinutes must not be empty")
    namesake = call.state.find_event_type(call.account, slug)
    if namesake is not None and namesake is not event_type:
        raise bad_request("User already has an event type with this slug.")
    _apply(call, fields, event_type)
    event_type.title, event_type.slug, event_type.length_minutes = title, slug, minutes
    return success(render_event_type(call.state, event_type))


def render_event_type(state: CaldotcomState, event_type: EventType) -> Json:
    """Return an event type as the API shows it."""
    owner, rule = state.owner(event_type.owner_id), event_type.recurrence
    body: Json = {
        "id": event_type.id,
        "ownerId": owner.id,
        "lengthInMinutes": event_type.length_minutes,
        "title": event_type.title,
        "slug": event_type.slug,
        "description": event_type.description,
        "locations": [{"type": "integration", "integration": "cal-video"}],
        "bookingFields": [_default_field("name"), _default_field("email")],
        "disableGuests": False,
        "recurrence": rule
        and {
            "interval": rule.interval,
            "occurrences": rule.occurrences,
            "frequency": rule.frequency,
        },
        "metadata": {},
        "price": 0,
        "currency": "usd",
        "lockTimeZoneToggleOnBookingPage": False,
        "forwardParamsSuccessRedirect": None,
        "successRedirectUrl": None,
        "isInstantEvent": False,
        "scheduleId": event_type.schedule_id,
        "hidden": event_type.hidden,
        "bookingRequiresAuthentication": False,
        "users": [owner.username],
        "bookingUrl": f"https://cal.com/{owner.username}/{event_type.slug}",
        "confirmationPolicy": {"disabled": True},
    }
    if event_type.requires_confirmation:
        body["confirmationPolicy"] = {
            "type": "always",
            "blockUnconfirmedBookingsInBooker": event_type.blocks_unconfirmed,
        }
    if event_type.seats is not None:
        body["seats"] = {
            "seatsPerTimeSlot": event_type.seats,
            "showAttendeeInfo": event_type.shows_attendees,
            "showAvailabilityCount": True,
        }
    return body


def _default_field(name: str) -> Json:
    return {
        "type": name,
        "slug": name,
        "label": name.title(),
        "placeholder": "",
        "isDefault": True,
        "required": True,
    }


def _find(call: Call, event_type_id: str) -> EventType:
    number = int(event_type_id) if event_type_id.isdecimal() else 0
    event_type = call.state.event_types.get(number)
    if event_type is None:
        raise not_found(f"Event type with id {event_type_id} not found")
    if event_type.owner_id != call.account.id:
        raise CaldotcomApiError(403, "User does not own event type")
    return event_type


def _apply(call: Call, fields: Fields, event_type: EventType) -> None:
    """Set the optional fields that are given; nothing is set when one is wrong."""
    schedule_id = fields.integer("scheduleId", event_type.schedule_id)
    if schedule_id is not None:
        schedule = call.state.schedules.get(schedule_id)
        if schedule is None or schedule.owner_id != call.account.id:
            raise not_found(f"Schedule with ID={schedule_id} does not exist.")
    seats, shown = _read_seats(fields, event_type)
    recurrence = _read_recurrence(fields, event_type)
    confirmed, blocks = _read_confirmation(fields, event_type)
    description = fields.text("description", event_type.description)
    hidden = fields.flag("hidden", event_type.hidden)
    event_type.schedule_id, event_type.seats, event_type.shows_attendees = schedule_id, seats, shown
    event_type.requires_confirmation, event_type.blocks_unconfirmed = confirmed, blocks
    event_type.recurrence = recurrence
    event_type.description, event_type.hidden = description, hidden


def _read_seats(fields: Fields, event_type: EventType) -> tuple[int | None, bool]:
    if "seats" not in fields:
        return event_type.seats, event_type.shows_attendees
    inner = fields.inner("seats", (*_SEATS, "disabled"))
    if _is_disabled(inner):
        return None, True
    seats = inner.integer("seatsPerTimeSlot", 0)
    if seats < 1:
        raise bad_request("seats.seatsPerTimeSlot must not be less than 1")
    shown, counted = (inner.flag(name, None) for name in _SEATS[1:])
    if shown is None or counted is None:
        raise bad_request("seats.showAttendeeInfo and showAvailabilityCount must be boolean values")
    return seats, shown


def _read_recurrence(fields: Fields, event_type: EventType) -> Recurrence | None:
    if "recurrence" not in fields:
        return event_type.recurrence
    inner = fields.inner("recurrence", ("interval", "occurrences", "frequency", "disabled"))
    if _is_disabled(inner):
        return None
    interval, occurrences = inner.integer("interval", 0), inner.integer("occurrences", 0)
    if interval < 1 or occurrences < 1:
        raise bad_request("recurrence.interval and occurrences must not be less than 1")
    inner.required_text("frequency")
    return Recurrence(interval, occurrences, inner.one_of("frequency", _FREQUENCIES, ""))


def _read_confirmation(fields: Fields, event_type: EventType) -> tuple[bool, bool]:
    if "confirmationPolicy" not in fields:
        return event_type.requires_confirmation, event_type.blocks_unconfirmed
    known = ("type", "blockUnconfirmedBookingsInBooker", "disabled")
    inner = fields.inner("confirmationPolicy", known)
    if _is_disabled(inner):
        return False, False
    inner.required_text("type")
    inner.one_of("type", ("always",), "")
    blocks = inner.flag("blockUnconfirmedBookingsInBooker", None)
    if blocks is None:
        message = "confirmationPolicy.blockUnconfirmedBookingsInBooker must be a boolean value"
        raise bad_request(message)
    return True, blocks


def _is_disabled(fields: Fields) -> bool:
    return fields.values == {"disabled": True}
