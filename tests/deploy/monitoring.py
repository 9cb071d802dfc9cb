"""What dashboards and alerts ask Prometheus for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.metrics_core import Metric

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy/grafana/dashboards/calendar-manager.json"
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
RUNBOOKS = ROOT / "docs/runbooks"

OURS = re.compile(r"\bcalendar_manager_\w+")
_LABELS = re.compile(r"(?P<metric>calendar_manager_\w+)\{(?P<matchers>[^}]*)\}")
_BY = re.compile(r"by \((?P<labels>[\w, ]+)\)")


def load_panels() -> list[dict[str, Any]]:
    dashboard = json.loads(DASHBOARD.read_text())
    panels: list[dict[str, Any]] = dashboard["panels"]
    return panels


def load_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    """Everything that is asked, by the dashboard and by alerts."""
    asked = [target["expr"] for panel in load_panels() for target in panel.get("targets", ())]
    return asked + [rule["expr"] for rule in load_rules()]


def asked_names() -> set[str]:
    return {name for expression in expressions() for name in OURS.findall(expression)}


def matched_labels(expression: str) -> Iterator[tuple[str, str]]:
    """Pairs of a metric and a label by which it is chosen."""
    for found in _LABELS.finditer(expression):
        for matcher in found["matchers"].split(","):
            yield found["metric"], re.split(r"[!=]", matcher)[0].strip()


def grouped_labels(expression: str) -> set[str]:
    """Labels by which something is put together."""
    return {label.strip() for found in _BY.finditer(expression) for label in found[1].split(",")}


def sample_names(family: Metric) -> set[str]:
    """The names under which a family's samples are found."""
    suffixes = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}
    return {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
