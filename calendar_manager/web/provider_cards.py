"""The ways to connect an account, and what is missing where one is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from calendar_manager.bootstrap import Services
from calendar_manager.config import Settings
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.web.connections_view import PROVIDER_NAMES, offers_consent


@dataclass(frozen=True, slots=True)
class _Setup:
    """What an operator has to do for a provider.

    Attributes:
        names: The settings that are needed.
        where: Where their values come from.
        takes: What is read.
    """

    names: tuple[str, ...]
    where: str
    takes: str


_SETUPS: Final = {
    ProviderKind.GOOGLE: _Setup(
        ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
        "an OAuth client of type Web application at console.cloud.google.com",
        "Gmail and Google Workspace calendars.",
    ),
    ProviderKind.MICROSOFT: _Setup(
        ("MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET"),
        "an app registration at entra.microsoft.com",
        "Outlook and Microsoft 365 calendars, of work and of home.",
    ),
    ProviderKind.CALDOTCOM: _Setup(
        ("CALCOM_CLIENT_ID", "CALCOM_CLIENT_SECRET"),
        "an OAuth client that Cal.com has approved",
        "Your bookings at Cal.com.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCard:
    """One provider, and how to connect an account there.

    Attributes:
        kind: Which.
        name: What people call it.
        takes: What is read, in words.
        by_consent: Whether the provider's own page can be gone to.
        by_key: Whether a key that the person makes there will do.
        own_key: Whether the installation has a key that this person may use.
        settings: The names of the settings that open the way by consent.
        where: Where an operator gets their values.
        redirects: The addresses that an operator has to register at the provider.
        guide: The file that explains it all.
    """

    kind: ProviderKind
    name: str
    takes: str
    by_consent: bool
    by_key: bool
    own_key: bool
    settings: Sequence[str]
    where: str
    redirects: Sequence[str]
    guide: str


def list_provider_cards(services: Services, *, is_alone: bool) -> Sequence[ProviderCard]:
    """List the providers, those that are not set up as well.

    Args:
        services: Tell what is set up.
        is_alone: Whether nobody else has an account on this installation.
    """
    return [
        ProviderCard(
            kind=kind,
            name=PROVIDER_NAMES[kind],
            takes=setup.takes,
            by_consent=offers_consent(services, kind),
            by_key=kind is ProviderKind.CALDOTCOM,
            own_key=kind is ProviderKind.CALDOTCOM
            and is_alone
            and services.settings.calcom_api_key is not None,
            settings=setup.names,
            where=setup.where,
            redirects=_redirects(services.settings, kind),
            guide=f"docs/providers/{kind.value}.md",
        )
        for kind, setup in _SETUPS.items()
    ]


def _redirects(settings: Settings, kind: ProviderKind) -> Sequence[str]:
    """Return where a provider may send people back to: each address that pages are opened at."""
    bases = dict.fromkeys((settings.frontend_url, settings.public_url))
    return [f"{base}/api/auth/callback/{kind.value}" for base in bases if base is not None]
