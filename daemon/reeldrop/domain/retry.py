"""When to try again: backoff, and what the other side asks for."""

LONGEST_WAIT = 3600.0
"""Seconds; no rule of this program puts a job off for longer at once."""


def delay(
    tries: int,
    *,
    first: float = 1.0,
    cap: float = 60.0,
    jitter: float,
    retry_after: float | None = None,
) -> float:
    """Return how many seconds to wait after `tries` tries in a row that did not work.

    The ceiling doubles from `first` up to `cap`; `jitter` (0 to 1) picks a place in its upper
    half, so that many jobs do not come back at the same instant. What the other side asked for
    (`retry_after`, seconds) is waited for as well, though never longer than LONGEST_WAIT.
    """
    doublings = min(max(0, tries - 1), 32)
    ceiling = min(cap, first * 2.0**doublings)
    return max(ceiling * (0.5 + jitter / 2), min(retry_after or 0.0, LONGEST_WAIT))
