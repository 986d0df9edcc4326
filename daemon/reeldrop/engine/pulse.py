"""Says whether the daemon lives: its loop turns, and every lane keeps its word.

Rule 1: before a lane waits it says when it will have come on: within some seconds, when something is
        due, or whenever what lies outside lets it. An empty queue, a step that a share holds, a scan
        that hangs in the kernel: that is work at rest, not a dead daemon.
Rule 2: a lane that is past its word by more than PATIENCE, or that has ended while the daemon works,
        stands still.
Rule 3: whoever watches over the daemon hears that it lives only while no lane stands still, and from
        the loop itself.
Rule 4: on a stop lanes may end; then a loop that turns is all there is to tell.
"""

from collections.abc import Awaitable, Callable
from math import inf

import structlog

from reeldrop.ports import Clock, Overseer

log = structlog.get_logger()

PATIENCE = 30.0
"""Seconds that a lane may be late: the host may be busy, or have slept."""
LOOK = 5.0
"""Longest time between two looks at the lanes, in seconds."""


class Beat:
    """The word of one lane; at rest until it gives another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: Callable[[], float] = lambda: inf
        self._ended = False

    def within(self, seconds: float) -> None:
        """Say: I will have come on in `seconds`, whatever happens."""
        until = self._clock.monotonic() + seconds
        self._until = lambda: until

    def when_due(self, due: Callable[[], float]) -> None:
        """Say: I will have come on when that is due which `due` tells (monotonic seconds, inf for never)."""
        self._until = due

    def rest(self) -> None:
        """Say: what I wait for may take as long as it likes."""
        self._until = lambda: inf

    def end(self) -> None:
        """Say: I have ended."""
        self._ended = True

    @property
    def late(self) -> bool:
        """Whether the word was broken."""
        return self._ended or self._clock.monotonic() > self._until() + PATIENCE


class Pulse:
    """Whether every lane that must live is alive and moving."""

    def __init__(self, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._clock = clock
        self.stopping = stopping
        """Whether the daemon ends."""
        self._beats: dict[str, Beat] = {}

    @property
    def stalled(self) -> list[str]:
        """The lanes that stand still, by name."""
        if self.stopping():
            return []
        return [name for name, beat in self._beats.items() if beat.late]

    async def carry(self, name: str, lane: Callable[[Beat], Awaitable[None]]) -> None:
        """Run a lane that must live, under a name that no other has."""
        beat = self._beats[name] = Beat(self._clock)
        try:
            await lane(beat)
        finally:
            beat.end()

    async def watch(self, overseer: Overseer) -> None:
        """Tell `overseer` that the daemon lives, until cancelled."""
        known: list[str] = []
        while True:
            stalled = self.stalled
            if stalled != known:
                _say(stalled, overseer)
                known = stalled
            if not stalled:
                overseer.alive()
            await self._clock.sleep(min(overseer.interval or LOOK, LOOK))


def _say(stalled: list[str], overseer: Overseer) -> None:
    if stalled:
        log.error("lanes.stalled", lanes=stalled)
        overseer.status(f"Stands still: {', '.join(stalled)}.")
    else:
        log.info("lanes.moving")
