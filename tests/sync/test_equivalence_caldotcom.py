"""Whatever hosts and guests do at Cal.com, the copy kept by increments is what is true there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, Literal
from uuid import UUID

import pytest

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.sync_jobs import SyncStatus
from calendar_manager.providers.registry import (
    CalDotComSettings,
    CalDotComVersions,
    ProviderSettings,
    build_registry,
)
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sync.context import SyncContext
from tests.sync.caldotcom_person import Busy, CaldotcomPerson, busy_in_truth
from tests.sync.desk import EMAIL, NOW, Clock, Desk, connect
from tests.sync.limited import bear_everything

pytestmark = pytest.mark.store

EVENTS = """
    SELECT fingerprint FROM events
    WHERE calendar_id = :calendar AND deleted_at IS NULL AND start_at IS NOT NULL
    ORDER BY fingerprint
"""
OCCURRENCES = """
    SELECT e.provider_event_id, o.original_start, o.start_at, o.end_at, o.start_on, o.end_on, o.busy
    FROM occurrences o JOIN events e ON e.id = o.event_id
    WHERE o.calendar_id = :calendar ORDER BY 1, 2
"""
BUSY = """
    SELECT start_at, end_at, start_on, end_on, busy FROM occurrences
    WHERE calendar_id = :calendar AND busy <> 'free'
"""
STEPS = (
    timedelta(0),
    timedelta(seconds=1),
    timedelta(minutes=4),
    timedelta(minutes=20),
    timedelta(hours=3),
)
"""How far the clocks go on between two changes: within the overlap of two reads, and beyond."""
LATENESS = (0.0, 0.0, 500.0)
"""How old a change may be, in seconds, when it can be seen: nearly as old as reads overlap."""


@pytest.fixture
def open_desk(
    context: SyncContext, clock: Clock, control: ControlClient
) -> Callable[[str, str], Desk]:
    """Connect an account to a build of Cal.com that is asked for a version of its bookings."""

    def open_desk(email: str, bookings_version: str) -> Desk:
        variables = control.caldotcom_settings()
        settings = CalDotComSettings(
            client_id=variables["CALCOM_CLIENT_ID"],
            client_secret=variables["CALCOM_CLIENT_SECRET"],
            auth_url=variables["CALCOM_AUTH_URL"],
            token_url=variables["CALCOM_TOKEN_URL"],
            api_url=variables["CALCOM_API_URL"],
            versions=CalDotComVersions(bookings=bookings_version),
        )
        registry = bear_everything(build_registry(ProviderSettings(caldotcom=settings)))
        changed = replace(context, registry=registry)
        return Desk(
            changed, clock, control, connect(changed, email, provider=ProviderKind.CALDOTCOM)
        )

    return open_desk


def copy_of(desk: Desk) -> tuple[list[Any], list[Any]]:
    calendar_id = desk.calendar_id
    return desk.rows(EVENTS, calendar=calendar_id), desk.rows(OCCURRENCES, calendar=calendar_id)


def fresh_copy(desk: Desk, number: int) -> tuple[list[Any], list[Any]]:
    """Read the same account completely for somebody who never read it before."""
    connection = connect(
        desk.context,
        EMAIL,
        provider=ProviderKind.CALDOTCOM,
        user=f"reader{number}@example.test",
    )
    reader = Desk(desk.context, desk.clock, desk.control, connection)
    assert reader.sync().status is SyncStatus.SUCCEEDED
    return copy_of(reader)


def busy_in_copy(desk: Desk, calendar_id: UUID) -> Busy:
    return {
        (row["start_on"] or row["start_at"], row["end_on"] or row["end_at"], row["busy"])
        for row in desk.rows(BUSY, calendar=calendar_id)
    }


@pytest.mark.parametrize(
    ("version", "pages"),
    [
        ("2024-08-13", "asked"),
        ("2026-05-01", "asked"),
        # A build that knows only the older pages, whatever it is asked for.
        ("2026-05-01", "offset"),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_a_thousand_changes_leave_what_a_fresh_read_finds_and_what_is_true(
    open_desk: Callable[[str, str], Desk],
    clock: Clock,
    control: ControlClient,
    version: str,
    pages: Literal["asked", "offset"],
    seed: int,
) -> None:
    random = Random(seed)
    caldotcom = control.caldotcom
    person = CaldotcomPerson(caldotcom, EMAIL, random, NOW)
    person.settle()
    caldotcom.change_caldotcom_settings(booking_pages=pages)
    control.change_settings(page_size=20)
    desk = open_desk(EMAIL, version)
    for number in range(2):
        for _ in range(95):
            lateness = random.choice(LATENESS)
            caldotcom.change_caldotcom_settings(late_commit_seconds=lateness)
            person.change_something()
            step = random.choice(STEPS)
            control.advance_clock(step.total_seconds())
            clock.now = person.now = clock.now + step
            if random.random() < 0.15:
                job = desk.sync(full=random.random() < 0.1)
                assert job.status is SyncStatus.SUCCEEDED, job
        assert desk.sync().status is SyncStatus.SUCCEEDED
        assert busy_in_copy(desk, desk.calendar_id) == busy_in_truth(caldotcom, EMAIL)
        assert copy_of(desk) == fresh_copy(desk, number)
    assert person.done["reschedule"] > 3, person.done
