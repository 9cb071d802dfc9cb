"""No payload at all makes normalizing raise."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_manager.domain.changes import GroupRead, Rejected, Upserted
from calendar_manager.providers.caldotcom.normalize import normalize_booking, read_row_id
from calendar_manager.providers.caldotcom.out_of_office import normalize_out_of_office
from calendar_manager.providers.caldotcom.people import read_account
from calendar_manager.providers.caldotcom.walk import BookingWalk, find_start
from calendar_manager.providers.errors import RetryLaterError

pytestmark = pytest.mark.unit

WIRE = Path(__file__).parents[1] / "wire" / "caldotcom"


def load(*folders: str) -> list[dict[str, Any]]:
    paths = sorted(path for folder in folders for path in (WIRE / folder).glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
moments = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.dates().map(lambda day: day.isoformat()),
    st.text(max_size=12),
)
people = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.integers() | json_values,
            "name": json_values,
            "email": st.sampled_from(["ida@example.test", "unknown", "@"]) | json_values,
            "displayEmail": json_values,
            "timeZone": st.sampled_from(["Europe/Berlin", "Nowhere"]) | json_values,
        },
    )
    | json_values,
    max_size=3,
)
field_names = st.sampled_from(
    [
        "uid", "status", "start", "end", "duration", "hosts", "attendees", "guests", "title",
        "eventType", "location", "meetingUrl", "icsUid", "rescheduledToUid", "updatedAt",
        "description",
    ]
)  # fmt: skip
profiles = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "email", "timeZone"), json_values)
)


@settings(max_examples=200, deadline=None)
@given(
    item=st.sampled_from(load("bookings", "odd")),
    broken=st.dictionaries(field_names, json_values | moments | people, max_size=4),
    profile=st.just({"id": 7, "email": "ida@example.test"}) | profiles,
)
def test_no_booking_makes_it_raise(
    item: dict[str, Any], broken: dict[str, Any], profile: dict[str, Any]
) -> None:
    change = normalize_booking({**item, **broken}, account=read_account(profile))
    if isinstance(change, Upserted):
        stored = json.dumps(change.event.title + (change.event.description or ""))
        assert not re.search(r"\\u0000|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])", stored)
        assert change.event.fingerprint


@settings(max_examples=60, deadline=None)
@given(
    item=st.sampled_from(load("out_of_office")),
    broken=st.dictionaries(
        st.sampled_from(["id", "uuid", "start", "end", "reason", "notes"]),
        json_values | moments,
        max_size=4,
    ),
    zone=st.sampled_from(["Europe/Berlin", "Pacific/Kiritimati", None]),
)
def test_no_absence_makes_it_raise(
    item: dict[str, Any], broken: dict[str, Any], zone: str | None
) -> None:
    *_, group = normalize_out_of_office([{**item, **broken}], time_zone=zone)
    assert isinstance(group, GroupRead)
    assert all(event.provider_event_id.startswith("ooo:") for event in group.events)


@settings(max_examples=50, deadline=None)
@given(item=json_values)
def test_no_json_at_all_makes_it_raise(item: object) -> None:
    account = read_account(item)
    assert isinstance(normalize_booking(item, account=account), Rejected)
    assert normalize_out_of_office([item], time_zone=None)
    read_row_id(item)


@settings(max_examples=60, deadline=None)
@given(
    pages=st.lists(
        st.tuples(
            st.lists(
                st.fixed_dictionaries({"uid": st.integers(0, 3), "updatedAt": moments})
                | json_values,
                max_size=3,
            ),
            st.fixed_dictionaries(
                {},
                optional={
                    "hasNextPage": st.booleans() | json_values,
                    "nextCursor": st.text(max_size=2) | json_values,
                    "hasMore": st.booleans() | json_values,
                },
            ),
        ),
        max_size=8,
    ),
    version=st.sampled_from(["2024-08-13", "2026-05-01", None]),
)
def test_no_pagination_at_all_leads_astray(
    pages: list[tuple[list[object], dict[str, Any]]], version: str | None
) -> None:
    walk = BookingWalk(find_start(version), after=None, per_page=3)
    for rows, pagination in pages:
        assert all(isinstance(value, str) for value in walk.query.values())
        try:
            if not walk.turn(rows, pagination):
                break
        except RetryLaterError:
            break
