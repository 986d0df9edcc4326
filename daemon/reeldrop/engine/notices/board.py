"""All receivers together: each has a line of its own, so that one which hangs holds up no other."""

from collections.abc import Coroutine, Iterator
from typing import Any

from reeldrop.domain.notices import Occasion
from reeldrop.engine.gate import Gate
from reeldrop.engine.notices import wording
from reeldrop.engine.notices.closures import Closures
from reeldrop.engine.notices.line import Line
from reeldrop.engine.rooms import Rooms

INTERVAL = 1.0
"""Seconds between two looks at what stands before the queue."""
FIRST_TRIES = 10.0
"""Seconds that a single run waits for what is still to be told."""
PULSE = 0.05
OF_QUEUE = frozenset({Occasion.BLOCKED, Occasion.UNBLOCKED})


class Notices:
    """Has others told of what happens, beside the work and never in its way."""

    def __init__(self, rooms: Rooms, gate: Gate) -> None:
        self._rooms = rooms
        self._gate = gate
        self._lines = [Line(receiver, rooms) for receiver in rooms.receivers]
        self._of_queue = any(OF_QUEUE.intersection(each.occasions) for each in rooms.receivers)

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
        if self._of_queue:
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
        closures = Closures(self._rooms.clock)
        while True:
            for occasion, block, since in closures.news(self._gate.blocks):
                notice = wording.of_block(occasion, block, since, self._rooms)
                for line in self._lines:
                    line.say(notice)
            await self._rooms.clock.sleep(INTERVAL)
