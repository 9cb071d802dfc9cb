"""Dashboard, alerts and runbooks ask for what there is, and fit each other."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from prometheus_client.metrics_core import Metric
from sqlalchemy import Engine

from calendar_manager.api.measures import make_registry
from calendar_manager.bootstrap import build_services
from calendar_manager.config import load_settings
from tests.deploy.monitoring import (
    ROOT,
    RUNBOOKS,
    asked_names,
    expressions,
    grouped_labels,
    load_panels,
    load_rules,
    matched_labels,
    sample_names,
)

SEVERITIES = {"critical", "warning"}
DURATION = re.compile(r"\d+[smh]")
PAIRS = {")": "(", "]": "[", "}": "{"}
FUNCTIONS = {
    *("histogram_quantile", "increase", "rate", "sum", "topk", "vector"),
    *("and", "by", "offset", "on", "or"),
}


@pytest.fixture
def families(clean_database: Engine, clean_redis: str) -> Iterator[dict[str, Metric]]:
    """What ``/metrics`` says, by name."""
    settings = load_settings(
        {
            "DATABASE_URL": clean_database.url.render_as_string(hide_password=False),
            "REDIS_URL": clean_redis,
            "JWT_SECRET": "s" * 40,
            "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
    )
    services = build_services(settings)
    yield {family.name: family for family in make_registry(services).collect()}
    services.store.engine.dispose()
    services.redis.close()


@pytest.mark.store
def test_all_that_is_asked_for_exists(families: dict[str, Metric]) -> None:
    existing = set().union(*(sample_names(family) for family in families.values()))
    assert asked_names() - existing == set()


@pytest.mark.store
def test_nothing_is_measured_that_nobody_looks_at(families: dict[str, Metric]) -> None:
    asked = asked_names()
    assert [name for name, family in families.items() if not sample_names(family) & asked] == []


@pytest.mark.store
def test_labels_are_those_that_the_numbers_have(families: dict[str, Metric]) -> None:
    labels: dict[str, set[str]] = {}
    for family in families.values():
        known: Any = family
        for name in sample_names(family):
            labels[name] = {*known._labelnames} | ({"le"} if name.endswith("_bucket") else set())
    for expression in expressions():
        for name, label in matched_labels(expression):
            assert label in labels[name], expression
        grouped = grouped_labels(expression)
        for name in asked_names():
            if re.search(rf"\b{name}\b", expression):
                assert grouped <= labels[name], expression


def parts_of(expression: str) -> Iterator[str]:
    """Brackets, and words that stand for functions and operators."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    yield from re.findall(r"[()\[\]{}]", bare)


@pytest.mark.unit
@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_is_balanced_and_calls_what_prometheus_knows(expression: str) -> None:
    assert expression.count('"') % 2 == 0
    opened: list[str] = []
    for bracket in parts_of(expression):
        if bracket in PAIRS:
            assert opened, expression
            assert opened.pop() == PAIRS[bracket], expression
        else:
            opened.append(bracket)
    assert not opened
    called = re.findall(r"\b([a-z_]+) ?\(", re.sub(r'"[^"]*"', '""', expression))
    assert set(called) <= FUNCTIONS
    # A counter by itself says nothing, and the rate of anything else is nonsense.
    for name in re.findall(r"calendar_manager_\w+_total", expression):
        assert re.search(rf"(rate|increase)\({name}(\{{[^}}]*\}})?\[", expression), expression


@pytest.mark.unit
def test_each_alert_says_how_bad_it_is_and_has_a_runbook_of_its_own() -> None:
    rules = load_rules()
    runbooks = {path.name for path in RUNBOOKS.iterdir()} - {"README.md"}
    named = set()
    for rule in rules:
        assert DURATION.fullmatch(rule["for"]), rule
        assert rule["labels"]["severity"] in SEVERITIES
        assert rule["annotations"]["summary"].endswith(".")
        path = ROOT / rule["annotations"]["runbook_url"]
        text = path.read_text()
        assert text.startswith(f"# {rule['alert']}\n")
        # A runbook shows what the alert really asks.
        assert rule["expr"] in text
        for heading in ("## What it means", "## How to look", "## How to mend"):
            assert heading in text, path
        named.add(path.name)
    assert named == runbooks
    assert len(named) == len(rules)
    index = (RUNBOOKS / "README.md").read_text()
    assert set(re.findall(r"\((\S+\.md)\)", index)) == named


@pytest.mark.unit
def test_the_dashboard_has_its_rows_and_every_panel_explains_itself() -> None:
    panels = load_panels()
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == ["API", "Sync", "Providers", "Conflicts", "Infrastructure"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert max(x for x, _ in cells) < 24
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["targets"]
            assert panel["datasource"]["uid"] == "prometheus"


@pytest.mark.store
def test_the_page_lists_every_number(families: dict[str, Metric]) -> None:
    page = (ROOT / "docs/observability.md").read_text()
    row = r"^\| `(calendar_manager_\w+)` \| (\w+) \| (.*) \| (.*) \|$"
    shown = set(re.findall(row, page, re.MULTILINE))
    measured = set()
    for family in families.values():
        known: Any = family
        labels = ", ".join(f"`{label}`" for label in known._labelnames)
        name = family.name + ("_total" if family.type == "counter" else "")
        measured.add((name, family.type, labels, family.documentation))
    assert shown == measured
