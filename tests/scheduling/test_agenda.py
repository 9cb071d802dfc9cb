"""The agenda, in and beyond what is laid out in the database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, update

from calendar_manager.domain.accounts import Calendar
from calendar_manager.domain.events import Event, EventKind, EventStatus, EventType
from calendar_manager.domain.timespan import Span
from calendar_manager.scheduling.agenda import (
    AgendaItem,
    AgendaQuestion,
    find_event,
    list_agenda,
)
from calendar_manager.scheduling.errors import UnknownSubjectError
from calendar_manager.store.tables import CalendarRow, ClientRow, EventAssignmentRow
from calendar_manager.store.unit_of_work import Store
from tests.factories import (
    WINDOW,
    add_calendar,
    add_connection,
    add_user,
    at,
    count_statements,
    make_event,
    make_store,
    save_events,
    span,
)

pytestmark = pytest.mark.store

YEAR = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
NARROW = span("03-01 00:00", "03-15 00:00")


class Desk:
    """A user with one calendar."""

    def __init__(self, engine: Engine, **user: Any) -> None:
        self.engine = engine
        self.store: Store = make_store(engine)
        with self.store.begin() as uow:
            self.user = add_user(uow, **user)
            self.connection = add_connection(uow, self.user.id)
        self.calendar = self.add(WINDOW)

    def add(self, window: Span | None, **columns: Any) -> Calendar:
        """Store a calendar whose series are laid out in a window."""
        with self.store.begin() as uow:
            return add_calendar(
                uow,
                self.connection,
                materialized_from=window and window.start,
                materialized_until=window and window.end,
                **columns,
            )

    def save(self, calendar: Calendar, *events: Event, window: Span = WINDOW) -> list[UUID]:
        with self.store.begin() as uow:
            return save_events(uow, calendar, *events, window=window)

    def ask(self, where: Span, **question: Any) -> list[AgendaItem]:
        asked = AgendaQuestion(span=where, **question)
        return list_agenda(self.store, self.user, asked, limit=10_000)

    def pages(self, where: Span, size: int) -> list[AgendaItem]:
        items: list[AgendaItem] = []
        while True:
            page = list_agenda(
                self.store,
                self.user,
                AgendaQuestion(span=where),
                after=items[-1].entry.key if items else None,
                limit=size,
            )
            if not page:
                return items
            items += page


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def shape(items: Sequence[AgendaItem]) -> list[tuple[Any, ...]]:
    """What an answer says, apart from ids."""
    return sorted(
        (one.entry.span, one.entry.event.title, one.entry.dates is None, one.busy) for one in items
    )


def override(master: Event, original: datetime, when: Span | None, title: str = "") -> Event:
    return Event(
        provider_event_id=f"{master.provider_event_id}_{original:%Y%m%dT%H%M%SZ}",
        kind=EventKind.OVERRIDE,
        when=when,
        series_id=master.provider_event_id,
        original_start=original,
        title=title,
        time_zone=master.time_zone,
        status=EventStatus.CONFIRMED if when else EventStatus.CANCELLED,
    )


def daily(title: str = "daily", **fields: Any) -> Event:
    rule = {"recurrence": ("RRULE:FREQ=DAILY",)}
    return make_event(title, "02-02 09:00", "02-02 09:15", **rule | fields)


def test_busy_follows_the_settings_of_user_and_calendar(clean_database: Engine) -> None:
    desk = Desk(clean_database, tentative_blocks=False)
    quiet = desk.add(WINDOW, blocks_availability=False)
    strict = desk.add(WINDOW, all_day_blocks=False)
    desk.save(
        desk.calendar,
        make_event("firm", "03-03 09:00", "03-03 10:00"),
        make_event("maybe", "03-03 09:00", "03-03 10:00", status=EventStatus.TENTATIVE),
    )
    desk.save(quiet, make_event("quiet", "03-03 09:00", "03-03 10:00"))
    desk.save(
        strict,
        make_event("all day", "03-03", "03-04"),
        make_event("away", "03-03", "03-04", event_type=EventType.OUT_OF_OFFICE),
    )
    busy = {one.entry.event.title: one.busy for one in desk.ask(NARROW)}
    assert busy == {
        "firm": True,
        "maybe": False,
        "quiet": False,
        "all day": False,
        "away": True,
    }


def test_copies_of_one_meeting_are_all_there(desk: Desk) -> None:
    other = desk.add(WINDOW)
    for calendar in (desk.calendar, other):
        copy = make_event("review", "03-03 09:00", "03-03 10:00", ical_uid="uid")
        desk.save(calendar, copy)
    assert len(desk.ask(NARROW)) == 2
    assert len(desk.ask(NARROW, calendar_ids=[other.id])) == 1


def test_foreign_and_unknown_things_are_refused_by_their_noun(
    desk: Desk, clean_database: Engine
) -> None:
    stranger = Desk(clean_database)
    (event_id,) = stranger.save(stranger.calendar, make_event("x", "03-03 09:00", "03-03 10:00"))
    with pytest.raises(UnknownSubjectError, match="calendar"):
        desk.ask(NARROW, calendar_ids=[desk.calendar.id, stranger.calendar.id])
    with pytest.raises(UnknownSubjectError, match="client"):
        desk.ask(NARROW, client_id=stranger.user.id)
    with pytest.raises(UnknownSubjectError, match="event"):
        find_event(desk.store, desk.user, event_id)


def test_a_calendar_whose_sync_is_off_may_be_named_and_shows_nothing(desk: Desk) -> None:
    paused = desk.add(WINDOW, sync_enabled=False)
    desk.save(paused, make_event("x", "03-03 09:00", "03-03 10:00"))
    assert desk.ask(NARROW) == []
    assert desk.ask(NARROW, calendar_ids=[paused.id]) == []


@pytest.mark.parametrize(
    "asked",
    [
        span("02-20 00:00", "03-05 00:00"),  # over the start of what is laid out
        span("03-10 00:00", "03-20 00:00"),  # over its end
        span("02-10 00:00", "02-12 00:00"),  # before it
        Span(datetime(2035, 7, 1, tzinfo=UTC), datetime(2035, 7, 8, tzinfo=UTC)),  # far ahead
        YEAR,
    ],
)
def test_beyond_the_horizon_the_answer_is_the_same(clean_database: Engine, asked: Span) -> None:
    wide = Span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC))
    answers = []
    for window in (wide, NARROW):
        desk = Desk(clean_database)
        calendar = desk.add(window)
        series = daily()
        lasting = make_event(
            "all month", "02-14", "03-14", recurrence=("RRULE:FREQ=MONTHLY;COUNT=200",)
        )
        desk.save(
            calendar,
            series,
            lasting,
            make_event("once", "02-11 12:00", "02-11 12:00"),
            override(series, at("02-11 09:00"), None),
            override(series, at("03-17 09:00"), span("03-18 17:00", "03-18 18:00"), "moved"),
            override(series, at("03-04 09:00"), span("02-21 07:00", "02-21 07:15"), "earlier"),
            window=window,
        )
        answers.append(shape(desk.ask(asked)))
    assert answers[0] == answers[1]
    assert answers[0]


def test_a_calendar_in_its_first_sync_shows_each_occurrence_once(desk: Desk) -> None:
    calendar = desk.add(None)
    desk.save(calendar, daily())
    days = span("03-03 00:00", "03-06 00:00")
    assert len(desk.ask(days)) == 3
    before = Span(WINDOW.start - timedelta(days=40), WINDOW.start)
    assert desk.ask(before) == []


def test_a_series_that_cannot_be_read_shows_its_first_occurrence_once(desk: Desk) -> None:
    calendar = desk.add(NARROW)
    desk.save(calendar, daily(recurrence=("RRULE:FREQ=NEVER",)), window=NARROW)
    assert len(desk.ask(YEAR)) == 1
    assert desk.ask(Span(YEAR.end, YEAR.end + timedelta(days=300))) == []


def test_pages_over_the_horizon_are_one_list(desk: Desk) -> None:
    calendar = desk.add(NARROW)
    desk.save(calendar, daily(), daily(title="other"), window=NARROW)
    desk.save(calendar, make_event("once", "03-16 09:00", "03-16 10:00"), window=NARROW)
    asked = span("02-25 00:00", "03-20 00:00")
    whole = desk.ask(asked)
    paged = desk.pages(asked, 5)
    assert [one.entry.key for one in paged] == [one.entry.key for one in whole]
    assert len({one.entry.occurrence_id for one in whole}) == len(whole) == 2 * 23 + 1


def test_computed_occurrences_have_the_same_id_in_every_answer(desk: Desk) -> None:
    calendar = desk.add(NARROW)
    desk.save(calendar, daily(), window=NARROW)
    far = Span(datetime(2027, 5, 1, tzinfo=UTC), datetime(2027, 5, 4, tzinfo=UTC))
    first, second = (
        [one.entry.occurrence_id for one in desk.ask(far)],
        [one.entry.occurrence_id for one in desk.ask(far)],
    )
    assert first == second
    assert len(first) == 3


def test_filters_hold_beyond_the_horizon_too(desk: Desk) -> None:
    calendar = desk.add(NARROW)
    daily_id, _, _ = desk.save(
        calendar,
        daily(),
        daily(title="mirror", mirror=True),
        daily(title="review", description="quarterly figures"),
        window=NARROW,
    )
    with desk.store.begin() as uow:
        client = uow.session.scalars(
            insert(ClientRow).values(user_id=desk.user.id, name="Acme").returning(ClientRow.id)
        ).one()
        uow.session.execute(
            insert(EventAssignmentRow).values(
                user_id=desk.user.id,
                event_id=daily_id,
                original_start=at("07-02 08:00"),
                client_id=client,
                origin="hand",
            )
        )
    days = span("07-01 00:00", "07-03 00:00")

    def asked(**question: Any) -> list[str]:
        return sorted(one.entry.event.title for one in desk.ask(days, **question))

    assert asked() == ["daily", "daily", "review", "review"]
    assert asked(mirrors=True) == ["daily", "daily", "mirror", "mirror", "review", "review"]
    assert asked(text="FIGURES") == ["review", "review"]
    (own,) = desk.ask(days, client_id=client)
    assert own.entry.span.start == at("07-02 08:00")
    with desk.store.begin() as uow:
        uow.session.execute(
            update(CalendarRow).where(CalendarRow.id == calendar.id).values(client_id=client)
        )
    assert len(asked(client_id=client)) == 4


def test_all_day_events_lie_in_the_users_days(clean_database: Engine) -> None:
    desk = Desk(clean_database, time_zone="America/Los_Angeles")
    calendar = desk.add(NARROW)
    weekly = make_event("sport", "02-02", "02-03", recurrence=("RRULE:FREQ=WEEKLY",))
    desk.save(calendar, weekly, window=NARROW)
    starts = [one.entry.span.start for one in desk.ask(span("02-23 00:00", "03-25 00:00"))]
    # Los Angeles springs forward on 8 March: midnight is 08:00 UTC before and 07:00 after.
    assert starts == [
        at("02-23 08:00"),
        at("03-02 08:00"),
        at("03-09 07:00"),
        at("03-16 07:00"),
        at("03-23 07:00"),
    ]


def test_statements_do_not_grow_with_the_answer(desk: Desk) -> None:
    desk.save(desk.calendar, make_event("x", "03-03 09:00", "03-03 10:00"))
    with count_statements(desk.engine) as few:
        desk.ask(NARROW)
    desk.save(
        desk.calendar,
        *(
            make_event(f"{hour}", f"03-03 {hour:02}:00", f"03-03 {hour:02}:30")
            for hour in range(20)
        ),
        daily(),
    )
    with count_statements(desk.engine) as many:
        desk.ask(NARROW)
    assert len(many) == len(few) == 2
    beyond = desk.add(NARROW)
    desk.save(beyond, daily(), *(daily(title=str(number)) for number in range(5)), window=NARROW)
    with count_statements(desk.engine) as computed:
        desk.ask(YEAR)
    assert len(computed) == 6


RULES = (
    "RRULE:FREQ=DAILY;INTERVAL=3",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,FR;COUNT=15",
    "RRULE:FREQ=MONTHLY;BYDAY=-1WE",
    "RRULE:FREQ=WEEKLY;UNTIL=20260401T000000Z",
)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    rules=st.lists(st.sampled_from(RULES), min_size=1, max_size=3),
    starts=st.lists(st.integers(-60 * 24, 60 * 24), min_size=3, max_size=3),
    hours=st.integers(0, 40),
    horizon=st.tuples(st.integers(-50, 40), st.integers(0, 60)),
    asked=st.tuples(st.integers(-70, 70), st.integers(1, 40)),
)
def test_wherever_the_horizon_lies_the_answer_is_the_same(
    clean_database: Engine,
    rules: list[str],
    starts: list[int],
    hours: int,
    horizon: tuple[int, int],
    asked: tuple[int, int],
) -> None:
    noon = at("03-02 12:00")

    def stretch(first: int, length: int) -> Span:
        return Span(
            noon + timedelta(days=first), noon + timedelta(days=first) + timedelta(days=length)
        )

    series = []
    for number, rule in enumerate(rules):
        start = noon + timedelta(hours=starts[number])
        when = Span(start, start + timedelta(hours=hours))
        series.append(replace(daily(recurrence=(rule,), title=str(number)), when=when))
    wide = Span(noon - timedelta(days=900), noon + timedelta(days=900))
    answers = []
    for window in (wide, stretch(*horizon)):
        desk = Desk(clean_database)
        desk.save(desk.add(window), *series, window=window)
        answers.append(shape(desk.ask(stretch(*asked))))
    assert answers[0] == answers[1]
