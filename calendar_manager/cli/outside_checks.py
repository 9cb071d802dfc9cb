"""Checks of what is outside: the providers, and our own addresses as others see them."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import requests

from calendar_manager.bootstrap import Services
from calendar_manager.cli.checks import Finding, State, compare_clocks
from calendar_manager.config import Settings
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.base import KeyAuth
from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ProviderError,
    ProviderNotConfiguredError,
    RetryLaterError,
)
from calendar_manager.web.connections_view import PROVIDER_NAMES

ANSWER_SECONDS: Final = 10.0

INVENTED: Final = "calendar-manager-doctor"
"""A code and a state that no provider ever gave."""

UNKNOWN_CLIENT: Final = frozenset(
    {"invalid_client", "unauthorized_client", "deleted_client", "invalid_client_credentials"}
)
GUIDES: Final[Mapping[ProviderKind, str]] = {
    ProviderKind.GOOGLE: "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET; see docs/providers/google.md.",
    ProviderKind.MICROSOFT: "MICROSOFT_CLIENT_ID, MICROSOFT_CLIENT_SECRET and MICROSOFT_TENANT_ID;"
    " see docs/providers/microsoft.md.",
    ProviderKind.CALDOTCOM: "CALCOM_CLIENT_ID and CALCOM_CLIENT_SECRET; see"
    " docs/providers/caldotcom.md.",
}


def check_providers(services: Services) -> list[Finding]:
    """Find out of each provider whether it is set up, reached, and knows this installation."""
    findings = []
    for kind in ProviderKind:
        found = _check_client(services, kind)
        findings.append(found)
        if found.state is not State.SKIPPED:
            findings += _check_clock(services, kind)
    if services.settings.calcom_api_key is not None:
        findings.append(_check_key(services, services.settings.calcom_api_key.get_secret_value()))
    if not any(_is_set_up(services.settings).values()):
        findings.append(
            Finding(
                "providers",
                State.WARNING,
                "No provider is set up; people can connect Cal.com by API keys of their own only.",
                "Register an application at a provider, and set its client id and secret.",
            )
        )
    return findings


def check_addresses(settings: Settings) -> list[Finding]:
    """Ask our own addresses whether the API is behind them."""
    findings = [_check_address("FRONTEND_URL", settings.frontend_url)]
    if settings.public_url is None:
        findings.append(
            Finding(
                "PUBLIC_URL",
                State.WARNING,
                "It is not set, so providers cannot tell of changes and calendars are polled.",
                "Set it to an https address of this installation that the world can reach.",
            )
        )
    elif settings.public_url != settings.frontend_url:
        findings.append(_check_address("PUBLIC_URL", settings.public_url))
    return findings


def _is_set_up(settings: Settings) -> dict[ProviderKind, bool]:
    return {
        ProviderKind.GOOGLE: settings.google_client_id is not None,
        ProviderKind.MICROSOFT: settings.microsoft_client_id is not None,
        ProviderKind.CALDOTCOM: settings.calcom_client_id is not None,
    }


def _check_client(services: Services, kind: ProviderKind) -> Finding:
    """Send a code that was never given; the refusal tells whether our client was accepted.

    RFC 6749 section 5.2: a server that does not know the client says ``invalid_client``. One that
    does goes on to the code, and says ``invalid_grant``.
    """
    name = PROVIDER_NAMES[kind]
    if not _is_set_up(services.settings)[kind]:
        return Finding(name, State.SKIPPED, "It is not set up.")
    redirect = f"{services.settings.frontend_url}/api/auth/callback/{kind.value}"
    try:
        auth = services.registry.get(kind).auth
        request = auth.authorization(state=INVENTED, redirect_uri=redirect)
        auth.exchange(
            parameters={"code": INVENTED, "state": INVENTED},
            memory=request.memory,
            redirect_uri=redirect,
            now=services.clock(),
        )
    except ConnectRefusedError as error:
        return _read_refusal(name, kind, error)
    except RetryLaterError as error:
        return Finding(
            name,
            State.FAILED,
            f"{error}.",
            "Let this machine reach the provider: its network, name service and firewall.",
        )
    except (ProviderNotConfiguredError, ProviderError) as error:
        return Finding(name, State.FAILED, f"{error}", f"Look at {GUIDES[kind]}")
    return Finding(name, State.WARNING, "It took a code that it never gave.")


def _read_refusal(name: str, kind: ProviderKind, error: ConnectRefusedError) -> Finding:
    if error.reason == "invalid_grant":
        return Finding(name, State.OK, "It is reached and accepts this installation's client.")
    advice = f"Mend {GUIDES[kind]}" if error.reason in UNKNOWN_CLIENT else f"See {GUIDES[kind]}"
    if error.reason == "redirect_uri_mismatch":
        advice = f"Register the callback address, or mend PUBLIC_URL and FRONTEND_URL. {advice}"
    return Finding(name, State.FAILED, str(error), advice)


def _check_key(services: Services, api_key: str) -> Finding:
    auth = services.registry.get(ProviderKind.CALDOTCOM).auth
    name = "CALCOM_API_KEY"
    if not isinstance(auth, KeyAuth):
        return Finding(name, State.SKIPPED, "It takes no keys.")
    try:
        auth.connect_with_key(api_key, now=services.clock())
    except ConnectRefusedError as error:
        return Finding(name, State.FAILED, str(error), "Set the new key as CALCOM_API_KEY.")
    except ProviderError as error:
        return Finding(name, State.FAILED, str(error), "Look at the network, then try again.")
    return Finding(name, State.OK, "Cal.com accepts it.")


def _check_clock(services: Services, kind: ProviderKind) -> list[Finding]:
    """Compare our clock with the ``Date`` header of a provider, which has whole seconds."""
    settings = services.settings
    url = {
        ProviderKind.GOOGLE: settings.google_token_url,
        ProviderKind.MICROSOFT: settings.microsoft_authority,
        ProviderKind.CALDOTCOM: settings.calcom_token_url,
    }[kind]
    try:
        with requests.Session() as session:
            answer = session.head(url, timeout=ANSWER_SECONDS, allow_redirects=False)
        theirs = _read_date(answer.headers.get("Date", ""))
    except requests.RequestException:
        # That it cannot be reached is told already.
        return []
    if theirs is None:
        return []
    return [compare_clocks(PROVIDER_NAMES[kind], services.clock(), theirs, fails=False)]


def _read_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return None if found.utcoffset() is None else found


def _check_address(name: str, url: str) -> Finding:
    try:
        with requests.Session() as session:
            answer = session.get(
                f"{url}/health/live", timeout=ANSWER_SECONDS, allow_redirects=False
            )
    except requests.RequestException as error:
        return Finding(
            name,
            State.FAILED,
            f"{url} cannot be reached from here ({type(error).__name__}).",
            "Start the API, or mend the address, the name service or the proxy before it.",
        )
    if not _is_alive(answer):
        return Finding(
            name,
            State.FAILED,
            f"{url}/health/live answers {answer.status_code}, and not as our API does.",
            "Let the proxy before the API pass everything on.",
        )
    return Finding(name, State.OK, f"The API answers at {url}.")


def _is_alive(answer: requests.Response) -> bool:
    try:
        return answer.ok and answer.json() == {"status": "alive"}
    except ValueError:
        return False
