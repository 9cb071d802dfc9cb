"""The memory that a worker takes for first syncs of growing calendars; it should not grow."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one first sync took.

    Attributes:
        events: How many events there were.
        first_megabytes: Resident memory after the first piece.
        peak_megabytes: The most after any piece.
        seconds: How long it took.
        floor_seconds: How long writing the same rows in bulk took, and nothing else.
    """

    events: int
    first_megabytes: float
    peak_megabytes: float
    seconds: float
    floor_seconds: float


def measure(sizes: Sequence[int]) -> Iterator[Footprint]:
    """Run a first sync of each size in a process of its own, so that none inherits memory."""
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.first_sync", "--events", str(size), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours.
        found = json.loads(done.stdout.splitlines()[-1])
        samples = found["samples"]
        yield Footprint(
            events=size,
            first_megabytes=samples[0]["megabytes"],
            peak_megabytes=max(one["megabytes"] for one in samples),
            seconds=samples[-1]["seconds"],
            floor_seconds=found["floor"],
        )


def write_table(footprints: Sequence[Footprint]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield "| events | after the first piece | at most | took | the same rows, bulk insert | ratio |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in footprints:
        ratio = one.seconds / one.floor_seconds
        yield (
            f"| {one.events:,} | {one.first_megabytes:.0f} MB | {one.peak_megabytes:.0f} MB |"
            f" {one.seconds:.1f} s | {one.floor_seconds:.1f} s | {ratio:.1f} × |"
        )
