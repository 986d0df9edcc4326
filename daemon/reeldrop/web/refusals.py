"""Refusing whoever asks for what is not there or not theirs: who asks again and again hears less and less.

What was asked for is neither logged nor told back: a token may stand in it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from math import inf
from typing import Literal

import structlog

from reeldrop.ports import Clock
from reeldrop.serving.http import Answer

log = structlog.get_logger()

REFUSALS = 20.0
"""Refused requests a second that are answered as what they are; more are told to come later."""
REFUSALS_AT_ONCE = 50.0
TOLD_EVERY = 60.0
"""Seconds between two lines of the log on refusals, or on one thing that is full."""
CLOSE = {"connection": "close"}
"""Who is refused must connect anew: that takes longer than to send the next request."""
PLAIN = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}


class Refusals:
    """Counts the refusals of one listener, over all its pages."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = REFUSALS_AT_ONCE
        self._since = clock.monotonic()
        self._refused = Seldom(clock)
        self._full = {"connections": Seldom(clock), "files": Seldom(clock)}

    def refused(self, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Answer:
        """Refuse; who tries again and again is told less and less often why."""
        now = self._clock.monotonic()
        self._left = min(REFUSALS_AT_ONCE, self._left + (now - self._since) * REFUSALS)
        self._since = now
        if times := self._refused.due():
            log.warning("web.refused", status=int(status), times=times)
        else:
            log.debug("web.refused", status=int(status))
        if self._left < 1:
            return empty(HTTPStatus.TOO_MANY_REQUESTS, CLOSE | {"retry-after": "1"})
        self._left -= 1
        return empty(status, CLOSE | dict(headers or {}))

    def full(self, what: Literal["connections", "files"]) -> None:
        """Tell that somebody is sent away: no more `what` are served at once."""
        if times := self._full[what].due():
            log.warning("web.full", what=what, times=times)
        else:
            log.debug("web.full", what=what)


class Seldom:
    """Counts what may happen often and is told once a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._untold = 0
        self._told_at = -inf

    def due(self) -> int:
        """Count it once more; return how often it has happened where that is to be told now, else 0."""
        self._untold += 1
        now = self._clock.monotonic()
        if now - self._told_at < TOLD_EVERY:
            return 0
        times, self._untold, self._told_at = self._untold, 0, now
        return times


def empty(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer without a body."""
    return Answer(status, b"", PLAIN | dict(headers or {}))
