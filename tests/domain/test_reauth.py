from datetime import timedelta

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.reauth import ReauthCode, advise, find_advice

pytestmark = pytest.mark.unit

GOOGLE, MICROSOFT, CALDOTCOM = ProviderKind.GOOGLE, ProviderKind.MICROSOFT, ProviderKind.CALDOTCOM


@pytest.mark.parametrize(
    ("provider", "provider_reason", "code"),
    [
        (GOOGLE, "invalid_grant", "revoked"),
        (GOOGLE, "insufficientPermissions", "scope_missing"),
        (GOOGLE, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "scope_missing"),
        (GOOGLE, "admin_policy_enforced", "admin_consent"),
        (GOOGLE, "refreshTokenMissing", "unknown"),
        (MICROSOFT, "invalid_grant", "revoked"),
        (MICROSOFT, "consent_required", "admin_consent"),
        (MICROSOFT, "AADSTS65001", "admin_consent"),
        (MICROSOFT, "AADSTS50173", "password_changed_or_expired"),
        (MICROSOFT, "AADSTS50055", "password_changed_or_expired"),
        (MICROSOFT, "interaction_required", "password_changed_or_expired"),
        (MICROSOFT, "AADSTS700082", "revoked"),
        (MICROSOFT, "AADSTS50057", "account_closed"),
        (MICROSOFT, "AADSTS99999", "unknown"),
        (MICROSOFT, "ErrorAccessDenied", "scope_missing"),
        (CALDOTCOM, "invalid_grant", "revoked"),
        (CALDOTCOM, "keyRejected", "key_rejected"),
        (CALDOTCOM, "ForbiddenException", "scope_missing"),
        (CALDOTCOM, "AADSTS65001", "unknown"),
    ],
)
def test_the_providers_reason_tells_why(
    provider: ProviderKind, provider_reason: str, code: str
) -> None:
    assert advise(provider, provider_reason).code == code


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(days=2), "revoked"),
        (timedelta(days=6, hours=22), "revoked"),
        (timedelta(days=7), "test_mode_expired"),
        (timedelta(days=7, hours=1), "test_mode_expired"),
        (timedelta(days=8, minutes=1), "revoked"),
        (None, "revoked"),
    ],
)
def test_an_end_on_the_seventh_day_is_googles_testing_mode(
    age: timedelta | None, code: str
) -> None:
    assert advise(GOOGLE, "invalid_grant", consent_age=age).code == code


@pytest.mark.parametrize("provider_reason", ["insufficientPermissions", "admin_policy_enforced"])
def test_only_an_ended_grant_can_have_ended_with_the_testing_mode(provider_reason: str) -> None:
    week = timedelta(days=7)
    assert advise(GOOGLE, provider_reason, consent_age=week).code != "test_mode_expired"
    assert advise(MICROSOFT, "invalid_grant", consent_age=week).code == "revoked"


@pytest.mark.parametrize("provider", list(ProviderKind))
@pytest.mark.parametrize("code", list(ReauthCode))
def test_there_is_advice_for_everything_everywhere(
    provider: ProviderKind, code: ReauthCode
) -> None:
    advice = find_advice(provider, code)
    assert advice.endswith(".")
    assert "connect" in advice.lower()


def test_whom_to_ask_is_named() -> None:
    assert "Microsoft 365 administrator" in advise(MICROSOFT, "consent_required").advice
    assert "Google Workspace administrator" in advise(GOOGLE, "admin_policy_enforced").advice


def test_what_happened_names_the_provider() -> None:
    assert advise(CALDOTCOM, "forbidden").reason.startswith("Cal.com no longer lets us read")


def test_what_is_not_known_is_told_in_the_providers_words() -> None:
    assert advise(GOOGLE, "oddity", said="Google said no.").reason == "Google said no."
    assert advise(GOOGLE, "oddity").reason == "Google no longer lets us read this account."
    assert advise(GOOGLE, "invalid_grant", said="Google said no.").reason != "Google said no."


def test_a_code_of_another_version_is_unknown() -> None:
    assert find_advice(GOOGLE, "made_up") == find_advice(GOOGLE, "unknown")
