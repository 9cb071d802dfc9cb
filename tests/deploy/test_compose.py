"""The Compose file is one that Compose takes, and names nothing that is not there."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from calendar_manager.config import Settings
from calendar_manager.job_queue import MAINTENANCE, ROUTINE, URGENT
from calendar_manager.launch.programs import API_CONNECTIONS
from tests.deploy.compose_file import ROOT, load_compose, our_services
from tests.deploy.container import read_environment

pytestmark = pytest.mark.unit

SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
VARIABLES = {name.upper() for name in Settings.model_fields}
DOCUMENTED = set(
    re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
)


def problems(document: dict[str, Any]) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(document)]


def texts(value: Any) -> Iterator[str]:
    """Every text of a document, keys included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    else:
        yield str(value)


def test_it_follows_the_specification() -> None:
    assert problems(load_compose()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("commands", ["uvicorn"]), ("ports", "8000"), ("healthcheck", {"interval": 5})],
)
def test_the_specification_finds_mistakes(name: str, value: Any) -> None:
    document = deepcopy(load_compose())
    document["services"]["api"][name] = value

    assert problems(document)


def test_every_variable_is_a_setting_and_documented() -> None:
    document = load_compose()
    taken_over = set(re.findall(r"\$\{([A-Z_]+)", " ".join(texts(document))))
    ours = {name for one in our_services().values() for name in one["environment"]}

    assert taken_over | ours <= VARIABLES
    assert taken_over | ours <= DOCUMENTED
    assert ours == {"DATABASE_URL", "REDIS_URL", "WEB_CONCURRENCY"}


def test_nothing_has_to_be_filled_in() -> None:
    # A variable that must be set would stop `cp .env.example .env && docker compose up`.
    assert not re.search(r"\$\{[A-Z_]+:?\?", (ROOT / "docker-compose.yml").read_text())
    for name, service in our_services().items():
        assert service["env_file"] == ".env", name


def test_services_and_volumes_that_are_named_exist() -> None:
    document = load_compose()
    for name, service in document["services"].items():
        assert set(service.get("depends_on", {})) <= set(document["services"]), name
        assert set(service["networks"]) <= set(document["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_dir(), source
            else:
                assert source in document["volumes"], source


def test_nothing_starts_before_its_secrets_and_the_schema() -> None:
    services = load_compose()["services"]
    done = "service_completed_successfully"

    assert services["postgres"]["depends_on"]["secrets"]["condition"] == done
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in our_services().keys() - {"secrets", "migrate"}:
        assert services[name]["depends_on"]["migrate"]["condition"] == done, name
    for name in ("secrets", "migrate"):
        assert services[name]["restart"] == "no"


def test_nothing_is_open_to_other_machines() -> None:
    published = [
        port for one in load_compose()["services"].values() for port in one.get("ports", [])
    ]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_only_who_needs_secrets_gets_them() -> None:
    services = load_compose()["services"]
    holders = {
        name
        for name, one in services.items()
        if any(volume.startswith("secrets:") for volume in one.get("volumes", []))
    }

    assert holders == set(our_services())
    for name in holders - {"secrets"}:
        assert all(volume.endswith(":ro") for volume in services[name]["volumes"]), name


def test_the_workers_serve_every_queue() -> None:
    served = [
        option.partition("=")[2].split(",")
        for one in our_services().values()
        for option in one["command"]
        if option.startswith("--queues=")
    ]

    assert sorted(queue for queues in served for queue in queues) == sorted(
        [URGENT, ROUTINE, MAINTENANCE]
    )


def test_the_database_accepts_the_connections_of_every_process() -> None:
    services = load_compose()["services"]
    (accepted,) = re.findall(r"max_connections=(\d+)", " ".join(services["postgres"]["command"]))
    api_processes = int(read_environment("api")["WEB_CONCURRENCY"])
    worker_processes = sum(
        int(option.partition("=")[2])
        for one in our_services().values()
        for option in one["command"]
        if option.startswith("--concurrency=")
    )
    needed = API_CONNECTIONS * api_processes + 2 * worker_processes + 10

    assert needed <= int(accepted)
    # The page for operators says the same.
    page = (ROOT / "docs/scaling.md").read_text()
    assert f"= {API_CONNECTIONS} × API processes + 2 × worker processes + 10" in page
    assert f"which is {needed} for the Compose file" in page
    assert f"Its PostgreSQL accepts {accepted}," in page


def test_monitoring_comes_only_when_it_is_asked_for() -> None:
    profiles = {
        name: one["profiles"]
        for name, one in load_compose()["services"].items()
        if "profiles" in one
    }

    assert profiles == {"prometheus": ["monitoring"], "grafana": ["monitoring"]}


def test_prometheus_asks_services_at_ports_that_they_listen_on() -> None:
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    services = our_services()
    for job in prometheus["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            name, port = target.split(":")
            if name != "127.0.0.1":
                assert f"--port={port}" in services[name]["command"]
                assert "monitoring" in services[name]["networks"]


def test_grafana_finds_its_dashboards_and_prometheus() -> None:
    folder = ROOT / "deploy/grafana/provisioning"
    provider = yaml.safe_load((folder / "dashboards/calendar-manager.yml").read_text())
    source = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())
    grafana = load_compose()["services"]["grafana"]

    path = provider["providers"][0]["options"]["path"]
    assert f"./deploy/grafana/dashboards:{path}:ro" in grafana["volumes"]
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
