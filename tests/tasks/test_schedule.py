import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

pytestmark = pytest.mark.unit

CHECK = """
import json
from calendar_manager.tasks import app
app.finalize()
missing = [e["task"] for e in app.conf.beat_schedule.values() if e["task"] not in app.tasks]
queues = {queue.name for queue in app.conf.task_queues}
strangers = [e["options"]["queue"] for e in app.conf.beat_schedule.values()
             if e["options"]["queue"] not in queues]
ours = [t for n, t in app.tasks.items() if not n.startswith("celery.")]
endless = [t.name for t in ours if not t.time_limit or not t.soft_time_limit or not t.acks_late]
print(json.dumps([sorted(app.conf.beat_schedule), missing, strangers, endless]))
"""


ENVIRONMENT = {
    **os.environ,
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "JWT_SECRET": "s" * 40,
    "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_flower_does_not_open_without_a_password() -> None:
    answer = run("-m", "celery", "-A", "calendar_manager.tasks", "flower")
    assert answer.returncode != 0
    assert "FLOWER_PASSWORD" in answer.stderr + answer.stdout


def test_flower_gets_its_login_from_the_settings() -> None:
    code = (
        "import os, sys; sys.argv.append('flower'); import calendar_manager.tasks;"
        " print(os.environ['FLOWER_BASIC_AUTH'])"
    )
    answer = run("-c", code, FLOWER_USER="ops", FLOWER_PASSWORD="secret")
    assert answer.stdout.strip() == "ops:secret"


def test_every_beat_entry_is_registered_and_every_task_has_its_limits() -> None:
    answer = run("-c", CHECK)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == (
        '[["clean-up", "discover-calendars", "dispatch-due-calendars", "export-to-caldotcom",'
        ' "heartbeat", "recheck-conflicts", "reconcile-clients", "reconcile-conflicts",'
        ' "refresh-tokens-ahead",'
        ' "roll-horizons", "tend-channels"], [], [], []]'
    )
