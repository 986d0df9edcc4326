"""Identical jobs over the real store: whatever the order, nobody waits in a circle and one pays."""

import asyncio
import hashlib
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reeldrop import app
from reeldrop.domain.job import (
    Claim,
    ClaimedFile,
    GenerationId,
    Job,
    JobId,
    MediaFacts,
    MediaFile,
    RelPath,
)
from reeldrop.domain.lifecycle import FINAL, PLACED_AS, Event, State, Verdict
from reeldrop.domain.sameness import spec_key
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.twins import Twins
from reeldrop.settings import Settings

CONTENT = b"the same bytes"
PARAMS = {"prompt": "as a woodcut", "video_url": MediaFile(RelPath("a.mov"))}


@pytest.fixture
async def rooms(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rooms]:
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    stop = asyncio.Event()
    async with app.opened(settings, app.Options(once=True), stop) as rooms:
        yield rooms


class Told:
    """The store with something that happens before a call; it answers as it always does."""

    def __init__(self, store: Any, before: Callable[[str], Awaitable[None]]) -> None:
        self._store, self._before = store, before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._before(name)
            return await method(*args, **kwargs)

        return call


async def drop(
    rooms: Rooms,
    settings: Settings,
    variants: int = 1,
    *,
    content: bytes = CONTENT,
    watch: str = "main",
) -> list[Job]:
    """Record a claimed drop of jobs that are alike."""
    name = secrets.token_hex(8)
    claim = Claim(
        RelPath(f".reeldrop/claims/{name}"),
        (ClaimedFile(RelPath("source/a.mov"), RelPath("a.mov")),),
    )
    file = Path(settings.watch[0].inbox, claim.folder, "source/a.mov")
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    now = rooms.clock.now()
    jobs = [
        Job(
            id=JobId(secrets.token_hex(16)),
            watch=watch,
            path=RelPath("a.mov"),
            folder=RelPath(f"{name}-v{number}"),
            model="m",
            params=PARAMS,
            claim=claim,
            source=MediaFacts("a.mov", len(content)),
            source_key=f"{name} {number}",
            spec_key=spec_key("m", PARAMS, lambda _: len(content)),
            claimed=True,
            created=now,
            updated=now,
        )
        for number in range(variants)
    ]
    assert await rooms.store.add(jobs)
    return jobs


async def taken(rooms: Rooms, job: Job) -> Attempt:
    """Take the job whose turn it is, which is to be `job`."""
    found = await rooms.store.claim_next(rooms.clock.now())
    assert found is not None
    assert found.id == job.id
    return Attempt(found, rooms, Gate(rooms.clock))


def declared(job: Job) -> Job:
    request_ids = (*job.request_ids, job.request_id)
    return job.evolve(attempts=job.attempts + 1, request_ids=request_ids, submitted=job.updated)


async def accepted(attempt: Attempt) -> None:
    """Let the API make a generation of its own for a job."""
    await attempt.declare(declared(attempt.job))
    generation = GenerationId(f"gen-{attempt.job.request_id}")
    await attempt.move(attempt.job.evolve(generation_id=generation), Event.ACCEPTED)


async def ended(attempt: Attempt, verdict: Verdict) -> None:
    """Bring a job to its end."""
    if attempt.job.state is State.GENERATING and verdict is Verdict.DELIVERED:
        await attempt.move(attempt.job, Event.COMPLETED)
        await attempt.move(attempt.job.evolve(verdict=verdict), Event.FETCHED)
    else:
        await attempt.move(attempt.job.evolve(verdict=verdict), Event.REFUSED)
    await attempt.move(attempt.job, PLACED_AS[verdict])


async def test_one_that_went_back_and_now_follows_is_not_followed(
    rooms: Rooms, settings: Settings
) -> None:
    """While a job reads its files the one ahead may be taken again, after it: two would wait for ever."""
    [ahead], [behind] = await drop(rooms, settings), await drop(rooms, settings)
    first, second = await taken(rooms, ahead), await taken(rooms, behind)
    again: list[Attempt] = []

    async def taken_again(name: str) -> None:
        if name == "journal" and not again:
            await first.move(first.job, Event.RETURNED)
            again.append(await taken(rooms, ahead))
            assert await twins.settle(again[0])

    twins = Twins(replace(rooms, store=Told(rooms.store, taken_again)))
    assert not await twins.settle(second)
    assert again[0].job.leader == behind.id
    assert second.job.state is State.UPLOADING


async def test_one_that_ends_while_it_is_read_is_joined_all_the_same(
    rooms: Rooms, settings: Settings
) -> None:
    """It was under way when the other came: nobody pays because a disk is slow."""
    [ahead], [behind] = await drop(rooms, settings), await drop(rooms, settings)
    first, second = await taken(rooms, ahead), await taken(rooms, behind)

    async def delivered(name: str) -> None:
        if name == "journal":
            await accepted(first)
        if name == "siblings":
            await ended(first, Verdict.DELIVERED)

    assert await Twins(replace(rooms, store=Told(rooms.store, delivered))).settle(second)
    assert second.job.state is State.GENERATING
    assert (second.job.joined, second.job.generation_id) == (True, first.job.generation_id)


async def test_one_that_a_person_begins_again_has_a_submit_of_its_own(
    rooms: Rooms, settings: Settings
) -> None:
    """`retry --pay-again` while an identical job still runs is what its name says."""
    [ahead], [behind] = await drop(rooms, settings), await drop(rooms, settings)
    first, second = await taken(rooms, ahead), await taken(rooms, behind)
    await accepted(first)
    assert await Twins(rooms).settle(second)
    await ended(first, Verdict.DELIVERED)
    anew = first.job.evolve(generation_id=None, verdict=None)
    await rooms.store.move(anew, Event.AGAIN)
    assert not await Twins(rooms).settle(await taken(rooms, ahead))


@pytest.mark.parametrize(("content", "same"), [(CONTENT, True), (b"as many bytes!", False)])
async def test_bytes_decide_and_are_recorded(
    rooms: Rooms, settings: Settings, content: bytes, same: bool
) -> None:
    """Its record names what a submit would have sent; sizes alone prove nothing."""
    assert len(CONTENT) == len(b"as many bytes!")
    [ahead], [behind] = await drop(rooms, settings), await drop(rooms, settings, content=content)
    first, second = await taken(rooms, ahead), await taken(rooms, behind)
    assert await Twins(rooms).settle(second) is same
    recorded = await rooms.store.get(behind.id)
    assert recorded is not None
    assert recorded.leader == (first.job.id if same else None)
    digest = hashlib.sha256(CONTENT).hexdigest() if same else None
    assert recorded.source is not None
    assert recorded.source.sha256 == digest


async def test_one_whose_leader_has_no_watch_any_more_runs_by_itself(
    rooms: Rooms, settings: Settings
) -> None:
    """Nobody serves the other one: it would wait for ever."""
    [ahead], [behind] = await drop(rooms, settings, watch="gone"), await drop(rooms, settings)
    await rooms.store.update(behind.evolve(leader=ahead.id), "follows")
    await taken(rooms, behind)


class Yard:
    """Workers over one store, each of which does something else with a job at every turn."""

    def __init__(self, rooms: Rooms, chance: random.Random) -> None:
        self._chance = chance
        self._rooms = replace(rooms, store=Told(rooms.store, self._dawdle))
        self._twins = Twins(self._rooms)
        self._gate = Gate(rooms.clock)
        self._troubles = 12
        """How many things may still go wrong: then everything goes well, so that it ends."""

    async def _dawdle(self, _name: str) -> None:
        await asyncio.sleep(self._chance.choice((0, 0, 0.001, 0.003)))

    async def work(self) -> None:
        while True:
            job = await self._rooms.store.claim_next(self._rooms.clock.now())
            if job is not None:
                await self._one(Attempt(job, self._rooms, self._gate))
            left = await self._rooms.store.jobs()
            assert_nobody_waits_in_a_circle(left)
            if all(each.state in FINAL for each in left):
                return
            await asyncio.sleep(0.001)

    async def _one(self, attempt: Attempt) -> None:
        if attempt.job.state is State.UPLOADING and await self._twins.settle(attempt):
            if attempt.job.state is State.QUEUED:
                return
        elif attempt.job.state is State.UPLOADING:
            if self._goes_wrong():
                await attempt.move(attempt.job, Event.RETURNED)
                return
            if self._goes_wrong():
                await attempt.declare(declared(attempt.job))
                await attempt.move(attempt.job, Event.NOT_ACCEPTED)
                return
            if self._goes_wrong():
                await ended(attempt, Verdict.FAILED)
                return
            await accepted(attempt)
        await self._dawdle("generating")
        await ended(attempt, Verdict.DELIVERED)

    def _goes_wrong(self) -> bool:
        wrong = self._troubles > 0 and self._chance.random() < 0.4
        self._troubles -= wrong
        return wrong


def assert_nobody_waits_in_a_circle(jobs: list[Job]) -> None:
    waits = {job.id: job.leader for job in jobs if job.state is State.QUEUED and job.leader}
    for begin, leader in waits.items():
        seen, at = {begin}, leader
        while at in waits:
            assert at not in seen, f"{len(seen)} jobs wait in a circle"
            seen.add(at)
            at = waits[at]


@pytest.mark.parametrize("seed", range(10))
async def test_in_no_order_do_jobs_wait_in_a_circle(
    rooms: Rooms, settings: Settings, seed: int
) -> None:
    """All come to an end, and the variants of one drop are never the same generation."""
    drops = [await drop(rooms, settings, variants) for variants in (1, 2, 1, 2, 1)]
    yard = Yard(rooms, random.Random(seed))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(yard.work())
    found = {job.id: job for job in await rooms.store.jobs()}
    for jobs in drops:
        made = [found[job.id].generation_id for job in jobs if found[job.id].generation_id]
        assert len(set(made)) == len(made)
    own = {job.generation_id: job.id for job in found.values() if not job.joined}
    for job in found.values():
        assert not job.joined or own[job.generation_id] != job.id
