"""What `docker-compose.yml` and the `Dockerfile` say, read as Docker reads them."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
IMAGE = "calendar-manager"
"""The image of our own processes."""

Service = dict[str, Any]


def load_compose() -> dict[str, Any]:
    """Return the Compose file with its anchors and merges resolved."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def our_services() -> dict[str, Service]:
    """Return the services that run the program, by name."""
    services = load_compose()["services"]
    return {name: one for name, one in services.items() if one["image"] == IMAGE}


def load_instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile as pairs of instruction and arguments, comments left out."""
    text = (ROOT / "Dockerfile").read_text()
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = (line.partition(" ") for line in lines if line)
    return [(name, arguments.strip()) for name, _, arguments in pairs]


def last_instruction(name: str) -> str:
    """Return the arguments of an instruction; the last one wins."""
    return [arguments for one, arguments in load_instructions() if one == name][-1]


def read_command(arguments: str) -> list[str]:
    """Return the command in an instruction's arguments, which is a JSON list at their end."""
    command: list[str] = json.loads(arguments[arguments.index("[") :])
    return command
