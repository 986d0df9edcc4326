"""What was uploaded is tidied up at the start and after each end, and holds nobody up."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reeldrop import app
from reeldrop.domain.job import JobId
from reeldrop.domain.lifecycle import FINAL
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.tidying import Tidying
from reeldrop.ports import Meter, Sending, Upload
from reeldrop.settings import Settings


class Watched:
    """The real uploads, with a count of their tidyings and something that happens in each."""

    def __init__(self, real: Any, during: Callable[[int], Awaitable[None]]) -> None:
        self._real, self._during = real, during
        self.begun = self.ended = 0

    async def prepare(self, file: Path, wanted: str, job: JobId, meter: Meter) -> Sending:
        return await self._real.prepare(file, wanted, job, meter)

    async def tidy(self) -> None:
        self.begun += 1
        await self._during(self.begun)
        await self._real.tidy()
        self.ended += 1

    async def aclose(self) -> None:
        await self._real.aclose()


async def nothing(_: int) -> None:
    """Go on at once."""


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


@pytest.fixture
async def rooms(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rooms]:
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    async with app.opened(settings, app.Options(once=True), asyncio.Event()) as rooms:
        yield rooms


async def test_it_tidies_at_the_start_and_after_each_end_and_rests_between(rooms: Rooms) -> None:
    """What a crash left goes at once; a bucket is not asked all day."""
    uploads = Watched(rooms.uploads, nothing)
    tidying = Tidying(uploads)
    assert not tidying.idle, "the first one is still to come"
    lane = asyncio.create_task(tidying.lane())
    await until(lambda: tidying.idle)
    assert uploads.ended == 1
    for turn in (2, 3):
        tidying.job_ended()
        assert not tidying.idle
        await until(lambda: tidying.idle)
        assert (uploads.begun, uploads.ended) == (turn, turn)
    lane.cancel()


async def test_a_job_that_ends_while_it_tidies_is_tidied_up_after_too(rooms: Rooms) -> None:
    """The list of what is unwanted was made before that; several ends are one more look."""
    goes_on = asyncio.Event()

    async def wait(turn: int) -> None:
        if turn == 1:
            await goes_on.wait()

    uploads = Watched(rooms.uploads, wait)
    tidying = Tidying(uploads)
    lane = asyncio.create_task(tidying.lane())
    await until(lambda: uploads.begun == 1)
    for _ in range(5):
        tidying.job_ended()
    assert not tidying.idle
    goes_on.set()
    await until(lambda: tidying.idle)
    assert uploads.ended == 2
    lane.cancel()


async def test_what_could_not_be_removed_is_tried_again_by_itself(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket answers again, and no job ends any more: nothing else would think of it."""
    monkeypatch.setattr("reeldrop.engine.tidying.INTERVAL", 0.01)
    uploads = Watched(rooms.uploads, nothing)
    tidying = Tidying(uploads)
    lane = asyncio.create_task(tidying.lane())
    await until(lambda: uploads.ended == 3)
    lane.cancel()


async def test_a_run_once_ends_when_the_uploads_of_its_jobs_are_tidied_up(
    rooms: Rooms, settings: Settings
) -> None:
    """It is run by cron: nobody comes after it to empty the bucket."""
    goes_on, ends = asyncio.Event(), asyncio.Event()

    async def see(_: int) -> None:
        jobs = await rooms.store.jobs()
        if jobs and all(job.state in FINAL for job in jobs):
            ends.set()
            await goes_on.wait()

    uploads = Watched(rooms.uploads, see)
    watched = replace(rooms, uploads=uploads)
    work = asyncio.create_task(app.work(settings, watched, asyncio.Event(), once=True))
    await ends.wait()
    done, _ = await asyncio.wait([work], timeout=0.5)
    assert not done
    goes_on.set()
    assert await work == app.Tally()
    assert uploads.begun == uploads.ended >= 2


async def test_a_stop_does_not_wait_for_a_place_that_does_not_answer(
    rooms: Rooms, settings: Settings
) -> None:
    """The service manager would kill the daemon, and with it what else is under way."""

    async def hang(_: int) -> None:
        await asyncio.Event().wait()

    uploads = Watched(rooms.uploads, hang)
    stop = asyncio.Event()
    work = asyncio.create_task(
        app.work(settings, replace(rooms, uploads=uploads), stop, once=False)
    )
    await until(lambda: uploads.begun == 1)
    stop.set()
    await work
    assert uploads.ended == 0


async def test_jobs_go_on_while_a_place_does_not_answer(rooms: Rooms, settings: Settings) -> None:
    """A bucket that cannot be emptied now is no reason to deliver nothing."""

    async def hang(_: int) -> None:
        await asyncio.Event().wait()

    stop = asyncio.Event()
    watched = replace(rooms, uploads=Watched(rooms.uploads, hang))
    work = asyncio.create_task(app.work(settings, watched, stop, once=False))
    while not await rooms.store.jobs([*FINAL]):
        await asyncio.sleep(0.02)
    stop.set()
    await work


async def test_what_a_crash_left_is_wanted_by_nobody_after_the_next_start(
    rooms: Rooms, settings: Settings
) -> None:
    """The row that was put down before the first byte is what the next daemon goes by."""
    half = Upload(secrets.token_hex(16), "s3://bucket", "/in/a.mov", "1:2:3:4", 5, "video/mp4")
    await rooms.store.begin_upload(half, JobId("0" * 32))

    class Emptying(Watched):
        """A place that lets go of what it is told to."""

        async def tidy(self) -> None:
            for each in await rooms.store.unwanted_uploads(()):
                await rooms.store.forget_upload(each.id)

    watched = replace(rooms, uploads=Emptying(rooms.uploads, nothing))
    await app.work(settings, watched, asyncio.Event(), once=True)
    assert await rooms.store.unwanted_uploads(()) == []
