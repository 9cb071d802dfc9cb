"""Whatever stands in an event, it costs that event at most: the others arrive and answers come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from calendar_manager.domain.sync_jobs import SyncJob, SyncStatus, SyncTrigger
from calendar_manager.domain.timespan import Span
from calendar_manager.domain.users import User
from calendar_manager.providers.registry import Registry
from calendar_manager.scheduling.agenda import AgendaQuestion, list_agenda
from calendar_manager.scheduling.availability import AvailabilityQuestion, find_availability
from calendar_manager.sync.context import SyncContext
from calendar_manager.sync.requests import request_sync
from tests.factories import add_calendar, add_connection, add_user
from tests.sync.desk import NOW, Clock
from tests.sync.hostile_server import (
    Hostile,
    HostileCaldotcom,
    HostileGoogle,
    HostileMicrosoft,
    serving,
)
from tests.sync.recovery import rows_of, run_until_quiet

pytestmark = pytest.mark.store

MakeHostile = Callable[[], Hostile]
PROVIDERS: list[MakeHostile] = [HostileGoogle, HostileMicrosoft, HostileCaldotcom]
GOOD = 12
STORED = "SELECT provider_event_id FROM events WHERE deleted_at IS NULL"
NUL = "\x00"
SURROGATE = "\ud800"
HUGE = 10 * 1024 * 1024


@dataclass
class Outcome:
    """What a sync of a hostile calendar led to.

    Attributes:
        job: What became of it.
        stored: Provider ids of the events that are there.
        reasons: Why events are not there, by the provider's id; what has none is under None.
    """

    job: SyncJob
    stored: set[str]
    reasons: dict[str | None, str | None]


@contextmanager
def reading(context: SyncContext, hostile: Hostile) -> Iterator[Outcome]:
    """Sync a hostile calendar for a new person, see that questions are answered, and clean up."""
    clock = Clock()
    with serving(hostile) as factory:
        context = replace(context, clock=clock, registry=Registry({hostile.kind: factory}))
        with context.store.begin() as uow:
            user = add_user(uow)
            connection = add_connection(uow, user.id, provider=hostile.kind)
            calendar = add_calendar(
                uow,
                connection,
                provider_calendar_id="bookings",
                last_synced_at=None,
                last_synced_via=None,
                materialized_from=None,
                materialized_until=None,
            )
            job = request_sync(uow, calendar, trigger=SyncTrigger.MANUAL, now=NOW)
        run_until_quiet(context, clock, job.id)
        try:
            ask_questions(context, user)
            with context.store.begin() as uow:
                found = uow.sync_jobs.find(user.id, job.id)
            assert found is not None
            reasons = {one["provider_event_id"]: one["reason"] for one in found.rejections}
            yield Outcome(found, {key for (key,) in rows_of(context, STORED)}, reasons)
        finally:
            with context.store.begin() as uow:
                uow.session.execute(text("DELETE FROM users"))
            context.redis.flushdb()


def ask_questions(context: SyncContext, user: User) -> None:
    """List the agenda of all times that there are, and ask for free time."""
    for span in (
        Span(NOW - timedelta(days=30), NOW + timedelta(days=60)),
        Span(datetime.min.replace(tzinfo=UTC), datetime(1, 1, 8, tzinfo=UTC)),
        Span(datetime(9999, 12, 20, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    ):
        list_agenda(context.store, user, AgendaQuestion(span=span), limit=500)
    week = AvailabilityQuestion(start=NOW, end=NOW + timedelta(days=7))
    find_availability(context.store, user, week, now=NOW, maximum_age=timedelta(days=2))


def mix(hostile: Hostile, bad: list[Any], *, good: int = GOOD) -> None:
    """Put bad items between good ones."""
    items: list[Any] = [hostile.good(number) for number in range(good)]
    for place, item in enumerate(bad):
        items.insert((3 * place + 1) % len(items), item)
    hostile.items = items


def check(outcome: Outcome, *, good: int = GOOD) -> None:
    assert outcome.job.status is SyncStatus.SUCCEEDED, outcome.job.error
    assert {f"good{number}" for number in range(good)} <= outcome.stored
    assert all(outcome.reasons.values())
    assert outcome.job.counts.rejected >= len(outcome.reasons)


def bad_of(hostile: Hostile, **fields: Any) -> dict[str, Any]:
    """Return an event that would be flawless but for some fields."""
    return hostile.good(900) | {hostile.key: "bad"} | fields


def google_time(moment: str, zone: str | None = "UTC") -> dict[str, Any]:
    return {"dateTime": moment} | ({} if zone is None else {"timeZone": zone})


def people(count: int) -> list[dict[str, Any]]:
    return [{"email": f"guest{n}@example.test", "displayName": f"G {n}"} for n in range(count)]


def nest(depth: int) -> Any:
    inner: Any = "deep"
    for _ in range(depth):
        inner = {"a": [inner]}
    return inner


HOUR_LATER = google_time("2026-03-03T10:00:00Z")
GOOGLE_BAD: dict[str, dict[str, Any]] = {
    "no times": {"start": None, "end": None},
    "year 1": {"start": google_time("0001-01-01T00:00:00+14:00"), "end": HOUR_LATER},
    "year 1, all day": {"start": {"date": "0001-01-01"}, "end": {"date": "0001-01-02"}},
    "year 9999": {
        "start": google_time("9999-12-31T23:00:00-12:00"),
        "end": google_time("9999-12-31T23:59:59-12:00"),
    },
    "year 9999, all day": {"start": {"date": "9999-12-30"}, "end": {"date": "9999-12-31"}},
    "all of time": {
        "start": google_time("0001-01-02T00:00:00Z"),
        "end": google_time("9999-12-30T00:00:00Z"),
    },
    "start after end": {"start": HOUR_LATER, "end": google_time("2026-03-02T09:00:00Z")},
    "zero length": {"start": HOUR_LATER, "end": HOUR_LATER},
    "unknown zone": {
        "start": google_time("2026-03-03T09:00:00Z", "Mars/Base"),
        "end": google_time("2026-03-03T10:00:00Z", "Mars/Base"),
    },
    "missing zone": {
        "start": google_time("2026-03-03T09:00:00", None),
        "end": google_time("2026-03-03T10:00:00", None),
    },
    "daily from 1970": {
        "start": google_time("1970-01-01T09:00:00Z"),
        "end": google_time("1970-01-01T10:00:00Z"),
        "recurrence": ["RRULE:FREQ=DAILY"],
    },
    "every second": {"recurrence": ["RRULE:FREQ=SECONDLY"]},
    "garbage rule": {"recurrence": ["RRULE:FREQ=;;BYDAY=XX;COUNT=-1"]},
    "a hundred thousand dates": {
        "recurrence": ["RDATE:" + ",".join(["20260303T090000Z"] * 100_000)]
    },
    "number as rule": {"recurrence": 7},
    "impossible rule": {"recurrence": ["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"]},
    "10 MB": {"description": "x" * HUGE, "summary": "y" * HUGE},
    "NUL": {"summary": f"a{NUL}b", "location": NUL, "description": NUL * 9},
    "surrogate": {"summary": f"a{SURROGATE}b", "location": SURROGATE, "iCalUID": SURROGATE},
    "odd guests": {
        "attendees": [{"email": f"{NUL}{SURROGATE}", "displayName": SURROGATE}, None, 7, []]
    },
    "5,000 guests": {"attendees": people(5_000)},
    "its own master": {
        "recurringEventId": "bad",
        "originalStartTime": google_time("2026-03-03T09:00:00Z"),
    },
    "no master": {
        "recurringEventId": "nobody",
        "originalStartTime": google_time("2026-03-03T09:00:00Z"),
    },
    "master and override at once": {
        "recurringEventId": "good1",
        "originalStartTime": google_time("2026-03-03T09:00:00Z"),
        "recurrence": ["RRULE:FREQ=DAILY"],
    },
    "deep": {"extendedProperties": nest(200), "attendees": nest(200), "start": nest(200)},
    "numbers": {"summary": 7, "location": 1.5, "status": 0, "iCalUID": True, "sequence": "x"},
    "big numbers": {"sequence": 10**30, "etag": 10**400},
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", GOOGLE_BAD)
def test_one_bad_event_at_google_costs_itself_at_most(context: SyncContext, name: str) -> None:
    hostile = HostileGoogle()
    mix(hostile, [bad_of(hostile, **GOOGLE_BAD[name])])
    with reading(context, hostile) as outcome:
        check(outcome)
        assert ("bad" in outcome.stored) is not ("bad" in outcome.reasons)


MICROSOFT_BAD: dict[str, dict[str, Any]] = {
    "year 1": {"start": {"dateTime": "0001-01-01T00:00:00.0000000", "timeZone": "UTC"}},
    "year 9999": {"end": {"dateTime": "9999-12-31T23:59:59.9999999", "timeZone": "UTC"}},
    "start after end": {"end": {"dateTime": "2020-01-01T00:00:00.0000000", "timeZone": "UTC"}},
    "unknown zone": {"start": {"dateTime": "2026-03-03T09:00:00", "timeZone": "Mars/Base"}},
    "garbage pattern": {"type": "seriesMaster", "recurrence": {"pattern": 7, "range": "x"}},
    "no recurrence": {"type": "seriesMaster", "recurrence": None},
    "no master": {"type": "occurrence", "seriesMasterId": "nobody"},
    "its own master": {"type": "exception", "seriesMasterId": "bad"},
    "5,000 guests": {
        "attendees": [{"emailAddress": {"address": f"g{n}@example.test"}} for n in range(5_000)]
    },
    "10 MB": {"subject": "x" * HUGE, "bodyPreview": "x" * HUGE},
    "NUL and surrogates": {"subject": NUL, "location": {"displayName": SURROGATE}},
    "deep": {"location": nest(200), "attendees": nest(200), "start": nest(200)},
    "numbers": {"subject": 7, "showAs": 0, "isAllDay": "x", "iCalUId": True, "end": 1},
}
CALDOTCOM_BAD: dict[str, dict[str, Any]] = {
    "year 1": {"start": "0001-01-01T00:00:00.000Z"},
    "year 9999": {"end": "9999-12-31T23:59:59.999Z"},
    "start after end": {"end": "2020-01-01T00:00:00.000Z"},
    "garbage times": {"start": "tomorrow", "end": 7, "updatedAt": "never"},
    "5,000 guests": {"attendees": people(5_000), "guests": ["x@example.test"] * 5_000},
    "10 MB": {"title": "x" * HUGE, "description": "x" * HUGE},
    "NUL and surrogates": {"title": NUL, "location": SURROGATE, "icsUid": f"{NUL}{SURROGATE}"},
    "deep": {"hosts": nest(200), "attendees": nest(200), "location": nest(200)},
    "numbers": {"title": 7, "status": 0, "hosts": 1, "eventType": "x", "id": "x"},
}


@pytest.mark.parametrize("name", MICROSOFT_BAD)
def test_one_bad_event_at_microsoft_costs_itself_at_most(context: SyncContext, name: str) -> None:
    hostile = HostileMicrosoft()
    mix(hostile, [bad_of(hostile, **MICROSOFT_BAD[name])])
    with reading(context, hostile) as outcome:
        check(outcome)


@pytest.mark.parametrize("name", CALDOTCOM_BAD)
def test_one_bad_booking_at_caldotcom_costs_itself_at_most(context: SyncContext, name: str) -> None:
    hostile = HostileCaldotcom()
    mix(hostile, [bad_of(hostile, **CALDOTCOM_BAD[name])])
    with reading(context, hostile) as outcome:
        check(outcome)


@pytest.mark.parametrize("make", PROVIDERS)
def test_one_bad_event_among_a_thousand_is_told_by_id_and_reason(
    context: SyncContext, make: MakeHostile
) -> None:
    hostile = make()
    mix(hostile, [bad_of(hostile, start="never", end={"date": "0000-00-00"})], good=1_000)
    with reading(context, hostile) as outcome:
        check(outcome, good=1_000)
        assert outcome.job.counts.rejected == 1
        assert len(outcome.reasons) == 1


@pytest.mark.parametrize("make", PROVIDERS)
def test_odd_ids_cost_their_events_at_most(context: SyncContext, make: MakeHostile) -> None:
    hostile = make()
    ids: list[Any] = [
        None, "", 7, -1, True, 1e400, [], {}, NUL, SURROGATE, f"a{NUL}b", f"a{SURROGATE}b",
        "x" * 10_000, "good1", "../..", "%00", "bad?a=b#c", "bad\r\nX: y",
    ]  # fmt: skip
    mix(hostile, [hostile.good(900) | {hostile.key: one, "id": one} for one in ids])
    with reading(context, hostile) as outcome:
        check(outcome)


@pytest.mark.parametrize("make", PROVIDERS)
@pytest.mark.parametrize(
    "item", [None, True, 0, "text", [], {}, [[]], nest(300)], ids=lambda one: str(one)[:12]
)
def test_what_is_no_event_at_all_costs_nothing_else(
    context: SyncContext, make: MakeHostile, item: Any
) -> None:
    hostile = make()
    mix(hostile, [item])
    with reading(context, hostile) as outcome:
        check(outcome)
        assert outcome.job.counts.rejected == 1


@pytest.mark.parametrize("make", PROVIDERS)
def test_texts_of_any_size_and_kind_cost_their_event_at_most(
    context: SyncContext, make: MakeHostile
) -> None:
    hostile = make()
    texts = ["x" * 100_000, NUL, SURROGATE, f"a{NUL}{SURROGATE}b", "\u202e\ufffe", " " * 5_000]
    names = ("summary", "subject", "title", "description", "bodyPreview", "location", "iCalUId",
             "iCalUID", "icsUid", "timeZone", "etag", "meetingUrl")  # fmt: skip
    bad = [
        hostile.good(900 + number) | {hostile.key: f"bad{number}"} | dict.fromkeys(names, one)
        for number, one in enumerate(texts)
    ]
    mix(hostile, bad)
    with reading(context, hostile) as outcome:
        check(outcome)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=12)
    | st.sampled_from([NUL, SURROGATE, "0001-01-01", "9999-12-31T23:59:59Z", "RRULE:FREQ=DAILY"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["dateTime", "date", "timeZone", "email", "name", "address", "type"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("make", PROVIDERS)
def test_any_json_among_good_events_costs_itself_only(
    context: SyncContext, make: MakeHostile
) -> None:
    names = sorted(make().good(1).keys() | {"recurrence", "recurringEventId", "seriesMasterId"})

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.dictionaries(st.sampled_from(names), json_values, max_size=5), max_size=6))
    def attack(broken: list[dict[str, Any]]) -> None:
        hostile = make()
        key = hostile.key
        mix(hostile, [bad_of(hostile, **one) | {key: f"b{n}"} for n, one in enumerate(broken)])
        with reading(context, hostile) as outcome:
            check(outcome)

    attack()
