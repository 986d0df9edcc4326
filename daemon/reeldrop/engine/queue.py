"""Which job is submitted next, and when it is worth asking."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import Job
from reeldrop.engine.gate import Gate
from reeldrop.engine.rooms import Rooms

LONGEST_PAUSE = 60.0
"""Seconds after which the store is asked in any case."""
GATE_PAUSE = 1.0


class Queue:
    """The jobs that wait for a submit, behind the gate and the limits."""

    def __init__(self, rooms: Rooms, gate: Gate, shortage: Callable[[], Awaitable[str]]) -> None:
        """`shortage` says which disk is too full to take on work, or ""."""
        self._rooms = rooms
        self._gate = gate
        self._shortage = shortage
        self._changed = asyncio.Event()
        self._own_trouble = ""

    def changed(self) -> None:
        """Something may let a job through that did not: a new one, a free place."""
        self._changed.set()

    async def take(self) -> Job | None:
        """Take the next job; None after a while in which there was none."""
        self._changed.clear()
        if (blocked := self._gate.wait()) > 0:
            # Events are no reason to ask a closed gate again.
            await self._rooms.clock.sleep(min(blocked, GATE_PAUSE))
            return None
        trouble = await self._shortage()
        try:
            if not trouble:
                return await self._take()
        except StoreUnavailable as error:
            trouble = error.message
        self._own_trouble = trouble
        self._gate.close(trouble)
        return None

    async def _take(self) -> Job | None:
        now = self._rooms.clock.now()
        job = await self._rooms.store.claim_next(now)
        # Disk and store answer again: unlike the API's refusals that needs no clip to find out.
        self._gate.over(self._own_trouble)
        if job is not None:
            self._gate.begin()
            return job
        due = (await self._rooms.store.outlook(now)).at
        pause = LONGEST_PAUSE if due is None else min(max(0.01, due - now), LONGEST_PAUSE)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), pause)
        return None
