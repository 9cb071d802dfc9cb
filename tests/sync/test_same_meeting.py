"""A Cal.com booking that also stands in the connected Google calendar is one meeting."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.domain.meetings import Meeting, group_meetings
from calendar_manager.domain.sync_jobs import SyncStatus, SyncTrigger
from calendar_manager.domain.timespan import Span
from calendar_manager.sandbox.control_client import ControlClient, JsonObject
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.engine import run_job
from calendar_manager.sync.requests import request_sync
from tests.sync.desk import EMAIL, Desk, connect

pytestmark = pytest.mark.store

START = datetime(2026, 3, 9, 14, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
MONTH = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


class Both:
    """One user with a Google account and a Cal.com account that writes into it."""

    def __init__(self, desk: Desk, context: SyncContext, control: ControlClient) -> None:
        self.desk = desk
        self.context = context
        self.control = control
        self.caldotcom = control.caldotcom
        self.caldotcom.add_account(EMAIL)
        connect(context, EMAIL, provider=ProviderKind.CALDOTCOM, user=EMAIL)

    def book(self, start: datetime = START, **options: Any) -> JsonObject:
        (booking,) = self.caldotcom.book(EMAIL, start, **options)
        return booking

    def write_to_google(self, booking: JsonObject, **changes: Any) -> None:
        """Write a booking into the Google calendar, or change what is written, as Cal.com does."""
        body = {
            "iCalUID": booking["icsUid"],
            "summary": booking["title"],
            "start": {"dateTime": booking["start"], "timeZone": "UTC"},
            "end": {"dateTime": booking["end"], "timeZone": "UTC"},
            **changes,
        }
        token = self.control.issue_tokens(EMAIL).access_token
        with requests.Session() as calendar_app:
            answer = calendar_app.post(
                f"{self.control.base_url}/google/calendar/v3/calendars/primary/events/import",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
            )
        assert answer.status_code == requests.codes.ok, answer.text

    def sync(self) -> None:
        """Read both calendars."""
        user_id, now = self.desk.user_id, self.context.clock()
        for row in self.desk.rows("SELECT id FROM calendars WHERE user_id = :user", user=user_id):
            with self.context.store.begin() as uow:
                calendar = uow.calendars.find(user_id, row["id"])
                assert calendar is not None
                job = request_sync(uow, calendar, trigger=SyncTrigger.MANUAL, now=now, full=False)
            run_job(self.context, job.id)
            assert self.desk.job(job.id).status is SyncStatus.SUCCEEDED

    @property
    def meetings(self) -> list[Meeting]:
        with self.context.store.begin() as uow:
            return group_meetings(uow.agenda.load_busy(self.desk.user_id, [MONTH]))

    @property
    def conflicts(self) -> list[tuple[str, str]]:
        """Type and severity of every open conflict."""
        rows = self.desk.rows("SELECT type, severity FROM conflicts WHERE status = 'open'")
        return [(row["type"], row["severity"]) for row in rows]


@pytest.fixture
def both(desk: Desk, context: SyncContext, control: ControlClient) -> Both:
    return Both(desk, context, control)


def test_booking_written_into_google_counts_once_and_is_no_conflict(both: Both) -> None:
    both.write_to_google(both.book())
    both.sync()
    (meeting,) = both.meetings
    assert meeting.span == Span(START, START + HALF_AN_HOUR)
    assert len({occurrence.calendar_id for occurrence in meeting.occurrences}) == 2
    assert both.conflicts == []


def test_meeting_of_its_own_in_google_is_one_conflict(both: Both) -> None:
    booking = both.book()
    both.write_to_google(booking, iCalUID="another@client.test", summary="Client call")
    both.sync()
    assert len(both.meetings) == 2
    assert both.conflicts == [("overlap", "high")]


def test_double_booking_of_a_meeting_on_both_calendars_is_one_conflict(both: Both) -> None:
    both.write_to_google(both.book())
    call = {"icsUid": "another@client.test", "title": "Client call"}
    hours = {"start": START + HALF_AN_HOUR / 2, "end": START + 2 * HALF_AN_HOUR}
    both.write_to_google(call | {name: at.isoformat() for name, at in hours.items()})
    both.sync()
    assert len(both.meetings) == 2
    assert both.conflicts == [("overlap", "high")]


def test_rescheduled_booking_stays_one_meeting_when_google_follows(both: Both) -> None:
    """The booking gets another uid and keeps its icsUid, the Google event moves."""
    booking = both.book()
    both.write_to_google(booking)
    both.sync()
    later = START + timedelta(days=1)
    new, old = both.caldotcom.mutate(EMAIL, "reschedule", booking["uid"], start=later.isoformat())
    assert (new["icsUid"], old["status"]) == (booking["icsUid"], "cancelled")
    both.write_to_google(new)
    both.sync()
    (meeting,) = [one for one in both.meetings if one.busy != "free"]
    assert meeting.span == Span(later, later + HALF_AN_HOUR)
    assert len([one for one in meeting.occurrences if one.busy != "free"]) == 2
    assert both.conflicts == []


def test_cancelled_booking_frees_its_time(both: Both) -> None:
    booking = both.book()
    both.write_to_google(booking)
    both.write_to_google(booking, iCalUID="another@client.test", summary="Client call")
    both.sync()
    assert both.conflicts == [("overlap", "high")]
    both.caldotcom.mutate(EMAIL, "cancel", booking["uid"])
    both.write_to_google(booking, status="cancelled")
    both.sync()
    assert both.conflicts == []


def test_pending_booking_in_the_way_is_a_lesser_conflict(both: Both) -> None:
    booking = both.book(status="pending")
    both.write_to_google(booking, iCalUID="another@client.test", summary="Client call")
    both.sync()
    assert both.conflicts == [("overlap", "medium")]
