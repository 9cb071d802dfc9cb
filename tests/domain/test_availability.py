"""The named cases of free time; every expected instant is worked out by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from calendar_manager.domain.availability import bookable_span, free_windows, working_windows
from calendar_manager.domain.rules import (
    AvailabilityRules,
    DateOverride,
    DaysOff,
    WallWindow,
    Weekday,
    WeeklyWindow,
    default_rules,
)
from calendar_manager.domain.timespan import Span

pytestmark = pytest.mark.unit

EVERY_DAY = tuple(Weekday)
NOTHING: frozenset[date] = frozenset()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MONDAY = date(2026, 11, 23)


def span(text: str) -> Span:
    """Read ``2026-11-23 08:00/16:00`` or ``… 22:00/2026-11-24 02:00``, in UTC."""
    start, end = text.split("/")
    if len(end) == len("HH:MM"):
        end = f"{start.split()[0]} {end}"
    return Span(
        datetime.fromisoformat(start).replace(tzinfo=UTC),
        datetime.fromisoformat(end).replace(tzinfo=UTC),
    )


def spans(*texts: str) -> list[Span]:
    return [span(text) for text in texts]


def minutes(text: str) -> int:
    hours, rest = text.split(":")
    return int(hours) * 60 + int(rest)


def window(text: str) -> WallWindow:
    start, end = text.split("-")
    return WallWindow(minutes(start), minutes(end))


def daily(time_zone: str, *windows: str) -> AvailabilityRules:
    weekly = tuple(WeeklyWindow(EVERY_DAY, window(text)) for text in windows)
    return AvailabilityRules(time_zone=time_zone, weekly=weekly, horizon_days=730)


def working(rules: AvailabilityRules, first: str, last: str | None = None) -> list[Span]:
    return working_windows(
        rules, date.fromisoformat(first), date.fromisoformat(last or first), NOTHING
    )


BERLIN = replace(default_rules("Europe/Berlin"), horizon_days=730)


def free(
    rules: AvailabilityRules,
    asked: str,
    *busy: str,
    now: datetime = LONG_AGO,
    holidays: frozenset[date] = NOTHING,
) -> list[Span]:
    return free_windows(rules, spans(*busy), span(asked), now, holidays)


class TestWorkingHours:
    def test_weekly_hours_hold_on_their_days_in_the_rules_zone(self) -> None:
        assert working(BERLIN, "2026-11-20", "2026-11-23") == spans(
            "2026-11-20 08:00/16:00", "2026-11-23 08:00/16:00"
        )

    def test_an_override_replaces_its_whole_day(self) -> None:
        rules = replace(BERLIN, overrides=(DateOverride(MONDAY, (window("12:00-13:00"),)),))
        assert working(rules, "2026-11-23") == spans("2026-11-23 11:00/12:00")

    def test_an_override_opens_a_day_without_hours(self) -> None:
        saturday = DateOverride(date(2026, 11, 21), (window("12:00-13:00"),))
        assert working(replace(BERLIN, overrides=(saturday,)), "2026-11-21") == spans(
            "2026-11-21 11:00/12:00"
        )

    def test_an_override_without_windows_is_a_day_off(self) -> None:
        assert working(replace(BERLIN, overrides=(DateOverride(MONDAY, ()),)), "2026-11-23") == []

    def test_days_off_remove_their_first_and_their_last_day(self) -> None:
        rules = replace(BERLIN, days_off=(DaysOff(date(2026, 11, 23), date(2026, 11, 25)),))
        assert working(rules, "2026-11-23", "2026-11-26") == spans("2026-11-26 08:00/16:00")

    def test_days_off_remove_a_day_with_an_override_too(self) -> None:
        rules = replace(
            BERLIN,
            overrides=(DateOverride(MONDAY, (window("12:00-13:00"),)),),
            days_off=(DaysOff(MONDAY, MONDAY),),
        )
        assert working(rules, "2026-11-23") == []

    def test_a_holiday_removes_its_day(self) -> None:
        holidays = frozenset({MONDAY})
        assert working_windows(BERLIN, MONDAY, date(2026, 11, 24), holidays) == spans(
            "2026-11-24 08:00/16:00"
        )

    def test_several_windows_a_day_leave_their_break(self) -> None:
        assert working(daily("UTC", "13:00-17:00", "09:00-12:00"), "2026-11-23") == spans(
            "2026-11-23 09:00/12:00", "2026-11-23 13:00/17:00"
        )

    def test_hours_over_midnight_join_into_one_window(self) -> None:
        rules = daily("Europe/Berlin", "22:00-24:00", "00:00-02:00")
        assert working(rules, "2026-11-23", "2026-11-24") == spans(
            "2026-11-22 23:00/2026-11-23 01:00",
            "2026-11-23 21:00/2026-11-24 01:00",
            "2026-11-24 21:00/23:00",
        )

    def test_a_whole_day_ends_at_24_00(self) -> None:
        assert working(daily("Asia/Kolkata", "00:00-24:00"), "2026-11-23") == spans(
            "2026-11-22 18:30/2026-11-23 18:30"
        )

    def test_no_days_give_no_windows(self) -> None:
        assert working(BERLIN, "2026-11-24", "2026-11-23") == []


class TestChangedClocks:
    @pytest.mark.parametrize(
        ("rules", "day", "expected"),
        [
            pytest.param(
                daily("Europe/Berlin", "00:00-24:00"),
                "2026-03-29",
                ["2026-03-28 23:00/2026-03-29 22:00"],
                id="a day of 23 hours",
            ),
            pytest.param(
                daily("Europe/Berlin", "00:00-24:00"),
                "2026-10-25",
                ["2026-10-24 22:00/2026-10-25 23:00"],
                id="a day of 25 hours",
            ),
            pytest.param(
                daily("Europe/Berlin", "01:00-04:00"),
                "2026-03-29",
                ["2026-03-29 00:00/02:00"],
                id="hours across a gap are shorter",
            ),
            pytest.param(
                daily("Europe/Berlin", "02:30-05:00"),
                "2026-03-29",
                ["2026-03-29 01:30/03:00"],
                id="a start in the gap moves forward by the gap",
            ),
            pytest.param(
                daily("Europe/Berlin", "01:00-02:30"),
                "2026-03-29",
                ["2026-03-29 00:00/01:30"],
                id="an end in the gap moves forward by the gap",
            ),
            pytest.param(
                daily("Europe/Berlin", "02:15-02:45"),
                "2026-03-29",
                ["2026-03-29 01:15/01:45"],
                id="hours inside the gap move as a whole",
            ),
            pytest.param(
                daily("Europe/Berlin", "02:30-03:00"),
                "2026-03-29",
                [],
                id="hours that the gap swallows are none",
            ),
            pytest.param(
                daily("Europe/Berlin", "02:30-03:15", "03:15-04:00"),
                "2026-03-29",
                ["2026-03-29 01:15/02:00"],
                id="hours that the gap pushes onto the next ones join them",
            ),
            pytest.param(
                daily("Europe/Berlin", "02:30-04:00"),
                "2026-10-25",
                ["2026-10-25 00:30/03:00"],
                id="the first reading of a fold starts",
            ),
            pytest.param(
                daily("Europe/Berlin", "01:00-02:30"),
                "2026-10-25",
                ["2026-10-24 23:00/2026-10-25 01:30"],
                id="the second reading of a fold ends",
            ),
            pytest.param(
                daily("Australia/Lord_Howe", "01:00-03:00"),
                "2026-10-04",
                ["2026-10-03 14:30/16:00"],
                id="Lord Howe leaves out half an hour",
            ),
            pytest.param(
                daily("Australia/Lord_Howe", "01:45-02:00"),
                "2026-04-05",
                ["2026-04-04 14:45/15:30"],
                id="Lord Howe repeats half an hour",
            ),
            pytest.param(
                daily("America/New_York", "02:30-03:30"),
                "2026-03-08",
                [],
                id="New York: 02:30 has become 03:30",
            ),
            pytest.param(
                daily("America/Sao_Paulo", "00:00-02:00"),
                "2018-11-04",
                ["2018-11-04 03:00/04:00"],
                id="Sao Paulo left out midnight",
            ),
            pytest.param(
                daily("America/Sao_Paulo", "22:00-24:00"),
                "2018-02-17",
                ["2018-02-18 00:00/03:00"],
                id="Sao Paulo repeated the hour before midnight",
            ),
            pytest.param(
                daily("America/Havana", "00:00-02:00"),
                "2026-11-01",
                ["2026-11-01 04:00/07:00"],
                id="Havana repeats midnight",
            ),
            pytest.param(
                daily("Antarctica/Troll", "00:00-04:00"),
                "2026-03-29",
                ["2026-03-29 00:00/02:00"],
                id="Troll leaves out two hours",
            ),
            pytest.param(
                daily("Pacific/Apia", "09:00-17:00"),
                "2011-12-30",
                [],
                id="Apia left out a whole day",
            ),
        ],
    )
    def test_wall_clocks_hold(
        self, rules: AvailabilityRules, day: str, expected: list[str]
    ) -> None:
        assert working(rules, day) == spans(*expected)

    def test_hours_around_the_day_that_apia_left_out_are_one_night_apart(self) -> None:
        rules = daily("Pacific/Apia", "22:00-24:00", "00:00-02:00")
        assert working(rules, "2011-12-29", "2011-12-31")[1:2] == spans("2011-12-30 08:00/12:00")


class TestBusy:
    def test_a_meeting_cuts_its_time_out(self) -> None:
        assert free(BERLIN, "2026-11-23 00:00/23:00", "2026-11-23 10:00/11:00") == spans(
            "2026-11-23 08:00/10:00", "2026-11-23 11:00/16:00"
        )

    def test_a_meeting_that_touches_the_hours_takes_nothing(self) -> None:
        assert free(
            BERLIN, "2026-11-23 00:00/23:00", "2026-11-23 07:00/08:00", "2026-11-23 16:00/17:00"
        ) == spans("2026-11-23 08:00/16:00")

    def test_a_meeting_over_several_days_takes_them(self) -> None:
        assert free(
            BERLIN, "2026-11-23 00:00/2026-11-25 23:00", "2026-11-01 00:00/2026-11-24 09:00"
        ) == spans("2026-11-24 09:00/16:00", "2026-11-25 08:00/16:00")

    def test_overlapping_nested_and_unsorted_meetings_take_their_union(self) -> None:
        assert free(
            BERLIN,
            "2026-11-23 00:00/23:00",
            "2026-11-23 12:00/12:30",
            "2026-11-23 09:00/13:00",
            "2026-11-23 08:30/10:00",
            "2026-11-23 13:00/14:00",
        ) == spans("2026-11-23 08:00/08:30", "2026-11-23 14:00/16:00")

    def test_zero_length_takes_nothing_even_with_buffers(self) -> None:
        rules = replace(BERLIN, buffer_before_minutes=30, buffer_after_minutes=30)
        assert free(rules, "2026-11-23 00:00/23:00", "2026-11-23 10:00/10:00") == spans(
            "2026-11-23 08:00/16:00"
        )


class TestBuffers:
    def test_the_free_time_before_a_booking_follows_the_meeting_before(self) -> None:
        rules = replace(BERLIN, buffer_before_minutes=15)
        assert free(rules, "2026-11-23 00:00/23:00", "2026-11-23 10:00/11:00") == spans(
            "2026-11-23 08:00/10:00", "2026-11-23 11:15/16:00"
        )

    def test_the_free_time_after_a_booking_precedes_the_next_meeting(self) -> None:
        rules = replace(BERLIN, buffer_after_minutes=15)
        assert free(rules, "2026-11-23 00:00/23:00", "2026-11-23 10:00/11:00") == spans(
            "2026-11-23 08:00/09:45", "2026-11-23 11:00/16:00"
        )

    def test_a_meeting_outside_the_hours_reaches_into_them(self) -> None:
        rules = replace(BERLIN, buffer_before_minutes=30, buffer_after_minutes=45)
        assert free(
            rules, "2026-11-23 00:00/23:00", "2026-11-23 07:00/08:00", "2026-11-23 16:00/17:00"
        ) == spans("2026-11-23 08:30/15:15")

    def test_a_buffer_may_lie_outside_the_hours(self) -> None:
        rules = replace(BERLIN, buffer_before_minutes=30, buffer_after_minutes=30)
        assert free(rules, "2026-11-23 00:00/23:00") == spans("2026-11-23 08:00/16:00")

    def test_a_meeting_outside_the_asked_span_reaches_into_it(self) -> None:
        rules = replace(BERLIN, buffer_before_minutes=30, buffer_after_minutes=30)
        assert free(
            rules, "2026-11-23 10:00/12:00", "2026-11-23 09:00/10:00", "2026-11-23 12:00/13:00"
        ) == spans("2026-11-23 10:30/11:30")

    def test_meetings_closer_than_both_buffers_leave_nothing_between(self) -> None:
        rules = replace(BERLIN, buffer_before_minutes=30, buffer_after_minutes=30)
        assert free(
            rules, "2026-11-23 00:00/23:00", "2026-11-23 09:00/10:00", "2026-11-23 11:00/12:00"
        ) == spans("2026-11-23 08:00/08:30", "2026-11-23 12:30/16:00")


class TestNoticeAndHorizon:
    def test_nothing_in_the_past_is_free(self) -> None:
        now = datetime(2026, 11, 23, 10, 7, 30, tzinfo=UTC)
        assert free(BERLIN, "2026-11-23 00:00/23:00", now=now) == [
            Span(now, datetime(2026, 11, 23, 16, tzinfo=UTC))
        ]

    def test_notice_reaches_across_midnight(self) -> None:
        rules = replace(BERLIN, minimum_notice_minutes=12 * 60)
        now = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
        assert free(rules, "2026-11-23 00:00/2026-11-24 23:00", now=now) == spans(
            "2026-11-24 10:30/16:00"
        )

    def test_notice_is_real_time_on_a_day_with_a_gap(self) -> None:
        rules = replace(daily("Europe/Berlin", "00:00-24:00"), minimum_notice_minutes=120)
        now = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
        assert free(rules, "2026-03-29 00:00/03:00", now=now) == spans("2026-03-29 02:30/03:00")

    def test_the_horizon_ends_with_a_local_day(self) -> None:
        rules = replace(daily("America/Los_Angeles", "00:00-24:00"), horizon_days=1)
        # It is still Sunday in Los Angeles, so that Monday is the last day.
        now = datetime(2026, 11, 23, 5, tzinfo=UTC)
        assert free(rules, "2026-11-23 00:00/2026-11-30 00:00", now=now) == spans(
            "2026-11-23 05:00/2026-11-24 08:00"
        )

    def test_the_horizon_counts_days_rather_than_hours_over_a_fold(self) -> None:
        rules = replace(daily("Europe/Berlin", "00:00-24:00"), horizon_days=1)
        now = datetime(2026, 10, 24, 12, tzinfo=UTC)
        assert bookable_span(rules, now) == span("2026-10-24 12:00/2026-10-25 23:00")

    def test_a_notice_beyond_the_horizon_leaves_nothing(self) -> None:
        rules = replace(BERLIN, horizon_days=1, minimum_notice_minutes=7 * 24 * 60)
        assert bookable_span(rules, LONG_AGO).is_empty
        assert free(rules, "2026-01-01 00:00/2026-02-01 00:00") == []


class TestAsked:
    def test_windows_are_cut_to_the_asked_span(self) -> None:
        assert free(BERLIN, "2026-11-23 09:10/12:20") == spans("2026-11-23 09:10/12:20")

    def test_a_window_already_under_way_is_seen_after_midnight(self) -> None:
        rules = daily("Europe/Berlin", "22:00-24:00")
        assert free(rules, "2026-11-23 22:30/2026-11-24 06:00") == spans("2026-11-23 22:30/23:00")

    def test_a_window_of_the_day_before_reaches_into_a_midnight_that_is_repeated(self) -> None:
        rules = daily("America/Havana", "22:00-24:00")
        assert free(rules, "2026-11-01 04:00/12:00") == spans("2026-11-01 04:00/05:00")

    def test_an_empty_question_has_an_empty_answer(self) -> None:
        assert free(BERLIN, "2026-11-23 09:00/09:00") == []

    def test_a_question_about_the_end_of_time_has_an_empty_answer(self) -> None:
        end_of_time = datetime.max.replace(tzinfo=UTC)
        asked = Span(end_of_time - timedelta(days=1), end_of_time)
        assert free_windows(BERLIN, [], asked, LONG_AGO, NOTHING) == []

    def test_holidays_are_left_out(self) -> None:
        assert free(BERLIN, "2026-11-23 00:00/23:00", holidays=frozenset({MONDAY})) == []


class TestDailyLimits:
    LIMITED = replace(BERLIN, max_meetings_per_day=2)

    def test_a_day_with_the_most_meetings_offers_nothing(self) -> None:
        assert free(
            self.LIMITED,
            "2026-11-23 00:00/2026-11-24 23:00",
            "2026-11-23 08:00/08:30",
            "2026-11-23 09:00/09:30",
            "2026-11-24 09:00/09:30",
        ) == spans("2026-11-24 08:00/09:00", "2026-11-24 09:30/16:00")

    def test_zero_length_is_no_meeting(self) -> None:
        assert free(
            self.LIMITED,
            "2026-11-23 00:00/23:00",
            "2026-11-23 08:00/09:00",
            "2026-11-23 12:00/12:00",
        ) == spans("2026-11-23 09:00/16:00")

    def test_a_meeting_earlier_than_the_asked_span_counts_on_its_day(self) -> None:
        assert (
            free(
                self.LIMITED,
                "2026-11-23 12:00/23:00",
                "2026-11-23 05:00/05:30",
                "2026-11-23 06:00/06:30",
            )
            == []
        )

    def test_days_are_those_of_the_rules_zone(self) -> None:
        rules = replace(self.LIMITED, time_zone="Pacific/Auckland")
        # Both are on Monday evening in UTC and on Tuesday morning in Auckland.
        assert free(
            rules,
            "2026-11-22 11:00/2026-11-24 11:00",
            "2026-11-23 18:00/18:30",
            "2026-11-23 19:00/19:30",
        ) == spans("2026-11-22 20:00/2026-11-23 04:00")

    def test_a_meeting_over_midnight_counts_on_both_days(self) -> None:
        rules = replace(daily("UTC", "00:00-24:00"), max_meetings_per_day=1)
        assert free(
            rules, "2026-11-23 00:00/2026-11-26 00:00", "2026-11-23 23:00/2026-11-24 01:00"
        ) == spans("2026-11-25 00:00/2026-11-26 00:00")

    def test_a_day_with_the_most_minutes_offers_nothing(self) -> None:
        rules = replace(BERLIN, max_minutes_per_day=120)
        busy = ("2026-11-23 08:00/09:00", "2026-11-23 09:00/09:59")
        assert free(rules, "2026-11-23 00:00/23:00", *busy) == spans("2026-11-23 09:59/16:00")
        assert free(rules, "2026-11-23 00:00/23:00", *busy, "2026-11-23 12:00/12:01") == []

    def test_buffers_count_for_nothing(self) -> None:
        rules = replace(BERLIN, max_minutes_per_day=120, buffer_before_minutes=60)
        assert free(rules, "2026-11-23 00:00/23:00", "2026-11-23 08:00/09:59") == spans(
            "2026-11-23 10:59/16:00"
        )

    def test_time_that_two_meetings_share_counts_once(self) -> None:
        rules = replace(BERLIN, max_minutes_per_day=120)
        assert free(
            rules, "2026-11-23 00:00/23:00", "2026-11-23 08:00/09:30", "2026-11-23 08:00/09:30"
        ) == spans("2026-11-23 09:30/16:00")

    def test_what_counts_can_be_less_than_what_blocks(self) -> None:
        blocking = spans("2026-11-23 08:00/09:00", "2026-11-23 10:00/11:00")
        asked = span("2026-11-23 00:00/23:00")
        windows = free_windows(
            self.LIMITED, blocking, asked, LONG_AGO, NOTHING, meetings=blocking[:1]
        )
        assert windows == spans("2026-11-23 09:00/10:00", "2026-11-23 11:00/16:00")
