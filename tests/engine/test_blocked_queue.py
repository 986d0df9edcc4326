"""A queue that is blocked for long: what its probes leave behind, and how far they reach."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reeldrop import app
from reeldrop.settings import Settings
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route
from reeldrop.simulator.http import Request


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    monkeypatch.setattr("reeldrop.engine.gate.PROBE_INTERVAL", 0.05)
    monkeypatch.setattr("reeldrop.engine.walls.PROBE_INTERVAL", 0.05)
    monkeypatch.setattr("reeldrop.engine.walls.HOPELESS", 1000)


async def work(settings: Settings) -> list[Any]:
    """Run the daemon until it has worked off the inbox; return what it logged."""
    with capture_logs() as logs:
        async with asyncio.timeout(40):
            await app.run(settings, app.Options(once=True), asyncio.Event())
    return logs


def delivered(settings: Settings, name: str) -> Path:
    return Path(settings.watch[0].outbox) / name


async def test_a_long_block_leaves_one_line_in_the_log_and_few_in_the_jobs_own(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty tries here are a quarter of an hour; a weekend has thousands."""
    monkeypatch.setattr("reeldrop.store.repeats.RATE_WINDOW", 0.1)
    api.faults.add(Fault(Route.SUBMIT, answer="out_of_funds", times=30))
    logs = [entry["event"] for entry in await work(settings) if entry["log_level"] != "debug"]
    told = [event for event in logs if event.startswith(("queue.", "job.submitting", "job.queued"))]
    assert sorted(told) == ["job.submitting", "queue.blocked", "queue.unblocked"]
    record = json.loads((delivered(settings, "a") / "job.json").read_text())
    assert (record["attempts"], len(record["request_ids"]), len(api.ledger.accepted)) == (31, 31, 1)
    lines = (delivered(settings, "a") / "job.log.jsonl").read_text().splitlines()
    refused = [json.loads(line) for line in lines if "job.not_accepted" in line]
    assert refused[-1]["times"] == 30
    assert len(refused) < 10


async def test_a_clip_that_alone_fails_is_set_aside_and_the_others_are_delivered(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API never takes it; nobody waits for it, a single run the least."""
    monkeypatch.setattr("reeldrop.engine.outcomes.ASIDE", (3600.0, 3600.0))
    one_at_a_time = settings.limits.model_copy(update={"in_flight": 1})
    settings = settings.model_copy(update={"limits": one_at_a_time})
    inbox = Path(settings.watch[0].inbox)
    clip = (inbox / "a.mov").read_bytes()
    # A `free` box is legal and means nothing; by its size the stand-in knows this clip.
    (inbox / "a.mov").write_bytes(clip + (40_000).to_bytes(4, "big") + b"free" + bytes(39_992))
    for name in ("b", "c", "d"):
        (inbox / f"{name}.mov").write_bytes(clip)
        (inbox / f"{name}.json").write_text(json.dumps({"prompt": name}))

    def is_large(request: Request) -> bool:
        return int(request.headers.get("content-length", 0)) > len(clip) * 4 // 3 + 25_000

    api.faults.add(Fault(Route.SUBMIT, answer="unavailable", times=0, when=is_large))
    logs = await work(settings)
    assert [entry["path"] for entry in logs if entry["event"] == "job.set_aside"] == ["a.mov"]
    assert all((delivered(settings, name) / f"{name}.mp4").exists() for name in ("b", "c", "d"))
    assert not delivered(settings, "_failed").exists()
    assert len(api.ledger.accepted) == 3
