"""Refreshing tokens as another process, and in the ways in which a refresh goes wrong.

``python -m tests.sync.refreshing`` reads a :class:`Errand` as JSON from its standard input and
prints the access token that it got as its last line.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from redis import Redis

from calendar_manager.bootstrap import build_services, sync_context
from calendar_manager.config import load_settings
from calendar_manager.domain.accounts import ProviderKind, Tokens
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.tokens import fresh_tokens

Refresh = Callable[[], Tokens]


@dataclass(frozen=True)
class Errand:
    """What another process is to do: refresh one connection's tokens.

    Attributes:
        environment: The settings.
        connection_id: Which connection.
        now: The instant that its clock shows.
        dies: Whether it is killed when the provider has answered, before anything is stored.
    """

    environment: Mapping[str, str]
    connection_id: str
    now: str
    dies: bool = False

    def as_json(self) -> str:
        return json.dumps(asdict(self))


class _Auth:
    """A real auth whose refresh is wrapped."""

    def __init__(self, real: Any, around: Callable[[Refresh], Tokens]) -> None:
        self._real = real
        self._around = around

    def refresh(self, tokens: Tokens, *, now: datetime) -> Tokens:
        return self._around(lambda: self._real.refresh(tokens, now=now))


@dataclass(frozen=True)
class _Factory:
    auth: _Auth


@dataclass(frozen=True)
class _Registry:
    real: Any
    around: Callable[[Refresh], Tokens]

    def get(self, kind: ProviderKind) -> _Factory:
        return _Factory(_Auth(self.real.get(kind).auth, self.around))


def wrap_refresh(context: SyncContext, around: Callable[[Refresh], Tokens]) -> SyncContext:
    """Return a context whose refreshes go through ``around``, which calls the real one."""
    registry: Any = _Registry(context.registry, around)
    return replace(context, registry=registry)


def run(errand: Errand) -> str:
    """Do the errand in this process; return the access token."""
    now = datetime.fromisoformat(errand.now)
    services = build_services(load_settings(errand.environment), clock=lambda: now)
    context = sync_context(services)
    if errand.dies:
        context = wrap_refresh(context, _die_with_the_answer)
    try:
        return fresh_tokens(context, UUID(errand.connection_id)).access_token
    finally:
        services.store.engine.dispose()
        services.redis.close()


def forget_locks(redis: Redis) -> None:
    """Let the locks of all refreshes run out."""
    for key in redis.scan_iter("calendar-manager:refresh:*"):
        redis.delete(key)


def forget_attempts(redis: Redis) -> None:
    """Let ten minutes pass for refreshes that never told their end."""
    for key in redis.scan_iter("calendar-manager:refreshing:*"):
        attempts = cast("list[tuple[bytes, float]]", redis.zrange(key, 0, -1, withscores=True))
        redis.zadd(key, {name: started - 601 for name, started in attempts})


def _die_with_the_answer(refresh: Refresh) -> Tokens:
    refresh()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    sys.stdout.write(run(Errand(**json.load(sys.stdin))))
