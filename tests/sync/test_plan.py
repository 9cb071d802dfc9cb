from datetime import UTC, datetime
from uuid import uuid4

import pytest

from calendar_manager.domain.changes import (
    Deleted,
    GroupRead,
    Rejected,
    RemoteChange,
    SeriesRead,
    Upserted,
)
from calendar_manager.domain.events import Event, EventKind, EventStatus
from calendar_manager.domain.sync_jobs import SyncCounts
from calendar_manager.domain.timespan import Span
from calendar_manager.store.repositories.events import KnownEvent
from calendar_manager.sync.plan import find_mentioned, plan_page

pytestmark = pytest.mark.unit

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def single(key: str = "a", title: str = "Call") -> Event:
    return Event(provider_event_id=key, kind=EventKind.SINGLE, when=Span(NINE, TEN), title=title)


def override(key: str, series: str, *, cancelled: bool = False) -> Event:
    return Event(
        provider_event_id=key,
        kind=EventKind.OVERRIDE,
        when=None if cancelled else Span(NINE, TEN),
        series_id=series,
        original_start=NINE,
        status=EventStatus.CANCELLED if cancelled else EventStatus.CONFIRMED,
    )


def known(event: Event, *, deleted: bool = False) -> KnownEvent:
    return KnownEvent(uuid4(), event.series_id, event.fingerprint, deleted)


def test_an_unknown_event_is_created() -> None:
    plan = plan_page([Upserted(single())], {})
    assert plan.save == (single(),)
    assert plan.counts == SyncCounts(created=1)


def test_a_changed_event_is_updated() -> None:
    plan = plan_page([Upserted(single(title="New"))], {"a": known(single())})
    assert [event.title for event in plan.save] == ["New"]
    assert plan.counts == SyncCounts(updated=1)


def test_an_event_that_we_have_already_writes_nothing() -> None:
    plan = plan_page([Upserted(single())], {"a": known(single())})
    assert plan.save == ()
    assert plan.counts == SyncCounts(unchanged=1)


def test_an_event_that_comes_back_unchanged_after_its_deletion_is_created_again() -> None:
    plan = plan_page([Upserted(single())], {"a": known(single(), deleted=True)})
    assert plan.save == (single(),)
    assert plan.counts == SyncCounts(created=1)


def test_deleting_what_we_never_had_is_nothing() -> None:
    plan = plan_page([Deleted("a")], {})
    assert plan.delete == ()
    assert plan.counts == SyncCounts()


def test_deleting_twice_is_nothing() -> None:
    plan = plan_page([Deleted("a")], {"a": known(single(), deleted=True)})
    assert plan.delete == ()


@pytest.mark.parametrize(
    ("changes", "saved", "deleted"),
    [
        ([Upserted(single(title="Old")), Upserted(single(title="New"))], ["New"], []),
        ([Upserted(single(title="New")), Deleted("a")], [], ["a"]),
        ([Deleted("a"), Upserted(single(title="New"))], ["New"], []),
    ],
)
def test_the_last_word_on_an_event_counts(
    changes: list[RemoteChange], saved: list[str], deleted: list[str]
) -> None:
    plan = plan_page(changes, {"a": known(single())})
    assert [event.title for event in plan.save] == saved
    assert list(plan.delete) == deleted


def test_a_new_override_has_its_series_laid_out_anew() -> None:
    plan = plan_page([Upserted(override("m_1", "m"))], {})
    assert plan.series == {"m"}


def test_a_deleted_override_gives_its_place_back_to_the_series() -> None:
    plan = plan_page([Deleted("m_1")], {"m_1": known(override("m_1", "m"))})
    assert plan.series == {"m"}


def test_a_cancelled_override_that_echoes_the_end_of_its_series_is_dropped() -> None:
    echo = Upserted(override("m_1", "m", cancelled=True))
    plan = plan_page([echo, Deleted("m")], {"m": known(single("m"))})
    assert plan.save == ()
    assert plan.delete == ("m",)


def test_an_unreadable_event_costs_itself_and_is_not_taken_for_gone() -> None:
    bad = Rejected("bad", "no times")
    plan = plan_page([bad, Upserted(single())], {})
    assert plan.rejections == (bad,)
    assert plan.counts == SyncCounts(created=1, rejected=1)
    assert set(plan.seen) == {"bad", "a"}


def test_a_deletion_in_a_full_read_is_not_seen() -> None:
    assert plan_page([Deleted("a")], {}).seen == ()


def test_changes_without_an_id_mention_none() -> None:
    assert find_mentioned([Rejected(None, "no id"), Deleted("a")]).ids == {"a"}


def master(key: str = "m") -> Event:
    return Event(
        provider_event_id=key,
        kind=EventKind.MASTER,
        when=Span(NINE, TEN),
        recurrence=("RRULE:FREQ=DAILY",),
    )


def test_an_override_missing_from_a_completely_read_series_is_gone() -> None:
    kept, lost = override("m_1", "m"), override("m_2", "m")
    stranger = override("n_1", "n")
    read = SeriesRead(master=master(), overrides=(kept,), instance_ids=frozenset({"m_1", "m_3"}))
    plan = plan_page([read], {"m_1": known(kept), "m_2": known(lost), "n_1": known(stranger)})
    assert plan.delete == ("m_2",)
    assert plan.series == {"m"}
    assert set(plan.seen) == {"m", "m_1"}
    assert plan.instances == {"m": {"m_1", "m_3"}}


def test_an_unreadable_override_of_a_completely_read_series_is_not_gone() -> None:
    read = SeriesRead(
        master=master(),
        overrides=(),
        instance_ids=frozenset(),
        rejections=(Rejected("m_1", "no times"),),
    )
    plan = plan_page([read], {"m_1": known(override("m_1", "m"))})
    assert plan.delete == ()
    assert plan.counts.rejected == 1


def test_an_event_missing_from_a_completely_read_group_is_gone() -> None:
    read = GroupRead("ooo:", (single("ooo:1"),))
    mentioned = find_mentioned([read])
    assert mentioned.ids == {"ooo:1"}
    assert mentioned.prefixes == {"ooo:"}
    plan = plan_page([read], {"ooo:2": known(single("ooo:2")), "a": known(single())})
    assert plan.delete == ("ooo:2",)
    assert [event.provider_event_id for event in plan.save] == ["ooo:1"]
