"""All receivers together: each has a line of its own, so that one which hangs holds up no other.

Others may come in their place while the daemon runs. What is being told then is told to its end first.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.notices import Occasion
from reeldrop.engine.gate import Gate
from reeldrop.engine.notices import wording
from reeldrop.engine.notices.closures import Closures
from reeldrop.engine.notices.line import STORE_PAUSE, Line
from reeldrop.engine.rooms import Rooms
from reeldrop.ports import Receiver

INTERVAL = 1.0
"""Seconds between two looks at what stands before the queue."""
FIRST_TRIES = 10.0
"""Seconds that a single run waits for what is still to be told."""
PULSE = 0.05
Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
OF_QUEUE = frozenset({Occasion.BLOCKED, Occasion.UNBLOCKED})


class Notices:
    """Has others told of what happens, beside the work and never in its way."""

    def __init__(self, rooms: Rooms, gate: Gate) -> None:
        self._rooms = rooms
        self._gate = gate
        self._closures = Closures(rooms.clock)
        self._receivers = rooms.receivers
        self._lines = [Line(receiver, rooms) for receiver in rooms.receivers]
        self._replaced = asyncio.Event()

    def replace(self, receivers: Sequence[Receiver]) -> None:
        """Have `receivers` told instead, each in the place of the one that has its name."""
        self._receivers = receivers
        self._replaced.set()

    async def lane(self, start: Start) -> None:
        """Have receivers told by tasks that `start` starts, and others in their place once there are others."""
        while True:
            lanes = [start(lane) for lane in self.lanes()]
            try:
                await self._until_replaced()
            finally:
                for lane in lanes:
                    lane.cancel()
            await self._take_over()

    async def _until_replaced(self) -> None:
        """Return once others are to be told, and nobody is being told anything: the lanes can be cancelled."""
        await self._replaced.wait()
        for line in self._lines:
            line.leave()
        while not all(line.resting for line in self._lines):
            await self._rooms.clock.sleep(PULSE)

    async def _take_over(self) -> None:
        """Let the others come, where those of now are done with; `lanes` are theirs from now on."""
        self._replaced.clear()
        before = {line.name: line for line in self._lines}
        self._lines = [
            Line(receiver, self._rooms, before.get(receiver.name)) for receiver in self._receivers
        ]
        for line in before.values():
            await line.close()
        begun = False
        while not begun:
            try:
                await self.begin()
                begun = True
            except StoreUnavailable:
                await self._rooms.clock.sleep(STORE_PAUSE)

    async def begin(self) -> None:
        """Take up where the last run ended. Called before anything happens. Raises StoreUnavailable."""
        names = [line.name for line in self._lines if line.hears_of_jobs]
        told = await self._rooms.store.open_cursors(names)
        for line in self._lines:
            line.begin(told.get(line.name, 0))

    def lanes(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what is to run."""
        for line in self._lines:
            yield line.lane()
        if any(OF_QUEUE.intersection(each.occasions) for each in self._receivers):
            yield self._queue_lane()

    def changed(self) -> None:
        """Hear that a job may have come to where others are told of it."""
        for line in self._lines:
            line.changed()

    @property
    def is_telling(self) -> bool:
        """Say whether a receiver is being told something just now, or that it was told is being put down."""
        return any(line.is_telling for line in self._lines)

    async def first_tries(self) -> None:
        """Return once everything there is has been told, or tried; after FIRST_TRIES in any case."""
        clock = self._rooms.clock
        until = clock.monotonic() + FIRST_TRIES
        while clock.monotonic() < until and not all(line.resting for line in self._lines):
            await clock.sleep(PULSE)

    async def _queue_lane(self) -> None:
        while True:
            for occasion, block, since in self._closures.news(self._gate.blocks):
                notice = wording.of_block(occasion, block, since, self._rooms)
                for line in self._lines:
                    line.say(notice)
            await self._rooms.clock.sleep(INTERVAL)
