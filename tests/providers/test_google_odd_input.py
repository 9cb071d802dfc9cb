"""No payload at all makes normalizing raise."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.changes import Rejected, Upserted
from calendar_manager.providers.google.normalize import normalize_calendar, normalize_event

pytestmark = pytest.mark.unit

ODD = sorted((Path(__file__).parents[1] / "wire" / "google" / "odd").glob("*.json"))
BERLIN = "Europe/Berlin"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
odd_items = st.sampled_from([json.loads(path.read_text(encoding="utf-8")) for path in ODD])
field_names = st.sampled_from(
    [
        "id", "status", "start", "end", "originalStartTime", "recurringEventId", "recurrence",
        "attendees", "organizer", "conferenceData", "extendedProperties", "sequence", "updated",
        "summary", "iCalUID", "eventType", "visibility", "transparency", "hangoutLink",
    ]
)  # fmt: skip
moment_texts = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.dates().map(lambda day: day.isoformat()),
    st.text(max_size=12),
)
times = st.fixed_dictionaries(
    {},
    optional={
        "date": moment_texts | json_values,
        "dateTime": moment_texts | json_values,
        "timeZone": st.sampled_from([BERLIN, "America/New_York", "Nowhere"]) | json_values,
    },
)


@settings(max_examples=200, deadline=None)
@given(
    item=odd_items,
    broken=st.dictionaries(field_names, json_values | times, max_size=4),
    zone=st.sampled_from([BERLIN, None, "Nowhere", ""]),
)
def test_no_payload_makes_it_raise(item: dict[str, Any], broken: dict[str, Any], zone: str) -> None:
    change = normalize_event({**item, **broken}, calendar_time_zone=zone)
    if isinstance(change, Upserted):
        stored = json.dumps(change.event.title + (change.event.description or ""))
        assert not re.search(r"\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])", stored)
        assert change.event.fingerprint


@settings(max_examples=50, deadline=None)
@given(item=json_values, calendar=st.dictionaries(st.sampled_from(["id", "summary"]), json_values))
def test_no_json_at_all_makes_it_raise(item: object, calendar: dict[str, Any]) -> None:
    assert isinstance(normalize_event(item, calendar_time_zone=None), Rejected)
    normalize_calendar(item)
    normalize_calendar(calendar)
