"""The laws of limits and of whose turn it is."""

from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.limits import (
    AGING,
    RATE_WINDOW,
    Limits,
    Opening,
    Spending,
    Usage,
    budget_at,
    room_at,
    standing,
)

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
    opening = room_at(limits, usage, NOW)
    opens = opening.at
    assert bool(opening.reason) is not has_room(limits, usage, NOW)
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
    assert room_at(limits, usage, NOW).at == NOW + 90
    assert room_at(limits, Usage(2, 0, (NOW - 10,)), NOW).at is None


def test_a_reason_names_the_limit_to_raise() -> None:
    """Whoever reads it must know which line of the settings to change."""
    full = room_at(Limits(2, 10, 100.0), Usage(2, 0), NOW)
    assert "2 at once (limits.in_flight)" in full.reason
    quick = room_at(Limits(9, 1, 100.0), Usage(0, 0, declared=(NOW - 1,)), NOW)
    assert "1 a minute (limits.submits_per_minute)" in quick.reason
    assert quick.at == NOW - 1 + RATE_WINDOW


def test_a_wrong_clocks_times_take_no_place() -> None:
    """A clock that ran a day ahead must not stop the queue for a day."""
    usage = Usage(0, 0, uncertain=(NOW + 86_400,), declared=(NOW + 86_400,))
    assert room_at(Limits(1, 1, 1800.0), usage, NOW) == Opening(NOW)


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


MIDNIGHT = NOW + 3600


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 1000))
def test_the_budget_opens_exactly_while_the_next_still_fits(
    spent: int, price: int, daily: int
) -> None:
    """A cent too many is a limit that was passed; a cent too few a clip that waits for nothing."""
    spending = Spending(spent / 100, price / 100, unpriced=False)
    opening = budget_at(daily / 100, spending, "m", NOW, MIDNIGHT)
    fits = spent + price <= daily
    assert (opening == Opening(NOW)) is fits
    if not fits:
        assert opening.at == (None if price > daily else MIDNIGHT)


def test_three_times_a_third_fits_into_the_whole() -> None:
    """Sums of floating-point prices are a little off."""
    spending = Spending(0.1 + 0.2, 0.3, unpriced=False)
    assert budget_at(0.6, spending, "m", NOW, MIDNIGHT) == Opening(NOW)


def test_without_a_budget_nothing_waits_for_a_price() -> None:
    assert budget_at(0.0, Spending(1e9, None, unpriced=True), "m", NOW, MIDNIGHT) == Opening(NOW)


def test_an_unknown_price_lets_one_through_while_anything_is_left() -> None:
    first = budget_at(5.0, Spending(4.99, None, unpriced=False), "m", NOW, MIDNIGHT)
    second = budget_at(5.0, Spending(4.99, None, unpriced=True), "m", NOW, MIDNIGHT)
    spent = budget_at(5.0, Spending(5.0, None, unpriced=False), "m", NOW, MIDNIGHT)
    assert (first.at, second.at, spent.at) == (NOW, None, MIDNIGHT)
    assert "what m costs is not known" in second.reason
    assert "$5.00 of $5.00 a day (limits.daily_usd)" in spent.reason


def test_what_costs_more_than_a_whole_day_allows_says_so() -> None:
    """It would wait for ever, and no midnight helps it."""
    opening = budget_at(2.0, Spending(0.0, 2.5, unpriced=False), "m", NOW, MIDNIGHT)
    assert opening.at is None
    assert "$2.50, more than the $2.00 of a day (limits.daily_usd)" in opening.reason
