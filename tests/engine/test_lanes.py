"""The lanes: what hangs for one watch holds up no other."""

import asyncio

import pytest

from engine.intake_desk import HandClock
from reeldrop.domain.job import Claim, Job, JobId, RelPath
from reeldrop.domain.lifecycle import State
from reeldrop.engine.lanes import COMMON, OF_A_WATCH, Lanes


def job(number: int, state: State, watch: str) -> Job:
    path = RelPath(f"{number}.mov")
    return Job(
        JobId(f"{number:032x}"), watch, path, path, "m", {}, Claim(RelPath("c"), ()), path, 0.0, 0.0,
        state=state,
    )  # fmt: skip


async def taken(lanes: Lanes) -> list[str]:
    """Return the watch of whatever each worker takes that has something to take."""
    found: list[str] = []
    for schedule in lanes.each():
        try:
            async with asyncio.timeout(0):
                found.append((await schedule.get()).watch)
        except TimeoutError:
            continue
    return found


@pytest.mark.parametrize("state", OF_A_WATCH)
async def test_a_watch_with_many_jobs_takes_no_worker_of_another(state: State) -> None:
    """Four that hang, and twenty behind them: the other watch's one job finds a worker all the same."""
    lanes = Lanes(HandClock(), ["a", "b"])
    for number in range(20):
        lanes.put(job(number, state, "a"), 0.0)
    lanes.put(job(99, state, "b"), 0.0)
    assert sorted(await taken(lanes)) == ["a"] * OF_A_WATCH[state] + ["b"]


async def test_a_job_of_a_watch_that_the_settings_do_not_name_is_worked_on_too() -> None:
    """It holds a generation that was paid for; its step says what is missing."""
    lanes = Lanes(HandClock(), ["a"])
    lanes.put(job(1, State.DOWNLOADING, "gone"), 0.0)
    assert await taken(lanes) == ["gone"]


async def test_what_waits_is_hurried_and_dropped_wherever_it_lies() -> None:
    """A person who retries must not need to know in which lane a job waits."""
    lanes = Lanes(HandClock(), ["a", "b"])
    waits = [
        job(1, State.DELIVERING, "a"),
        job(2, State.DOWNLOADING, "b"),
        job(3, State.GENERATING, "a"),
    ]
    for each in waits:
        lanes.put(each, 60.0)
    assert await taken(lanes) == []
    lanes.hurry(waits[0])
    lanes.drop(waits[2].id)
    assert await taken(lanes) == ["a"]
    lanes.hurry()
    assert await taken(lanes) == ["b"]


@pytest.mark.parametrize("turns", range(6))
async def test_a_worker_that_is_ended_as_a_job_comes_ends(turns: int) -> None:
    """One that waited on held up the daemon's stop until it was cut off."""
    lanes, state = Lanes(HandClock(), ["a"]), next(iter(COMMON))
    lanes.put(job(1, state, "a"), 60.0)
    waiting = asyncio.create_task(next(iter(lanes.each())).get())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    lanes.put(job(2, state, "a"), 60.0)
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=5.0)
    assert done
    assert waiting.cancelled()
