"""Reading recurrence lines as providers and feeds write them."""

from datetime import UTC, date, datetime

import pytest

from calendar_manager.domain.errors import InvalidRecurrenceError
from calendar_manager.domain.recurrence_lines import read_lines
from calendar_manager.domain.recurrence_rule import Frequency, Moment, Rule
from calendar_manager.domain.times import find_zone

pytestmark = pytest.mark.unit

MIDNIGHT = datetime(2026, 3, 2)  # noqa: DTZ001 - A wall clock.
NINE = MIDNIGHT.replace(hour=9)
BERLIN = find_zone("Europe/Berlin")


def test_every_part_of_a_rule_is_read() -> None:
    line = (
        "RRULE:FREQ=YEARLY;INTERVAL=2;COUNT=10;UNTIL=20260302T090000Z;WKST=SU;BYMONTH=1,12;"
        "BYMONTHDAY=1,-31;BYYEARDAY=366,-1;BYWEEKNO=53,-53;BYDAY=MO,+2TU,-1WE;BYHOUR=0,23;"
        "BYMINUTE=0,59;BYSECOND=0,60;BYSETPOS=-1"
    )
    assert read_lines([line]).rules == (
        Rule(
            line=line,
            frequency=Frequency.YEARLY,
            interval=2,
            count=10,
            until=Moment(NINE, UTC),
            week_start=6,
            by_month=frozenset({1, 12}),
            by_month_day=frozenset({1, -31}),
            by_year_day=frozenset({366, -1}),
            by_week_number=frozenset({53, -53}),
            by_day=frozenset({(0, 0), (2, 1), (-1, 2)}),
            by_hour=frozenset({0, 23}),
            by_minute=frozenset({0, 59}),
            by_second=frozenset({0, 60}),
            by_set_position=frozenset({-1}),
        ),
    )


@pytest.mark.parametrize(
    ("line", "moments"),
    [
        ("EXDATE:20260302T090000Z", [Moment(NINE, UTC)]),
        ("EXDATE:20260302T090000", [Moment(NINE)]),
        ("EXDATE;VALUE=DATE:20260302", [Moment(MIDNIGHT, is_date=True)]),
        ("EXDATE:20260302", [Moment(MIDNIGHT, is_date=True)]),
        ("EXDATE;TZID=Europe/Berlin:20260302T090000", [Moment(NINE, BERLIN)]),
        ('exdate;tzid="Europe/Berlin":20260302t090000', [Moment(NINE, BERLIN)]),
        (
            "EXDATE;VALUE=DATE-TIME;TZID=Europe/Berlin:20260302T090000,20260302T000000\r\n",
            [Moment(NINE, BERLIN), Moment(MIDNIGHT, BERLIN)],
        ),
        # A UTC time stays one, whatever TZID claims.
        ("EXDATE;TZID=Europe/Berlin:20260302T090000Z", [Moment(NINE, UTC)]),
        ("EXDATE;TZID=Europe/Berlin;VALUE=DATE:20260302", [Moment(MIDNIGHT, is_date=True)]),
    ],
)
def test_dates_are_read_in_every_form(line: str, moments: list[Moment]) -> None:
    assert list(read_lines([line]).excluded_dates) == moments


@pytest.mark.parametrize("end", ["20260302T100000Z", "PT1H", "P1D"])
def test_a_period_stands_for_its_start(end: str) -> None:
    assert read_lines([f"RDATE;VALUE=PERIOD:20260302T090000Z/{end}"]).dates == (Moment(NINE, UTC),)


def test_lines_are_sorted_by_their_names() -> None:
    lines = read_lines(
        [
            "EXRULE:FREQ=WEEKLY",
            "RDATE:20260302T090000Z",
            "RRULE:FREQ=DAILY;",
            "EXDATE:20260302",
            "rrule;x-note=1:freq=monthly",
        ]
    )
    assert [rule.frequency.name for rule in lines.rules] == ["DAILY", "MONTHLY"]
    assert [rule.frequency.name for rule in lines.excluded_rules] == ["WEEKLY"]
    assert lines.dates == (Moment(NINE, UTC),)
    assert lines.excluded_dates == (Moment(MIDNIGHT, is_date=True),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "no RRULE"),
        ("RRULE", "no RRULE"),
        ("RRULE:", "no RRULE"),
        ("RDATE:", "no RRULE"),
        ("FREQ=DAILY", "no RRULE"),
        ("DTSTART:20260302T090000Z", "no RRULE"),
        ("X-RRULE:FREQ=DAILY", "no RRULE"),
        ("RRULE:COUNT=3", "FREQ is missing"),
        ("RRULE:FREQ=FORTNIGHTLY", "FREQ is 'FORTNIGHTLY'"),
        ("RRULE:FREQ=DAILY;FREQ=WEEKLY", "FREQ stands there twice"),
        ("RRULE:FREQ=DAILY;;COUNT=1", "is not NAME=VALUE"),
        ("RRULE:FREQ=DAILY;COUNT", "'COUNT' is not NAME=VALUE"),
        ("RRULE:FREQ=DAILY;COUNT=", "is not NAME=VALUE"),
        ("RRULE:FREQ=DAILY;COUNT=0", "COUNT has '0'"),
        ("RRULE:FREQ=DAILY;COUNT=-1", "COUNT has '-1'"),
        ("RRULE:FREQ=DAILY;COUNT=1e3", "COUNT has '1E3'"),
        ("RRULE:FREQ=DAILY;COUNT=\N{ARABIC-INDIC DIGIT THREE}", "COUNT has"),
        (f"RRULE:FREQ=DAILY;COUNT={'9' * 5000}", "COUNT has '9"),
        ("RRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL has '0'"),
        ("RRULE:FREQ=DAILY;BYHOUR=24", "BYHOUR has '24'"),
        ("RRULE:FREQ=DAILY;BYHOUR=-1", "BYHOUR has '-1'"),
        ("RRULE:FREQ=DAILY;BYMINUTE=60", "BYMINUTE has '60'"),
        ("RRULE:FREQ=DAILY;BYSECOND=61", "BYSECOND has '61'"),
        ("RRULE:FREQ=DAILY;BYMONTH=13", "BYMONTH has '13'"),
        ("RRULE:FREQ=DAILY;BYMONTH=1,,2", "BYMONTH has ''"),
        ("RRULE:FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY has '0'"),
        ("RRULE:FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY has '-32'"),
        ("RRULE:FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY has '367'"),
        ("RRULE:FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO has '54'"),
        ("RRULE:FREQ=YEARLY;BYSETPOS=0", "BYSETPOS has '0'"),
        ("RRULE:FREQ=DAILY;BYDAY=XX", "BYDAY has 'XX'"),
        ("RRULE:FREQ=DAILY;BYDAY=0MO", "BYDAY has '0MO'"),
        ("RRULE:FREQ=DAILY;BYDAY=54MO", "BYDAY has '54MO'"),
        ("RRULE:FREQ=DAILY;WKST=1", "WKST is '1'"),
        ("RRULE:FREQ=DAILY;BYEASTER=0", "'BYEASTER' is no part of a rule"),
        ("RRULE:FREQ=DAILY;UNTIL=2026-03-02", "neither a date nor a time"),
        ("RRULE:FREQ=DAILY;UNTIL=20260230", "not on the calendar"),
        ("EXDATE:20260302T250000Z", "not on the calendar"),
        ("EXDATE:20260302,", "neither a date nor a time"),
        ("EXDATE:00000101", "not on the calendar"),
        ("EXDATE;TZID=Mars/Olympus:20260302T090000", "'Mars/Olympus' is not an IANA time zone"),
        ("RDATE;VALUE=PERIOD:/PT1H", "neither a date nor a time"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_the_reason(line: str, reason: str) -> None:
    with pytest.raises(InvalidRecurrenceError) as caught:
        read_lines(["RRULE:FREQ=DAILY", line])
    message = str(caught.value)
    assert reason in message
    assert line[:80] in message
    assert len(message) < 300


def test_a_time_on_an_all_day_series_means_its_local_day() -> None:
    chicago = find_zone("America/Chicago")
    end_of_day = Moment(datetime(2025, 3, 26, 4, 59, 59), UTC)  # noqa: DTZ001 - A wall clock.
    assert end_of_day.day(chicago) == date(2025, 3, 25)
    assert Moment(MIDNIGHT, UTC).day(chicago) == MIDNIGHT.date()
    assert Moment(NINE, BERLIN).day(chicago) == MIDNIGHT.date()
    assert Moment(NINE).day(chicago) == MIDNIGHT.date()
