"""A submit that is broken off at any moment knows what has been recorded of it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from reeldrop import app
from reeldrop.domain.errors import FolderOffline
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event, State
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.rooms import Rooms
from reeldrop.settings import Settings

AWAY = FolderOffline("The inbox has not answered for 15 s.")


@pytest.fixture
async def rooms(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rooms]:
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    async with app.opened(settings, app.Options(once=True), asyncio.Event()) as rooms:
        yield rooms


async def uploading(rooms: Rooms) -> Attempt:
    """Take a job whose claim has been made."""
    now, name = rooms.clock.now(), secrets.token_hex(16)
    job = Job(
        id=JobId(name),
        watch="main",
        path=RelPath("a.mov"),
        folder=RelPath("a"),
        model="m",
        params={"prompt": "x"},
        claim=Claim(
            RelPath(f".reeldrop/claims/{name}"),
            (ClaimedFile(RelPath("source/a.mov"), RelPath("a.mov")),),
        ),
        source_key=name,
        claimed=True,
        created=now,
        updated=now,
    )
    assert await rooms.store.add([job])
    found = await rooms.store.claim_next(now)
    assert found is not None
    return Attempt(found, rooms, Gate(rooms.clock))


def intended(job: Job) -> Job:
    return job.evolve(attempts=1, request_ids=(job.request_id,), submitted=job.updated)


async def test_what_was_broken_off_in_the_same_moment_declares_no_intent(rooms: Rooms) -> None:
    """The share answers in the very turn in which it was given up: nothing may be under way after that."""
    attempt = await uploading(rooms)

    async def submit() -> None:
        async with attempt.may_be_broken_off():
            attempt.break_off(AWAY)
            await attempt.declare(intended(attempt.job))

    with pytest.raises(FolderOffline):
        await submit()
    recorded = await rooms.store.get(attempt.job.id)
    assert recorded is not None
    assert (recorded.state, attempt.job.state) == (State.UPLOADING, State.UPLOADING)


async def test_what_was_being_recorded_meanwhile_is_known(rooms: Rooms) -> None:
    """Else the job would go on from fields, or from a state, that it no longer has."""
    attempt = await uploading(rooms)
    real = rooms.store

    class Slow:
        """The store, which writes and then takes its time to say so."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        async def move(self, *args: Any) -> Job:
            moved = await real.move(*args)
            attempt.break_off(AWAY)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return moved

    attempt = Attempt(attempt.job, replace(rooms, store=Slow()), Gate(rooms.clock))
    async with attempt.may_be_broken_off():
        await attempt.move(attempt.job.evolve(reason="waits"), Event.RETURNED)
    assert attempt.broken_off is AWAY
    recorded = await real.get(attempt.job.id)
    assert recorded is not None
    assert recorded.state is attempt.job.state is State.QUEUED
