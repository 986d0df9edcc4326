"""Keeps what people see true: a board in each outbox, and in the store why jobs wait, watches stand still and
how far files have gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from reeldrop.domain.errors import StepError, StoreUnavailable
from reeldrop.engine.gate import Gate
from reeldrop.engine.healths import Healths
from reeldrop.engine.pulse import Beat
from reeldrop.engine.transfers import Transfers
from reeldrop.ports import Block, Clock, StatusMemory, Transfer

log = structlog.get_logger()

Board = Callable[[], Awaitable[None]]
"""Writes the status into one outbox; raises StepError, StoreUnavailable."""
INTERVAL = 1.0
HEARTBEAT = 30.0
"""Seconds after which a board is written though nothing has changed."""
PROGRESS = 3.0
"""Seconds between two boards that differ only in how far files have gone. An outbox lies on a NAS, and
a board is two files made anew there; a browser reads them every 10 s, `drop --wait` twice a second."""
SLOWEST = 120.0
"""Seconds within which the store lane comes round: a heartbeat, and a store that is slow."""
LAST_WORDS = 1.0
"""Seconds that all boards together get for a last time."""


class Showing:
    """Shows the daemon's state to people, who may not be able to look at all of its places."""

    def __init__(
        self,
        store: StatusMemory,
        clock: Clock,
        gate: Gate,
        healths: Healths,
        transfers: Transfers,
        boards: Sequence[Board],
    ) -> None:
        self._store = store
        self._clock = clock
        self._gate = gate
        self._healths = healths
        self._transfers = transfers
        self._boards = {board: asyncio.Event() for board in boards}
        self._news = asyncio.Event()
        self._first_told = asyncio.Event()
        # What an earlier run put down is no longer known to be so.
        self._told: list[Block] | None = None
        self._moved: list[Transfer] | None = None
        self._boarded: list[Transfer] = []
        self._boarded_at = clock.monotonic()
        self._listeners: list[Callable[[], None]] = []
        transfers.call(self._news.set)

    def call(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever something may look different."""
        self._listeners.append(listener)

    def changed(self) -> None:
        """Hear that something may look different now."""
        self._news.set()
        self._write_boards()

    def lanes(self) -> Iterator[tuple[str, Callable[[Beat], Coroutine[Any, Any, None]]]]:
        """Yield what is to run, by name: an outbox that hangs keeps its own board waiting and no other."""
        yield "showing", self._store_lane
        for number, (board, news) in enumerate(self._boards.items()):
            yield f"board {number}", partial(self._board_lane, board, news)

    async def _store_lane(self, beat: Beat) -> None:
        while True:
            beat.within(SLOWEST)
            self._news.clear()
            with suppress(StoreUnavailable):
                await self._tell()
            self._first_told.set()
            await self._clock.sleep(INTERVAL)
            if self._transfers.idle and self._moved == []:
                await _wait(self._news)

    async def _board_lane(self, board: Board, news: asyncio.Event, beat: Beat) -> None:
        # It may hang with its outbox for as long as that does.
        beat.rest()
        # Before that the store holds what a dead daemon was sending.
        await self._first_told.wait()
        while True:
            news.clear()
            await _write(board)
            await self._clock.sleep(INTERVAL)
            await _wait(news)

    async def _tell(self) -> None:
        """Put down why the queue waits, how the watches are and what moves, for whoever looks."""
        if (blocks := self._gate.blocks) != self._told:
            await self._store.set_blocks(blocks)
            self._told = blocks
            self._write_boards()
        now = self._clock.monotonic()
        if (health := self._healths.news(now)) is not None:
            await self._store.set_health(health)
            self._healths.told(health, now)
            self._write_boards()
        await self._tell_transfers(now)

    async def _tell_transfers(self, now: float) -> None:
        moved = self._transfers.shown()
        if moved != self._moved:
            await self._store.set_transfers(moved)
            self._moved = moved
        others = _who(moved) != _who(self._boarded)
        if others or (moved != self._boarded and now - self._boarded_at >= PROGRESS):
            self._boarded, self._boarded_at = moved, now
            self._write_boards()

    def _write_boards(self) -> None:
        """Let every board be written: it reads in the store what was just put down."""
        for news in self._boards.values():
            news.set()
        for listener in self._listeners:
            listener()

    async def last_words(self) -> None:
        """Write every board once more; one that hangs is left as it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                with suppress(StoreUnavailable):
                    await self._tell_transfers(self._clock.monotonic())
                await asyncio.gather(*map(_write, self._boards))


def _who(transfers: Sequence[Transfer]) -> set[tuple[str, str]]:
    return {(each.job, each.direction) for each in transfers}


async def _wait(news: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARTBEAT):
            await news.wait()


async def _write(board: Board) -> None:
    try:
        await board()
    except (StepError, StoreUnavailable) as error:
        # The status is a courtesy: an outbox that is full or away is met again by a delivery.
        log.debug("status.failed", error=error.message)
