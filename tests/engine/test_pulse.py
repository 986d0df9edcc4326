"""The daemon counts as alive while every lane keeps its word, and not a moment longer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.timeline import Timeline
from reeldrop import app
from reeldrop.domain.lifecycle import State
from reeldrop.engine import supervisor
from reeldrop.engine.gate import Gate
from reeldrop.engine.pulse import LOOK, PATIENCE, Beat, Pulse
from reeldrop.engine.status_line import StatusLine
from reeldrop.ports import Counts
from reeldrop.settings import Settings


class Listening:
    """An Overseer port that keeps what it is told."""

    listens = True
    interval = 10.0

    def __init__(self) -> None:
        self.signs = 0
        self.lines: list[str] = []
        self.stops = 0

    def alive(self) -> None:
        self.signs += 1

    def status(self, line: str) -> None:
        self.lines.append(line)

    def stopping(self) -> None:
        self.stops += 1


class House:
    """A pulse on a clock of the test's own, and the lanes that it carries."""

    def __init__(self) -> None:
        self.clock, self.overseer, self.stopped = Timeline(), Listening(), False
        self.pulse = Pulse(self.clock, lambda: self.stopped)

    @asynccontextmanager
    async def living(self, **lanes: Callable[[Beat], Awaitable[None]]) -> AsyncGenerator[None]:
        tasks = [asyncio.ensure_future(self.pulse.carry(*lane)) for lane in lanes.items()]
        tasks.append(asyncio.ensure_future(self.pulse.watch(self.overseer)))
        await self.clock.go_on(0.0)
        yield
        for task in tasks:
            task.cancel()

    async def signs(self, seconds: float) -> int:
        """Return how many signs of life there are in `seconds` from now."""
        before = self.overseer.signs
        await self.clock.go_on(seconds)
        return self.overseer.signs - before


async def at_rest(beat: Beat) -> None:
    beat.rest()
    await asyncio.Event().wait()


async def test_a_lane_at_rest_is_no_dead_daemon() -> None:
    """A scan hangs in the kernel, a queue is empty: for hours, if need be."""
    house = House()
    async with house.living(scan=at_rest):
        assert await house.signs(7200.0) >= 7200.0 / LOOK - 1
        assert house.pulse.stalled == []


async def test_a_lane_that_breaks_its_word_ends_the_signs_of_life() -> None:
    """It is named, the log is told once, and when it comes on again all is well."""
    house = House()
    goes_on = asyncio.Event()

    async def orders(beat: Beat) -> None:
        beat.within(60.0)
        await goes_on.wait()
        beat.within(60.0)
        await asyncio.Event().wait()

    with capture_logs() as logs:
        async with house.living(orders=orders, scan=at_rest):
            assert await house.signs(60 + PATIENCE) > 0
            await house.signs(LOOK)
            assert house.pulse.stalled == ["orders"]
            assert house.overseer.lines == ["Stands still: orders."]
            assert await house.signs(300.0) == 0
            goes_on.set()
            assert await house.signs(2 * LOOK) > 0
            assert house.pulse.stalled == []
    assert [(log["event"], log.get("lanes")) for log in logs] == [
        ("lanes.stalled", ["orders"]),
        ("lanes.moving", None),
    ]


async def test_what_is_due_and_not_taken_up_is_noticed() -> None:
    """A lane that waits for the next step of a job has lost it if the step is due and nobody comes."""
    house = House()
    due = inf

    async def steps(beat: Beat) -> None:
        beat.when_due(lambda: due)
        await asyncio.Event().wait()

    async with house.living(steps=steps):
        assert await house.signs(3600.0) > 0
        due = house.clock.time
        assert await house.signs(PATIENCE) > 0
        await house.signs(LOOK)
        assert await house.signs(60.0) == 0


async def test_a_lane_that_has_ended_is_noticed_but_for_a_stop() -> None:
    """On a stop lanes end one after the other, and the service manager must not kill meanwhile."""
    house = House()

    async def brief(_: Beat) -> None:
        return

    async with house.living(vigil=brief):
        assert house.pulse.stalled == ["vigil"]
        assert await house.signs(60.0) == 0
        house.stopped = True
        assert house.pulse.stalled == []
        assert await house.signs(2 * LOOK) > 0


async def test_the_real_lanes_keep_their_word_until_the_store_keeps_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store whose answer never comes stops the orders; everything else is work at rest."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    monkeypatch.setattr(supervisor, "SLOWEST_STORE", 1.0)
    monkeypatch.setattr("reeldrop.engine.pulse.LOOK", 0.05)
    stop, hangs, asked = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(30), app.opened(settings, app.Options(), stop) as rooms:
        orders = rooms.store.orders

        async def held() -> Any:
            if hangs.is_set():
                asked.set()
                await asyncio.Event().wait()
            return await orders()

        monkeypatch.setattr(rooms.store, "orders", held)
        with capture_logs() as logs:
            working = asyncio.ensure_future(app.work(settings, rooms, stop, once=False))
            while not await rooms.store.jobs([State.DELIVERED]):
                await asyncio.sleep(0.02)
            assert not [log for log in logs if log["event"] == "lanes.stalled"]
            hangs.set()
            await asked.wait()
            monkeypatch.setattr("reeldrop.engine.pulse.PATIENCE", 0.5)
            # A busy machine may make another lane late too; it comes on again by itself.
            while not [log for log in logs if log.get("lanes") == ["orders"]]:
                await asyncio.sleep(0.02)
        stop.set()
        await working


class Counted:
    """What StatusLine uses of the StatusMemory port."""

    def __init__(self) -> None:
        self.now, self.asked = Counts({}, 0), 0

    async def counts(self) -> Counts:
        self.asked += 1
        return self.now


async def test_the_line_says_what_runs_waits_is_blocked_and_wants_a_person() -> None:
    """And the store is not asked while nothing changes."""
    clock, store, overseer = Timeline(), Counted(), Listening()
    gate = Gate(clock)
    any_store: Any = store
    line = StatusLine(any_store, clock, gate, overseer, Pulse(clock, lambda: False))
    lane = asyncio.ensure_future(line.lane(Beat(clock)))
    await clock.go_on(1.0)
    assert overseer.lines == ["Nothing to do."]
    asked = store.asked
    await clock.go_on(600.0)
    assert store.asked == asked
    store.now = Counts({State.QUEUED: 2, State.GENERATING: 1, State.UNCERTAIN: 1}, 3)
    gate.silent({"far": "The inbox of far is silent."})
    line.changed()
    line.note("Wait for a restart: node.")
    await clock.go_on(1.0)
    lane.cancel()
    assert overseer.lines[-1] == (
        "Jobs: 2 queued, 1 generating, 1 uncertain, 3 waiting for files. An uncertain job may need a "
        "person. The inbox of far is silent. Wait for a restart: node."
    )


async def test_the_line_says_nothing_more_once_the_daemon_stops() -> None:
    """The overseer was told that it stops; a count that comes late is not the last word."""
    clock, overseer, stopped = Timeline(), Listening(), False

    class Late(Counted):
        async def counts(self) -> Counts:
            await clock.sleep(1.0)
            return self.now

    any_store: Any = Late()
    line = StatusLine(any_store, clock, Gate(clock), overseer, Pulse(clock, lambda: stopped))
    lane = asyncio.ensure_future(line.lane(Beat(clock)))
    await clock.go_on(0.5)
    stopped = True
    line.note("Wait for a restart: node.")
    await clock.go_on(10.0)
    assert overseer.lines == []
    await lane
