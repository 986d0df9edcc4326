"""The status line for whoever watches over the process: what runs, waits, is blocked or wants a person."""

import asyncio
from contextlib import suppress

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.lifecycle import UNFINISHED, State
from reeldrop.engine.gate import Gate
from reeldrop.engine.pulse import Beat, Pulse
from reeldrop.ports import Clock, Counts, Overseer, StatusMemory

INTERVAL = 1.0
"""Seconds between two lines."""
HEARTBEAT = 30.0
"""Seconds after which the line is made anew though nobody said that anything has changed."""
SLOWEST = 60.0
"""Seconds that the store may take to count."""


class StatusLine:
    """Keeps the line true. The store is asked when something has changed, and once a second at most."""

    def __init__(
        self, store: StatusMemory, clock: Clock, gate: Gate, overseer: Overseer, pulse: Pulse
    ) -> None:
        self._store = store
        self._pulse = pulse
        self._clock = clock
        self._gate = gate
        self._overseer = overseer
        self._news = asyncio.Event()
        self._note = ""

    def changed(self) -> None:
        """Hear that something may be different now."""
        self._news.set()

    def note(self, text: str) -> None:
        """Say `text` at the end of every line from now on; "" for nothing."""
        self._note = text
        self._news.set()

    async def lane(self, beat: Beat) -> None:
        """Tell until the daemon stops: that is the last that is told."""
        while True:
            self._news.clear()
            beat.within(SLOWEST)
            with suppress(StoreUnavailable):
                counts = await self._store.counts()
                if self._pulse.stopping():
                    return
                self._overseer.status(self._line(counts))
            beat.within(INTERVAL + HEARTBEAT)
            await self._clock.sleep(INTERVAL)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._news.wait()

    def _line(self, counts: Counts) -> str:
        jobs = [f"{counts.jobs[state]} {state}" for state in UNFINISHED if counts.jobs.get(state)]
        if counts.waiting:
            jobs.append(f"{counts.waiting} waiting for files")
        told = [f"Jobs: {', '.join(jobs)}." if jobs else "Nothing to do."]
        if stalled := self._pulse.stalled:
            told.insert(0, f"Stands still: {', '.join(stalled)}.")
        if counts.jobs.get(State.UNCERTAIN):
            told.append("An uncertain job may need a person.")
        return " ".join([*told, *self._reasons(), self._note]).strip()

    def _reasons(self) -> list[str]:
        found = [block.reason for block in self._gate.blocks if not block.passing]
        return [reason for reason in dict.fromkeys((self._gate.reason, *found)) if reason]
