"""The laws of limits and of whose turn it is."""

from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.limits import AGING, RATE_WINDOW, Limits, Usage, room_at, standing

NOW = 1_700_000_000.0
AGES = st.lists(st.floats(-500, 500), max_size=12)
LIMITS = st.builds(
    Limits, st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.0, 30.0, 1800.0])
)


def used(occupied: int, uploading: int, uncertain: list[float], declared: list[float]) -> Usage:
    return Usage(
        occupied + uploading,
        uploading,
        tuple(NOW - age for age in uncertain),
        tuple(NOW - age for age in declared),
    )


USAGES = st.builds(used, st.integers(0, 6), st.integers(0, 6), AGES, AGES)


def has_room(limits: Limits, usage: Usage, at: float) -> bool:
    """Count the places at a time in the plainest words; what it was told of is of NOW."""
    window = limits.reconcile_window
    young = [when for when in usage.uncertain if when + window > at and when <= NOW + window]
    recent = [when for when in usage.declared if when + RATE_WINDOW > at]
    recent = [when for when in recent if when <= NOW + RATE_WINDOW]
    slots, turns = usage.occupied + len(young), usage.uploading + len(recent)
    return slots < limits.in_flight and turns < limits.submits_per_minute


@given(LIMITS, USAGES)
def test_the_time_it_names_is_the_first_with_room(limits: Limits, usage: Usage) -> None:
    """Named too early it would be asked in vain, too late a slot would stand empty."""
    opens = room_at(limits, usage, NOW)
    if opens is None:
        assert not has_room(limits, usage, NOW + 10_000)
    elif opens > NOW:
        assert has_room(limits, usage, opens)
        assert not has_room(limits, usage, opens - 0.01)
    else:
        assert opens == NOW
        assert has_room(limits, usage, NOW)


def test_a_full_house_names_the_time_its_oldest_guest_leaves() -> None:
    limits = Limits(2, 10, 100.0)
    usage = Usage(occupied=1, uploading=0, uncertain=(NOW - 10, NOW - 20))
    assert room_at(limits, usage, NOW) == NOW + 90
    assert room_at(limits, Usage(2, 0, (NOW - 10,)), NOW) is None


def test_a_wrong_clocks_times_take_no_place() -> None:
    """A clock that ran a day ahead must not stop the queue for a day."""
    usage = Usage(0, 0, uncertain=(NOW + 86_400,), declared=(NOW + 86_400,))
    assert room_at(Limits(1, 1, 1800.0), usage, NOW) == NOW


@given(st.integers(-5, 5), st.floats(0, 1e6))
def test_a_step_of_priority_is_worth_ten_minutes(priority: int, waited: float) -> None:
    patient = standing(priority, NOW - waited - AGING, NOW)
    favoured = standing(priority + 1, NOW - waited, NOW)
    assert patient <= favoured or patient[0] == favoured[0] + 1  # rounding of a huge age


def test_before_ten_minutes_priority_decides_and_then_age() -> None:
    assert standing(1, NOW, NOW) < standing(0, NOW - AGING + 1, NOW)
    assert standing(0, NOW - AGING, NOW) < standing(1, NOW, NOW)
    assert standing(0, NOW - 2, NOW) < standing(0, NOW - 1, NOW)


def test_a_job_from_the_future_waits_like_a_new_one() -> None:
    assert standing(3, NOW + 10_000, NOW) == (-3, NOW + 10_000)
