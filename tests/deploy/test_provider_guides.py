"""The guides for operators name the scopes and addresses that the program really uses."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from calendar_manager.api.routes import connect, webhooks
from calendar_manager.config import Settings
from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.reauth import ReauthCode
from calendar_manager.providers.caldotcom import auth as caldotcom
from calendar_manager.providers.google import auth as google
from calendar_manager.providers.microsoft import auth as microsoft
from tests.deploy.compose_file import ROOT

pytestmark = pytest.mark.unit

FOLDER = ROOT / "docs/providers"
SCOPES = {
    ProviderKind.GOOGLE: google.SCOPES,
    ProviderKind.MICROSOFT: microsoft.SCOPES,
    ProviderKind.CALDOTCOM: caldotcom.ASKED_SCOPES,
}
HOST = "https://your.host"


def guide(provider: ProviderKind) -> str:
    return (FOLDER / f"{provider.value}.md").read_text()


def addresses(text: str) -> set[str]:
    """The paths of our own addresses that a guide tells to register or to let through."""
    return set(re.findall(rf"{re.escape(HOST)}(/\S*)", text))


def webhook_paths(provider: ProviderKind) -> set[str]:
    paths = (route.path for route in webhooks.router.routes if isinstance(route, APIRoute))
    return {path for path in paths if path.split("/")[2] == provider.value}


@pytest.mark.parametrize("provider", ProviderKind)
def test_the_scopes_are_those_that_are_asked_for(provider: ProviderKind) -> None:
    table = re.search(
        r"\| (?:scope|permission) \| what for \|\n.*\n((?:\s*\|.*\n)+)", guide(provider)
    )
    assert table is not None

    listed = re.findall(r"^\s*\| `([^`]+)`", table[1], flags=re.MULTILINE)
    assert sorted(listed) == sorted(SCOPES[provider])


@pytest.mark.parametrize("provider", ProviderKind)
def test_the_addresses_are_those_that_exist(provider: ProviderKind) -> None:
    callback = next(
        route.path
        for route in connect.router.routes
        if isinstance(route, APIRoute) and "callback" in route.path
    )

    assert addresses(guide(provider)) == {
        callback.format(provider=provider.value),
        *webhook_paths(provider),
    }


@pytest.mark.parametrize("provider", ProviderKind)
def test_the_variables_exist(provider: ProviderKind) -> None:
    names = set(re.findall(r"\b(?:GOOGLE|MICROSOFT|CALCOM)_[A-Z_]*[A-Z]\b", guide(provider)))
    names |= set(re.findall(r"\b(?:PUBLIC|FRONTEND)_URL\b", guide(provider)))

    assert names
    assert names <= {name.upper() for name in Settings.model_fields}


def test_the_readme_lists_the_same_scopes() -> None:
    readme = (ROOT / "README.md").read_text()
    for provider in (ProviderKind.MICROSOFT, ProviderKind.CALDOTCOM):
        for scope in SCOPES[provider]:
            assert f"`{scope}`" in readme, scope


def test_the_codes_that_connections_show_exist() -> None:
    shown = {
        code
        for provider in ProviderKind
        for code in re.findall(r"connection then says `(\w+)`", " ".join(guide(provider).split()))
    }
    shown |= (
        {"admin_consent"}
        if "the connection says `admin_consent`" in " ".join(guide(ProviderKind.MICROSOFT).split())
        else set()
    )

    assert len(shown) == 3
    assert shown <= {code.value for code in ReauthCode}


def test_what_the_guides_point_at_exists() -> None:
    for file in FOLDER.glob("*.md"):
        for target in re.findall(r"`((?:decisions|runbooks)/[\w.-]+)`", file.read_text()):
            assert (Path(ROOT / "docs") / target).is_file(), target
