import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.breaker import BreakerLimits, Deletion, trips

LIMITS = BreakerLimits(share=0.5, minimum=10)


@pytest.mark.parametrize(
    ("deleting", "living", "full", "tripped"),
    [
        (0, 100, True, False),
        (50, 100, True, False),
        (51, 100, True, True),
        (9, 12, True, False),
        (10, 12, True, True),
        (1, 1, True, True),
        (3, 3, True, True),
        (3, 3, False, False),
        (10, 10, False, True),
        (0, 0, True, False),
    ],
)
def test_a_run_stops_before_it_deletes_too_much(
    deleting: int, living: int, *, full: bool, tripped: bool
) -> None:
    deletion = Deletion(deleting=deleting, living=living, full=full)
    assert trips(deletion, LIMITS, accepted=None) is tripped


def test_what_a_person_agreed_to_passes_and_much_more_does_not() -> None:
    for deleting, tripped in ((60, False), (70, False), (71, True)):
        deletion = Deletion(deleting=deleting, living=100, full=True)
        assert trips(deletion, LIMITS, accepted=60) is tripped


@given(
    living=st.integers(1, 10_000),
    share=st.floats(0.01, 1),
    minimum=st.integers(1, 100),
    full=st.booleans(),
)
def test_more_deletions_never_pass_where_fewer_stop(
    living: int, share: float, minimum: int, *, full: bool
) -> None:
    limits = BreakerLimits(share=share, minimum=minimum)
    answers = [
        trips(Deletion(deleting=count, living=living, full=full), limits, accepted=None)
        for count in range(0, living + 1, max(1, living // 50))
    ]
    assert answers == sorted(answers)
