"""The laws of waiting."""

from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.retry import LONGEST_WAIT, delay

JITTER = st.floats(0, 1)


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    assert [delay(n, cap=30.0, jitter=1.0) for n in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_jitter_spreads_over_the_upper_half() -> None:
    """Jobs that failed at one instant shall not come back at one instant, nor at once."""
    assert tuple(delay(3, jitter=jitter) for jitter in (0.0, 0.5, 1.0)) == (2.0, 3.0, 4.0)


@given(st.integers(0, 10**9), JITTER, st.floats(1, 3600))
def test_no_number_of_tries_waits_longer_than_the_cap(
    tries: int, jitter: float, cap: float
) -> None:
    assert 0 < delay(tries, cap=cap, jitter=jitter) <= cap


@given(st.integers(0, 50), JITTER)
def test_what_the_other_side_asks_for_is_obeyed(tries: int, jitter: float) -> None:
    assert delay(tries, cap=4.0, jitter=jitter, retry_after=90.0) == 90.0
    assert delay(tries, jitter=jitter, retry_after=0.0) == delay(tries, jitter=jitter)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_answer_can_put_a_job_off_for_ever(asked: float) -> None:
    assert 0.0 <= delay(1, jitter=0.5, retry_after=asked) <= LONGEST_WAIT
