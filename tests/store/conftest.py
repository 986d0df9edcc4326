"""Fixtures: a clock that stands still, jobs, and stores on real files."""

import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.ports import JobStore
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store

JobMaker = Callable[..., Job]
Opener = Callable[..., Awaitable[JobStore]]


@dataclass
class StillClock:
    """A Clock port whose time is set by the test; it never waits."""

    time: float = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    return StoreSettings(url=f"sqlite:///{tmp_path}/state/reeldrop.db")


@pytest.fixture
def new_job(clock: StillClock) -> JobMaker:
    """Make a queued job; no two have one source key unless the test says so."""
    numbers = itertools.count()

    def make(**fields: Any) -> Job:
        n = next(numbers)
        path = RelPath(f"show/clip{n}.mp4")
        told: dict[str, Any] = {
            "id": JobId(secrets.token_hex(16)),
            "watch": "main",
            "path": path,
            "folder": RelPath(f"show/clip{n}"),
            "model": "a/model",
            "params": {"prompt": "as clay"},
            "claim": Claim(
                RelPath(f".reeldrop/claims/{n}"), (ClaimedFile(RelPath(f"clip{n}.mp4"), path),)
            ),
            "source_key": f"main:{path}",
            "claimed": True,
            "created": clock.now(),
            "updated": clock.now(),
        }
        return Job(**told | fields)

    return make


@pytest.fixture(params=["sqlite"])
async def open_again(
    request: pytest.FixtureRequest, settings: StoreSettings, clock: StillClock
) -> AsyncIterator[Opener]:
    """Open the one store of the test, as a daemon that starts does: each call is a new incarnation.

    A store of another kind is one more parameter here; the contract does not change.
    """
    async with AsyncExitStack() as stack:

        async def opener(**limits: Any) -> JobStore:
            window = limits.pop("reconcile_window", 1800.0)
            store = await open_store(
                settings, LimitSettings(**limits), reconcile_window=window, clock=clock
            )
            stack.push_async_callback(store.close)
            await store.enrol_watch("main", "/in", "/out")
            return store

        yield opener


@pytest.fixture
async def store(open_again: Opener) -> JobStore:
    return await open_again(in_flight=1000, submits_per_minute=1000)
