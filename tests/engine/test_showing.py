"""Who is told what, and how often: a store and boards that count, on a clock of the test's own."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

from engine.timeline import Timeline
from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import JobId
from reeldrop.engine.gate import Gate
from reeldrop.engine.healths import Healths
from reeldrop.engine.pulse import Beat
from reeldrop.engine.showing import PROGRESS, Showing
from reeldrop.engine.transfers import JobMeter, Transfers
from reeldrop.ports import Direction, Transfer

MB = 1_000_000
LONG_AGO = Transfer(JobId("d" * 32), Direction.UPLOAD, 1, 2, 3.0)


class CountingStore:
    """What Showing uses of the JobStore port; it keeps every list of transfers that it was given."""

    def __init__(self) -> None:
        self.given: list[list[Transfer]] = []
        self.held: Sequence[Transfer] = [LONG_AGO]
        self.away = False

    async def set_transfers(self, transfers: Sequence[Transfer]) -> None:
        if self.away:
            raise StoreUnavailable("The disk is full.")
        self.held = list(transfers)
        self.given.append(list(transfers))

    async def set_blocks(self, blocks: Any) -> None:
        pass

    async def set_health(self, health: Any) -> None:
        pass


class Scene:
    """A daemon's showing, its store and one board."""

    def __init__(self) -> None:
        self.clock, self.store = Timeline(), CountingStore()
        self.transfers = Transfers(self.clock)
        self.boards: list[tuple[float, Sequence[Transfer]]] = []
        store: Any = self.store
        self.showing = Showing(
            store, self.clock, Gate(self.clock), Healths([]), self.transfers, [self._board]
        )

    async def _board(self) -> None:
        self.boards.append((self.clock.time, self.store.held))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        lanes = [asyncio.ensure_future(lane(Beat(self.clock))) for _, lane in self.showing.lanes()]
        await self.clock.go_on(60.0)
        try:
            yield
        finally:
            for lane in lanes:
                lane.cancel()

    async def move(self, meter: JobMeter, seconds: int) -> None:
        for _ in range(seconds * 4):
            await meter.passed(MB // 4)
            await self.clock.go_on(0.25)


async def test_nothing_is_written_while_nothing_moves() -> None:
    """Disks of an idle NAS go to sleep; what stands still, or has not begun, is no news either."""
    scene = Scene()
    async with scene.running():
        assert scene.store.given == [[]]
        boards = len(scene.boards)
        await scene.clock.go_on(3600.0)
        with scene.transfers.meter(JobId("a"), "a.mp4", Direction.UPLOAD) as meter:
            await scene.clock.go_on(600.0)
            assert (len(scene.store.given), len(scene.boards)) == (1, boards)
            meter.expect(10 * MB)
            await scene.move(meter, 2)
            await scene.clock.go_on(30.0)
            told, shown = len(scene.store.given), len(scene.boards)
            await scene.clock.go_on(600.0)
            assert (len(scene.store.given), len(scene.boards)) == (told, shown)
            assert [each.rate for each in scene.store.held] == [0.0]
            assert scene.boards[-1][1] == scene.store.held, "the board must say that it stands"


async def test_what_moves_is_told_each_second_and_shown_every_few() -> None:
    """A terminal may look as often as it likes; a board is two files on somebody's NAS."""
    scene = Scene()
    async with scene.running():
        told, shown = len(scene.store.given), len(scene.boards)
        with scene.transfers.meter(JobId("a"), "a.mp4", Direction.UPLOAD) as meter:
            meter.expect(100 * MB)
            await scene.move(meter, 60)
        assert 55 <= len(scene.store.given) - told <= 61
        times = [at for at, _ in scene.boards[shown:]]
        assert 15 <= len(times) <= 60 / PROGRESS + 1
        assert min(b - a for a, b in pairwise(times)) >= PROGRESS - 1.0
        far = [transfers[0].bytes for _, transfers in scene.boards[shown:]]
        assert far == sorted(set(far)), "each board is further than the one before"


async def test_what_has_gone_is_gone_from_every_board() -> None:
    """Else a job that generates would seem to be sent."""
    scene = Scene()
    async with scene.running():
        with ExitStack() as stack:
            first, second = (
                stack.enter_context(scene.transfers.meter(JobId(name), name, Direction.UPLOAD))
                for name in "ab"
            )
            first.expect(MB)
            second.expect(100 * MB)
            await first.passed(MB // 2)
            await scene.move(second, 2)
            assert {each.job for each in scene.boards[-1][1]} == {"a", "b"}
            await first.passed(MB // 2)
            await scene.move(second, 3)
            assert {each.job for each in scene.boards[-1][1]} == {"b"}
        await scene.clock.go_on(3.0)
        assert (scene.store.held, scene.boards[-1][1]) == ([], [])


async def test_what_a_dead_daemon_was_sending_is_on_no_board() -> None:
    """The store remembers it until this one has told it otherwise; no board may read it before."""
    scene = Scene()
    async with scene.running():
        assert scene.boards
        assert all(transfers == [] for _, transfers in scene.boards)


async def test_boards_are_written_though_the_store_takes_nothing() -> None:
    """That a disk is full is just what people must be able to read."""
    scene = Scene()
    scene.store.away = True
    async with scene.running():
        assert scene.boards
        scene.store.away = False
        await scene.clock.go_on(60.0)
        assert scene.store.held == []


async def test_the_last_board_of_a_daemon_shows_nothing_under_way() -> None:
    """It stays there until the next start: nothing moves until then."""
    scene = Scene()
    async with scene.running():
        with scene.transfers.meter(JobId("a"), "a.mp4", Direction.UPLOAD) as meter:
            meter.expect(100 * MB)
            await scene.move(meter, 3)
            assert scene.store.held
    await scene.showing.last_words()
    assert (scene.store.held, scene.boards[-1][1]) == ([], [])
