"""Keeping one channel open on every calendar that is read.

The provider may call before the call that opens a channel returns, and a worker may die at any
line. So the row comes first, with the token that proves a message genuine, and doubles as the
sign that somebody is opening one; the provider is asked outside of any transaction; and the old
channel is closed only when the new one is confirmed. What a dead worker opened is found by its
row, or by its first message, and closed.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID, uuid4

import structlog

from calendar_manager.domain.channels import Channel, plan_channels
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.providers.base import (
    CalendarProvider,
    ChannelHandle,
    ChannelProvider,
    ChannelRequest,
    OpenedChannel,
)
from calendar_manager.providers.errors import (
    CalendarGoneError,
    ChannelsUnavailableError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.store.repositories.channels import Watched
from calendar_manager.sync.backoff import backoff
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.pull import with_account
from calendar_manager.sync.requests import request_sync_once

log = structlog.get_logger(__name__)

BATCH: Final = 1000
CLAIM: Final = timedelta(minutes=2)
"""How long the one who looks at a calendar's channels has before another one does."""

UNAVAILABLE_PAUSE: Final = timedelta(days=1)
"""When a provider is asked again that opens no channel on a calendar."""

Result = TypeVar("Result")


def claim_due_channels(context: SyncContext) -> Sequence[UUID]:
    """Take the calendars whose channels are due for a look.

    Where providers cannot reach us, only those are taken that still have a channel from before.
    """
    opening = context.options.webhook_url is not None
    with context.store.begin() as uow:
        return uow.channels.claim_due(
            now=context.clock(), retry_after=CLAIM, opening=opening, limit=BATCH
        )


def tend_channel(context: SyncContext, calendar_id: UUID) -> UUID | None:
    """Open, renew, replace or close the channels of a calendar, whatever it needs.

    Trouble at the provider never raises: the next look is set accordingly. Any number of workers
    may do this at once.

    Returns:
        A sync job to send to the workers, for what changed before anybody would have told.
    """
    with context.store.begin() as uow:
        watched = uow.channels.load_watched(calendar_id)
    if watched is None:
        return None
    now = context.clock()
    wanted = watched.wanted and context.options.webhook_url is not None
    plan = plan_channels(watched.channels, wanted=wanted, now=now)
    kept, job_id = plan.keeps, None
    needless = plan.closes
    try:
        if kept is not None and plan.extends:
            extended = _extend(context, watched, kept)
            if extended is None:
                needless = (*needless, kept)
            kept = extended
        if wanted and kept is None:
            kept, job_id = _open(context, watched, instead_of={one.id for one in needless})
    except ProviderError as error:
        _note_trouble(context, watched, error)
        return None
    if wanted and kept is None:
        # Somebody else is opening one, and the claim brings us back.
        return None
    closed = close_channels(context, watched, needless)
    if kept is not None:
        with context.store.begin() as uow:
            at = kept.find_next_look(context.jitter()) if closed else context.clock() + CLAIM
            uow.channels.plan_look(watched, at=at)
    return job_id


def close_channels(context: SyncContext, watched: Watched, channels: Iterable[Channel]) -> bool:
    """Close channels at the provider, as far as it knows them.

    Returns:
        Whether none is left that would have to be tried again.
    """
    known = [one for one in channels if one.provider_channel_id is not None]
    unknown = [one for one in channels if one.provider_channel_id is None]
    for channel in unknown:
        # It was never confirmed. Should the provider have opened it nevertheless, its first
        # message tells by what it can be closed.
        with context.store.begin() as uow:
            uow.channels.stop(channel.id, now=context.clock())
    try:
        for channel in known:
            _close(context, watched, channel)
    except (RetryLaterError, ConsentLostError) as error:
        log.warning("channels_not_closed", reason=error.reason)
        return False
    return True


def handle_of(channel: Channel, provider_calendar_id: str) -> ChannelHandle:
    """Return by what a provider knows a channel.

    Raises:
        ValueError: It was never confirmed.
    """
    if channel.provider_channel_id is None:
        raise ValueError("the provider's id of the channel is not known")
    return ChannelHandle(
        provider_calendar_id=provider_calendar_id,
        provider_channel_id=channel.provider_channel_id,
        resource_id=channel.resource_id,
    )


def _extend(context: SyncContext, watched: Watched, channel: Channel) -> Channel | None:
    """Have a channel live longer; None when another one has to be opened."""
    handle = handle_of(channel, watched.calendar.provider_calendar_id)
    now = context.clock()
    opened = _call(context, watched, lambda account: account.extend_channel(handle, now=now))
    if opened is None:
        return None
    if not _note_confirmed(context, channel.id, opened):
        return None
    log.info("channel_extended", channel_id=str(channel.id), expires_at=opened.expires_at)
    return replace(channel, opened_at=context.clock(), expires_at=opened.expires_at)


def _open(
    context: SyncContext, watched: Watched, *, instead_of: set[UUID]
) -> tuple[Channel | None, UUID | None]:
    """Open a channel, and ask for a run that finds what nobody told of.

    Returns:
        The channel, None when somebody else has one or is opening it; and the job to send.
    """
    request = _begin(context, watched, instead_of)
    if request is None:
        return None, None
    calendar = watched.calendar
    try:
        opened = _call(
            context,
            watched,
            lambda account: account.open_channel(calendar.provider_calendar_id, request),
        )
    except ProviderError:
        with context.store.begin() as uow:
            uow.channels.stop(request.channel_id, now=context.clock())
        raise
    if not _note_confirmed(context, request.channel_id, opened):
        _discard(context, watched, opened)
        return None, None
    now = context.clock()
    with context.store.begin() as uow:
        fresh = uow.calendars.find(calendar.user_id, calendar.id)
        job_id = None
        if fresh is not None:
            job_id = request_sync_once(uow, fresh, trigger=SyncTrigger.BEAT, now=now)
        found = uow.channels.find_called([request.channel_id]).get(request.channel_id)
    log.info("channel_opened", channel_id=str(request.channel_id), expires_at=opened.expires_at)
    return (None if found is None else found.channel), job_id


def _begin(context: SyncContext, watched: Watched, instead_of: set[UUID]) -> ChannelRequest | None:
    """Write down that a channel is being opened, unless somebody else has one or does so."""
    base, calendar, now = context.options.webhook_url, watched.calendar, context.clock()
    if base is None:
        return None
    channel_id = uuid4()
    token = f"{channel_id.hex}.{secrets.token_urlsafe(32)}"
    with context.store.begin() as uow:
        current = uow.channels.load_watched(calendar.id, lock=True)
        if current is None or not current.wanted:
            return None
        others = [one for one in current.channels if one.id not in instead_of]
        if any(one.serves(now) or one.is_being_opened(now) for one in others):
            return None
        uow.channels.add(channel_id=channel_id, calendar=calendar, token=token, now=now)
    address = f"{base}{calendar.provider.value}"
    return ChannelRequest(channel_id=channel_id, token=token, address=address, now=now)


def _note_confirmed(context: SyncContext, channel_id: UUID, opened: OpenedChannel) -> bool:
    with context.store.begin() as uow:
        return uow.channels.note_confirmed(
            channel_id,
            provider_channel_id=opened.provider_channel_id,
            resource_id=opened.resource_id,
            expires_at=opened.expires_at,
            now=context.clock(),
        )


def _discard(context: SyncContext, watched: Watched, opened: OpenedChannel) -> None:
    """Close what was given up while it was being opened: the calendar may be gone by now."""
    handle = ChannelHandle(
        provider_calendar_id=watched.calendar.provider_calendar_id,
        provider_channel_id=opened.provider_channel_id,
        resource_id=opened.resource_id,
    )
    try:
        _call(context, watched, lambda account: account.close_channel(handle))
    except ProviderError as error:
        log.warning("channel_not_closed", reason=error.reason)


def _close(context: SyncContext, watched: Watched, channel: Channel) -> None:
    handle = handle_of(channel, watched.calendar.provider_calendar_id)
    try:
        _call(context, watched, lambda account: account.close_channel(handle))
    except (RetryLaterError, ConsentLostError):
        raise
    except ProviderError as error:
        # Trying again would not help; its messages are known for what they are until its end.
        log.warning("channel_not_closed", channel_id=str(channel.id), reason=error.reason)
    with context.store.begin() as uow:
        if channel.opened_at is None:
            # Left as stopped, it would count as one that is still to be closed.
            uow.channels.delete(channel.id)
        else:
            uow.channels.stop(channel.id, now=context.clock())


def _call(
    context: SyncContext, watched: Watched, action: Callable[[ChannelProvider], Result]
) -> Result:
    def act(account: CalendarProvider) -> Result:
        if not isinstance(account, ChannelProvider):
            raise ChannelsUnavailableError(
                "The provider cannot tell us of changes.", reason="noChannels"
            )
        return action(account)

    return with_account(context, watched.connection, act)


def _note_trouble(context: SyncContext, watched: Watched, error: ProviderError) -> None:
    """Set the next look after a provider opened or extended nothing."""
    now, jitter = context.clock(), context.jitter()
    trouble = _Trouble.of(error)
    with context.store.begin() as uow:
        if trouble.wait is None:
            failures = uow.channels.count_failures(watched.calendar.id, since=now - CLAIM * 60)
            asked = error.retry_after if isinstance(error, RetryLaterError) else None
            wait = backoff(failures + trouble.handicap, jitter, asked)
            if any(channel.serves(now) for channel in watched.channels):
                wait = max(wait, CLAIM)
        else:
            wait = trouble.wait * (1 + 0.1 * jitter)
        if isinstance(error, CalendarGoneError):
            # Only the provider's list of calendars tells whether it is gone.
            uow.connections.hurry_discovery(watched.connection.id, now=now)
        uow.channels.plan_look(
            watched, at=now + wait, error=str(error), keep_error=not trouble.told
        )
    log.warning(
        "channel_trouble",
        calendar_id=str(watched.calendar.id),
        reason=error.reason,
        wait_seconds=wait.total_seconds(),
    )


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What follows from an error.

    Attributes:
        wait: How long to wait; None to wait longer each time.
        handicap: By how many failures longer.
        told: Whether the person is told.
    """

    wait: timedelta | None
    handicap: int = 0
    told: bool = True

    @classmethod
    def of(cls, error: ProviderError) -> "_Trouble":
        if isinstance(error, ChannelsUnavailableError):
            return cls(UNAVAILABLE_PAUSE)
        if isinstance(error, RetryLaterError):
            return cls(None, told=False)
        if isinstance(error, ConsentLostError):
            # The connection says so itself, and is left alone until it is back.
            return cls(CLAIM, told=False)
        return cls(None, handicap=5)
