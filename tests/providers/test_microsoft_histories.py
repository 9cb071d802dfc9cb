"""Whatever happens to a calendar, reading on from a cursor ends with the truth.

The sandbox's Graph forgets tombstones, sends false ones, repeats itself and shuffles; what comes
out is held against its own list of instances, and against a calendar read from its beginning.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from calendar_manager.sandbox.server import SandboxThread
from tests.providers.graph_histories import ME, STEPS, Person, Store, open_account, truth

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as sandbox:
        yield sandbox


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, tombstones=st.booleans(), chance=st.sampled_from([0.0, 0.5]))
@example(
    steps=[("create_series", 1, 12, 9), ("move_one", 3, 40, 9), ("sync", 0, 0, 0),
           ("unrepeat", 0, 0, 0)],
    tombstones=False,
    chance=0.0,
)  # fmt: skip
def test_reading_on_ends_with_the_truth(
    sandbox: SandboxThread,
    steps: list[tuple[str, int, int, int]],
    tombstones: bool,  # noqa: FBT001 - Given by Hypothesis.
    chance: float,
) -> None:
    sandbox.control.reset()
    graph = sandbox.control.graph
    graph.add_account(ME, time_zone="Europe/Berlin")
    graph.change_graph_settings(
        occurrence_tombstones=tombstones,
        foreign_tombstones=not tombstones,
        replay_probability=chance,
        duplicate_probability=chance,
    )
    provider, person = open_account(sandbox), Person(graph)
    try:
        (calendar,) = (one.provider_calendar_id for one in provider.pull_calendars())
        store = Store().read(provider, calendar)
        for kind, which, day, hour in steps:
            if kind == "sync":
                assert store.read(provider, calendar).rows() == truth(graph)
            else:
                person.act(kind, which, day, hour)
        store.read(provider, calendar)
        assert store.rows() == truth(graph)
        assert store.fingerprints() == Store().read(provider, calendar).fingerprints()
    finally:
        provider.close()
