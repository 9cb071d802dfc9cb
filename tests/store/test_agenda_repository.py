"""The agenda as the database has it."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, insert, text

from calendar_manager.domain.busy import Busy
from calendar_manager.domain.events import (
    Attendee,
    Event,
    EventKind,
    EventStatus,
    EventType,
    Person,
    Response,
)
from calendar_manager.domain.timespan import DateSpan
from calendar_manager.store.agenda_entries import AgendaFilter
from calendar_manager.store.tables import ClientRow, EventAssignmentRow
from calendar_manager.store.unit_of_work import Store, UnitOfWork
from tests.factories import (
    WINDOW,
    add_calendar,
    add_connection,
    add_user,
    at,
    delete_events,
    explain,
    make_event,
    make_store,
    save_events,
    span,
    titles,
)

pytestmark = pytest.mark.store

WEEK = span("03-02 00:00", "03-09 00:00")


class Office:
    """A user with two calendars."""

    def __init__(self, uow: UnitOfWork) -> None:
        self.user = add_user(uow)
        self.connection = add_connection(uow, self.user.id, account="mara@example.test")
        self.work = add_calendar(uow, self.connection, name="Work")
        self.home = add_calendar(uow, self.connection, name="Home")

    def wanted(self, **fields: Any) -> AgendaFilter:
        return AgendaFilter(**{"calendar_ids": [self.work.id, self.home.id], **fields})


@pytest.fixture
def store(clean_database: Engine) -> Store:
    return make_store(clean_database)


@pytest.fixture
def office(store: Store) -> Office:
    with store.begin() as uow:
        return Office(uow)


def test_lists_what_overlaps_the_span_and_what_has_no_length_inside_it(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        save_events(
            uow,
            office.work,
            make_event("ends at the start", "03-01 23:00", "03-02 00:00"),
            make_event("reaches in", "03-01 23:00", "03-02 00:01"),
            make_event("no length at the start", "03-02 00:00", "03-02 00:00"),
            make_event("no length inside", "03-04 12:00", "03-04 12:00"),
            make_event("starts at the end", "03-09 00:00", "03-09 01:00"),
            make_event("no length at the end", "03-09 00:00", "03-09 00:00"),
        )
        found = uow.agenda.list_entries(office.user.id, WEEK, office.wanted(), limit=10)
    assert titles(found) == ["reaches in", "no length at the start", "no length inside"]


def test_pages_follow_each_other_without_gap_or_double_when_starts_are_equal(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        for number in range(7):
            save_events(uow, office.work, make_event(str(number), "03-03 09:00", "03-03 10:00"))
        seen: list[UUID] = []
        after = None
        while True:
            page = uow.agenda.list_entries(
                office.user.id, WEEK, office.wanted(), after=after, limit=3
            )
            if not page:
                break
            seen += [entry.occurrence_id for entry in page]
            after = page[-1].key
    assert len(seen) == len(set(seen)) == 7


def test_text_is_looked_for_in_title_location_and_description_literally(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        save_events(
            uow,
            office.work,
            make_event("100% done", "03-03 09:00", "03-03 10:00"),
            make_event("1000 done", "03-03 10:00", "03-03 11:00"),
            make_event("b", "03-03 11:00", "03-03 12:00", location="Room 100%"),
            make_event("c", "03-03 12:00", "03-03 13:00", description="at 100% speed"),
        )
        found = uow.agenda.list_entries(office.user.id, WEEK, office.wanted(text="100%"), limit=10)
        case = uow.agenda.list_entries(office.user.id, WEEK, office.wanted(text="ROOM"), limit=10)
    assert titles(found) == ["100% done", "b", "c"]
    assert titles(case) == ["b"]


def test_mirrors_are_left_out_unless_wanted(store: Store, office: Office) -> None:
    with store.begin() as uow:
        save_events(uow, office.home, make_event("copy", "03-03 09:00", "03-03 10:00", mirror=True))
        usual = uow.agenda.list_entries(office.user.id, WEEK, office.wanted(), limit=10)
        all_of_them = uow.agenda.list_entries(
            office.user.id, WEEK, office.wanted(mirrors=True), limit=10
        )
    assert titles(usual) == []
    assert titles(all_of_them) == ["copy"]


def test_another_users_events_are_never_there(store: Store, office: Office) -> None:
    with store.begin() as uow:
        other = Office(uow)
        (event_id,) = save_events(
            uow, other.work, make_event("theirs", "03-03 09:00", "03-03 10:00")
        )
        wanted = AgendaFilter(calendar_ids=[other.work.id])
        found = uow.agenda.list_entries(office.user.id, WEEK, wanted, limit=10)
        detail = uow.agenda.find_event(office.user.id, event_id)
        calendars = uow.lookups.load_calendars(office.user.id)
    assert found == []
    assert detail is None
    assert {entry.calendar.id for entry in calendars} == {office.work.id, office.home.id}


def test_the_client_is_the_occurrences_then_the_events_then_the_calendars(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        names = ("of calendar", "of series", "of occurrence")
        clients = {name: _add_client(uow, office, name) for name in names}
        calendar = add_calendar(uow, office.connection, client_id=clients["of calendar"])
        daily = make_event(
            "daily", "03-02 09:00", "03-02 09:15", recurrence=("RRULE:FREQ=DAILY;COUNT=4",)
        )
        series, _ = save_events(
            uow, calendar, daily, make_event("lunch", "03-03 12:00", "03-03 13:00")
        )
        _assign(uow, office, series, None, clients["of series"])
        _assign(uow, office, series, at("03-03 09:00"), clients["of occurrence"])
        _assign(uow, office, series, at("03-04 09:00"), None)
        wanted = AgendaFilter(calendar_ids=[calendar.id])
        found = uow.agenda.list_entries(office.user.id, WEEK, wanted, limit=10)
        of_series = uow.agenda.list_entries(
            office.user.id,
            WEEK,
            AgendaFilter(calendar_ids=[calendar.id], client_id=clients["of series"]),
            limit=10,
        )
        detail = uow.agenda.find_event(office.user.id, series)
    by_id = {client_id: name for name, client_id in clients.items()}
    told = [by_id[one.client_id] if one.client_id else None for one in found]
    assert told == ["of series", "of occurrence", "of calendar", None, "of series"]
    assert [one.span.start for one in of_series] == [at("03-02 09:00"), at("03-05 09:00")]
    assert detail is not None
    assert detail.client_id == clients["of series"]


def test_a_deleted_or_foreign_client_is_none(store: Store, office: Office) -> None:
    with store.begin() as uow:
        mine = _add_client(uow, office, "mine")
        theirs = _add_client(uow, Office(uow), "theirs")
        gone = _add_client(uow, office, "gone", deleted_at=at("03-01 00:00"))
        known = [uow.agenda.has_client(office.user.id, one) for one in (mine, theirs, gone)]
    assert known == [True, False, False]


@pytest.mark.parametrize(
    "state",
    [
        {"sync_enabled": False},
        {"deleted_at": at("03-01 00:00")},
        {"gone_at": at("03-01 00:00")},
    ],
)
def test_a_calendar_that_is_not_read_is_not_there(
    store: Store, office: Office, state: dict[str, Any]
) -> None:
    with store.begin() as uow:
        calendar = add_calendar(uow, office.connection, **state)
        (event_id,) = save_events(uow, calendar, make_event("x", "03-03 09:00", "03-03 10:00"))
        read = [entry.calendar.id for entry in uow.lookups.load_calendars(office.user.id)]
        detail = uow.agenda.find_event(office.user.id, event_id)
        busy = uow.agenda.load_busy(office.user.id, [WEEK])
    assert calendar.id not in read
    assert detail is None
    assert busy == []


def test_an_event_is_found_with_its_occurrence_and_a_series_without(
    store: Store, office: Office
) -> None:
    daily = make_event(
        "daily", "03-02 09:00", "03-02 09:15", recurrence=("RRULE:FREQ=DAILY;COUNT=4",)
    )
    with store.begin() as uow:
        single, series = save_events(
            uow, office.work, make_event("once", "03-03 09:00", "03-03 10:00"), daily
        )
        (cancelled,) = save_events(uow, office.work, _cancelled(daily, "03-03 09:00"))
        one = uow.agenda.find_event(office.user.id, single)
        many = uow.agenda.find_event(office.user.id, series)
        (entry,) = uow.agenda.list_entries(
            office.user.id, WEEK, office.wanted(text="once"), limit=10
        )
        assert uow.agenda.find_event(office.user.id, cancelled) is None
        assert uow.agenda.find_event(office.user.id, uuid4()) is None
    assert one is not None
    assert many is not None
    assert one.occurrence_id == entry.occurrence_id
    assert many.occurrence_id is None
    assert many.event == daily


def test_a_deleted_event_is_gone(store: Store, office: Office) -> None:
    once = make_event("once", "03-03 09:00", "03-03 10:00")
    with store.begin() as uow:
        (event_id,) = save_events(uow, office.work, once)
        delete_events(uow, office.work, once)
        assert uow.agenda.find_event(office.user.id, event_id) is None
        assert uow.agenda.list_entries(office.user.id, WEEK, office.wanted(), limit=10) == []


def test_what_blocks_is_settled_by_the_settings(store: Store, office: Office) -> None:
    with store.begin() as uow:
        strict = add_calendar(uow, office.connection, all_day_blocks=False)
        save_events(
            uow,
            strict,
            make_event("firm", "03-03 09:00", "03-03 10:00", ical_uid="uid-1"),
            make_event("maybe", "03-03 10:00", "03-03 11:00", status=EventStatus.TENTATIVE),
            make_event("declined", "03-03 11:00", "03-03 12:00", my_response=Response.DECLINED),
            make_event("all day", "03-04", "03-05"),
            make_event("away", "03-05", "03-06", event_type=EventType.OUT_OF_OFFICE),
            make_event("no length", "03-06 09:00", "03-06 09:00"),
        )
        calendars = {strict.id: strict}
        both = uow.agenda.load_blocking(office.user.id, [WEEK], calendars, tentative_blocks=True)
        firm = uow.agenda.load_blocking(office.user.id, [WEEK], calendars, tentative_blocks=False)
    away = span("03-04 23:00", "03-05 23:00")
    assert sorted(one.span for one in both) == [
        span("03-03 09:00", "03-03 10:00"),
        span("03-03 10:00", "03-03 11:00"),
        away,
    ]
    assert {(one.span, one.ical_uid) for one in firm} == {
        (span("03-03 09:00", "03-03 10:00"), "uid-1"),
        (away, None),
    }


def test_several_spans_are_looked_at_without_what_lies_between(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        save_events(
            uow,
            office.work,
            make_event("a", "03-02 09:00", "03-02 10:00"),
            make_event("between", "03-04 09:00", "03-04 10:00"),
            make_event("b", "03-06 09:00", "03-06 10:00"),
        )
        spans = [span("03-02 00:00", "03-03 00:00"), span("03-06 00:00", "03-07 00:00")]
        busy = uow.agenda.load_busy(office.user.id, spans)
    assert sorted(one.title for one in busy) == ["a", "b"]


def test_what_may_conflict_comes_with_all_that_is_asked_about_it(
    store: Store, office: Office
) -> None:
    me = Attendee(email="mara@example.test", is_self=True, response=Response.ACCEPTED)
    jo = Attendee(email="jo@client.test", organizer=True)
    call = make_event(
        "call",
        "03-03 09:00",
        "03-03 10:00",
        ical_uid="uid",
        location="Berlin",
        meeting_url="https://meet.example.com/x",
        my_response=Response.ACCEPTED,
        organizer=Person("jo@client.test"),
        attendees=(me, jo),
    )
    own = make_event(
        "own",
        "03-03 11:00",
        "03-03 12:00",
        organizer=Person("mara@example.test"),
        attendees=(jo,),
        status=EventStatus.TENTATIVE,
    )
    with store.begin() as uow:
        save_events(uow, office.work, call, own, make_event("alone", "03-04", "03-05"))
        found = {one.title: one for one in uow.agenda.load_busy(office.user.id, [WEEK])}
    told = found["call"]
    assert (told.ical_uid, told.location, told.meeting_url) == (
        "uid",
        "Berlin",
        "https://meet.example.com/x",
    )
    assert (told.my_response, told.attendee_count, told.recurring) == (
        Response.ACCEPTED,
        2,
        False,
    )
    assert not told.organizer_is_me
    assert found["own"].organizer_is_me
    assert found["own"].busy is Busy.TENTATIVE
    assert found["alone"].organizer_is_me
    assert found["alone"].all_day


def test_all_day_events_keep_their_dates_and_take_the_users_days(
    store: Store, office: Office
) -> None:
    with store.begin() as uow:
        save_events(uow, office.work, make_event("trip", "03-28", "03-30"))
        (entry,) = uow.agenda.list_entries(office.user.id, WINDOW, office.wanted(), limit=10)
    assert entry.dates == DateSpan(date(2026, 3, 28), date(2026, 3, 30))
    # Berlin springs forward on 2026-03-29, so the two days have 47 hours.
    assert entry.span == span("03-27 23:00", "03-29 22:00")


def test_series_come_with_their_overrides(store: Store, office: Office) -> None:
    daily = make_event(
        "daily", "03-02 09:00", "03-02 09:15", recurrence=("RRULE:FREQ=DAILY;COUNT=4",)
    )
    with store.begin() as uow:
        save_events(uow, office.work, daily, _cancelled(daily, "03-03 09:00"))
        save_events(uow, office.home, make_event("once", "03-03 09:00", "03-03 10:00"))
        (series,) = uow.agenda.load_series(office.user.id, [office.work.id, office.home.id])
        none = uow.agenda.load_series(office.user.id, [office.work.id], text="weekly")
        names = uow.agenda.load_laid_out(
            office.user.id, [office.work.id], [span("03-03 00:00", "03-05 00:00")]
        )
    assert none == []
    assert series.master == daily
    assert [one.original_start for one in series.overrides] == [at("03-03 09:00")]
    assert names == {(series.event_id, at("03-04 09:00"))}


@pytest.mark.parametrize(
    ("reading", "index"),
    [
        ("events", "ix_occurrences_user_id_span"),
        ("blocking", "ix_occurrences_user_id_span"),
        ("busy", "ix_occurrences_user_id_span"),
        ("conflicts", "ix_conflicts_user_id_hull"),
    ],
)
def test_reads_of_a_range_use_the_index_by_user_and_span(
    store: Store, office: Office, reading: str, index: str
) -> None:
    with store.begin() as uow:
        (event_id,) = save_events(uow, office.work, make_event("x", "03-02 09:00", "03-02 10:00"))
        uow.session.execute(text(MANY_OCCURRENCES), {"event": event_id, "calendar": office.work.id})
        uow.session.execute(text(MANY_CONFLICTS), {"user": office.user.id})
        uow.session.execute(text("ANALYZE occurrences, conflicts"))
    with store.begin() as uow:
        statement, parameters = _capture(uow, lambda: _read(uow, office, reading))
        plan = explain(uow, statement, parameters)
    assert index in plan
    assert "Seq Scan on occurrences" not in plan
    assert "Seq Scan on conflicts" not in plan


MANY_OCCURRENCES = """
    INSERT INTO occurrences
        (id, user_id, calendar_id, event_id, original_start, start_at, end_at, busy)
    SELECT gen_random_uuid(), user_id, calendar_id, id, start_at + number * interval '3 h',
        start_at + number * interval '3 h', end_at + number * interval '3 h', 'busy'
    FROM events, generate_series(1, 5000) AS number
    WHERE id = :event AND calendar_id = :calendar
"""
MANY_CONFLICTS = """
    INSERT INTO conflicts
        (id, user_id, type, severity, start_at, end_at, first_occurrence_ids,
         second_occurrence_ids, first_start_at, first_end_at, second_start_at, second_end_at,
         hull, first, second)
    SELECT gen_random_uuid(), :user, 'overlap', 'high', day, day, '{}', '{}', day, day, day, day,
        tstzrange(day, day + interval '1 h'), '{}', '{}'
    FROM generate_series(timestamptz '2026-01-01', timestamptz '2027-01-01', '3 h') AS day
"""


def _read(uow: UnitOfWork, office: Office, reading: str) -> object:
    day = span("03-03 00:00", "03-04 00:00")
    apart = [day, span("05-20 00:00", "05-21 00:00")]
    if reading == "events":
        return uow.agenda.list_entries(office.user.id, day, office.wanted(), limit=50)
    if reading == "blocking":
        calendars = {office.work.id: office.work}
        return uow.agenda.load_blocking(office.user.id, [day], calendars, tentative_blocks=True)
    if reading == "busy":
        return uow.agenda.load_busy(office.user.id, apart)
    # Conflicts without meetings cannot be shown, so none of these is looked at.
    return uow.conflicts.load_touching(office.user.id, [span("01-01 01:00", "01-01 02:00")])


def _capture(uow: UnitOfWork, read: Any) -> tuple[str, Any]:
    """Return the statement of a read, and what it was run with."""
    seen: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        seen.append((str(arguments[2]), arguments[3]))

    engine = uow.session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    read()
    event.remove(engine, "before_cursor_execute", note)
    (only,) = seen
    return only


def _cancelled(master: Event, original_start: str) -> Event:
    return Event(
        provider_event_id=f"{master.provider_event_id}_{original_start}",
        kind=EventKind.OVERRIDE,
        when=None,
        series_id=master.provider_event_id,
        original_start=at(original_start),
        status=EventStatus.CANCELLED,
    )


def _add_client(uow: UnitOfWork, office: Office, name: str, **columns: Any) -> UUID:
    return uow.session.scalars(
        insert(ClientRow)
        .values(user_id=office.user.id, name=name, **columns)
        .returning(ClientRow.id)
    ).one()


def _assign(
    uow: UnitOfWork, office: Office, event_id: UUID, start: Any, client_id: UUID | None
) -> None:
    uow.session.execute(
        insert(EventAssignmentRow).values(
            user_id=office.user.id,
            event_id=event_id,
            original_start=start,
            client_id=client_id,
            origin="hand",
        )
    )
