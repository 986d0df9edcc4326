"""When to try again: backoff, and what a time kept over restarts is worth."""

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
    (`retry_after`, seconds) is obeyed, though never for longer than LONGEST_WAIT.
    """
    if retry_after is not None:
        return min(max(0.0, retry_after), LONGEST_WAIT)
    doublings = min(max(0, tries - 1), 32)
    ceiling = min(cap, first * 2.0**doublings)
    return ceiling * (0.5 + jitter / 2)


def trusted(at: float, now: float, longest: float = LONGEST_WAIT) -> float:
    """Return the kept time `at`, or `now` where it lies more than `longest` seconds ahead.

    No rule could have set such a time by today's clock, so the clock was wrong when it was kept
    (or has been set back since). Whatever the clock does, nothing waits longer than `longest`.
    """
    return now if at > now + longest else at
