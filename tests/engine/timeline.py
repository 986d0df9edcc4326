"""Time that the test moves: what sleeps wakes in its order, and nobody waits for it."""

import asyncio
import heapq
import itertools

TURNS = 50
"""Turns of the loop after which whoever can go on has done so; nothing here waits for a thread."""


class Timeline:
    """A Clock port; `until` lets everything happen that is due by then."""

    def __init__(self) -> None:
        self.time = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._order), woken))
        await woken

    async def go_on(self, seconds: float) -> None:
        """Let `seconds` pass."""
        end = self.time + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.time, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await self._settle()
        self.time = end

    async def _settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
