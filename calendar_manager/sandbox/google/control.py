"""Google's part of the control API; ``calendar_manager.sandbox.control`` lists the paths."""

from datetime import UTC, date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict

from calendar_manager.sandbox.default_client import CLIENT_ID
from calendar_manager.sandbox.google.bodies import check_new, make_id, new_body
from calendar_manager.sandbox.google.calendar import Calendar
from calendar_manager.sandbox.google.calendar_list import OPTIONS, change_entry, render_entry
from calendar_manager.sandbox.google.calendars import change_calendar
from calendar_manager.sandbox.google.discovery import SCOPE_PREFIX
from calendar_manager.sandbox.google.edits import Edit, apply_edit
from calendar_manager.sandbox.google.errors import invalid_value
from calendar_manager.sandbox.google.grants import Grant
from calendar_manager.sandbox.google.instances import Window, live_instances
from calendar_manager.sandbox.google.oauth import State
from calendar_manager.sandbox.google.seeding import seed_calendar
from calendar_manager.sandbox.google.state import ACCESS_ROLES, Account, GoogleState, ListEntry
from calendar_manager.sandbox.google.watch import render_channel
from calendar_manager.sandbox.ics_seed import read_ics
from calendar_manager.sandbox.ics_shift import shift_to_week
from calendar_manager.sandbox.seeds import load_seed

router = APIRouter()

Json = dict[str, Any]

USUAL_SCOPES = (
    "openid",
    f"{SCOPE_PREFIX}userinfo.email",
    f"{SCOPE_PREFIX}calendar.events",
    f"{SCOPE_PREFIX}calendar.calendarlist.readonly",
)
"""What tokens may do when nothing is asked."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewClient(_Strict):
    """An OAuth client to register."""

    client_id: str
    client_secret: str
    redirect_uris: list[str] = []


class NewCalendar(_Strict):
    """A calendar to put on an account's list."""

    summary: str
    calendar_id: str | None = None
    time_zone: str | None = None
    access_role: str = "owner"
    selected: bool = True
    hidden: bool = False


class NewAccount(_Strict):
    """An account to create."""

    email: str
    name: str = ""
    time_zone: str = "Europe/Berlin"
    calendars: list[NewCalendar] = []


class NewTokens(_Strict):
    """Tokens to issue."""

    scopes: list[str] | None = None
    client_id: str = CLIENT_ID


class OneCalendar(_Strict):
    """A calendar, or None for all."""

    calendar_id: str | None = None


class Seed(_Strict):
    """An iCalendar text, or the name of a packaged one."""

    ics: str | None = None
    packaged: str | None = None
    default_time_zone: str | None = None
    own_addresses: list[str] = []
    monday: date | None = None


class EventList(_Strict):
    """Event resources to insert."""

    items: list[Json]


class Opened:
    """The account, calendar and list entry that a path names."""

    def __init__(self, email: str, calendar_id: str, state: State) -> None:
        self.state = state
        self.account: Account = state.account(email)
        self.entry: ListEntry = state.entry(self.account, calendar_id)
        self.calendar: Calendar = state.calendars[self.entry.calendar_id]


InPath = Annotated[Opened, Depends()]

_ACCOUNT = "/accounts/{email}"
_CALENDAR = _ACCOUNT + "/calendars/{calendar_id}"


@router.post("/clients")
async def register_client(client: NewClient, state: State) -> Json:
    """Register or replace an OAuth client."""
    state.grants.register(client.client_id, client.client_secret, client.redirect_uris)
    return {}


@router.get("/accounts")
async def list_accounts(state: State) -> Json:
    """Return the accounts."""
    return {"items": [_render_account(state, account) for account in state.accounts.values()]}


@router.post("/accounts")
async def add_account(new: NewAccount, state: State) -> Json:
    """Create an account with its calendars."""
    account = state.add_account(new.email, new.name, new.time_zone)
    for calendar in new.calendars:
        _add_calendar(state, account, calendar)
    return _render_account(state, account)


def _render_account(state: GoogleState, account: Account) -> Json:
    entries = [render_entry(state, entry) for entry in account.entries.values()]
    return {
        "email": account.email,
        "name": account.name,
        "sub": account.subject,
        "calendars": entries,
    }


@router.post(_ACCOUNT + "/tokens")
async def issue_tokens(email: str, new: NewTokens, state: State) -> Json:
    """Issue tokens without a consent page."""
    account = state.account(email)
    scopes = frozenset(USUAL_SCOPES if new.scopes is None else new.scopes)
    grant = Grant(account.email, new.client_id, scopes)
    refresh_token = state.grants.issue_refresh(grant)
    access_token, expires_in = state.grants.issue_access(grant)
    return {
        "access_token": access_token,
        "refresh_token": refresh_token,
        "expires_in": expires_in,
        "scope": " ".join(sorted(scopes)),
    }


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


@router.post(_ACCOUNT + "/sync-tokens/expire")
async def expire_sync_tokens(email: str, which: OneCalendar, state: State) -> Json:
    """Make sync tokens too old: of one calendar, or of all and of the calendar list."""
    account = state.account(email)
    if which.calendar_id is not None:
        entry = state.entry(account, which.calendar_id)
        state.calendars[entry.calendar_id].sync_epoch += 1
        return {}
    account.sync_epoch += 1
    for entry in account.entries.values():
        if not entry.deleted:
            state.calendars[entry.calendar_id].sync_epoch += 1
    return {}


@router.post(_ACCOUNT + "/calendars")
async def add_calendar(email: str, new: NewCalendar, state: State) -> Json:
    """Put a calendar on the account's list."""
    account = state.account(email)
    return render_entry(state, _add_calendar(state, account, new))


def _add_calendar(state: GoogleState, account: Account, new: NewCalendar) -> ListEntry:
    options = {"selected": new.selected, "hidden": new.hidden}
    calendar = state.add_calendar(
        account, new.summary, new.time_zone, new.access_role, new.calendar_id, options
    )
    return account.entries[calendar.id]


@router.patch(_CALENDAR)
async def change_entry_(changes: Json, opened: InPath) -> Json:
    """Change calendarList fields, ``accessRole`` included."""
    state, account, entry = opened.state, opened.account, opened.entry
    role = changes.get("accessRole", entry.access_role)
    if role not in ACCESS_ROLES:
        raise invalid_value(f"Invalid access role: {role}")
    entry.access_role = role
    own = {"summary", "timeZone", "description", "location"} & changes.keys()
    if own:
        change_calendar(state, opened.calendar, {name: changes[name] for name in own})
    options = {name: value for name, value in changes.items() if name in OPTIONS}
    changed = change_entry(state, account, state.entry(account, entry.calendar_id), options)
    return render_entry(state, changed)


@router.delete(_CALENDAR)
async def remove_calendar(opened: InPath) -> Json:
    """Take a calendar off the list; the owner's are deleted for good."""
    if opened.calendar.owner_email == opened.account.email and not opened.entry.primary:
        opened.state.channels.drop_resource(opened.calendar.id)
    opened.state.remove_calendar(opened.account, opened.calendar.id)
    return {}


@router.post(_CALENDAR + "/seed")
async def seed(seed: Seed, opened: InPath) -> Json:
    """Load an iCalendar text; a bad component costs only itself."""
    if (seed.ics is None) == (seed.packaged is None):
        raise invalid_value("Give either ics or packaged.")
    text: str | bytes = load_seed(seed.packaged) if seed.packaged else str(seed.ics)
    if seed.monday is not None:
        text = shift_to_week(text, seed.monday)
    calendar = opened.calendar
    calendar.own_addresses.update(address.lower() for address in seed.own_addresses)
    feed = read_ics(text, seed.default_time_zone or calendar.time_zone)
    report = seed_calendar(opened.state, calendar, feed)
    opened.state.touch(calendar)
    return {"loaded": report.loaded, "rejected": report.rejected, "problems": report.problems}


@router.get(_CALENDAR + "/events")
async def read_truth(
    opened: InPath, start: AwareDatetime | None = None, end: AwareDatetime | None = None
) -> Json:
    """Return what is really there."""
    calendar = opened.calendar
    if start is not None and end is not None:
        window = Window(start.astimezone(UTC), end.astimezone(UTC))
        rows = live_instances(calendar, window)
    else:
        rows = [row for row in calendar.rows.values() if not row.gone]
    return {"items": [row.render(calendar.time_zone) for row in rows]}


@router.post(_CALENDAR + "/events")
async def create_events(new: EventList, opened: InPath) -> Json:
    """Insert many events as one change."""
    calendar, stamp = opened.calendar, opened.state.stamps.next()
    bodies: dict[str, Json] = {}
    for item in new.items:
        fields = check_new(item)
        event_id = str(fields.get("id") or make_id())
        bodies[event_id] = new_body(fields, event_id, calendar, stamp)
    rows = calendar.commit(stamp, bodies)
    opened.state.touch(calendar)
    return {"items": [row.render(calendar.time_zone) for row in rows]}


@router.post(_CALENDAR + "/mutations")
async def mutate(edit: Edit, opened: InPath) -> Json:
    """Change events as a person does in Google's own pages."""
    rows = apply_edit(opened.calendar, opened.state.stamps.next(), edit)
    opened.state.touch(opened.calendar)
    return {"items": [row.render(opened.calendar.time_zone) for row in rows]}


@router.post(_CALENDAR + "/notify")
async def notify(opened: InPath) -> Json:
    """Send an ``exists`` notification although nothing changed."""
    opened.state.channels.notify(opened.calendar.id)
    return {}


@router.get("/channels")
async def list_channels(state: State) -> Json:
    """Return the live push channels."""
    return {
        "items": [
            {**render_channel(one), "address": one.address, "resource": one.resource}
            for one in state.channels.live()
        ]
    }
