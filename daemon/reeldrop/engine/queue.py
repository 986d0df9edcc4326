"""Which job is submitted next, and when it is worth asking."""

import asyncio
from contextlib import suppress

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import State
from reeldrop.engine.gate import Gate
from reeldrop.engine.rooms import Folders, Rooms
from reeldrop.ports import NOTHING_BARRED

LONGEST_PAUSE = 60.0
"""Seconds after which the store is asked in any case."""
GATE_PAUSE = 1.0


class Queue:
    """The jobs that wait for a submit, behind the gate and the limits."""

    def __init__(self, rooms: Rooms, gate: Gate, folders: Folders) -> None:
        self._rooms = rooms
        self._gate = gate
        self._folders = folders
        self._changed = asyncio.Event()
        self._hurried = asyncio.Event()

    def changed(self) -> None:
        """Something may let a job through that did not: a new one, a free place."""
        self._changed.set()

    def hurry(self) -> None:
        """Whatever waits shall be tried now: a person wants it, or there is a new key."""
        self._hurried.set()
        self._changed.set()

    async def take(self) -> Job | None:
        """Take the next job; None after a while in which there was none."""
        self._changed.clear()
        if (blocked := self._gate.wait()) > 0:
            # Events are no reason to ask a closed gate again, but a person or a new key is.
            self._hurried.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(blocked, GATE_PAUSE)):
                    await self._hurried.wait()
            return None
        self._gate.shortage(await self._folders.short())
        if self._gate.wait() > 0:
            # Somebody has paused it while a disk took its time.
            return None
        try:
            return await self._take()
        except StoreUnavailable as error:
            self._gate.close(error.message)
            return None

    async def _take(self) -> Job | None:
        now = self._rooms.clock.now()
        barred = NOTHING_BARRED
        for barred in self._gate.choices():
            job = await self._rooms.store.claim_next(now, barred)
            if job is None:
                continue
            self._gate.over()
            if job.state is State.UPLOADING:
                self._gate.begin(job)
            return job
        outlook = await self._rooms.store.outlook(now, barred)
        # The store answers again: unlike the API's refusals that needs no clip to find out.
        self._gate.over()
        self._gate.limited(outlook)
        pause = LONGEST_PAUSE if outlook.at is None else max(0.01, outlook.at - now)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(pause, self._longest_pause())):
                await self._changed.wait()
        return None

    def _longest_pause(self) -> float:
        """A wall that opens, or a disk that has room again, is told by no event."""
        return GATE_PAUSE if self._gate.blocks else LONGEST_PAUSE
