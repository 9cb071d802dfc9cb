"""Requests go out to configured hosts only, from few places, and follow nobody elsewhere.

That each provider's client refuses redirects and foreign links is proved by its own tests. Here the
code itself is looked at, so that no new request forgets it. All tests run with sockets closed to
every host but this one, so a request to any other would fail them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import calendar_manager
from calendar_manager.config import Settings

pytestmark = pytest.mark.unit

ROOT = Path(calendar_manager.__file__).parent
CLIENTS = {"requests", "httplib2", "httpx", "urllib3", "aiohttp", "http.client", "urllib.request"}
ALLOWED = {
    "providers": "they ask the hosts of their settings",
    "sandbox": "it stands in for the providers, which call us back",
    "launch": "it asks the processes that it started",
    "cli": "the operator's checks ask the addresses of the settings",
}
HOSTS = {
    "accounts.google.com",
    "oauth2.googleapis.com",
    "www.googleapis.com",
    "login.microsoftonline.com",
    "graph.microsoft.com",
    "app.cal.com",
    "api.cal.com",
}
"""Where an installation that sets no address sends requests or people."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in ROOT.rglob("*.py"):
        yield path.relative_to(ROOT), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_few_parts_can_send_requests_at_all() -> None:
    places = {
        path.parts[0].removesuffix(".py").split("_")[0]
        for path, tree in modules()
        if any(
            name == client or name.startswith(f"{client}.")
            for name in imported(tree)
            for client in CLIENTS
        )
    }
    assert places <= set(ALLOWED), "say here why another part has to send requests"
    assert "providers" in places


def test_every_request_to_a_provider_has_a_time_limit_and_follows_no_redirect() -> None:
    seen = 0
    for path, tree in modules():
        if path.parts[0] != "providers":
            continue
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            target = ast.unparse(node.func.value)
            if not target.endswith("session") or node.func.attr not in {"request", "get", "post"}:
                continue
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            seen += 1
            assert given.get("allow_redirects") == "False", f"{path}:{node.lineno}"
            assert "timeout" in given, f"{path}:{node.lineno}"
    assert seen >= 4


def test_the_default_addresses_are_the_providers_own() -> None:
    names = [
        name
        for name in Settings.model_fields
        if name.startswith(("google_", "microsoft_", "calcom_"))
        and name.endswith(("_url", "_authority"))
    ]
    found = {str(Settings.model_fields[name].default).split("/")[2] for name in names}
    assert len(names) == 9
    assert found == HOSTS
