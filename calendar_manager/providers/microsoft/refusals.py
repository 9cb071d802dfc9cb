"""What refusals of Microsoft's sign-in service mean, in words that say what to do.

The OAuth error is coarse; the number in ``AADSTS65001: …`` says what it really is
(https://learn.microsoft.com/entra/identity-platform/reference-error-codes).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from calendar_manager.providers.errors import (
    ConnectRefusedError,
    ConsentLostError,
    ProviderError,
    RetryLaterError,
)
from calendar_manager.providers.microsoft.fields import read_text

_NUMBER = re.compile(r"AADSTS(\d{4,8})")
_TEXT_LIMIT = 300
_PASSING = frozenset({"server_error", "temporarily_unavailable"})
# The service's own trouble, which it may well call an invalid grant.
_PASSING_NUMBERS = frozenset(
    {
        "40010",  # An identity provider behind it cannot answer.
        "50196",  # The application asked too often in a short time.
        "90006",
        "90012",
        "90024",
        "90033",
        "90055",  # The organization's requests are throttled.
    }
)
_LOST = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})

_ADMIN: Final = (
    "The organization of this Microsoft account lets applications in only after its administrator "
    "has allowed them. Ask the administrator to grant this application consent, then connect."
)
_CONSENT_WITHDRAWN: Final = (
    "Access was withdrawn, or the organization lets applications in only after its administrator "
    "has allowed them; then ask the administrator first."
)
_NEW_PROOF: Final = "The organization asks for another proof of identity, such as a second factor."
_GRANTS_LOST: Final = MappingProxyType(
    {
        "50034": "The account does not exist any more.",
        "50053": "The account is locked.",
        "50055": "The account's password has expired.",
        "50057": "The account is disabled.",
        "50074": _NEW_PROOF,
        "50076": _NEW_PROOF,
        "50078": _NEW_PROOF,
        "50079": _NEW_PROOF,
        "50158": _NEW_PROOF,
        "50173": "The password was changed, or all sessions were ended.",
        "53000": "The organization's access rules keep this application out.",
        "53003": "The organization's access rules keep this application out.",
        "70008": "The access has expired.",
        "700082": "The access was not used for so long that it has expired.",
        "700084": "The access has expired.",
    }
)
_OURS: Final = MappingProxyType(
    {
        "50011": "The callback address is not registered for this application. Add it in the "
        "Microsoft Entra admin center under App registrations, Authentication.",
        "50194": "This application is registered for one organization only. Set "
        "MICROSOFT_TENANT_ID to that organization, or open the registration to others.",
        "700016": "Microsoft does not know this installation's MICROSOFT_CLIENT_ID.",
        "7000215": "Microsoft does not accept this installation's MICROSOFT_CLIENT_SECRET. Set "
        "the secret's value, not its id.",
        "7000222": "This installation's MICROSOFT_CLIENT_SECRET has expired. Make a new one in the "
        "Microsoft Entra admin center under App registrations, Certificates & secrets.",
        "90002": "Microsoft does not know the tenant in MICROSOFT_TENANT_ID.",
    }
)
_CONNECTIONS: Final = MappingProxyType(
    {
        "50020": "This account is no member of the organization that this application is for.",
        "50105": "The organization has not assigned this application to this account. Ask its "
        "administrator to do so.",
        "53003": "The organization's access rules keep this application out. Ask its "
        "administrator.",
        "54005": "Microsoft's code was already used. Connect again.",
        "70008": "Microsoft's code is too old. Connect again.",
        "65001": _ADMIN,
        "90094": _ADMIN,
        "90095": _ADMIN,
        **_OURS,
    }
)
_DENIED: Final = "Access was not allowed on Microsoft's page. Nothing was connected."
_ADMIN_NUMBERS = frozenset({"65001", "90094", "90095"})


def read_connect_refusal(answer: Mapping[str, object]) -> ProviderError:
    """Return what a refusal while connecting means.

    Args:
        answer: The callback's parameters or the token endpoint's answer, with ``error``.
    """
    error, number, description = _read(answer)
    if error in _PASSING or number in _PASSING_NUMBERS:
        return RetryLaterError("Microsoft cannot answer at the moment.", reason=error)
    text = _CONNECTIONS.get(number)
    if text is not None:
        reason = "consent_required" if number in _ADMIN_NUMBERS else error
        return ConnectRefusedError(text, reason=reason)
    if error == "access_denied":
        return ConnectRefusedError(_DENIED, reason=error)
    if error == "consent_required":
        return ConnectRefusedError(_ADMIN, reason=error)
    if error == "invalid_grant":
        text = "Microsoft's code was already used or is too old. Connect again."
    elif error in {"invalid_client", "unauthorized_client"}:
        text = "Microsoft does not accept this installation's client id and secret."
    else:
        text = f"Microsoft refused the connection: {error} ({description})."
    return ConnectRefusedError(text, reason=error)


def read_refresh_refusal(answer: Mapping[str, object]) -> ProviderError:
    """Return what a refusal to refresh an access means.

    Only what the person can mend costs the connection; a client secret that has expired, say, is
    for whoever runs this installation.

    Args:
        answer: The token endpoint's answer, with ``error``.
    """
    error, number, description = _read(answer)
    if error in _PASSING or number in _PASSING_NUMBERS:
        return RetryLaterError("Microsoft cannot answer at the moment.", reason=error)
    if number in _OURS:
        return ProviderError(_OURS[number], reason=error)
    if error in _LOST:
        if number in _ADMIN_NUMBERS or error == "consent_required":
            return lost(_CONSENT_WITHDRAWN, reason="consent_required")
        return lost(_GRANTS_LOST.get(number), reason=f"AADSTS{number}" if number else error)
    return ProviderError(
        f"Microsoft refused to refresh the access: {error} ({description})", reason=error
    )


def lost(why: str | None = None, *, reason: str) -> ConsentLostError:
    """Return the error for an access that only the person can bring back.

    Args:
        why: A sentence, if more is known than that it is lost.
        reason: The code for logs.
    """
    known = why or (
        "Access was withdrawn, the password was changed, or the account was not used for too long."
    )
    return ConsentLostError(
        f"Microsoft no longer accepts our access to this account. {known} Connect the account "
        "again.",
        reason=reason,
    )


def _read(answer: Mapping[str, object]) -> tuple[str, str, str]:
    """Return the error, the number behind it and the first line of its description."""
    error = read_text(answer.get("error"), limit=_TEXT_LIMIT) or "unknown"
    description = read_text(answer.get("error_description"), limit=_TEXT_LIMIT) or "no description"
    number = _NUMBER.search(description)
    return error, number[1] if number else "", description.splitlines()[0]
