"""Erasing a person leaves nothing but lines of the audit log, in PostgreSQL and in Redis."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from calendar_manager.accounts.attempts import PREFIX
from calendar_manager.bootstrap import Services
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sync.quota import PAUSES_KEY
from tests.api.callers import Person
from tests.api.full_person import MARK, fill, read_tables

pytestmark = pytest.mark.store


def test_erasure_leaves_nothing_but_the_audit_log(
    mara: Person,
    services: Services,
    google: ControlClient,
    work: Callable[[], None],
    clean_database: Engine,
) -> None:
    full = fill(mara, services=services, google=google, work=work)
    before = read_tables(clean_database)
    assert [table for table, rows in before.items() if not rows] == []
    assert MARK in str(before["events"])

    assert mara.delete("/api/auth/me").status_code == 204

    after = read_tables(clean_database)
    assert [table for table, rows in after.items() if rows] == ["audit_log"]
    told = "\n".join(after["audit_log"])
    assert "user.erased" in told
    for secret in full.secrets:
        assert secret not in told
    assert "@" not in told


def test_erasure_leaves_nothing_in_redis(
    mara: Person,
    services: Services,
    google: ControlClient,
    work: Callable[[], None],
) -> None:
    full = fill(mara, services=services, google=google, work=work)
    mara.get("/api/availability", params={"start": "2026-11-23", "end": "2026-11-24"})
    # Failed sign-ins of an address that somebody else may share are no trace of this person.
    names = [key.decode() for key in services.redis.scan_iter(f"{PREFIX}*")]
    assert any("known" in name for name in names)
    assert services.redis.zcard(PAUSES_KEY) == 2

    assert mara.delete("/api/auth/me").status_code == 204

    left = [key.decode() for key in services.redis.scan_iter("calendar-manager:*")]
    assert not [name for name in left if "known" in name or "account" in name], left
    assert services.redis.zcard(PAUSES_KEY) == 0
    for secret in (*full.secrets, mara.id):
        assert secret not in str(left)
