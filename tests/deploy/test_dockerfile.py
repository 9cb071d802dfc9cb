"""The image is built from what exists, runs as nobody special, and says how it is."""

import shlex
import tomllib
from fnmatch import fnmatch

import pytest

from tests.deploy.compose_file import ROOT, last_instruction, load_instructions, read_command

pytestmark = pytest.mark.unit


def copied() -> list[tuple[list[str], str]]:
    """What is copied from this folder, as sources and target."""
    words = [shlex.split(rest) for name, rest in load_instructions() if name == "COPY"]
    return [(one[:-1], one[-1]) for one in words if not one[0].startswith("--from")]


def test_what_is_copied_exists_and_is_let_into_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in ignored if line.startswith("!")]

    assert "*" in ignored
    sources = [source for sources, _ in copied() for source in sources]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in let_in), source
    assert sorted(sources) == sorted(let_in)


def test_the_build_has_all_that_the_package_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    sources = {source for sources, _ in copied() for source in sources}

    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]}
    assert needed | {"pyproject.toml", "uv.lock", "LICENSE"} <= sources


def test_secrets_and_what_git_ignores_stay_outside() -> None:
    let_in = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]

    for name in (".env", ".git", ".venv", "tests", "secrets.env"):
        assert not any(fnmatch(name, pattern) for pattern in let_in)


def test_it_is_built_in_stages_from_the_lock() -> None:
    stages = [rest for name, rest in load_instructions() if name == "FROM"]
    runs = [rest for name, rest in load_instructions() if name == "RUN"]

    assert len(stages) == 2
    assert any("uv sync --locked --no-dev" in run for run in runs)


def test_it_does_not_run_as_root() -> None:
    # A number, since Kubernetes' runAsNonRoot cannot judge a name.
    assert int(last_instruction("USER")) > 0
    assert f"--uid {last_instruction('USER')}" in " ".join(
        rest for name, rest in load_instructions() if name == "RUN"
    )


def test_its_healthcheck_needs_nothing_but_python() -> None:
    command = read_command(last_instruction("HEALTHCHECK"))

    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")
    assert "/health/live" in command[2]


def test_its_entry_point_is_a_file_that_is_copied() -> None:
    script = read_command(last_instruction("ENTRYPOINT"))[1]

    assert script.startswith("/app/deploy/docker/")
    assert (ROOT / script.removeprefix("/app/")).is_file()
    assert (["deploy/docker"], "./deploy/docker") in copied()
