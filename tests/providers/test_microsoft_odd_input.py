"""No payload at all makes normalizing raise."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.changes import Deleted, Rejected, SeriesRead, Upserted
from calendar_manager.domain.events import Event
from calendar_manager.domain.occurrences import materialize
from calendar_manager.domain.times import find_zone
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.microsoft.normalize import normalize_calendar, normalize_event
from calendar_manager.providers.microsoft.series import (
    normalize_former_series,
    normalize_series,
)
from tests.providers.graph_items import changed, master, occurrence, weekly

pytestmark = pytest.mark.unit

ODD = sorted((Path(__file__).parents[1] / "wire" / "microsoft" / "odd").glob("*.json"))
WINDOW = Span(datetime(2026, 8, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC))
MONDAY = datetime(2026, 10, 12, 7, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
moment_texts = st.one_of(
    st.datetimes().map(lambda moment: f"{moment.isoformat()}0"),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.dates().map(lambda day: day.isoformat()),
    st.text(max_size=12),
)
times = st.fixed_dictionaries(
    {},
    optional={
        "dateTime": moment_texts | json_values,
        "timeZone": st.sampled_from(["UTC", "Tokyo Standard Time", "Nowhere"]) | json_values,
    },
)
patterns = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "no"]
        ),
        "interval": st.integers(-1, 3) | json_values,
        "dayOfMonth": st.integers(-1, 40) | json_values,
        "month": st.integers(-1, 14) | json_values,
        "daysOfWeek": st.lists(st.sampled_from(["monday", "sunday", "no"])) | json_values,
        "firstDayOfWeek": json_values,
        "index": st.sampled_from(["first", "last"]) | json_values,
    },
)
ranges = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["noEnd", "endDate", "numbered"]) | json_values,
        "endDate": moment_texts | json_values,
        "numberOfOccurrences": st.integers(-1, 10**12) | json_values,
        "recurrenceTimeZone": st.text(max_size=5) | json_values,
    },
)
recurrences = st.fixed_dictionaries(
    {}, optional={"pattern": patterns | json_values, "range": ranges | json_values}
)
field_names = st.sampled_from(
    [
        "id", "type", "seriesMasterId", "start", "end", "isAllDay", "originalStart", "attendees",
        "originalStartTimeZone", "organizer", "responseStatus", "showAs", "onlineMeeting",
        "location", "subject", "iCalUId", "sensitivity", "lastModifiedDateTime", "recurrence",
    ]
)  # fmt: skip
broken_fields = st.dictionaries(
    field_names, json_values | times | recurrences | moment_texts, max_size=4
)
odd_items = st.sampled_from([json.loads(path.read_text(encoding="utf-8")) for path in ODD])


def check(event: Event) -> None:
    """Insist that an event can be stored, compared and laid out."""
    stored = json.dumps(event.title + (event.description or ""))
    assert not re.search(r"\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])", stored)
    assert event.fingerprint
    materialize(event, (), WINDOW, find_zone("Europe/Berlin"))


@settings(max_examples=200, deadline=None)
@given(item=odd_items, broken=broken_fields)
def test_no_event_makes_it_raise(item: dict[str, Any], broken: dict[str, Any]) -> None:
    change = normalize_event({**item, **broken}, account=None)
    if isinstance(change, Upserted):
        check(change.event)


@settings(max_examples=200, deadline=None)
@given(broken=broken_fields, members=st.lists(broken_fields, max_size=3), recurrence=recurrences)
def test_no_series_makes_it_raise(
    broken: dict[str, Any], members: list[dict[str, Any]], recurrence: dict[str, Any]
) -> None:
    whole = weekly("series", MONDAY, "monday")
    ruled = master("series", MONDAY, {}, {}) | {"recurrence": recurrence}
    instances = [
        occurrence("one", "series", MONDAY),
        *({**changed("two", "series", MONDAY, MONDAY), **one} for one in members),
        *({**occurrence("three", "series", MONDAY), **one} for one in members),
        None,
    ]
    for item in ({**whole, **broken}, {**ruled, **broken}):
        change = normalize_series(item, instances, series_id="series", window=WINDOW, account=None)
        assert isinstance(change, SeriesRead | Rejected)
        if isinstance(change, SeriesRead):
            check(change.master)
            for override in change.overrides:
                check(override)
        former = normalize_former_series(item, series_id="s", window=WINDOW, account=None)
        assert isinstance(former, SeriesRead | Rejected | Deleted)


@settings(max_examples=50, deadline=None)
@given(item=json_values, calendar=st.dictionaries(st.sampled_from(["id", "name"]), json_values))
def test_no_json_at_all_makes_it_raise(item: object, calendar: dict[str, Any]) -> None:
    assert isinstance(normalize_event(item, account=None), Rejected)
    normalize_calendar(item)
    normalize_calendar(calendar)
