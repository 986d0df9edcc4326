"""Keeps what people see true: a board in each outbox, and in the store why jobs wait and watches stand still."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any

import structlog

from reeldrop.domain.errors import StepError, StoreUnavailable
from reeldrop.engine.gate import Gate
from reeldrop.engine.healths import Healths
from reeldrop.ports import Block, Clock, JobStore

log = structlog.get_logger()

Board = Callable[[], Awaitable[None]]
"""Writes the status into one outbox; raises StepError, StoreUnavailable."""
INTERVAL = 1.0
HEARTBEAT = 30.0
"""Seconds after which a board is written though nothing has changed."""
LAST_WORDS = 1.0
"""Seconds that all boards together get for a last time."""


class Showing:
    """Shows the daemon's state to people, who may not be able to look at all of its places."""

    def __init__(
        self,
        store: JobStore,
        clock: Clock,
        gate: Gate,
        healths: Healths,
        boards: Sequence[Board],
    ) -> None:
        self._store = store
        self._clock = clock
        self._gate = gate
        self._healths = healths
        self._boards = {board: asyncio.Event() for board in boards}
        self._news = asyncio.Event()
        # What an earlier run put down is no longer known to be so.
        self._told: list[Block] | None = None

    def changed(self) -> None:
        """Hear that something may look different now."""
        self._news.set()
        self._write_boards()

    def lanes(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what is to run: an outbox that hangs keeps its own board waiting and no other."""
        yield self._store_lane()
        for board, news in self._boards.items():
            yield self._board_lane(board, news)

    async def _store_lane(self) -> None:
        while True:
            self._news.clear()
            with suppress(StoreUnavailable):
                await self._tell()
            await self._pause(self._news)

    async def _board_lane(self, board: Board, news: asyncio.Event) -> None:
        while True:
            news.clear()
            await _write(board)
            await self._pause(news)

    async def _pause(self, news: asyncio.Event) -> None:
        await self._clock.sleep(INTERVAL)
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), HEARTBEAT)

    async def _tell(self) -> None:
        """Put down why the queue waits and how the watches are, for whoever looks."""
        if (blocks := self._gate.blocks) != self._told:
            await self._store.set_blocks(blocks)
            self._told = blocks
            self._write_boards()
        now = self._clock.monotonic()
        if (health := self._healths.news(now)) is not None:
            await self._store.set_health(health)
            self._healths.told(health, now)
            self._write_boards()

    def _write_boards(self) -> None:
        """Let every board be written: it reads in the store what was just put down."""
        for news in self._boards.values():
            news.set()

    async def last_words(self) -> None:
        """Write every board once more; one that hangs is left as it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await asyncio.gather(*map(_write, self._boards))


async def _write(board: Board) -> None:
    try:
        await board()
    except (StepError, StoreUnavailable) as error:
        # The status is a courtesy: an outbox that is full or away is met again by a delivery.
        log.debug("status.failed", error=error.message)
