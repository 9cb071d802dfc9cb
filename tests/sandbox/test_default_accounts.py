"""The accounts that a sandbox has when it is run."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from calendar_manager.sandbox.app import Sandbox
from calendar_manager.sandbox.default_accounts import (
    GOOGLE_ACCOUNT,
    MICROSOFT_ACCOUNT,
    choose_monday,
    describe_accounts,
)

pytestmark = pytest.mark.unit


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with its accounts, on a Wednesday."""
    sandbox = Sandbox(lambda: datetime(2026, 11, 18, 12, tzinfo=UTC))
    sandbox.add_default_accounts()
    yield sandbox
    sandbox.google.close()
    sandbox.graph.close()


@pytest.mark.parametrize(
    ("now", "monday"),
    [
        ("2026-11-16T00:00", date(2026, 11, 16)),
        ("2026-11-19T22:59", date(2026, 11, 16)),
        # Friday has begun in Berlin.
        ("2026-11-19T23:00", date(2026, 11, 23)),
        ("2026-11-22T12:00", date(2026, 11, 23)),
        ("2026-11-22T23:00", date(2026, 11, 23)),
        ("2026-12-31T12:00", date(2026, 12, 28)),
    ],
)
def test_the_week_has_working_days_left(now: str, monday: date) -> None:
    assert choose_monday(datetime.fromisoformat(f"{now}+00:00")) == monday


def test_the_mailbox_has_a_series_with_a_moved_and_a_deleted_occurrence(sandbox: Sandbox) -> None:
    calendar = sandbox.graph.account(MICROSOFT_ACCOUNT).default_calendar
    (series,) = [item for item in calendar.items.values() if item.recurrence is not None]

    assert len(series.overrides) == 1
    assert len(series.deleted) == 1


def test_there_are_bookings_of_every_kind_and_an_absence(sandbox: Sandbox) -> None:
    bookings = sandbox.caldotcom.bookings.values()

    assert {booking.status for booking in bookings} == {"accepted", "pending", "cancelled"}
    assert [booking.title for booking in bookings if booking.rescheduled_from_uid] == [
        "Coaching: Jan Roth"
    ]
    assert len(sandbox.caldotcom.out_of_office) == 1


def test_one_booking_stands_in_google_too(sandbox: Sandbox) -> None:
    rows = sandbox.google.calendars[GOOGLE_ACCOUNT].rows.values()
    uids = {row.body.get("iCalUID") for row in rows}
    shared = [one for one in sandbox.caldotcom.bookings.values() if one.ics_uid in uids]

    assert [booking.title for booking in shared] == ["Intro call: Ida Berg"]


def test_the_accounts_can_be_told() -> None:
    assert describe_accounts() == (
        "freelancer@example.com (Google), mara.lind@harbour.example (Microsoft 365)"
        " and mara@lind.example (Cal.com)"
    )
