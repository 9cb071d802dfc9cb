"""Rows that travel together as one document arrive as they are."""

from collections.abc import Iterator
from datetime import date, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventKind,
    EventStatus,
    Person,
    Response,
)
from calendar_manager.domain.timespan import DateSpan, Span
from calendar_manager.store.bulk import PORTION, insert_missing, insert_rows, update_rows
from calendar_manager.store.event_rows import event_from_row
from calendar_manager.store.spans import EVERYTHING, range_of, span_of
from calendar_manager.store.tables import ConflictCheckRow, EventRow, ReadMarkRow
from calendar_manager.store.unit_of_work import UnitOfWork, UnstorableError
from tests.factories import (
    NOW,
    add_calendar,
    add_connection,
    add_user,
    count_statements,
    make_event,
    make_store,
    span,
)

pytestmark = pytest.mark.store

ODD_TEXT = (
    """ 'single' "double" \\ \\u0041 %s :name {"a": [1]} null NULL ,;()[]\t\r\n\x01 ☕ \U0001f600"""
)


@pytest.fixture
def uow(clean_database: Engine) -> Iterator[UnitOfWork]:
    with make_store(clean_database).begin() as uow:
        yield uow


@pytest.fixture
def calendar(uow: UnitOfWork) -> Calendar:
    return add_calendar(uow, add_connection(uow, add_user(uow).id))


@pytest.mark.parametrize(
    "event",
    [
        make_event("plain", "03-02 09:00", "03-02 10:00"),
        make_event("whole day", "03-02", "03-03"),
        make_event(
            ODD_TEXT,
            "03-02 09:00",
            "03-02 10:00",
            provider_event_id=ODD_TEXT,
            description=ODD_TEXT,
            organizer=Person(None, ODD_TEXT),
            attendees=(
                Attendee(email=ODD_TEXT, name="", response=Response.DECLINED, is_self=True),
                Attendee(email=None),
            ),
            my_response=Response.DECLINED,
            recurrence=("RRULE:FREQ=WEEKLY", ODD_TEXT, "", "null"),
            sequence=2**31 - 1,
            mirror=True,
        ),
        make_event(
            "",
            "03-02 09:00",
            "03-02 10:00",
            when=Span(
                EVERYTHING.start, EVERYTHING.end - timedelta(days=1) + timedelta(microseconds=7)
            ),
            provider_updated_at=NOW.astimezone(timezone(timedelta(hours=-3, minutes=-6))),
        ),
        make_event("first days", "03-02", "03-03", when=DateSpan(date.min, date.max)),
        make_event(
            "gone",
            "03-02 09:00",
            "03-02 10:00",
            kind=EventKind.OVERRIDE,
            series_id="null",
            original_start=date(2026, 3, 2),
            status=EventStatus.CANCELLED,
            when=None,
        ),
    ],
    ids=lambda event: event.title[:8].strip(),
)
def test_an_event_is_read_as_it_was_written(
    uow: UnitOfWork, calendar: Calendar, event: Event
) -> None:
    for _ in range(2):
        # The second time it is overwritten.
        (stored,) = uow.events.save(
            user_id=calendar.user_id, calendar_id=calendar.id, events=[event]
        )
        uow.session.expire_all()
        row = uow.session.scalars(select(EventRow)).one()
        assert (row.id, row.fingerprint) == (stored.event_id, event.fingerprint)
        assert event_from_row(row) == event


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
def test_a_text_that_postgresql_cannot_hold_is_refused_and_harms_nothing_else(
    uow: UnitOfWork, calendar: Calendar, text: str
) -> None:
    events = [make_event(title, "03-02 09:00", "03-02 10:00") for title in ("good", text)]
    with pytest.raises((UnstorableError, ValueError)), uow.savepoint():
        uow.events.save(user_id=calendar.user_id, calendar_id=calendar.id, events=events)
    uow.events.save(user_id=calendar.user_id, calendar_id=calendar.id, events=events[:1])
    assert uow.session.scalars(select(EventRow.title)).all() == ["good"]


def test_more_rows_than_a_portion_are_inserted_once(
    clean_database: Engine, uow: UnitOfWork, calendar: Calendar
) -> None:
    marks = [
        {"calendar_id": calendar.id, "provider_event_id": str(number)}
        for number in range(2 * PORTION + 1)
    ]
    insert_missing(uow.session, ReadMarkRow, marks[:7])
    with count_statements(clean_database) as statements:
        insert_missing(uow.session, ReadMarkRow, marks)
    assert len(statements) == 3
    assert uow.session.scalar(select(func.count()).select_from(ReadMarkRow)) == len(marks)


def test_spans_are_inserted_and_changed_each_by_its_id(uow: UnitOfWork, calendar: Calendar) -> None:
    day, hour = span("03-02 00:00", "03-03 00:00"), span("03-02 09:00", "03-02 10:00")
    rows = [
        {"id": uuid4(), "user_id": calendar.user_id, "span": range_of(one)}
        for one in (EVERYTHING, day, day)
    ]
    insert_rows(uow.session, ConflictCheckRow, rows)
    update_rows(uow.session, ConflictCheckRow, [{"id": rows[1]["id"], "span": range_of(hour)}])
    stored = uow.session.execute(select(ConflictCheckRow.id, ConflictCheckRow.span))
    assert {row_id: span_of(one) for row_id, one in stored} == dict(
        zip([row["id"] for row in rows], [EVERYTHING, hour, day], strict=True)
    )


def test_no_rows_are_no_statement(clean_database: Engine, uow: UnitOfWork) -> None:
    with count_statements(clean_database) as statements:
        insert_rows(uow.session, ReadMarkRow, [])
        insert_missing(uow.session, ReadMarkRow, [])
        update_rows(uow.session, EventRow, [])
    assert statements == []
