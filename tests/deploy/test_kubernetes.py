"""The manifests are ones that Kubernetes takes, and fit each other and the program."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # It has no types.
import pytest
import yaml
from fastapi.routing import APIRoute

from calendar_manager.api.routes import health
from calendar_manager.config import Settings
from calendar_manager.job_queue import MAINTENANCE, ROUTINE, URGENT
from tests.deploy.compose_file import IMAGE, ROOT, last_instruction, our_services

pytestmark = pytest.mark.unit

FOLDER = ROOT / "deploy/kubernetes"
NEWEST = kubernetes_validate.latest_version().rpartition(".")[0]
OLDEST = "1.32"
"""The oldest version that the documentation promises."""

KUSTOMIZATION = "kustomization.yaml"
VARIABLES = {name.upper() for name in Settings.model_fields}
WORKLOADS = {"Deployment", "Job"}

Document = dict[str, Any]


def files() -> list[Path]:
    return sorted(FOLDER.rglob("*.yaml"))


def documents(*, kind: str | None = None) -> list[Document]:
    """Every document that Kubernetes gets, or those of a kind."""
    found = [
        document
        for file in files()
        if file.name != KUSTOMIZATION
        for document in yaml.safe_load_all(file.read_text())
    ]
    return [one for one in found if kind in {None, one["kind"]}]


def templates() -> Iterator[tuple[str, Document]]:
    """The pods of every workload, by its name."""
    for document in documents():
        if document["kind"] in WORKLOADS:
            yield document["metadata"]["name"], document["spec"]["template"]


def containers() -> dict[str, Document]:
    return {name: one for name, template in templates() for one in template["spec"]["containers"]}


def name_of(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_each_document_follows_kubernetes(document: Document, version: str) -> None:
    assert kubernetes_validate.validate(document, version, strict=True) == version


def test_the_validation_finds_mistakes() -> None:
    (budget,) = documents(kind="PodDisruptionBudget")[:1]
    budget["spec"]["maxUnavailible"] = 1

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(budget, NEWEST, strict=True)


def test_each_kustomization_lists_what_lies_beside_it() -> None:
    kustomizations = [file for file in files() if file.name == KUSTOMIZATION]
    assert len(kustomizations) == 2
    for file in kustomizations:
        content = yaml.safe_load(file.read_text())
        assert content["kind"] == "Kustomization"
        listed = {(file.parent / resource).resolve() for resource in content["resources"]}
        beside = {one for one in file.parent.glob("*.yaml") if one != file}
        assert beside <= listed
        for resource in listed - beside:
            assert (resource / KUSTOMIZATION).is_file(), resource


def test_each_kustomization_says_where_the_image_is() -> None:
    wanted = []
    for file in files():
        if file.name == KUSTOMIZATION:
            (image,) = yaml.safe_load(file.read_text())["images"]
            assert image["name"] == IMAGE
            wanted.append(image)
    assert wanted[0] == wanted[1]


def test_secrets_are_named_and_never_applied() -> None:
    (secret,) = documents(kind="Secret")
    listed = [
        resource
        for file in files()
        if file.name == KUSTOMIZATION
        for resource in yaml.safe_load(file.read_text())["resources"]
    ]

    assert not any("secret" in resource for resource in listed)
    assert secret["stringData"]["JWT_SECRET"] == ""
    assert secret["stringData"]["TOKEN_ENCRYPTION_KEYS"] == ""
    for name, container in containers().items():
        secrets = [one["secretRef"]["name"] for one in container["envFrom"] if "secretRef" in one]
        assert secrets == [secret["metadata"]["name"]], name


def test_every_variable_is_a_setting_and_every_needed_one_is_there() -> None:
    (config,), (secret,) = documents(kind="ConfigMap"), documents(kind="Secret")
    given = {*config["data"], *secret["stringData"]}
    needed = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}

    assert needed <= given <= VARIABLES
    assert not {*config["data"]} & {*secret["stringData"]}
    for container in containers().values():
        # No variable goes around the two.
        assert "env" not in container
        references = [one["configMapRef"]["name"] for one in container["envFrom"][:1]]
        assert references == [config["metadata"]["name"]]


def test_selectors_find_the_pods_of_their_own() -> None:
    labels = {name: template["metadata"]["labels"] for name, template in templates()}
    for document in documents(kind="Deployment"):
        name = document["metadata"]["name"]
        assert document["spec"]["selector"]["matchLabels"] == labels[name]
    for kind in ("Service", "PodDisruptionBudget"):
        for document in documents(kind=kind):
            selector = document["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            found = [name for name, own in labels.items() if wanted.items() <= own.items()]
            assert found == [document["metadata"]["name"]]
    for document in documents(kind="HorizontalPodAutoscaler"):
        target = document["spec"]["scaleTargetRef"]
        assert target["kind"] == "Deployment"
        assert target["name"] in labels


def test_network_policies_speak_of_pods_that_exist() -> None:
    labels = [template["metadata"]["labels"] for _, template in templates()]
    for document in documents(kind="NetworkPolicy"):
        wanted = document["spec"]["podSelector"]["matchLabels"]
        assert any(wanted.items() <= own.items() for own in labels)


def test_only_the_autoscaler_says_how_many() -> None:
    scaled = {
        one["spec"]["scaleTargetRef"]["name"] for one in documents(kind="HorizontalPodAutoscaler")
    }
    for document in documents(kind="Deployment"):
        name = document["metadata"]["name"]
        assert ("replicas" in document["spec"]) == (name not in scaled), name
    assert "api" in scaled


def test_ports_and_probes_are_those_of_the_program() -> None:
    paths = {route.path for route in health.router.routes if isinstance(route, APIRoute)}
    api = containers()["api"]
    (port,) = api["ports"]
    (service,) = documents(kind="Service")

    assert f"--port={port['containerPort']}" in api["args"]
    assert last_instruction("EXPOSE") == str(port["containerPort"])
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    probes = {kind: api[kind]["httpGet"] for kind in api if kind.endswith("Probe")}
    assert probes["livenessProbe"]["path"] == "/health/live"
    assert probes["readinessProbe"]["path"] == "/health/ready"
    for probe in probes.values():
        assert probe["path"] in paths
        assert probe["port"] == port["name"]


def test_the_workers_serve_every_queue_and_each_its_own() -> None:
    served = [
        option.partition("=")[2]
        for name, one in containers().items()
        if name.startswith("worker")
        for option in one["args"]
        if option.startswith("--queues=")
    ]

    assert sorted(served) == sorted([URGENT, ROUTINE, MAINTENANCE])


def test_the_commands_are_those_that_compose_starts() -> None:
    # tests/deploy/test_compose_commands.py starts them for real.
    def shape(command: list[str]) -> list[str]:
        return [re.sub(r"(?<==).*", "…", one) for one in command]

    started = [shape(one["command"]) for one in our_services().values()]
    for name, container in containers().items():
        assert shape(container["args"]) in started, name
        assert "command" not in container
        assert container["image"] == IMAGE


@pytest.mark.parametrize("name", sorted(containers()))
def test_nobody_runs_as_root_or_writes_to_the_image(name: str) -> None:
    pod = dict(templates())[name]["spec"]
    container = containers()[name]
    account = documents(kind="ServiceAccount")[0]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert str(pod["securityContext"]["runAsUser"]) == last_instruction("USER")
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is False
    assert {"requests", "limits"} <= set(container["resources"])


def test_nothing_names_a_namespace() -> None:
    for document in documents():
        assert "namespace" not in document["metadata"]
