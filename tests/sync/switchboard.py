"""A provider of channels that does as a test tells it, and remembers what it was asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from calendar_manager.domain.accounts import ProviderKind, RemoteCalendar, Tokens
from calendar_manager.domain.changes import ChangePage
from calendar_manager.providers.base import (
    ChannelHandle,
    ChannelRequest,
    Gate,
    OpenedChannel,
    ProviderFactory,
    always_open,
)
from calendar_manager.providers.registry import Registry
from calendar_manager.sync.context import SyncContext

WEEK = timedelta(days=7)
Do = Callable[[], None]


def nothing() -> None:
    """Do nothing."""


@dataclass
class Switchboard:
    """What the provider knows and does.

    Attributes:
        live: The open channels, by the provider's id.
        log: What was asked, in order: the verb and the provider's id of the channel.
        life: How long a channel lives; None for no end.
        extends: Whether channels can be extended.
        on_open: Runs in the middle of opening, after the channel works.
        on_extend: Runs before a channel is extended.
        on_close: Runs before a channel is closed.
    """

    live: dict[str, ChannelRequest] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    life: timedelta | None = WEEK
    extends: bool = False
    on_open: Do = nothing
    on_extend: Do = nothing
    on_close: Do = nothing

    def open(self, request: ChannelRequest) -> OpenedChannel:
        key = str(request.channel_id)
        self.log.append(("open", key))
        self.live[key] = request
        self.on_open()
        return self._promise(key, request.now)

    def extend(self, handle: ChannelHandle, now: datetime) -> OpenedChannel | None:
        key = handle.provider_channel_id
        self.log.append(("extend", key))
        self.on_extend()
        if not self.extends or key not in self.live:
            return None
        return self._promise(key, now)

    def close(self, handle: ChannelHandle) -> None:
        self.log.append(("close", handle.provider_channel_id))
        self.on_close()
        assert handle.resource_id == "watched", "nothing can be closed without both ids"
        self.live.pop(handle.provider_channel_id, None)

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.log]

    def _promise(self, key: str, now: datetime) -> OpenedChannel:
        ends = None if self.life is None else now + self.life
        return OpenedChannel(provider_channel_id=key, resource_id="watched", expires_at=ends)


@dataclass
class Account:
    """An open account of the provider."""

    board: Switchboard

    def pull_calendars(self) -> Sequence[RemoteCalendar]:
        return []

    def pull_changes(self, *_: Any, **__: Any) -> Iterator[ChangePage]:
        yield ChangePage(())

    def open_channel(self, _provider_calendar_id: str, request: ChannelRequest) -> OpenedChannel:
        return self.board.open(request)

    def extend_channel(self, channel: ChannelHandle, *, now: datetime) -> OpenedChannel | None:
        return self.board.extend(channel, now)

    def close_channel(self, channel: ChannelHandle) -> None:
        self.board.close(channel)

    def close(self) -> None:
        pass


class Silent:
    """An account whose provider has no channels."""

    def close(self) -> None:
        pass


@dataclass
class Factory:
    """The provider, in place of the real one whose accounts are connected."""

    real: ProviderFactory
    make: Callable[[], Any]

    def open(self, _tokens: Tokens, *, gate: Gate = always_open) -> Any:
        gate()
        return self.make()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def switch(context: SyncContext, make: Callable[[], Any]) -> SyncContext:
    """Return the write path with the scripted provider, and reachable for it."""
    real = context.registry.get(ProviderKind.GOOGLE)
    factory: Any = Factory(real, make)
    return replace(
        context,
        registry=Registry({ProviderKind.GOOGLE: factory}),
        options=replace(context.options, webhook_url="https://calendars.example/webhooks/"),
    )
