"""How many generations, how fast, and whose turn it is: pure rules over what the store counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

AGING = 600.0
"""Seconds of waiting that are worth one step of priority."""
RATE_WINDOW = 61.0
"""Seconds over which submits are counted: 60, and one because a body's last bytes leave a little
after its intent was committed."""
ROUNDING = 0.0001
"""USD by which a sum of prices may be off."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows, over all nodes; `reconcile_window` in seconds, 0 USD: no limit."""

    in_flight: int
    submits_per_minute: int
    reconcile_window: float
    daily_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What counts against the limits now.

    `occupied` jobs are uploading, submitting, or generating and not late; `uploading` of them have
    yet to declare their submit. `uncertain` and `declared` are the times (s since the epoch) at
    which uncertain jobs became so, and at which submits were declared; older ones may be left out.
    """

    occupied: int
    uploading: int
    uncertain: tuple[float, ...] = ()
    declared: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """What counts against the day's budget, in USD.

    `spent` was charged for, or is reserved by, the submits since local midnight and the uploads
    under way. `price` is the highest known cost of the model that is next, None where none is.
    `unpriced` says that a submit of that model is under way whose cost is not known yet.
    """

    spent: float
    price: float | None
    unpriced: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """When there is room for one more job: at a time (s since the epoch), or None: after a change.

    `reason` says what stands in the way now, "" where nothing does. `lasting`: it is nothing that a
    run which works off what is there should wait for.
    """

    at: float | None
    reason: str = ""
    lasting: bool = False


def room_at(limits: Limits, usage: Usage, now: float) -> Opening:
    """Say when the limits of place and rate have room for one more job."""
    slot = _opens_at(
        usage.occupied, usage.uncertain, limits.in_flight, limits.reconcile_window, now
    )
    turn = _opens_at(usage.uploading, usage.declared, limits.submits_per_minute, RATE_WINDOW, now)
    if slot is None or slot > now:
        later = None if slot is None or turn is None else max(slot, turn)
        return Opening(
            later, f"all places are taken: {limits.in_flight} at once (limits.in_flight)"
        )
    if turn is None or turn > now:
        per_minute = f"{limits.submits_per_minute} a minute (limits.submits_per_minute)"
        return Opening(turn, f"rate: at most {per_minute}")
    return Opening(now)


def budget_at(daily: float, spending: Spending, model: str, now: float, midnight: float) -> Opening:
    """Say when the day's budget (USD, 0: none) has room for a submit of `model`.

    `midnight` is the end of the day of `now`; both in seconds since the epoch.
    """
    told = f"budget: ${spending.spent:.2f} of ${daily:.2f} a day (limits.daily_usd)"
    price = spending.price
    if not daily:
        return Opening(now)
    if price is None:
        if spending.spent >= daily:
            why = f"{told} are spent or reserved; it goes on at midnight"
            return Opening(midnight, why, lasting=True)
        if spending.unpriced:
            why = f"what {model} costs is not known before its first result; one at a time"
            return Opening(None, f"budget: {why}")
    elif price > daily + ROUNDING:
        limit = f"more than the ${daily:.2f} of a day (limits.daily_usd)"
        why = f"budget: {model} may cost ${price:.2f}, {limit}; raise that limit"
        return Opening(None, why, lasting=True)
    elif spending.spent + price > daily + ROUNDING:
        why = f"{told} are spent or reserved, and {model} may cost ${price:.2f}"
        return Opening(midnight, f"{why}; it goes on at midnight", lasting=True)
    return Opening(now)


def standing(priority: int, created: float, now: float) -> tuple[int, float]:
    """Return a key that sorts jobs by whose turn it is: the smallest goes first."""
    waited = max(0.0, now - created)
    return -(priority + floor(waited / AGING)), created


def _opens_at(
    fixed: int, passing: Iterable[float], allowed: int, lasts: float, now: float
) -> float | None:
    """Return when fewer than `allowed` places are taken.

    `fixed` places are given back only by a change; each time of `passing` takes one for `lasts`
    seconds. A time further ahead than `lasts` is a wrong clock's and takes none.
    """
    ends = sorted(at + lasts for at in passing if at + lasts > now and at <= now + lasts)
    too_many = fixed + len(ends) - allowed + 1
    if too_many <= 0:
        return now
    return ends[too_many - 1] if too_many <= len(ends) else None
