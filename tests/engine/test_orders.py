"""Orders that meet a store in trouble: what was done is told, and nothing is begun twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reeldrop import app
from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.domain.lifecycle import State
from reeldrop.engine.operations import Nobody, Orders
from reeldrop.engine.rooms import Rooms
from reeldrop.settings import Settings
from reeldrop.store import OrderDesk, open_desk


class Around:
    """A port whose calls, by name and arguments, are announced before they are made."""

    def __init__(
        self, port: Any, before: Callable[[str, tuple[Any, ...]], Awaitable[None]]
    ) -> None:
        self._port, self._before = port, before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._before(name, args)
            return await method(*args, **kwargs)

        return call


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")


async def queued(rooms: Rooms, letter: str) -> JobId:
    """Record a job that waits for its turn, and return its id."""
    path, now = RelPath(f"{letter}.mov"), rooms.clock.now()
    claim = Claim(
        RelPath(f".reeldrop/claims/{letter * 32}"), (ClaimedFile(RelPath("source/x"), path),)
    )
    job = Job(
        id=JobId(letter * 32), watch="main", path=path, folder=RelPath(letter), model="a/model",
        params={"prompt": letter}, claim=claim, source_key=letter, created=now, updated=now,
        claimed=True,
    )  # fmt: skip
    await rooms.store.add([job])
    return job.id


async def test_what_was_done_before_the_store_failed_is_told(settings: Settings) -> None:
    """Two of three are cancelled: whoever asked must not take them for queued."""
    async with app.opened(settings, app.Options(), asyncio.Event()) as rooms:
        ids = [await queued(rooms, letter) for letter in "abc"]

        async def fails_at_c(name: str, args: tuple[Any, ...]) -> None:
            if name == "move" and args[0].id == ids[2]:
                raise StoreUnavailable("the job store does not answer: I/O error")

        store = Around(rooms.store, fails_at_c)
        with open_desk(settings.store) as desk:
            number = desk.place("cancel", {"jobs": ids}, rooms.clock.now())
            [order] = await rooms.store.orders()
            await Orders(replace(rooms, store=store), Nobody()).carry_out(order)  # type: ignore[arg-type]
            answer = desk.answer(number)
        assert answer is not None
        assert [said["code"] for said in answer["said"]] == [0, 0, 75]
        assert "cancelled" in answer["said"][1]["text"]
        assert answer["said"][2]["text"] == "c.mov: the job store does not answer: I/O error"
        queue = await rooms.store.jobs([State.QUEUED])
        assert [job.id for job in queue] == ids[2:]


async def test_an_order_that_takes_long_to_begin_is_begun_once(settings: Settings) -> None:
    """The daemon looks for orders all the time, and a disk may be slow."""
    begun: Counter[int] = Counter()
    looks = 0

    async def slowly(name: str, args: tuple[Any, ...]) -> None:
        nonlocal looks
        looks += name == "orders"
        if name == "begin_order":
            begun[args[0].n] += 1
            seen = looks
            while looks < seen + 3:
                await asyncio.sleep(0.02)

    for file in Path(settings.watch[0].inbox).iterdir():
        file.unlink()
    stop = asyncio.Event()
    async with asyncio.timeout(40), app.opened(settings, app.Options(), stop) as rooms:
        running = asyncio.ensure_future(
            app.work(settings, replace(rooms, store=Around(rooms.store, slowly)), stop, once=False)
        )
        with open_desk(settings.store) as desk:
            first = await _answered(desk, desk.place("pause", {}, rooms.clock.now()))
            second = await _answered(desk, desk.place("resume", {}, rooms.clock.now()))
        stop.set()
        await running
    assert (first["code"], second["code"]) == (0, 0)
    assert list(begun.values()) == [1, 1]


async def _answered(desk: OrderDesk, number: int) -> dict[str, Any]:
    while not (answer := desk.answer(number)):
        await asyncio.sleep(0.02)
    return answer
