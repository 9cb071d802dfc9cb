"""Providers that bear more or less than they really do."""

from datetime import timedelta
from typing import Any, cast

from calendar_manager.providers.base import ProviderFactory, Quota, Rate
from calendar_manager.providers.registry import Registry

AMPLE = Quota(Rate(1_000_000, timedelta(minutes=1)))


class Limited:
    """A provider with another quota, or fewer seats, and otherwise as it is."""

    def __init__(self, factory: ProviderFactory, **changes: Any) -> None:
        self._factory = factory
        self._changes = changes

    def __getattr__(self, name: str) -> Any:
        return self._changes[name] if name in self._changes else getattr(self._factory, name)


def bear_everything(registry: Registry) -> Registry:
    """Let tests ask as often as they like, whose clocks stand still while budgets fill up."""
    return Registry(
        {
            kind: cast("ProviderFactory", Limited(registry.get(kind), quota=AMPLE))
            for kind in registry.kinds
        }
    )
