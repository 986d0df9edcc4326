"""The pages of the web listener over a real socket and store: who asks often, and what does not answer."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.host.clock import SystemClock
from reeldrop.ports import Health, Overview
from reeldrop.serving.http import Connection, Patience
from reeldrop.serving.listener import Listener
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store
from reeldrop.telemetry.metrics import Counters
from reeldrop.web.glance import FRESH, PATIENCE, Glance
from reeldrop.web.health import HealthPage, Self
from reeldrop.web.metrics import MetricsPage
from reeldrop.web.pages import Pages
from reeldrop.web.refusals import Refusals

OWN = Self("1.2.3", "nas", 7)
LATE = {"main": 100.0}


class Store:
    """A real store's overview, which can be made to hang or to fail; counts how often it is asked."""

    def __init__(self, overview: Overview) -> None:
        self.overview_now = overview
        self.asked = 0
        self.hangs = False
        self.trouble = ""

    async def overview(self, days: int) -> Overview:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble:
            raise StoreUnavailable(self.trouble)
        return self.overview_now


class Clock(SystemClock):
    """The host's clock, which can be put ahead."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@dataclass
class Desk:
    client: httpx.AsyncClient
    store: Store
    clock: Clock
    stalled: Collection[str] = ()

    async def health(self) -> tuple[int, dict[str, object]]:
        answer = await self.client.get("/healthz")
        return answer.status_code, answer.json()


@asynccontextmanager
async def seen(folder: Path) -> AsyncGenerator[Store]:
    clock = SystemClock()
    store = await open_store(
        StoreSettings(url=f"sqlite:///{folder}/r.db"),
        LimitSettings(),
        reconcile_window=1.0,
        clock=clock,
    )
    await store.set_health([Health("main", clock.now())])
    yield Store(await store.overview(1))
    await store.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    clock = Clock()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(seen(tmp_path))
        glance = Glance(store, clock)  # pyright: ignore[reportArgumentType] - the part of the port that it uses
        health = HealthPage(OWN, glance, LATE, lambda: desk.stalled)
        metrics = MetricsPage(OWN, glance, LATE, Counters(LATE))
        pages = Pages(health, metrics, None, None, Refusals(clock))
        listener = Listener(lambda r, w: Connection(r, w, pages, clock.now, Patience()))
        port = await listener.open("127.0.0.1", 0)
        stack.push_async_callback(listener.close)
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20)
        desk = Desk(await stack.enter_async_context(client), store, clock)
        yield desk


async def test_a_store_that_hangs_is_told_within_seconds(desk: Desk) -> None:
    """By many at once as well: they wait together, not one after another."""
    desk.store.hangs = True
    began = time.monotonic()
    answers = await asyncio.gather(*(desk.health() for _ in range(10)))
    assert time.monotonic() - began < 5 * PATIENCE
    for status, told in answers:
        assert status == 503
        assert told["store"] == {"ok": False, "reason": "The job store has not answered for 3 s."}
        assert told["provider"] == {"state": "unknown", "reason": ""}
    numbers = (await desk.client.get("/metrics")).text
    assert "reeldrop_store_up 0.0" in numbers
    assert "reeldrop_submits_total" in numbers
    assert "reeldrop_jobs{" not in numbers
    desk.store.hangs = False
    assert (await desk.health())[0] == 200


async def test_a_store_that_fails_is_told_with_its_reason(desk: Desk) -> None:
    desk.store.trouble = "The job store does not answer: disk I/O error."
    status, told = await desk.health()
    assert (status, told["ok"]) == (503, False)
    assert told["store"] == {"ok": False, "reason": desk.store.trouble}


async def test_who_asks_often_makes_the_store_work_no_more(desk: Desk) -> None:
    """The engine reads in the same thread."""
    began = time.monotonic()
    for _ in range(5):
        await asyncio.gather(*(desk.client.get(page) for page in ("/healthz", "/metrics") * 10))
    assert desk.store.asked <= time.monotonic() - began + 1


async def test_a_lane_that_stands_still_is_no_health(desk: Desk) -> None:
    desk.stalled = ["submits", "orders"]
    status, told = await desk.health()
    assert (status, told["ok"], told["stalled"]) == (503, False, ["orders", "submits"])


async def test_an_inbox_that_was_last_seen_long_ago_is_no_health(desk: Desk) -> None:
    """Whatever keeps it from being looked at, nobody need say so."""
    now = SystemClock().now()
    for age, expected in ((90.0, 200), (110.0, 503)):
        health = [Health("main", now - age)]
        desk.store.overview_now = replace(desk.store.overview_now, health=health)
        desk.clock.ahead += FRESH
        status, told = await desk.health()
        assert (status, told["ok"]) == (expected, expected == 200)
