"""Cal.com's part of the control API, below ``/_control/caldotcom``.

``calendar_manager.sandbox.caldotcom_control_client`` has a method for each.

===========================================  ====================================================
``GET``, ``PATCH /settings``                 the fields of ``CaldotcomSettings``
``POST /clients``                            ``{"client_id", "client_secret", "redirect_uris",
                                             "scopes"}``
``GET``, ``POST /accounts``                  ``{"email", "name", "time_zone", "username"}``
``POST /accounts/{email}/event-types``       ``{"title", "slug", "length_minutes", "seats",
                                             "recurrences", "requires_confirmation",
                                             "schedule_id", "hidden"}``
``POST``, ``DELETE …/api-keys``              ``{"api_key"}``
``POST …/tokens``                            ``{"scopes", "client_id"}`` → token answer
``POST …/tokens/expire``                     access tokens answer 401 from now on
``POST …/tokens/revoke``                     refresh tokens answer ``invalid_grant`` from now on
``POST …/bookings``                          ``NewBooking``; → bookings
``POST …/bookings/{uid}/{kind}``             ``BookingChange``; → bookings
``POST …/ooo``, ``PATCH …/ooo/{id}``         as ``/v2/me/ooo``
``DELETE …/ooo/{id}``
``GET …/truth``                              ``{"bookings", "ooo"}``
``GET /webhooks``                            every account's webhooks
===========================================  ====================================================
"""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from calendar_manager.sandbox.caldotcom.booking import Attendee
from calendar_manager.sandbox.caldotcom.control_changes import Change, apply_change
from calendar_manager.sandbox.caldotcom.default_client import CLIENT_ID
from calendar_manager.sandbox.caldotcom.errors import bad_request, not_found
from calendar_manager.sandbox.caldotcom.event_types import render_event_type
from calendar_manager.sandbox.caldotcom.grants import SCOPES, Grant
from calendar_manager.sandbox.caldotcom.making import BookingRequest, make_bookings
from calendar_manager.sandbox.caldotcom.oauth import State
from calendar_manager.sandbox.caldotcom.out_of_office import (
    add_entry,
    change_entry,
    find_entry,
    render_entry,
)
from calendar_manager.sandbox.caldotcom.rendering import render_booking
from calendar_manager.sandbox.caldotcom.state import Account, CaldotcomState, Recurrence
from calendar_manager.sandbox.caldotcom.times import find_zone
from calendar_manager.sandbox.caldotcom.tokens import render_pair
from calendar_manager.sandbox.caldotcom.webhooks import render_webhook

router = APIRouter(prefix="/caldotcom")

Json = dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewClient(_Strict):
    """An OAuth client to register."""

    client_id: str
    client_secret: str | None
    redirect_uris: list[str] = []
    scopes: list[str] | None = None


class NewAccount(_Strict):
    """An account to create."""

    email: str
    name: str = ""
    time_zone: str = "Europe/Berlin"
    username: str | None = None


class NewEventType(_Strict):
    """An event type to add."""

    title: str
    slug: str | None = None
    length_minutes: int = Field(30, ge=1)
    seats: int | None = Field(None, ge=1)
    recurrences: int | None = Field(None, ge=1)
    requires_confirmation: bool = False
    schedule_id: int | None = None
    hidden: bool = False


class NewTokens(_Strict):
    """Tokens to issue."""

    scopes: list[str] | None = None
    client_id: str = CLIENT_ID


class NewBooking(_Strict):
    """A booking to make as a guest."""

    start: AwareDatetime
    event_type: str = "30min"
    length_minutes: int | None = Field(None, ge=1)
    attendee_email: str = "guest@example.com"
    attendee_name: str | None = None
    attendee_time_zone: str = "UTC"
    guests: list[str] = []
    title: str | None = None
    description: str = ""
    location: str | None = None
    ics_uid: str | None = None
    status: Literal["accepted", "pending"] | None = None
    recurrences: int | None = Field(None, ge=1)


_ACCOUNT = "/accounts/{email}"


@router.get("/settings")
async def read_settings(state: State) -> Json:
    """Return the settings."""
    return dict(state.settings.model_dump())


@router.patch("/settings")
async def change_settings(changes: Json, state: State) -> Json:
    """Change the settings that are given."""
    try:
        state.settings.change(changes)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_context=False)) from error
    return dict(state.settings.model_dump())


@router.post("/clients")
async def register_client(client: NewClient, state: State) -> Json:
    """Register or replace an OAuth client."""
    state.grants.register(
        client.client_id, client.client_secret, client.redirect_uris, client.scopes
    )
    return {}


@router.get("/accounts")
async def list_accounts(state: State) -> Json:
    """Return the accounts."""
    return {"items": [_render_account(state, account) for account in state.accounts.values()]}


@router.post("/accounts")
async def add_account(new: NewAccount, state: State) -> Json:
    """Create an account."""
    account = state.add_account(new.email, new.name, new.time_zone, new.username)
    return _render_account(state, account)


@router.post(_ACCOUNT + "/event-types")
async def add_event_type(email: str, new: NewEventType, state: State) -> Json:
    """Add an event type."""
    account = state.account(email)
    if new.schedule_id is not None:
        schedule = state.schedules.get(new.schedule_id)
        if schedule is None or schedule.owner_id != account.id:
            raise not_found(f"There is no schedule {new.schedule_id}")
    slug = new.slug or re.sub(r"[^a-z0-9]+", "-", new.title.lower()).strip("-")
    event_type = state.add_event_type(account, new.title, slug, new.length_minutes)
    event_type.seats = new.seats
    event_type.requires_confirmation = new.requires_confirmation
    event_type.schedule_id, event_type.hidden = new.schedule_id, new.hidden
    if new.recurrences is not None:
        event_type.recurrence = Recurrence(1, new.recurrences, "weekly")
    return render_event_type(state, event_type)


@router.post(_ACCOUNT + "/api-keys")
async def create_api_key(email: str, state: State) -> dict[str, str]:
    """Create an API key."""
    return {"api_key": state.grants.create_key(state.account(email).email)}


@router.delete(_ACCOUNT + "/api-keys")
async def revoke_api_keys(email: str, state: State) -> Json:
    """Delete the account's API keys."""
    state.grants.revoke_keys(state.account(email).email)
    return {}


@router.post(_ACCOUNT + "/tokens")
async def issue_tokens(email: str, new: NewTokens, state: State) -> Json:
    """Issue tokens without a consent page."""
    scopes = frozenset(SCOPES if new.scopes is None else new.scopes)
    return render_pair(Grant(state.account(email).email, new.client_id, scopes), state)


@router.post(_ACCOUNT + "/tokens/expire")
async def expire_tokens(email: str, state: State) -> Json:
    """Let the account's access tokens expire."""
    state.grants.expire_access(state.account(email).email)
    return {}


@router.post(_ACCOUNT + "/tokens/revoke")
async def revoke_tokens(email: str, state: State) -> Json:
    """Take back everything that the account allowed."""
    state.grants.revoke_grants(state.account(email).email)
    return {}


@router.post(_ACCOUNT + "/bookings")
async def book(email: str, new: NewBooking, state: State) -> list[Json]:
    """Book as a guest does."""
    account = state.account(email)
    event_type = state.find_event_type(account, new.event_type)
    if event_type is None:
        raise not_found(f"{email} has no event type {new.event_type}")
    if find_zone(new.attendee_time_zone) is None:
        raise bad_request(f"Unknown time zone: {new.attendee_time_zone}")
    name = new.attendee_name or new.attendee_email.partition("@")[0].replace(".", " ").title()
    given = {"name": name, "email": new.attendee_email}
    attendee = Attendee(
        new.attendee_email.lower(), name, new.attendee_time_zone, responses={"name": name}
    )
    request = BookingRequest(
        event_type=event_type,
        start_at=new.start,
        attendee=attendee,
        guests=tuple(new.guests),
        length_minutes=new.length_minutes,
        title=new.title,
        description=new.description,
        location=new.location,
        ics_uid=new.ics_uid,
        status=new.status,
        recurrences=new.recurrences,
        responses={**given, "guests": new.guests} if new.guests else given,
    )
    made = make_bookings(state, request)
    return [render_booking(state, one.booking, account) for one in made]


@router.post(_ACCOUNT + "/bookings/{uid}/{kind}")
async def change_booking(
    email: str, uid: str, kind: str, change: Change, state: State
) -> list[Json]:
    """Change a booking as its host or a guest does."""
    account = state.account(email)
    touched = apply_change(state, account, kind, uid, change)
    return [render_booking(state, one, account) for one in touched]


@router.get(_ACCOUNT + "/truth")
async def read_truth(email: str, state: State) -> dict[str, list[Json]]:
    """Return all that the account has."""
    account = state.account(email)
    return {
        "bookings": [render_booking(state, one, account) for one in state.bookings_of(account)],
        "ooo": [render_entry(one) for one in state.absences_of(account)],
    }


@router.post(_ACCOUNT + "/ooo")
async def add_ooo(email: str, body: Annotated[Json, Body()], state: State) -> Json:
    """Add an out-of-office entry."""
    return render_entry(add_entry(state, state.account(email), body))


@router.patch(_ACCOUNT + "/ooo/{ooo_id}")
async def change_ooo(email: str, ooo_id: str, body: Annotated[Json, Body()], state: State) -> Json:
    """Change an out-of-office entry."""
    entry = find_entry(state, state.account(email), ooo_id)
    return render_entry(change_entry(state, entry, body))


@router.delete(_ACCOUNT + "/ooo/{ooo_id}")
async def remove_ooo(email: str, ooo_id: str, state: State) -> Json:
    """Remove an out-of-office entry."""
    entry = find_entry(state, state.account(email), ooo_id)
    del state.out_of_office[entry.id]
    return {}


@router.get("/webhooks")
async def list_webhooks(state: State) -> Json:
    """Return every account's webhooks."""
    return {"items": [render_webhook(one) for one in state.webhooks.all()]}


def _render_account(state: CaldotcomState, account: Account) -> Json:
    mine = [one for one in state.event_types.values() if one.owner_id == account.id]
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "username": account.username,
        "timeZone": account.time_zone,
        "defaultScheduleId": account.default_schedule_id,
        "eventTypes": [render_event_type(state, one) for one in mine],
    }
