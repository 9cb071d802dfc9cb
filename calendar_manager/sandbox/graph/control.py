"""Microsoft's part of the control API, below ``/_control/graph``; ``GraphControl`` calls it.

===========================================  ====================================================
``GET``, ``PATCH /settings``                 the fields of ``GraphSettings``
``POST /clients``                            ``{"client_id", "client_secret", "redirect_uris"}``
``GET``, ``POST /accounts``                  ``{"email", "name", "tenant", "time_zone",
                                             "calendars"}``
``POST /accounts/{email}/tokens``            ``{"scopes", "client_id"}`` → token answer
``POST …/tokens/expire``                     access tokens answer 401 from now on
``POST …/tokens/revoke``                     refresh tokens answer ``invalid_grant`` from now on
``POST …/tokens/interaction``                refreshing answers ``interaction_required``
``POST …/delta-tokens/expire``               ``{"calendar_id", "answer"}``: 410 or 404 from now on
``POST …/calendars``                         ``{"name", "color", "can_edit", "owner"}``
``PATCH``, ``DELETE …/calendars/{id}``       ``primary`` is the default calendar
``POST …/calendars/{id}/seed``               ``{"ics" or "packaged", "default_time_zone",
                                             "monday"}`` → ``{"loaded", "rejected", "problems"}``
``GET …/calendars/{id}/events``              the truth: masters, singles, exceptions; with
                                             ``?start&end`` the live instances in that range
``POST …/calendars/{id}/events``             ``{"items": [event]}``: create many
``POST …/calendars/{id}/mutations``          ``{"kind", "event_id", "original_start", "changes"}``
                                             → ``{"items"}``
``GET /subscriptions``                       live subscriptions
``POST /subscriptions/{id}/lifecycle``       ``{"event"}``: send a lifecycle notification
``POST /notifications/flush``                wait until what is due has been sent
===========================================  ====================================================
"""

from datetime import UTC, date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool

from calendar_manager.sandbox.graph.authorize import State, issuer_of
from calendar_manager.sandbox.graph.bodies import new_item, read_request
from calendar_manager.sandbox.graph.calendar import Calendar
from calendar_manager.sandbox.graph.calendars import rename
from calendar_manager.sandbox.graph.default_client import CLIENT_ID
from calendar_manager.sandbox.graph.edits import Edit, apply_edit
from calendar_manager.sandbox.graph.errors import GraphApiError, bad_request
from calendar_manager.sandbox.graph.grants import USUAL_SCOPES
from calendar_manager.sandbox.graph.instances import find_instance, instances_in
from calendar_manager.sandbox.graph.items import Item
from calendar_manager.sandbox.graph.prefer import TRUTHFUL
from calendar_manager.sandbox.graph.rendering import EventRenderer, render_calendar
from calendar_manager.sandbox.graph.seeding import seed_calendar
from calendar_manager.sandbox.graph.state import Account, GraphState
from calendar_manager.sandbox.graph.times import Window
from calendar_manager.sandbox.graph.tokens import write_tokens
from calendar_manager.sandbox.graph.wire import PersonEvent
from calendar_manager.sandbox.ics_seed import read_ics
from calendar_manager.sandbox.ics_shift import shift_to_week
from calendar_manager.sandbox.seeds import load_seed

router = APIRouter(prefix="/graph")

Json = dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewClient(_Strict):
    """An application to register."""

    client_id: str
    client_secret: str
    redirect_uris: list[str] = []


class NewCalendar(_Strict):
    """A calendar to add to a mailbox."""

    name: str
    color: str = "auto"
    can_edit: bool = True
    owner: str | None = None


class NewAccount(_Strict):
    """An account to create."""

    email: str
    name: str = ""
    tenant: str | None = None
    time_zone: str = "Europe/Berlin"
    calendars: list[NewCalendar] = []


class NewTokens(_Strict):
    """Tokens to issue."""

    scopes: list[str] | None = None
    client_id: str = CLIENT_ID


class Expiry(_Strict):
    """Whose links become too old: one calendar's, or all; and what they then answer."""

    calendar_id: str | None = None
    answer: Literal["gone", "not_found"] = "gone"


class CalendarChange(_Strict):
    """Properties of a calendar to change."""

    name: str | None = None
    color: str | None = None
    canEdit: bool | None = None  # noqa: N815 - Graph's own name.


class Seed(_Strict):
    """An iCalendar text, or the name of a packaged one."""

    ics: str | None = None
    packaged: str | None = None
    default_time_zone: str | None = None
    monday: date | None = None


class EventList(_Strict):
    """Events to create."""

    items: list[Json]


class Lifecycle(_Strict):
    """A lifecycle notification to send."""

    event: Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]


class Opened:
    """The account and calendar that a path names."""

    def __init__(self, email: str, calendar_id: str, state: State) -> None:
        self.state = state
        self.account: Account = state.account(email)
        self.calendar: Calendar = (
            self.account.default_calendar
            if calendar_id == "primary"
            else state.calendar(self.account, calendar_id)
        )

    def render(self, items: list[Item]) -> Json:
        """Return items as ``truth`` shows them, each with its exceptions."""
        renderer, rows = self.renderer, []
        for item in items:
            rows.append(renderer.item(item))
            for name in item.overrides:
                instance = find_instance(item, name)
                if instance is not None:
                    rows.append(renderer.instance(instance))
        return {"items": rows}

    @property
    def renderer(self) -> EventRenderer:
        """What writes events with immutable ids in UTC."""
        per_occurrence = self.state.settings.ical_uid == "occurrence"
        return EventRenderer(TRUTHFUL, uid_per_occurrence=per_occurrence)


InPath = Annotated[Opened, Depends()]

_ACCOUNT = "/accounts/{email}"
_CALENDAR = _ACCOUNT + "/calendars/{calendar_id}"


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
    """Register or replace an application."""
    state.grants.register(client.client_id, client.client_secret, client.redirect_uris)
    return {}


@router.get("/accounts")
async def list_accounts(state: State) -> Json:
    """Return the accounts."""
    return {"items": [_render_account(account) for account in state.accounts.values()]}


@router.post("/accounts")
async def add_account(new: NewAccount, state: State) -> Json:
    """Create an account with its calendars."""
    account = state.add_account(new.email, new.name, new.tenant, new.time_zone)
    for calendar in new.calendars:
        _add_calendar(state, account, calendar)
    return _render_account(account)


def _render_account(account: Account) -> Json:
    return {
        "email": account.email,
        "name": account.name,
        "oid": account.object_id,
        "tid": account.tenant,
        "calendars": [render_calendar(one) for one in account.calendars.values()],
    }


@router.post(_ACCOUNT + "/tokens")
async def issue_tokens(email: str, new: NewTokens, state: State, request: Request) -> Json:
    """Issue tokens without a consent page."""
    account = state.account(email)
    scopes = USUAL_SCOPES if new.scopes is None else frozenset(new.scopes)
    grant = state.grants.make_grant(account.email, new.client_id, scopes)
    refresh_token = state.grants.issue_refresh(grant)
    issuer = issuer_of(request, account.tenant)
    answer = write_tokens(grant, refresh_token, state, issuer)
    names = ("access_token", "refresh_token", "client_info", "expires_in", "scope")
    return {**{name: answer[name] for name in names}, "id_token": answer.get("id_token", "")}


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


@router.post(_ACCOUNT + "/tokens/interaction")
async def require_interaction(email: str, state: State) -> Json:
    """Ask for the person at the next refresh."""
    state.grants.interaction_required.add(state.account(email).email)
    return {}


@router.post(_ACCOUNT + "/delta-tokens/expire")
async def expire_delta_tokens(email: str, which: Expiry, state: State) -> Json:
    """Make delta and next links too old."""
    account = state.account(email)
    chosen = list(account.calendars.values())
    if which.calendar_id is not None:
        chosen = [Opened(email, which.calendar_id, state).calendar]
    for calendar in chosen:
        calendar.epoch += 1
        calendar.epoch_status = 410 if which.answer == "gone" else 404
    return {}


@router.post(_ACCOUNT + "/calendars")
async def add_calendar(email: str, new: NewCalendar, state: State) -> Json:
    """Add a calendar to the mailbox."""
    return render_calendar(_add_calendar(state, state.account(email), new))


def _add_calendar(state: GraphState, account: Account, new: NewCalendar) -> Calendar:
    return state.add_calendar(
        account, new.name, color=new.color, owner=new.owner, can_edit=new.can_edit
    )


@router.patch(_CALENDAR)
async def change_calendar(changes: CalendarChange, opened: InPath) -> Json:
    """Change a calendar's properties."""
    calendar = opened.calendar
    rename(calendar, {"name": changes.name, "color": changes.color})
    if changes.canEdit is not None:
        calendar.can_edit = changes.canEdit
    calendar.stamp = opened.state.next_stamp()
    return render_calendar(calendar)


@router.delete(_CALENDAR)
async def remove_calendar(opened: InPath) -> Json:
    """Delete a calendar with its events."""
    opened.state.remove_calendar(opened.account, opened.calendar)
    return {}


@router.post(_CALENDAR + "/seed")
async def seed(seed: Seed, opened: InPath) -> Json:
    """Load an iCalendar text; what cannot be held costs only itself."""
    if (seed.ics is None) == (seed.packaged is None):
        raise bad_request("Give either ics or packaged.")
    text = load_seed(seed.packaged) if seed.packaged else str(seed.ics)
    if seed.monday is not None:
        text = shift_to_week(text, seed.monday)
    feed = read_ics(text, seed.default_time_zone or opened.account.time_zone)
    report = seed_calendar(opened.state, opened.calendar, feed)
    return {"loaded": report.loaded, "rejected": report.rejected, "problems": report.problems}


@router.get(_CALENDAR + "/events")
async def read_truth(
    opened: InPath, start: AwareDatetime | None = None, end: AwareDatetime | None = None
) -> Json:
    """Return what is really there."""
    items = list(opened.calendar.items.values())
    if start is None or end is None:
        return opened.render(items)
    window, renderer = Window(start.astimezone(UTC), end.astimezone(UTC)), opened.renderer
    found = [one for item in items for one in instances_in(item, window)]
    return {"items": [renderer.instance(one) for one in found]}


@router.post(_CALENDAR + "/events")
async def create_events(new: EventList, opened: InPath) -> Json:
    """Create many events as one change."""
    state, calendar = opened.state, opened.calendar
    stamp = state.next_stamp()
    given = [read_request(body, PersonEvent) for body in new.items]
    items = [new_item(one, state.make_key(calendar), calendar, stamp) for one in given]
    return opened.render(state.commit(calendar, *items))


@router.post(_CALENDAR + "/mutations")
async def mutate(edit: Edit, opened: InPath) -> Json:
    """Change events as a person does in Outlook."""
    return opened.render(apply_edit(opened.state, opened.account, opened.calendar, edit))


@router.get("/subscriptions")
async def list_subscriptions(state: State) -> Json:
    """Return the live subscriptions."""
    return {"items": [one.render() for one in state.subscriptions.live()]}


@router.post("/subscriptions/{subscription_id}/lifecycle")
async def send_lifecycle(subscription_id: str, lifecycle: Lifecycle, state: State) -> Json:
    """Send a lifecycle notification."""
    subscription = state.subscriptions.find(subscription_id)
    if subscription is None:
        raise GraphApiError(404, "ResourceNotFound", "There is no such subscription.")
    state.subscriptions.send_lifecycle(subscription, lifecycle.event)
    return {}


@router.post("/notifications/flush")
async def flush_notifications(state: State) -> dict[str, bool]:
    """Wait until every notification that is due has been attempted."""
    return {"sent": await run_in_threadpool(state.subscriptions.wait_until_sent)}
