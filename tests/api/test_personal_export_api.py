"""Taking all of one's data away, as JSON and as iCalendar."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import icalendar
import pytest
import recurring_ical_events
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from calendar_manager.accounts.personal_export import PersonalExport
from calendar_manager.api.event_text import write_event, write_head, write_tail
from calendar_manager.bootstrap import Services
from calendar_manager.domain.events import Attendee, EventKind, EventStatus
from calendar_manager.domain.events import Person as Organizer
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.store.repositories.personal_data import LEFT_OUT, SECRETS, SECTIONS
from calendar_manager.store.tables import Base
from tests.api.callers import Person, expect_problem
from tests.api.full_person import MARK, fill
from tests.factories import NOW, add_calendar, add_connection, at, make_event, save_events

pytestmark = pytest.mark.store

PATH = "/api/auth/export"


def test_every_table_is_in_it_or_left_out_for_a_reason() -> None:
    assert set(SECTIONS.values()) | set(LEFT_OUT) == set(Base.metadata.tables)
    assert not set(SECTIONS.values()) & set(LEFT_OUT)
    for table, columns in SECRETS.items():
        assert columns <= set(Base.metadata.tables[table].columns.keys())


def test_every_secret_column_is_kept_back() -> None:
    """A new column whose name says that it lets somebody in has to be looked at."""
    for name in SECTIONS.values():
        for column in Base.metadata.tables[name].columns:
            telling = any(word in column.name for word in ("token", "password", "secret", "hash"))
            if telling and column.name not in {"token_expires_at", "content_hash"}:
                assert column.name in SECRETS.get(name, ()), f"{name}.{column.name}"


def test_the_document_holds_everything_but_secrets(
    mara: Person,
    otto: Person,
    services: Services,
    google: ControlClient,
    work: Callable[[], None],
    clean_database: Engine,
) -> None:
    fill(mara, services=services, google=google, work=work, friend=otto)
    answer = mara.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert "attachment" in answer.headers["Content-Disposition"]
    document = answer.json()
    assert [name for name in SECTIONS if not document[name]] == []
    assert document["profile"][0]["email"] == mara.email
    assert {event["title"] for event in document["events"]} == {f"{MARK} weekly", f"{MARK} clash"}
    series = next(event for event in document["events"] if event["recurrence"])
    assert "RRULE:FREQ=WEEKLY;COUNT=5" in series["recurrence"]
    assert document["conflict_history"][-1]["conflict_id"] == document["conflicts"][0]["id"]
    assert "data.exported" in {line["action"] for line in document["audit"]}
    with clean_database.connect() as connection:
        hidden = connection.execute(
            text(
                "SELECT access_token, refresh_token, password_hash, encode(token_hash, 'hex')"
                " FROM connections, users, feeds"
            )
        ).all()
    for secret in {str(value) for row in hidden for value in row if value}:
        assert secret not in answer.text


def test_nobody_elses_data_is_in_it(
    mara: Person,
    otto: Person,
    services: Services,
    google: ControlClient,
    work: Callable[[], None],
) -> None:
    fill(mara, services=services, google=google, work=work, friend=otto)
    text_of_otto = otto.get(PATH).text
    assert MARK not in text_of_otto
    assert mara.email not in text_of_otto
    assert otto.get(f"{PATH}.ics").text.count("BEGIN:VEVENT") == 0


def test_nobody_gets_it_without_a_login(http: httpx.Client) -> None:
    expect_problem(http.get(PATH), 401, "not_authenticated")
    expect_problem(http.get(f"{PATH}.ics"), 401, "not_authenticated")


def test_both_are_noted(mara: Person) -> None:
    mara.get(PATH)
    mara.get(f"{PATH}.ics")
    lines = mara.get("/api/auth/audit").json()["items"][:2]
    assert [line["detail"] for line in lines] == [{"format": "ics"}, {"format": "json"}]
    assert {line["action"] for line in lines} == {"data.exported"}


def test_the_calendar_means_the_same_to_another_program(
    mara: Person, services: Services, clean_database: Engine
) -> None:
    """Expanded by another library, the events are at the instants that we have stored."""
    series = make_event(
        "Weekly",
        "03-09 08:00",
        "03-09 09:00",
        recurrence=(
            "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=12",
            "EXDATE;TZID=Europe/Berlin:20260316T090000",
            "RDATE;TZID=America/New_York:20260320T100000",
        ),
    )
    moved = make_event(
        "Moved",
        "03-24 13:00",
        "03-24 14:00",
        kind=EventKind.OVERRIDE,
        series_id=series.provider_event_id,
        original_start=at("03-23 08:00"),
    )
    cancelled = make_event(
        "Gone",
        "03-25 08:00",
        "03-25 09:00",
        kind=EventKind.OVERRIDE,
        series_id=series.provider_event_id,
        original_start=at("03-25 08:00"),
        status=EventStatus.CANCELLED,
    )
    yearly = make_event(
        "Holiday", "03-10", "03-12", recurrence=("RRULE:FREQ=MONTHLY", "EXDATE:20260410")
    )
    single = make_event("Once", "03-11 10:00", "03-11 10:30")
    with services.store.begin() as uow:
        calendar = add_calendar(uow, add_connection(uow, UUID(mara.id)))
        save_events(uow, calendar, series, moved, cancelled, yearly, single)
    answer = mara.get(f"{PATH}.ics")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    read = icalendar.Calendar.from_ical(answer.content)
    found = sorted(
        _instants(event)
        for event in recurring_ical_events.of(read).between((2026, 3, 1), (2026, 6, 1))
        if event["STATUS"] != "CANCELLED"
    )
    with clean_database.connect() as connection:
        stored = connection.execute(
            text(
                "SELECT o.start_at, o.end_at, o.start_on, o.end_on FROM occurrences o"
                " JOIN events e ON e.id = o.event_id"
                " WHERE o.start_at < '2026-06-01' AND e.status <> 'cancelled'"
            )
        ).all()
    expected = sorted(
        (row.start_at, row.end_at)
        if row.start_on is None
        else (_midnight(row.start_on), _midnight(row.end_on))
        for row in stored
    )
    assert len(found) > 10
    assert found == expected


def _instants(event: Any) -> tuple[datetime, datetime]:
    start, end = event.start, event.end
    if not isinstance(start, datetime):
        return _midnight(start), _midnight(end)
    return start.astimezone(UTC), end.astimezone(UTC)


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


NASTY = st.text(max_size=40) | st.sampled_from(
    ["BEGIN:VEVENT\r\nUID:1", 'a"b;c:d,e\\', "\x0b\x1f\x7f\u2028", "\ud83d", "END:VCALENDAR"]
)


@given(
    title=NASTY, name=NASTY, place=NASTY, mail=NASTY, notes=NASTY, line=NASTY, calendar_name=NASTY
)
def test_no_text_breaks_the_stream(
    title: str, name: str, place: str, mail: str, notes: str, line: str, calendar_name: str
) -> None:
    event = make_event(
        title,
        "03-09 08:00",
        "03-09 09:00",
        recurrence=("RRULE:FREQ=DAILY;COUNT=2", line, f"RRULE:{line}", f"EXDATE:{line}"),
        location=place,
        description=notes,
        meeting_url=place,
        ical_uid=name,
        time_zone=mail or None,
        organizer=Organizer(mail or None, name),
        attendees=(Attendee(email=mail or None, name=name),),
    )
    written = (
        write_head(["Europe/Berlin", mail])
        + write_event(event, calendar_id=uuid4(), calendar_name=calendar_name, now=NOW)
        + write_tail()
    )
    read = icalendar.Calendar.from_ical(written)
    assert len(read.walk("VEVENT")) == 1
    assert read.walk("VEVENT")[0].errors == []


def test_memory_does_not_grow_with_the_number_of_events(
    mara: Person, services: Services, clean_database: Engine
) -> None:
    with services.store.begin() as uow:
        calendar = add_calendar(uow, add_connection(uow, UUID(mara.id)))
        for day in range(20):
            start = NOW + timedelta(days=day)
            events = [
                make_event("x" * 500, f"{start:%m-%d} 08:00", f"{start:%m-%d} 09:00")
                for _ in range(100)
            ]
            uow.events.save(user_id=calendar.user_id, calendar_id=calendar.id, events=events)
    export = PersonalExport(store=services.store, page=50)
    peaks = []
    for wanted in (200, 2000):
        tracemalloc.start()
        rows = export._rows(UUID(mara.id), "events")
        assert sum(1 for _, _row in zip(range(wanted), rows, strict=False)) == wanted
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_rows_are_read_once_each_whatever_the_page(mara: Person, services: Services) -> None:
    with services.store.begin() as uow:
        calendar = add_calendar(uow, add_connection(uow, UUID(mara.id)))
        events = [make_event("x", "03-09 08:00", "03-09 09:00") for _ in range(7)]
        uow.events.save(user_id=calendar.user_id, calendar_id=calendar.id, events=events)
    for page in (1, 3, 7, 100):
        export = PersonalExport(store=services.store, page=page)
        assert len({dated.id for dated in export.events(UUID(mara.id))}) == 7
        assert len(list(export._rows(UUID(mara.id), "events"))) == 7
