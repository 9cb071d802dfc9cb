"""The registry knows the providers that are set up, and no others."""

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.errors import ProviderNotConfiguredError
from calendar_manager.providers.registry import GoogleSettings, ProviderSettings, build_registry

pytestmark = pytest.mark.unit

GOOGLE = GoogleSettings(client_id="client", client_secret="secret")


def test_configured_provider_is_found() -> None:
    registry = build_registry(ProviderSettings(google=GOOGLE))
    assert registry.kinds == (ProviderKind.GOOGLE,)
    assert registry.get(ProviderKind.GOOGLE).kind is ProviderKind.GOOGLE


@pytest.mark.parametrize("kind", ProviderKind)
def test_provider_without_settings_is_named_in_the_error(kind: ProviderKind) -> None:
    registry = build_registry(ProviderSettings())
    assert registry.kinds == ()
    with pytest.raises(ProviderNotConfiguredError, match=kind.value):
        registry.get(kind)


def test_secrets_stay_out_of_what_is_printed() -> None:
    assert "secret" not in repr(ProviderSettings(google=GOOGLE)).replace("client_secret", "")
