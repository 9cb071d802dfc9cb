"""Counting in memory."""

import os
import threading

import pytest

from calendar_manager.telemetry.instruments import INSTRUMENTS, Instrument
from calendar_manager.telemetry.tally import OTHER, SERIES_LIMIT, TALLY, Part, Tally

pytestmark = pytest.mark.unit

CHANGES = Instrument("changes", "What changed.", ("provider", "change"))
WAITS = Instrument("waits", "How long it took.", ("queue",), (0.5, 1.0, 5.0))


def test_counts_of_equal_labels_add_up_and_are_taken_once() -> None:
    tally = Tally()
    tally.count(CHANGES, "google", "created", by=3)
    tally.count(CHANGES, "google", "created")
    tally.count(CHANGES, "google", "deleted", by=0)
    assert tally.take() == {Part("changes", ("google", "created"), "count"): 4}
    assert tally.take() == {}


def test_a_duration_falls_into_the_smallest_bucket_that_holds_it() -> None:
    tally = Tally()
    for seconds in (0.5, 0.500001, 5.0, 60.0, -3.0):
        tally.observe(WAITS, seconds, "sync")
    assert tally.take() == {
        Part("waits", ("sync",), "0.5"): 2,
        Part("waits", ("sync",), "1.0"): 1,
        Part("waits", ("sync",), "5.0"): 1,
        Part("waits", ("sync",), "+Inf"): 1,
        Part("waits", ("sync",), "sum"): 66_000_001,
    }


def test_what_could_not_be_shipped_is_added_to_what_came_since() -> None:
    tally = Tally()
    tally.count(CHANGES, "google", "created")
    taken = tally.take()
    tally.count(CHANGES, "google", "created")
    tally.put_back(taken)
    assert list(tally.take().values()) == [2]


def test_reasons_without_end_are_counted_together() -> None:
    tally = Tally()
    for number in range(SERIES_LIMIT + 20):
        tally.count(CHANGES, "google", f"reason{number}")
    tally.count(CHANGES, "google", "reason0")
    numbers = tally.take()
    assert len(numbers) == SERIES_LIMIT + 1
    assert numbers[Part("changes", (OTHER, OTHER), "count")] == 20
    assert numbers[Part("changes", ("google", "reason0"), "count")] == 2


def test_labels_that_do_not_fit_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="changes has the labels"):
        Tally().count(CHANGES, "google")


def test_threads_lose_nothing() -> None:
    tally = Tally()

    def count() -> None:
        for _ in range(5000):
            tally.count(CHANGES, "google", "created")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    taken = 0
    while any(thread.is_alive() for thread in threads):
        taken += sum(tally.take().values())
    for thread in threads:
        thread.join()
    assert taken + sum(tally.take().values()) == 20_000


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_leaves_to_its_parent_what_the_parent_counted() -> None:
    TALLY.count(INSTRUMENTS[-1], "hit")
    child = os.fork()
    if not child:
        os._exit(len(TALLY.take()))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert TALLY.take()


def test_every_instrument_has_a_name_of_its_own_and_ascending_buckets() -> None:
    names = [instrument.name for instrument in INSTRUMENTS]
    assert len(set(names)) == len(names)
    for instrument in INSTRUMENTS:
        assert list(instrument.buckets) == sorted(set(instrument.buckets))
        assert instrument.name.endswith("_seconds") == bool(instrument.buckets)
