"""What the weekly budgets of clients say to a booking, from the database."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from calendar_manager.domain.clients import ClientRule, RuleKind
from calendar_manager.domain.events import Event, Response
from calendar_manager.domain.rules import WEEKDAYS, WallWindow, WeeklyWindow
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.scheduling.explanation import Explanation
from calendar_manager.store.repositories.events import StoredEvent
from calendar_manager.sync.assigning import assign_changed
from tests.factories import NOW, at, count_statements, make_event, save_events
from tests.scheduling.test_explaining import explain
from tests.scheduling.test_free_time import Desk as AvailabilityDesk

pytestmark = pytest.mark.store


class Desk(AvailabilityDesk):
    """The same with clients whose meetings carry their names."""

    def client(self, name: str, **fields: Any) -> UUID:
        rule = ClientRule(kind=RuleKind.TITLE, pattern=name)
        with self.store.begin() as uow:
            return uow.clients.add(self.user.id, [rule], name=name, **fields)

    def book(self, *events: Event) -> None:
        with self.store.begin() as uow:
            ids = save_events(uow, self.calendar, *events)
            stored = [StoredEvent(*one) for one in zip(ids, events, strict=True)]
            assign_changed(uow, self.user.id, self.calendar.id, stored)


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def told(answer: Explanation) -> list[tuple[UUID, date, int, int, int]]:
    return [
        (one.client_id, one.week.first, one.booked, one.limit, one.minutes)
        for one in answer.budgets
    ]


def test_a_booking_over_its_clients_budget_stays_bookable_with_a_warning(desk: Desk) -> None:
    acme = desk.client("acme", weekly_budget_minutes=120)
    desk.book(
        make_event("acme", "03-03 09:00", "03-03 10:30"),
        make_event("acme no", "03-04 09:00", "03-04 10:30", my_response=Response.DECLINED),
        make_event("acme fair", "03-04", "03-05"),
    )
    fits = explain(desk, at("03-05 09:00"), duration_minutes=30, client_id=acme)
    assert (fits.bookable, told(fits)) == (True, [])
    over = explain(desk, at("03-05 09:00"), duration_minutes=60, client_id=acme)
    assert over.bookable
    assert told(over) == [(acme, date(2026, 3, 2), 90, 120, 60)]
    next_week = explain(desk, at("03-12 09:00"), duration_minutes=60, client_id=acme)
    assert told(next_week) == []


def test_another_clients_budget_says_nothing_to_a_named_client(desk: Desk) -> None:
    desk.client("acme", weekly_budget_minutes=30)
    free = desk.client("free")
    desk.book(make_event("acme", "03-03 09:00", "03-03 10:30"))
    assert told(explain(desk, at("03-05 09:00"), client_id=free)) == []


def test_without_a_client_every_budget_that_is_used_up_is_told(desk: Desk) -> None:
    acme = desk.client("acme", weekly_budget_minutes=90)
    desk.client("roomy", weekly_budget_minutes=91)
    desk.client("endless")
    gone = desk.client("gone", weekly_budget_minutes=10)
    for name in ("acme", "roomy", "endless", "gone"):
        desk.book(make_event(name, "03-03 09:00", "03-03 10:30"))
    with desk.store.begin() as uow:
        uow.clients.change(desk.user.id, gone, deleted_at=NOW)
    answer = explain(desk, at("03-05 09:00"), duration_minutes=60)
    assert told(answer) == [(acme, date(2026, 3, 2), 90, 90, 60)]
    assert answer.bookable


def test_the_week_is_that_of_the_clients_zone(desk: Desk) -> None:
    desk.rule(weekly=(WeeklyWindow(WEEKDAYS, WallWindow(0, 1440)),))
    tokyo = desk.client("gm", weekly_budget_minutes=60, time_zone="Asia/Tokyo")
    # Sunday at 15:00 UTC is Monday's midnight in Tokyo: half of each booking lies in each week.
    desk.book(make_event("gm", "03-08 14:00", "03-08 16:00"))
    answer = explain(desk, at("03-08 14:00"), duration_minutes=120, client_id=tokyo)
    assert told(answer) == [
        (tokyo, date(2026, 3, 2), 60, 60, 60),
        (tokyo, date(2026, 3, 9), 60, 60, 60),
    ]
    late = explain(desk, at("03-08 15:00"), duration_minutes=30, client_id=tokyo)
    assert told(late) == [(tokyo, date(2026, 3, 9), 60, 60, 30)]


def test_a_series_beyond_what_is_laid_out_fills_a_budget(desk: Desk) -> None:
    acme = desk.client("acme", weekly_budget_minutes=60)
    desk.book(make_event("acme", "03-03 09:00", "03-03 10:00", recurrence=("RRULE:FREQ=WEEKLY",)))
    far = datetime.fromisoformat("2029-03-08T09:00+00:00")
    assert [one.booked for one in explain(desk, far, client_id=acme).budgets] == [60]


def test_a_client_of_somebody_else_is_none(desk: Desk, clean_database: Engine) -> None:
    stranger = Desk(clean_database).client("acme", weekly_budget_minutes=1)
    for client_id in (stranger, uuid4()):
        with pytest.raises(UnknownSubjectError, match="client"):
            explain(desk, at("03-05 09:00"), client_id=client_id)


def test_the_statements_do_not_grow_with_clients_and_meetings(desk: Desk) -> None:
    desk.client("acme", weekly_budget_minutes=60)
    with count_statements(desk.engine) as few:
        explain(desk, at("03-05 09:00"))
    for number in range(9):
        desk.client(f"client{number}", weekly_budget_minutes=10)
        desk.book(make_event(f"client{number}", "03-03 09:00", "03-03 10:00"))
    with count_statements(desk.engine) as many:
        assert len(explain(desk, at("03-05 09:00")).budgets) == 9
    assert len(many) == len(few)
