"""Which providers this installation can use; the only importer of their packages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.base import ProviderFactory
from calendar_manager.providers.caldotcom import (
    CalDotCom,
    CalDotComSettings,
    CalDotComVersions,
)
from calendar_manager.providers.caldotcom import is_signed as is_signed_by_caldotcom
from calendar_manager.providers.errors import ProviderNotConfiguredError
from calendar_manager.providers.google import Google, GoogleSettings
from calendar_manager.providers.microsoft import Microsoft, MicrosoftSettings

__all__ = [
    "CalDotComSettings",
    "CalDotComVersions",
    "GoogleSettings",
    "MicrosoftSettings",
    "ProviderSettings",
    "Registry",
    "build_registry",
    "is_signed_by_caldotcom",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """What each provider has to be told; None where it is not set up.

    Attributes:
        google: Google's part.
        microsoft: Microsoft's part.
        caldotcom: Cal.com's part.
    """

    google: GoogleSettings | None = None
    microsoft: MicrosoftSettings | None = None
    caldotcom: CalDotComSettings | None = None


class Registry:
    """The providers that are set up.

    Args:
        factories: By kind, in the order in which people should see them.
    """

    def __init__(self, factories: Mapping[ProviderKind, ProviderFactory]) -> None:
        self._factories = MappingProxyType(dict(factories))

    @property
    def kinds(self) -> tuple[ProviderKind, ...]:
        """The kinds that :meth:`get` knows."""
        return tuple(self._factories)

    def get(self, kind: ProviderKind) -> ProviderFactory:
        """Return the factory of one provider.

        Raises:
            ProviderNotConfiguredError: It is not set up here.
        """
        try:
            return self._factories[kind]
        except KeyError:
            raise ProviderNotConfiguredError(
                f"{kind.value} is not set up on this installation", reason="notConfigured"
            ) from None


def build_registry(settings: ProviderSettings) -> Registry:
    """Make the factories of every provider that has its settings."""
    made = ((kind, make(settings)) for kind, make in _MAKERS.items())
    return Registry({kind: factory for kind, factory in made if factory is not None})


def _make_google(settings: ProviderSettings) -> ProviderFactory | None:
    return None if settings.google is None else Google(settings.google)


def _make_microsoft(settings: ProviderSettings) -> ProviderFactory | None:
    return None if settings.microsoft is None else Microsoft(settings.microsoft)


def _make_caldotcom(settings: ProviderSettings) -> ProviderFactory | None:
    return None if settings.caldotcom is None else CalDotCom(settings.caldotcom)


_MAKERS: Mapping[ProviderKind, Callable[[ProviderSettings], ProviderFactory | None]] = {
    ProviderKind.GOOGLE: _make_google,
    ProviderKind.MICROSOFT: _make_microsoft,
    ProviderKind.CALDOTCOM: _make_caldotcom,
}
