"""What docs/security.md names is there: code, proofs, actions of the audit log."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/security.md").read_text()
CODE = {path: path.read_text() for path in (ROOT / "calendar_manager").rglob("*.py")}


def test_every_file_that_it_names_exists() -> None:
    names = re.findall(r"`([\w/*]+\.(?:py|md))`", DOCUMENT)
    assert len(names) > 40
    for name in names:
        places = (f"calendar_manager/**/{name}", f"tests/**/{name}", f"docs/**/{name}")
        assert any(list(ROOT.glob(place)) for place in places), name


def test_every_action_of_the_audit_log_is_written_somewhere() -> None:
    section = DOCUMENT.split("## The audit log")[1].split("##")[0]
    actions = re.findall(r"`(\w+\.\w+)`", section)
    assert len(actions) > 10
    for action in actions:
        assert any(f'"{action}"' in text for text in CODE.values()), action


def test_every_action_that_is_written_is_named() -> None:
    written = {
        action
        for text in CODE.values()
        for action in re.findall(r'audit\.record\(\s*"(\w+\.\w+)"', text)
    }
    assert len(written) > 20
    assert [action for action in sorted(written) if f"`{action}`" not in DOCUMENT] == []
