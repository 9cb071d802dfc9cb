"""Why an account has to be connected again, and what its person can do about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from calendar_manager.domain.accounts import ProviderKind


class ReauthCode(StrEnum):
    """Why a provider no longer lets us read an account, as far as it tells."""

    REVOKED = "revoked"
    TEST_MODE_EXPIRED = "test_mode_expired"
    SCOPE_MISSING = "scope_missing"
    ADMIN_CONSENT = "admin_consent"
    PASSWORD_CHANGED_OR_EXPIRED = "password_changed_or_expired"  # noqa: S105 - no password.
    ACCOUNT_CLOSED = "account_closed"
    KEY_REJECTED = "key_rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReauthAdvice:
    """What to tell the person whose account cannot be read any more.

    Attributes:
        code: Why, for programs.
        reason: What happened, in a sentence.
        advice: What to do, in a sentence or two.
    """

    code: ReauthCode
    reason: str
    advice: str


TEST_MODE_LIFE: Final = timedelta(days=7)
"""How long a refresh token of an application in Google's testing mode lives.

https://developers.google.com/identity/protocols/oauth2#expiration
"""

_TEST_MODE_FROM: Final = TEST_MODE_LIFE - timedelta(hours=1)
_TEST_MODE_UNTIL: Final = TEST_MODE_LIFE + timedelta(days=1)
"""An access token is renewed every hour, so the end is noticed soon; longer when we were off."""

_NUMBER: Final = re.compile(r"\bAADSTS(\d{4,8})\b", re.IGNORECASE)

_MICROSOFT_NUMBERS: Final[Mapping[str, ReauthCode]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("65001", "90094", "90095", "50105", "53000", "53003"), ReauthCode.ADMIN_CONSENT
        ),
        **dict.fromkeys(
            ("50055", "50074", "50076", "50078", "50079", "50144", "50158", "50173"),
            ReauthCode.PASSWORD_CHANGED_OR_EXPIRED,
        ),
        **dict.fromkeys(("70008", "70043", "700082", "700084"), ReauthCode.REVOKED),
        **dict.fromkeys(("50034", "50053", "50057"), ReauthCode.ACCOUNT_CLOSED),
    }
)
"""https://learn.microsoft.com/entra/identity-platform/reference-error-codes"""

_REASONS: Final[Mapping[ProviderKind, Mapping[str, ReauthCode]]] = MappingProxyType(
    {
        ProviderKind.GOOGLE: {
            "invalid_grant": ReauthCode.REVOKED,
            "access_denied": ReauthCode.REVOKED,
            "autherror": ReauthCode.REVOKED,
            "unauthenticated": ReauthCode.REVOKED,
            "admin_policy_enforced": ReauthCode.ADMIN_CONSENT,
            "insufficientpermissions": ReauthCode.SCOPE_MISSING,
            "access_token_scope_insufficient": ReauthCode.SCOPE_MISSING,
        },
        ProviderKind.MICROSOFT: {
            "invalid_grant": ReauthCode.REVOKED,
            "invalidauthenticationtoken": ReauthCode.REVOKED,
            "interaction_required": ReauthCode.PASSWORD_CHANGED_OR_EXPIRED,
            "login_required": ReauthCode.PASSWORD_CHANGED_OR_EXPIRED,
            "consent_required": ReauthCode.ADMIN_CONSENT,
            "accessdenied": ReauthCode.SCOPE_MISSING,
            "erroraccessdenied": ReauthCode.SCOPE_MISSING,
            "authorization_requestdenied": ReauthCode.SCOPE_MISSING,
            "forbidden": ReauthCode.SCOPE_MISSING,
            "insufficientpermissions": ReauthCode.SCOPE_MISSING,
        },
        ProviderKind.CALDOTCOM: {
            "invalid_grant": ReauthCode.REVOKED,
            "access_denied": ReauthCode.REVOKED,
            "unauthorized": ReauthCode.REVOKED,
            "unauthorizedexception": ReauthCode.REVOKED,
            "keyrejected": ReauthCode.KEY_REJECTED,
            "forbidden": ReauthCode.SCOPE_MISSING,
            "forbiddenexception": ReauthCode.SCOPE_MISSING,
        },
    }
)

_NAMES: Final = MappingProxyType(
    {
        ProviderKind.GOOGLE: "Google",
        ProviderKind.MICROSOFT: "Microsoft",
        ProviderKind.CALDOTCOM: "Cal.com",
    }
)

_HAPPENED: Final[Mapping[tuple[ProviderKind | None, ReauthCode], str]] = MappingProxyType(
    {
        (ProviderKind.GOOGLE, ReauthCode.REVOKED): (
            "Google ended our access to this account: it was withdrawn, the password was changed,"
            " or the account was not used here for six months."
        ),
        (ProviderKind.MICROSOFT, ReauthCode.REVOKED): (
            "Microsoft ended our access to this account: it was withdrawn, all sessions were"
            " signed out, or the account was not used here for too long."
        ),
        (ProviderKind.CALDOTCOM, ReauthCode.REVOKED): (
            "Cal.com ended our access to this account: it was withdrawn, or an answer of Cal.com's"
            " was lost while the access was being renewed."
        ),
        (None, ReauthCode.TEST_MODE_EXPIRED): (
            "Google ended our access seven days after it was given, as it does while an"
            " application's consent screen is in testing."
        ),
        (None, ReauthCode.SCOPE_MISSING): (
            "{provider} no longer lets us read the calendars of this account, because not"
            " everything that is needed is allowed."
        ),
        (None, ReauthCode.ADMIN_CONSENT): (
            "The organization of this account lets applications in only after its administrator"
            " has allowed them."
        ),
        (None, ReauthCode.PASSWORD_CHANGED_OR_EXPIRED): (
            "{provider} asks for a new sign-in: the password was changed or has expired, or the"
            " organization asks for another proof of identity."
        ),
        (None, ReauthCode.ACCOUNT_CLOSED): (
            "{provider} says that this account is locked, disabled, or does not exist any more."
        ),
        (None, ReauthCode.KEY_REJECTED): (
            "Cal.com no longer accepts the API key of this account: it was deleted or has expired."
        ),
        (None, ReauthCode.UNKNOWN): "{provider} no longer lets us read this account.",
    }
)

_TO_DO: Final[Mapping[tuple[ProviderKind | None, ReauthCode], str]] = MappingProxyType(
    {
        (None, ReauthCode.TEST_MODE_EXPIRED): (
            "Connect the account again. It lasts another seven days, unless whoever runs this"
            " installation first publishes the application in the Google Cloud console under"
            " Google Auth Platform, Audience."
        ),
        (None, ReauthCode.SCOPE_MISSING): (
            "Connect the account again and allow everything that is asked for."
        ),
        (ProviderKind.GOOGLE, ReauthCode.SCOPE_MISSING): (
            "Connect the account again and leave every box ticked on Google's page."
        ),
        (ProviderKind.MICROSOFT, ReauthCode.ADMIN_CONSENT): (
            "Ask your organization's Microsoft 365 administrator to grant this application consent"
            " in the Microsoft Entra admin center under Enterprise applications, then connect the"
            " account again."
        ),
        (ProviderKind.GOOGLE, ReauthCode.ADMIN_CONSENT): (
            "Ask your organization's Google Workspace administrator to trust this application in"
            " the Admin console under Security, API controls, then connect the account again."
        ),
        (None, ReauthCode.ADMIN_CONSENT): (
            "Ask your organization's administrator to allow this application, then connect the"
            " account again."
        ),
        (None, ReauthCode.PASSWORD_CHANGED_OR_EXPIRED): (
            "Connect the account again and sign in with the present password."
        ),
        (None, ReauthCode.ACCOUNT_CLOSED): (
            "Have the account unlocked by its provider or your organization's administrator, then"
            " connect it again; or disconnect it here."
        ),
        (None, ReauthCode.KEY_REJECTED): (
            "Make a new key in Cal.com under Settings, Developer, API keys, and connect the"
            " account again with it."
        ),
        (None, ReauthCode.REVOKED): "Connect the account again.",
        (None, ReauthCode.UNKNOWN): (
            "Connect the account again; if that is refused, tell whoever runs this installation."
        ),
    }
)


def advise(
    provider: ProviderKind,
    provider_reason: str,
    *,
    said: str = "",
    consent_age: timedelta | None = None,
) -> ReauthAdvice:
    """Return what to tell the person whose consent was lost.

    Args:
        provider: Which provider refused.
        provider_reason: Its own code, such as ``invalid_grant`` or ``AADSTS50173``.
        said: What is told when the code is unknown; empty for a general sentence.
        consent_age: How long ago the person last gave the consent; None when unknown.
    """
    code = _find_code(provider, provider_reason)
    if (
        provider is ProviderKind.GOOGLE
        and provider_reason == "invalid_grant"
        and consent_age is not None
        and _TEST_MODE_FROM <= consent_age <= _TEST_MODE_UNTIL
    ):
        # Google tells none of its reasons to end a grant from another, but this one keeps time.
        code = ReauthCode.TEST_MODE_EXPIRED
    reason = _pick(_HAPPENED, provider, code).format(provider=_NAMES[provider])
    if code is ReauthCode.UNKNOWN and said:
        reason = said
    return ReauthAdvice(code, reason, find_advice(provider, code))


def find_advice(provider: ProviderKind, code: str) -> str:
    """Return what the person can do about a stored code; one of another version is unknown."""
    try:
        known = ReauthCode(code)
    except ValueError:
        known = ReauthCode.UNKNOWN
    return _pick(_TO_DO, provider, known)


def _find_code(provider: ProviderKind, provider_reason: str) -> ReauthCode:
    number = _NUMBER.search(provider_reason)
    if provider is ProviderKind.MICROSOFT and number is not None:
        return _MICROSOFT_NUMBERS.get(number[1], ReauthCode.UNKNOWN)
    return _REASONS[provider].get(provider_reason.casefold(), ReauthCode.UNKNOWN)


def _pick(
    sentences: Mapping[tuple[ProviderKind | None, ReauthCode], str],
    provider: ProviderKind,
    code: ReauthCode,
) -> str:
    own = sentences.get((provider, code))
    return sentences[None, code] if own is None else own
