"""How many generations, how fast, and whose turn it is: pure rules over what the store counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

AGING = 600.0
"""Seconds of waiting that are worth one step of priority."""
RATE_WINDOW = 61.0
"""Seconds over which submits are counted: 60, and one because a body's last bytes leave a little
after its intent was committed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows, over all nodes; `reconcile_window` in seconds."""

    in_flight: int
    submits_per_minute: int
    reconcile_window: float


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


def room_at(limits: Limits, usage: Usage, now: float) -> float | None:
    """Return when both limits have room for one more job: `now`, later, or None for "after a change"."""
    slot = _opens_at(
        usage.occupied, usage.uncertain, limits.in_flight, limits.reconcile_window, now
    )
    turn = _opens_at(usage.uploading, usage.declared, limits.submits_per_minute, RATE_WINDOW, now)
    return None if slot is None or turn is None else max(slot, turn)


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
