from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.sync.backoff import FIRST, LONGEST, backoff

pytestmark = pytest.mark.unit

jitters = st.floats(0, 1, exclude_max=True)


@given(st.integers(0, 10_000), jitters)
def test_the_wait_stays_within_its_bounds(failures: int, jitter: float) -> None:
    assert FIRST / 2 <= backoff(failures, jitter) <= LONGEST


@given(st.integers(0, 8))
def test_the_wait_doubles_with_every_failure(failures: int) -> None:
    assert backoff(failures + 1, 0.5) == 2 * backoff(failures, 0.5)


@given(st.integers(0, 50), jitters, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_what_the_provider_asks_for_is_never_undercut(
    failures: int, jitter: float, asked: timedelta
) -> None:
    assert backoff(failures, jitter, asked) >= asked
