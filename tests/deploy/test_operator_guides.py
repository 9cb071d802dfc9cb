"""What the operator's pages name is there."""

import re

import pytest

from calendar_manager.config import Settings
from tests.deploy.compose_file import ROOT, load_compose
from tests.deploy.release_data import FIRST_RELEASE

pytestmark = pytest.mark.unit

DOCS = ROOT / "docs"
PAGES = ["operations.md", "scaling.md"]
METRIC = r"`?(calendar_manager_[a-z_]+[a-z])"
VARIABLE = (
    r"\b((?:GOOGLE|MICROSOFT|CALCOM|FLOWER|POLL|JWT|TOKEN_ENCRYPTION|LOG|WEB)_[A-Z_]*[A-Z]"
    r"|[A-Z_]+_URL|[A-Z_]+_DAYS)\b"
)


def words(pattern: str, *pages: str) -> set[str]:
    return {word for page in pages for word in re.findall(pattern, (DOCS / page).read_text())}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text()
    targets = re.findall(r"\]\(((?!http)[^)#]+)\)", text)
    targets += re.findall(r"`(decisions/[\w.-]+)`", text)

    assert targets
    for target in targets:
        assert (DOCS / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_repository_exist(page: str) -> None:
    for name in re.findall(r"`((?:deploy|docs|tests)/[\w./-]+)`", (DOCS / page).read_text()):
        if name != "docs/performance.md":  # Written once its numbers are measured.
            assert (ROOT / name).exists(), name


def test_variables_are_settings() -> None:
    found = words(VARIABLE, *PAGES)

    assert len(found) > 8
    assert found <= {name.upper() for name in Settings.model_fields}


def test_metrics_are_those_of_the_table() -> None:
    # tests compare that table with what /metrics says.
    known = words(METRIC, "observability.md")
    found = {re.sub(r"_(sum|count|bucket)$", "", one) for one in words(METRIC, "scaling.md")}

    assert len(found) > 6
    assert found <= known


def test_services_are_those_of_the_compose_file() -> None:
    services = load_compose()["services"]
    named = words(r"docker compose (?:exec|run)(?: --?\w+)* ([a-z-]+)", "operations.md")
    table = (DOCS / "operations.md").read_text().split("| service |")[1].split("\n\n")[0]

    assert named
    assert named <= set(services)
    for name in services:
        assert f"`{name}`" in table, name


def test_every_release_has_its_schema() -> None:
    assert re.search(rf"\| 0\.1\.0 \| `{FIRST_RELEASE}` \|", (DOCS / "operations.md").read_text())
