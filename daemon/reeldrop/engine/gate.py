"""Why nothing is submitted now, where the trouble is not one clip's own."""

import structlog

from reeldrop.ports import Clock

log = structlog.get_logger()

PROBE_INTERVAL = 30.0
"""Seconds after which a blocked queue tries one clip again."""


class Gate:
    """Closed by a trouble that every clip would meet; then one clip at a time finds out if it is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0
        self._probing = False
        self._counted = 0.0
        self.reason = ""
        """Why the queue waits, for people; empty while it does not."""
        self.refusals = 0
        """How often in a row the trouble was met, a burst of clips counted once."""

    def close(self, reason: str) -> None:
        """Submit nothing for PROBE_INTERVAL seconds. A reason is logged once, not at every try."""
        if reason != self.reason:
            log.warning("queue.blocked", reason=reason)
        now = self._clock.monotonic()
        self.reason = reason
        if not self.refusals or now - self._counted >= PROBE_INTERVAL / 2:
            # Several clips that are refused in one breath met the trouble once.
            self.refusals += 1
            self._counted = now
        self._until = now + PROBE_INTERVAL

    def begin(self) -> None:
        """Count a job that was taken: while the gate is closed it is the only one."""
        self._probing = bool(self.reason)

    def told(self, *, passed: bool) -> None:
        """Hear how a submit ended: `passed` if the API took it up, or refused it for what it holds."""
        if passed:
            self.open()
        elif self._probing:
            self._wait_for_next_probe()

    def over(self, reason: str) -> None:
        """Open the gate if `reason` is why it is closed: that trouble has ended."""
        if reason and reason == self.reason:
            self.open()

    def open(self) -> None:
        """Let everything through again."""
        if self.reason:
            log.info("queue.unblocked", was=self.reason)
        self.reason = ""
        self.refusals = 0
        self._probing = False
        self._until = 0.0

    def wait(self) -> float:
        """Return the seconds until a job may be taken."""
        if self._probing:
            return PROBE_INTERVAL
        return max(0.0, self._until - self._clock.monotonic())

    def _wait_for_next_probe(self) -> None:
        self._probing = False
        self._until = self._clock.monotonic() + PROBE_INTERVAL
