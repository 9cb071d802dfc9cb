"""What the search for conflicts promises, case by case, as the database has it afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from calendar_manager.domain.conflict_reconciliation import ConflictStatus, ResolutionOrigin
from calendar_manager.domain.events import Event, EventKind, EventStatus
from calendar_manager.store.conflict_rows import ConflictRecord, HistoryEntry
from calendar_manager.sync.detect import ConflictCounts, examine_conflicts
from tests.factories import NOW, add_calendar, at, make_event, save_events, span
from tests.sync.test_detect import Desk, moved

pytestmark = pytest.mark.store

OPEN = ConflictStatus.OPEN


@pytest.fixture
def desk(clean_database: Engine) -> Desk:
    return Desk(clean_database)


def daily(title: str = "daily", **fields: Any) -> Event:
    """Four mornings from the third of March on."""
    return make_event(
        title, "03-03 09:00", "03-03 09:30", recurrence=("RRULE:FREQ=DAILY;COUNT=4",), **fields
    )


def override(master: Event, original_start: str, start: str, end: str, **fields: Any) -> Event:
    return Event(
        provider_event_id=f"{master.provider_event_id}_{original_start}",
        kind=EventKind.OVERRIDE,
        when=span(start, end),
        series_id=master.provider_event_id,
        original_start=at(original_start),
        ical_uid=master.ical_uid,
        **{"title": master.title, **fields},
    )


def pairs(desk: Desk) -> list[tuple[str, set[str]]]:
    """The day and the titles of every open conflict."""
    return [
        (f"{one.span.start:%m-%d}", {one.first.title, one.second.title})
        for one in desk.conflicts(OPEN)
    ]


def history_of(desk: Desk, record: ConflictRecord) -> Sequence[HistoryEntry]:
    with desk.store.begin() as uow:
        return uow.conflicts.load_history([record.id])[record.id]


class TestDuplicates:
    def test_copies_on_three_calendars_are_one_side_until_the_last_is_gone(
        self, desk: Desk
    ) -> None:
        with desk.store.begin() as uow:
            third = add_calendar(uow, desk.connection, name="Third")
        calendars = (desk.work, desk.home, third)
        copies = [
            make_event("review", "03-03 09:00", "03-03 10:00", ical_uid="review@client")
            for _ in calendars
        ]
        for calendar, copy in zip(calendars, copies, strict=True):
            desk.save(calendar, copy)
        desk.save(desk.home, make_event("bank", "03-03 09:30", "03-03 10:30"))
        (record,) = desk.conflicts()
        assert len(record.first.occurrences) == 3
        for calendar, copy in list(zip(calendars, copies, strict=True))[:2]:
            assert desk.delete(calendar, copy) == ConflictCounts(changed=1)
            assert [one.id for one in desk.conflicts(OPEN)] == [record.id]
        assert desk.delete(third, copies[2]) == ConflictCounts(closed=1)

    def test_a_persons_answer_stays_when_another_copy_comes_and_goes(self, desk: Desk) -> None:
        desk.save(desk.work, make_event("bank", "03-03 09:30", "03-03 10:30"))
        desk.save(desk.work, make_event("call", "03-03 09:00", "03-03 10:00", ical_uid="call"))
        desk.resolve(ConflictStatus.IGNORED)
        copy = make_event("call", "03-03 09:00", "03-03 10:00", ical_uid="call")
        desk.save(desk.home, copy)
        assert [one.status for one in desk.conflicts()] == [ConflictStatus.IGNORED]
        desk.delete(desk.home, copy)
        assert [one.status for one in desk.conflicts()] == [ConflictStatus.IGNORED]

    def test_copies_of_a_series_conflict_once_a_day(self, desk: Desk) -> None:
        for calendar in (desk.work, desk.home):
            desk.save(calendar, daily(ical_uid="daily@client"))
        assert desk.conflicts() == []
        desk.save(desk.home, make_event("bank", "03-04 09:00", "03-04 10:00"))
        assert pairs(desk) == [("03-04", {"daily", "bank"})]

    def test_long_occurrences_of_a_series_on_two_calendars_do_not_conflict(
        self, desk: Desk
    ) -> None:
        for calendar in (desk.work, desk.home):
            watch = make_event(
                "watch",
                "03-03 09:00",
                "03-04 10:00",
                recurrence=("RRULE:FREQ=DAILY;COUNT=12",),
                ical_uid="watch@client",
            )
            desk.save(calendar, watch)
        assert desk.conflicts() == []


class TestSeries:
    def test_a_moved_occurrence_conflicts_at_its_new_place_only(self, desk: Desk) -> None:
        series = daily()
        desk.save(
            desk.home,
            make_event("old", "03-04 09:00", "03-04 10:00"),
            make_event("new", "03-04 15:00", "03-04 16:00"),
            make_event("other day", "03-05 09:00", "03-05 10:00"),
        )
        desk.save(desk.work, series)
        assert pairs(desk) == [("03-04", {"daily", "old"}), ("03-05", {"daily", "other day"})]
        away = override(series, "03-04 09:00", "03-04 15:00", "03-04 15:30")
        assert desk.save(desk.work, away) == ConflictCounts(opened=1, closed=1)
        assert pairs(desk) == [("03-04", {"daily", "new"}), ("03-05", {"daily", "other day"})]
        counts = desk.save(desk.work, moved(away, "03-04 09:00", "03-04 09:30"))
        assert (counts.opened + counts.reopened, counts.closed) == (1, 1)
        assert pairs(desk) == [("03-04", {"daily", "old"}), ("03-05", {"daily", "other day"})]

    def test_a_cancelled_occurrence_conflicts_no_more(self, desk: Desk) -> None:
        series = daily()
        desk.save(desk.work, series)
        desk.save(desk.home, make_event("a", "03-04 09:00", "03-04 10:00"))
        gone = replace(
            override(series, "03-04 09:00", "03-04 09:00", "03-04 09:30"),
            status=EventStatus.CANCELLED,
        )
        assert desk.save(desk.work, gone) == ConflictCounts(closed=1)

    def test_a_series_edited_for_all_ends_and_begins_exactly_its_conflicts(
        self, desk: Desk
    ) -> None:
        series = daily()
        mornings = [
            make_event(f"morning {day}", f"03-{day} 09:00", f"03-{day} 09:45")
            for day in ("03", "04", "05")
        ]
        noons = [
            make_event(f"noon {day}", f"03-{day} 12:15", f"03-{day} 13:00") for day in ("04", "06")
        ]
        apart = [
            make_event("x", "03-04 18:00", "03-04 19:00"),
            make_event("y", "03-04 18:30", "03-04 19:30"),
        ]
        desk.save(desk.home, *mornings, *noons, *apart)
        (untouched,) = desk.conflicts()
        desk.save(desk.work, series)
        assert [titles for _, titles in pairs(desk) if "daily" in titles] == [
            {"daily", f"morning {day}"} for day in ("03", "04", "05")
        ]
        counts = desk.save(desk.work, moved(series, "03-03 12:00", "03-03 12:30"))
        assert counts == ConflictCounts(opened=2, closed=3)
        assert [titles for _, titles in pairs(desk) if "daily" in titles] == [
            {"daily", f"noon {day}"} for day in ("04", "06")
        ]
        ended = desk.conflicts(ConflictStatus.RESOLVED)
        assert {one.closed_by for one in ended} == {ResolutionOrigin.AUTO}
        assert [one.action.value for one in history_of(desk, ended[0])] == ["opened", "closed"]
        assert untouched in desk.conflicts(OPEN)

    def test_an_edit_of_this_and_following_leaves_what_was_before_alone(self, desk: Desk) -> None:
        series = daily(ical_uid="daily@client")
        desk.save(
            desk.home,
            make_event("before", "03-03 09:00", "03-03 10:00"),
            make_event("after", "03-05 09:00", "03-05 10:00"),
            make_event("noon", "03-05 12:00", "03-05 13:00"),
        )
        desk.save(desk.work, series)
        first = desk.conflicts(OPEN)[0]
        cut = replace(series, recurrence=("RRULE:FREQ=DAILY;UNTIL=20260305T080000Z",))
        rest = make_event(
            "daily",
            "03-05 12:00",
            "03-05 12:30",
            recurrence=("RRULE:FREQ=DAILY;COUNT=2",),
            ical_uid="daily_R@client",
        )
        assert desk.save(desk.work, cut, rest) == ConflictCounts(opened=1, closed=1)
        assert pairs(desk) == [("03-03", {"daily", "before"}), ("03-05", {"daily", "noon"})]
        assert desk.conflicts(OPEN)[0] == first

    def test_a_deleted_series_closes_all_its_conflicts(self, desk: Desk) -> None:
        series = daily()
        desk.save(desk.work, series)
        desk.save(desk.home, daily("other"))
        assert len(desk.conflicts(OPEN)) == 4
        assert desk.delete(desk.work, series) == ConflictCounts(closed=4)


class TestSensitivity:
    EVENTS = (
        make_event("a", "03-03 09:00", "03-03 10:00", location="Mitte"),
        make_event("b", "03-03 09:50", "03-03 10:30", location="Mitte"),
        make_event("c", "03-03 10:40", "03-03 11:00", location="Spandau"),
        make_event("all day", "03-03", "03-04"),
    )

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({}, ["overlap"]),
            ({"minimum_overlap_minutes": 10}, ["overlap"]),
            ({"minimum_overlap_minutes": 11}, []),
            ({"conflict_buffer_minutes": 10}, ["overlap"]),
            ({"conflict_buffer_minutes": 11}, ["back_to_back", "overlap"]),
            ({"travel_minutes": 11}, ["overlap", "travel"]),
            ({"travel_minutes": 41}, ["overlap", "travel", "travel"]),
            ({"travel_minutes": 11, "conflict_types": ["overlap"]}, ["overlap"]),
            ({"all_day_conflicts": True}, ["overlap"] * 4),
        ],
    )
    def test_each_user_is_told_by_settings_of_their_own(
        self, clean_database: Engine, settings: dict[str, Any], expected: list[str]
    ) -> None:
        plain, tuned = Desk(clean_database), Desk(clean_database, **settings)
        for desk in (plain, tuned):
            desk.save(desk.work, *self.EVENTS)
        assert sorted(one.type.value for one in tuned.conflicts(OPEN)) == expected
        assert [one.type.value for one in plain.conflicts(OPEN)] == ["overlap"]

    @pytest.mark.parametrize("settings", [{"travel_minutes": 41}, {"all_day_conflicts": True}])
    def test_changed_settings_end_and_begin_conflicts(
        self, desk: Desk, settings: dict[str, Any]
    ) -> None:
        desk.save(desk.work, *self.EVENTS)
        before = desk.conflicts(OPEN)
        assert desk.set("users", **settings).opened > 0
        back = {"travel_minutes": 0, "all_day_conflicts": False}
        assert desk.set("users", **back).closed > 0
        assert desk.conflicts(OPEN) == before


class TestTravel:
    @pytest.mark.parametrize(
        ("change", "is_travel"),
        [
            ({"location": "Spandau"}, True),
            ({"location": " MITTE "}, False),
            ({"location": None}, False),
            ({"location": "https://meet.example.org/x"}, False),
            ({"location": "Spandau", "meeting_url": "https://meet.example.org/x"}, False),
        ],
    )
    def test_a_new_place_alone_decides_about_the_way(
        self,
        clean_database: Engine,
        change: dict[str, Any],
        is_travel: bool,  # noqa: FBT001 - pytest fills it.
    ) -> None:
        desk = Desk(clean_database, travel_minutes=45)
        second = make_event("b", "03-03 10:30", "03-03 11:00")
        desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00", location="Mitte"))
        desk.save(desk.home, second)
        desk.save(desk.home, replace(second, **change))
        assert [one[0] for one in desk.told()] == ["travel"] * is_travel
        counts = desk.save(desk.home, replace(second, location=None))
        assert counts.closed == is_travel

    def test_the_way_is_the_same_in_both_directions(self, clean_database: Engine) -> None:
        desk = Desk(clean_database, travel_minutes=45)
        desk.save(desk.work, make_event("later", "03-03 10:30", "03-03 11:00", location="Mitte"))
        desk.save(desk.home, make_event("sooner", "03-03 09:00", "03-03 10:00", location="Mars"))
        assert desk.told() == [("travel", "low", "sooner", "later")]


class TestHistory:
    def at_work(self, desk: Desk, hours: int, event: Event) -> ConflictCounts:
        """Save an event, and have it examined some hours later than now."""
        with desk.store.begin() as uow:
            save_events(uow, desk.home, event)
        return examine_conflicts(desk.store, desk.user.id, lambda: NOW + timedelta(hours=hours))

    def answer(self, desk: Desk, status: ConflictStatus, note: str, now: datetime) -> None:
        (record,) = desk.conflicts()
        with desk.store.begin() as uow:
            uow.conflicts.resolve(desk.user.id, record.id, status, note, now=now)

    def test_it_says_who_did_what_when_and_why(self, desk: Desk) -> None:
        b = make_event("b", "03-03 09:30", "03-03 10:30", status=EventStatus.TENTATIVE)
        desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
        self.at_work(desk, 1, b)
        self.at_work(desk, 2, replace(b, status=EventStatus.CONFIRMED))
        self.answer(desk, ConflictStatus.IGNORED, "Jo goes.", NOW + timedelta(hours=3))
        self.at_work(desk, 4, moved(b, "03-03 09:15", "03-03 10:15"))
        self.answer(desk, ConflictStatus.RESOLVED, "Moved it.", NOW + timedelta(hours=5))
        self.at_work(desk, 6, moved(b, "03-03 12:00", "03-03 13:00"))
        self.at_work(desk, 7, moved(b, "03-03 09:15", "03-03 10:15"))
        (record,) = desk.conflicts()
        told = [
            ((one.happened_at - NOW) // timedelta(hours=1), one.actor.value, one.action.value)
            for one in history_of(desk, record)
        ]
        assert told == [
            (1, "system", "opened"),
            (2, "system", "changed"),
            (3, "user", "ignored"),
            (4, "system", "reopened"),
            (5, "user", "resolved"),
            (6, "system", "closed"),
            (7, "system", "reopened"),
        ]
        assert [one.note for one in history_of(desk, record)][1:] == [
            "The severity went from medium to high.",
            "Jo goes.",
            "A meeting moved, and they are still in each other's way.",
            "Moved it.",
            "They are no longer in each other's way.",
            "They are in each other's way again.",
        ]
        assert (record.status, record.closed_by, record.closed_at) == (OPEN, None, None)

    def test_what_is_open_shows_no_old_answer(self, desk: Desk) -> None:
        b = make_event("b", "03-03 09:30", "03-03 10:30")
        desk.save(desk.work, make_event("a", "03-03 09:00", "03-03 10:00"))
        desk.save(desk.home, b)
        self.answer(desk, ConflictStatus.RESOLVED, "Jo goes.", NOW)
        desk.save(desk.home, moved(b, "03-03 09:15", "03-03 10:15"))
        assert [one.note for one in desk.conflicts()] == [None]
