"""Answers recorded from Google, replayed in their order."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calendar_manager.domain.changes import ChangePage, Deleted, Rejected, Upserted
from calendar_manager.domain.events import Event, EventStatus
from calendar_manager.domain.timespan import Span
from calendar_manager.providers.base import CalendarProvider
from calendar_manager.providers.google.client import GoogleClient
from calendar_manager.providers.google.provider import GoogleCalendarProvider
from tests.providers.google_stub import Answer, Stub, run_stub

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[1] / "wire" / "google" / "incremental"
WINDOW = Span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def stub() -> Iterator[Stub]:
    with run_stub() as stub:
        yield stub


@pytest.fixture
def provider(stub: Stub) -> Iterator[CalendarProvider]:
    provider = GoogleCalendarProvider(GoogleClient(stub.api_url, "secret"))
    yield provider
    provider.close()


def pull(provider: CalendarProvider, cursor: str | None = None) -> list[ChangePage]:
    return list(provider.pull_changes("primary", cursor=cursor, window=WINDOW))


def recorded(name: str) -> dict[str, Any]:
    return dict(json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8")))


STORIES = [
    ("recurring_create__create__createNewRecurringEventPayload",),
    ("recurring_delete_all__all-1__deleteAllPayload1",),
    ("recurring_delete_all__all-2__deleteAllPayload2",),
    (
        "recurring_delete_single__delete.single__deleteSinglePayload",
        "recurring_delete_this-and-following__delete.this-and-following__deleteThisAndFollowingPayload",
    ),
    (
        "recurring_delete_single__delete.single-2__deleteSinglePayload2",
        "recurring_delete_this-and-following__delete.this-and-following-2__deleteThisAndFollowingPayload2",
    ),
    (
        "recurring_create__create__createNewRecurringEventPayload",
        "recurring_edit_this-and-following__this-and-following-4__thisAndFollowing4Payload",
        "recurring_edit_all__all-1__allPayload1",
        "recurring_edit_all__all-2__allPayload2",
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story[-1].split("__")[-1])
def test_recorded_answers_replay_in_order(
    story: tuple[str, ...], stub: Stub, provider: CalendarProvider
) -> None:
    events: dict[str, Event] = {}
    cursor = None
    for name in story:
        answer = recorded(name)
        stub.script.append(Answer(answer))
        (only,) = pull(provider, cursor)
        apply(only, events)
        assert only.cursor == answer["nextSyncToken"]
        # The last word on each event is Google's newest answer.
        for entry in answer["items"]:
            kept = events.get(entry["id"])
            assert (kept.title if kept else None) == entry.get("summary", "" if kept else None)
        cursor = only.cursor
    sent = [request.parameters.get("syncToken") for request in stub.requests]
    assert sent == [None, *(recorded(name)["nextSyncToken"] for name in story[:-1])]


def apply(page: ChangePage, events: dict[str, Event]) -> None:
    """Keep what a page leaves of a calendar."""
    for change in page.changes:
        if isinstance(change, Upserted):
            events[change.event.provider_event_id] = change.event
        elif isinstance(change, Deleted):
            events.pop(change.provider_event_id, None)
        else:
            pytest.fail(f"{change}")


def test_deleting_this_and_following_forgets_the_exceptions_behind_the_cut(
    stub: Stub, provider: CalendarProvider
) -> None:
    events: dict[str, Event] = {}
    gone = "72o12msae3t6au1lim41i8tu6j_20250328T150000Z"
    for name in STORIES[4]:
        stub.script.append(Answer(recorded(name)))
        apply(pull(provider)[0], events)
        if name == STORIES[4][0]:
            assert events[gone].status is EventStatus.CANCELLED
    assert list(events) == ["72o12msae3t6au1lim41i8tu6j"]
    assert events["72o12msae3t6au1lim41i8tu6j"].recurrence == (
        "RRULE:FREQ=DAILY;UNTIL=20250326T045959Z",
    )


def test_every_recorded_answer_is_replayed(stub: Stub, provider: CalendarProvider) -> None:
    paths = sorted(RECORDED.glob("recurring_*.json"))
    assert len(paths) == 18
    for path in paths:
        stub.script.append(Answer(recorded(path.stem)))
        (only,) = pull(provider)
        assert not [change for change in only.changes if isinstance(change, Rejected)]
        assert len(only.changes) == len(recorded(path.stem)["items"])
