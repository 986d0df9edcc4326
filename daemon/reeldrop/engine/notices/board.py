"""All receivers together: each has a line of its own, so that one which hangs holds up no other.

Others may come in their place while the daemon runs, each once the one before it is done with what it tells.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.notices import Occasion
from reeldrop.engine.gate import Gate
from reeldrop.engine.notices import wording
from reeldrop.engine.notices.closures import Closures
from reeldrop.engine.notices.line import STORE_PAUSE, Line
from reeldrop.engine.rooms import Rooms
from reeldrop.ports import NoticeMemory, Receiver

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
        self._memory: NoticeMemory = rooms.store
        self._gate = gate
        self._closures = Closures(rooms.clock)
        self._receivers = rooms.receivers
        self._lines = [Line(receiver, rooms) for receiver in rooms.receivers]
        self._turns: dict[Line, asyncio.Task[None]] = {}
        """The lines that are not over yet: also those in whose place others have come."""
        self._replaced = asyncio.Event()

    def replace(self, receivers: Sequence[Receiver]) -> None:
        """Have `receivers` told instead, each in the place of the one that has its name."""
        self._receivers = receivers
        self._replaced.set()

    async def lane(self, start: Start) -> None:
        """Have receivers told by tasks that `start` starts, and others in their place once there are others."""
        watch: asyncio.Task[None] | None = None
        for line in self._lines:
            self._turns[line] = start(self._turn(line, None))
        try:
            while True:
                if watch is None and self._anybody_hears_of_the_queue:
                    watch = start(self._queue_lane())
                await self._replaced.wait()
                self._replaced.clear()
                await self._replace_lines(start)
        finally:
            for task in (*self._turns.values(), *([watch] if watch else [])):
                task.cancel()

    async def _replace_lines(self, start: Start) -> None:
        before = {line.name: line for line in self._lines}
        for line in before.values():
            line.leave()
        self._lines = [
            Line(receiver, self._rooms, before.get(receiver.name)) for receiver in self._receivers
        ]
        for line in self._lines:
            if not line.knows_of_blocks:
                for block, since in self._closures.told:
                    line.say(wording.of_block(Occasion.BLOCKED, block, since, self._rooms))
        # Whoever is new hears of all that happens from now on, also where it has to wait for its turn.
        await self._cursors()
        for line in self._lines:
            former = before.get(line.name)
            self._turns[line] = start(self._turn(line, self._turns.get(former) if former else None))

    async def _turn(self, line: Line, before: asyncio.Task[None] | None) -> None:
        """Have one receiver told, once whoever was told in its place is done, until it leaves."""
        try:
            if before is not None:
                await asyncio.wait([before])
            line.begin((await self._cursors()).get(line.name, 0))
            await line.lane()
            # What was put down of one in whose place nobody came is forgotten.
            await self._cursors()
        finally:
            del self._turns[line]
            await line.close()

    async def begin(self) -> None:
        """Take up where the last run ended. Called before anything happens. Raises StoreUnavailable."""
        await self._open_cursors()

    async def _cursors(self) -> Mapping[str, int]:
        """Return how far each receiver of now has been told, as soon as the store says it."""
        while True:
            try:
                return await self._open_cursors()
            except StoreUnavailable:
                await self._rooms.clock.sleep(STORE_PAUSE)

    async def _open_cursors(self) -> Mapping[str, int]:
        names = [line.name for line in self._lines if line.hears_of_jobs]
        return await self._memory.open_cursors(names)

    @property
    def _anybody_hears_of_the_queue(self) -> bool:
        return any(OF_QUEUE.intersection(each.occasions) for each in self._receivers)

    def changed(self) -> None:
        """Hear that a job may have come to where others are told of it."""
        for line in self._lines:
            line.changed()

    @property
    def is_telling(self) -> bool:
        """Say whether a receiver is being told something just now, or that it was told is being put down."""
        return any(line.is_telling for line in self._turns)

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
