"""What the page of connected accounts shows: accounts, their calendars, and how syncs come on."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from calendar_manager.bootstrap import Services
from calendar_manager.domain.accounts import (
    Calendar,
    CalendarStatus,
    Connection,
    ConnectionStatus,
    ProviderKind,
    ReadVia,
)
from calendar_manager.domain.freshness import freshness_of
from calendar_manager.domain.reauth import ReauthCode
from calendar_manager.domain.sync_jobs import SyncJob, SyncKind, SyncStatus
from calendar_manager.store.unit_of_work import UnitOfWork
from calendar_manager.web.palette import color_calendars

PROVIDER_NAMES: Final = {
    ProviderKind.GOOGLE: "Google",
    ProviderKind.MICROSOFT: "Microsoft 365",
    ProviderKind.CALDOTCOM: "Cal.com",
}

_VIA: Final = {
    ReadVia.PUSH: "after a notification",
    ReadVia.POLL: "by a regular look",
    ReadVia.MANUAL: "because you asked",
}
_FEWEST_JOBS: Final = 50
"""How many of the latest runs are looked at, at the least; regular ones push others out of sight,
but none that is still under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a calendar is doing.

    Attributes:
        label: In a word or two.
        tone: ``good``, ``accent``, ``warn``, ``bad`` or nothing, as badges know them.
        detail: More of it, in a sentence; None where there is nothing to add.
        under_way: Whether it is being read, or about to be.
        events: How many events the run under way has looked at.
    """

    label: str
    tone: str = ""
    detail: str | None = None
    under_way: bool = False
    events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """A calendar with its settings.

    Attributes:
        calendar: As stored.
        color: What it is drawn with, ``#rrggbb``.
        state: How it is doing.
        via: By which way it was last read, in words; None when never.
        held: Whether deletions wait for the person's word.
    """

    calendar: Calendar
    color: str
    state: State
    via: str | None
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the syncs of an account have come.

    Attributes:
        text: In a sentence.
        done: How many calendars are current.
        total: How many are read at all.
        under_way: Whether anything is being read now.
        good: Whether all of them are current.
    """

    text: str
    done: int
    total: int
    under_way: bool
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """A connected account.

    Attributes:
        connection: As stored.
        name: The provider's name.
        calendars: What is read of it.
        progress: How far that has come; None while the account cannot be read.
        by_key: Whether it needs a new API key to be connected again.
        offered: Whether it can be connected again by a consent.
    """

    connection: Connection
    name: str
    calendars: Sequence[CalendarView]
    progress: Progress | None
    by_key: bool
    offered: bool

    @property
    def broken(self) -> bool:
        """Whether it has to be connected again."""
        return self.connection.status is not ConnectionStatus.ACTIVE

    @property
    def readable(self) -> bool:
        """Whether a sync of it can be asked for."""
        return not self.broken and any(one.calendar.sync_enabled for one in self.calendars)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All accounts of a person.

    Attributes:
        accounts: The first connected first.
        shape: Changes whenever more than the progress of what is shown does.
    """

    accounts: Sequence[AccountView]
    shape: str = field(default="")

    @property
    def under_way(self) -> bool:
        """Whether anything is being read now."""
        return any(one.progress is not None and one.progress.under_way for one in self.accounts)


@dataclass(frozen=True, slots=True)
class _Runs:
    """The latest run over each calendar, and the one under way if there is one."""

    latest: Mapping[UUID, SyncJob]
    active: Mapping[UUID, SyncJob]


def load_overview(services: Services, user_id: UUID) -> Overview:
    """Load a user's accounts as they are now."""
    # The runs first, and the calendars anew after them. The other way round, a sync that ends in
    # between would be neither under way nor seen in its calendar.
    with services.store.begin() as uow:
        runs = _load_runs(uow, user_id, len(uow.calendars.list(user_id)))
    with services.store.begin() as uow:
        connections = uow.connections.list(user_id)
        calendars = [calendar for calendar, _ in uow.calendars.list(user_id)]
    by_connection: dict[UUID, list[Calendar]] = defaultdict(list)
    for calendar in calendars:
        by_connection[calendar.connection_id].append(calendar)
    colors = color_calendars(calendars)
    now, maximum_age = services.clock(), services.settings.stale_after
    accounts = [
        _show_account(services, one, by_connection[one.id], colors, runs, now, maximum_age)
        for one in connections
    ]
    return Overview(accounts=accounts, shape=_shape_of(accounts))


def _load_runs(uow: UnitOfWork, user_id: UUID, calendars: int) -> _Runs:
    recent = uow.sync_jobs.list(user_id, limit=max(_FEWEST_JOBS, 2 * calendars))
    latest: dict[UUID, SyncJob] = {}
    for job in recent:
        latest.setdefault(job.calendar_id, job)
    queued = uow.sync_jobs.list(user_id, status=SyncStatus.QUEUED, limit=_FEWEST_JOBS + calendars)
    running = uow.sync_jobs.list(user_id, status=SyncStatus.RUNNING, limit=_FEWEST_JOBS + calendars)
    # One that was put back says why in its error; it is not under way until its time has come.
    active = {job.calendar_id: job for job in queued if job.error is None}
    active |= {job.calendar_id: job for job in running}
    return _Runs(latest | active, active)


def _show_account(
    services: Services,
    connection: Connection,
    calendars: Sequence[Calendar],
    colors: Mapping[UUID, str],
    runs: _Runs,
    now: datetime,
    maximum_age: timedelta,
) -> AccountView:
    readable = connection.status is ConnectionStatus.ACTIVE
    shown = [
        CalendarView(
            calendar=calendar,
            color=colors[calendar.id],
            state=_state_of(calendar, runs, now, maximum_age) if readable else _WAITING,
            via=None if calendar.last_synced_via is None else _VIA[calendar.last_synced_via],
            held=readable and calendar.sync_enabled and calendar.held_at is not None,
        )
        for calendar in sorted(calendars, key=lambda one: (not one.primary, one.name.casefold()))
    ]
    return AccountView(
        connection=connection,
        name=PROVIDER_NAMES[connection.provider],
        calendars=shown,
        progress=_progress_of(shown, runs) if readable else None,
        by_key=not readable and connection.reason_code == ReauthCode.KEY_REJECTED,
        offered=offers_consent(services, connection.provider),
    )


def offers_consent(services: Services, kind: ProviderKind) -> bool:
    """Tell whether people can connect a provider by a consent on its page."""
    if kind is ProviderKind.CALDOTCOM:
        return services.settings.caldotcom_oauth_offered
    return kind in services.registry.kinds


_WAITING: Final = State(label="Waits for the account", tone="warn")


def _state_of(calendar: Calendar, runs: _Runs, now: datetime, maximum_age: timedelta) -> State:
    if not calendar.sync_enabled:
        return State(label="Not read")
    job = runs.active.get(calendar.id)
    if job is not None and job.status is SyncStatus.RUNNING:
        return State(label="Reading", tone="accent", under_way=True, events=job.counts.total)
    if calendar.held_at is not None:
        return State(label="Held", tone="warn", under_way=job is not None)
    if job is not None:
        return State(label="Waits for its turn", tone="accent", under_way=True)
    return _rest_of(calendar, runs.latest.get(calendar.id), now, maximum_age)


def _rest_of(
    calendar: Calendar, latest: SyncJob | None, now: datetime, maximum_age: timedelta
) -> State:
    """Tell how a calendar is doing over which nothing runs."""
    status = freshness_of(calendar, now, maximum_age).status
    if status is CalendarStatus.FAILING:
        return State(label="Failing", tone="bad", detail=calendar.error)
    if calendar.last_synced_at is None:
        detail = None if latest is None else latest.error
        return State(label="Not read yet", tone="warn", detail=detail)
    if status is CalendarStatus.STALE:
        return State(label="Late", tone="warn", detail=calendar.error)
    return State(label="Current", tone="good")


def _progress_of(shown: Sequence[CalendarView], runs: _Runs) -> Progress:
    read = [one for one in shown if one.calendar.sync_enabled]
    done = sum(one.state.label == "Current" for one in read)
    under_way = any(one.state.under_way for one in read)
    if under_way:
        text = _tell_progress(read, runs, done)
    elif not read:
        text = "No calendar of this account is read."
    elif done == len(read):
        text = _tell_all(done)
    else:
        text = f"{done} of {_count(len(read), 'calendar')} {_is(done)} current."
    return Progress(
        text=text,
        done=done,
        total=len(read),
        under_way=under_way,
        good=bool(read) and done == len(read),
    )


def _tell_progress(read: Sequence[CalendarView], runs: _Runs, done: int) -> str:
    """Say what is going on; the events of calendars that are through with it are counted too."""
    jobs = [runs.latest[one.calendar.id] for one in read if one.calendar.id in runs.latest]
    first = [job for job in jobs if job.kind is SyncKind.INITIAL]
    is_first = any(runs.active.get(job.calendar_id) is job for job in first)
    counted = first if is_first else list(runs.active.values())
    here = {one.calendar.id for one in read}
    events = sum(job.counts.total for job in counted if job.calendar_id in here)
    everything = _count(len(read), "calendar")
    if is_first:
        found = _count(events, "event")
        return f"Reading for the first time: {found} so far, {done} of {everything} current."
    found = f": {_count(events, 'event')} so far" if events else ""
    return f"Looking for news in {everything}{found}."


def _tell_all(number: int) -> str:
    which = {1: "Its calendar is", 2: "Both calendars are"}.get(
        number, f"All {number} calendars are"
    )
    return f"{which} current."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _shape_of(accounts: Iterable[AccountView]) -> str:
    """Return a short name of everything that decides about the parts of the page."""
    parts = [
        (
            str(account.connection.id),
            account.connection.status.value,
            [
                (str(one.calendar.id), one.held, one.calendar.sync_enabled, one.calendar.name)
                for one in account.calendars
            ],
        )
        for account in accounts
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
