"""Receiving what providers tell us: prove that it is them, note it, and queue a sync.

A notification says that something changed, never what; the sync reads that itself. So receiving
is a cheap write, and what is forged costs one look-up by primary key.
"""

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final
from uuid import UUID

import structlog
from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.sync_jobs import SyncTrigger
from calendar_manager.store.repositories.channels import Called
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from calendar_manager.sync.requests import request_sync_once

log = structlog.get_logger(__name__)

REAUTHORIZE_WITHIN: Final = timedelta(minutes=15)
"""How long a subscription is taken to live on that Microsoft wants reauthorized; it does not say
how long it really does."""

SEEN_SECONDS: Final = 24 * 3600
"""For how long a message is known again that carries nothing else to know it by."""


class News(Enum):
    """What a message says."""

    GREETING = auto()
    """The channel is open; nothing changed."""
    CHANGED = auto()
    """Something changed, or messages got lost."""
    REAUTHORIZE = auto()
    """The channel ends soon unless it is renewed."""
    REMOVED = auto()
    """The channel is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing that somebody says in a provider's name.

    Attributes:
        channel_id: On which channel, by our id.
        news: What it says.
        proves: Tells whether the sender knows the given token.
        provider_channel_id: The provider's id of the channel; None where messages have none.
        resource_id: The provider's id of what is watched; None where messages have none.
        number: Counts up within the channel; None where messages have none.
        fingerprint: By what a repeat is known where messages have no number; None to let it pass.
    """

    channel_id: UUID
    news: News
    proves: Callable[[str], bool] = field(repr=False)
    provider_channel_id: str | None = None
    resource_id: str | None = None
    number: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What became of messages.

    Attributes:
        known: How many named a channel that there is.
        genuine: How many were proven, those about channels that were given up included.
        jobs: The sync jobs to send to the workers.
    """

    known: int = 0
    genuine: int = 0
    jobs: tuple[UUID, ...] = ()


def knows(given: str) -> Callable[[str], bool]:
    """Return what compares a token that came with a message, in constant time."""
    return lambda token: _equal(given, token)


def receive(
    store: Store,
    redis: Redis,
    provider: ProviderKind,
    messages: Sequence[Message],
    *,
    now: datetime,
) -> Received:
    """Take in messages.

    Args:
        store: The database.
        redis: Remembers the fingerprints of messages; nothing depends on it.
        provider: In whose name they came.
        messages: All that came in one request.
        now: The present.

    Raises:
        StoreUnavailableError: They could not be noted, so the provider should send them again.
    """
    if not messages:
        return Received()
    with store.begin() as uow:
        called = uow.channels.find_called({message.channel_id for message in messages})
    genuine = [
        (message, called[message.channel_id])
        for message in messages
        if message.channel_id in called
        and _is_genuine(message, called[message.channel_id], provider)
    ]
    if len(genuine) < len(messages):
        log.warning(
            "notifications_refused", provider=provider.value, count=len(messages) - len(genuine)
        )
    fresh = [pair for pair in genuine if not _was_seen(redis, pair[0])]
    known = sum(message.channel_id in called for message in messages)
    if not fresh:
        return Received(known, len(genuine))
    with store.begin() as uow:
        jobs = _note(uow, fresh, now)
    _remember(redis, (message for message, _ in fresh))
    return Received(known, len(genuine), tuple(jobs))


def _is_genuine(message: Message, called: Called, provider: ProviderKind) -> bool:
    """Tell whether a message knows all that only the provider can know."""
    channel = called.channel
    if channel.provider is not provider or called.token is None:
        return False
    ids = (
        (message.provider_channel_id, channel.provider_channel_id),
        (message.resource_id, channel.resource_id),
    )
    # What we do not know yet is learned from the message, once its token is proven.
    matches = [given is None or known is None or _equal(given, known) for given, known in ids]
    return message.proves(called.token) and all(matches)


def _note(uow: UnitOfWork, pairs: Sequence[tuple[Message, Called]], now: datetime) -> list[UUID]:
    """Write down what genuine messages say.

    Rows are written in the order calendars, channels, jobs, and by id within each, as elsewhere,
    so that no two transactions wait for each other.
    """
    uow.channels.hurry(
        {called.calendar.id for message, called in pairs if _needs_look(message, called)}, now=now
    )
    dirty: dict[UUID, Called] = {}
    for message, called in sorted(pairs, key=lambda pair: pair[0].channel_id):
        is_new = uow.channels.note_message(
            message.channel_id,
            provider_channel_id=message.provider_channel_id,
            resource_id=message.resource_id,
            number=message.number,
            now=now,
        )
        if not is_new or called.channel.stopped_at is not None:
            continue
        if message.news is News.REMOVED:
            uow.channels.stop(message.channel_id, now=now)
        elif message.news is News.REAUTHORIZE:
            uow.channels.shorten(message.channel_id, expires_at=now + REAUTHORIZE_WITHIN)
        if message.news in {News.CHANGED, News.REMOVED} and called.wanted:
            dirty[called.calendar.id] = called
    requested = (
        request_sync_once(
            uow, dirty[calendar_id].calendar, trigger=SyncTrigger.NOTIFICATION, now=now
        )
        for calendar_id in sorted(dirty)
    )
    return [job_id for job_id in requested if job_id is not None]


def _needs_look(message: Message, called: Called) -> bool:
    """Tell whether a calendar's channels have to be looked at because of a message."""
    channel = called.channel
    if channel.stopped_at is None:
        return message.news in {News.REAUTHORIZE, News.REMOVED}
    # An opening that was given up, because no answer came, has succeeded nevertheless. From the
    # message it is known by what the channel can be closed.
    return channel.opened_at is None and message.provider_channel_id is not None


def _equal(given: str, known: str) -> bool:
    # Text that is not ASCII, or broken Unicode, must not make the comparison raise.
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), known.encode("utf-8", "surrogatepass")
    )


def _seen_key(message: Message) -> str:
    return f"calendar-manager:seen:{message.channel_id}:{message.fingerprint}"


def _was_seen(redis: Redis, message: Message) -> bool:
    if message.fingerprint is None:
        return False
    try:
        return bool(redis.exists(_seen_key(message)))
    except RedisError:
        # One sync too many is harmless, one too few is not.
        return False


def _remember(redis: Redis, messages: Iterable[Message]) -> None:
    """Remember messages once they are noted, so that one that could not be may come again."""
    for message in messages:
        if message.fingerprint is None:
            continue
        try:
            redis.set(_seen_key(message), b"", nx=True, ex=SEEN_SECONDS)
        except RedisError:
            return
