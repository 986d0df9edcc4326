"""Why nothing is submitted now, where the trouble is not one clip's own."""

import structlog

from reeldrop.ports import Clock

log = structlog.get_logger()

PROBE_INTERVAL = 30.0
"""Seconds after which a blocked queue tries one clip again."""


class Gate:
    """Closed by a trouble that every clip would meet; opens by itself for the next try."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0
        self.reason = ""

    def close(self, reason: str) -> None:
        """Submit nothing for PROBE_INTERVAL seconds. Logs a reason once, not at every try."""
        if reason != self.reason:
            log.warning("queue.blocked", reason=reason)
        self.reason = reason
        self._until = self._clock.monotonic() + PROBE_INTERVAL

    def open(self) -> None:
        """Something was accepted: the trouble is over."""
        if self.reason:
            log.info("queue.unblocked", was=self.reason)
        self.reason = ""
        self._until = 0.0

    def wait(self) -> float:
        """Return the seconds until the next submit may be tried."""
        return max(0.0, self._until - self._clock.monotonic())
