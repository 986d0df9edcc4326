"""A submit's answer that takes long: people see it, the log is asked, and the answer still counts."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.acceptance.world import eventually

from reeldrop import app
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.domain.lifecycle import State
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.reconciliation import FIRST_LOOK
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.worker import Worker
from reeldrop.host.clock import SystemClock
from reeldrop.provider.client import HttpProvider
from reeldrop.provider.clients import Timeouts
from reeldrop.settings import Settings
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Cut, Fault, Route

LIMITS = Timeouts(answer=0.2, late=600.0)
LATE = 0.8
"""Seconds until an answer: well after the first limit."""
NEVER = 600.0
"""The same, and longer than any test here may last: whoever waits for it fails."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")


@asynccontextmanager
async def opened(settings: Settings, stop: asyncio.Event) -> AsyncGenerator[Rooms]:
    """Open the rooms, with a provider whose patience a test can outlast."""
    base_url, clock = settings.api.base_url, SystemClock()
    async with (
        asyncio.timeout(40),
        app.opened(settings, app.Options(once=True), stop) as rooms,
        HttpProvider(base_url, "k", "reeldrop/9.9", clock, LIMITS) as provider,
    ):
        yield replace(rooms, provider=provider)


async def work(settings: Settings) -> None:
    """Run the daemon until it has worked off the inbox."""
    stop = asyncio.Event()
    async with opened(settings, stop) as rooms:
        await app.work(settings, rooms, stop, once=True)


def probe_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("gate", "walls", "outcomes"):
        monkeypatch.setattr(f"reeldrop.engine.{module}.PROBE_INTERVAL", 0.2)


def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the log soon, and soon again where a busy stand-in has not written its row yet."""
    for module in ("outcomes", "reconciliation"):
        monkeypatch.setattr(f"reeldrop.engine.{module}.FIRST_LOOK", 0.1)


def record(settings: Settings, folder: str) -> dict[str, Any]:
    return json.loads((Path(settings.watch[0].outbox) / folder / "job.json").read_text())


def states(settings: Settings, folder: str) -> list[str]:
    return [entry["state"] for entry in record(settings, folder)["states"]]


async def test_a_late_answer_heals_its_job(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generation is paid for; here the log never answers, so that nothing else can find it."""
    look_often(monkeypatch)
    api.faults.add(
        Fault(Route.SUBMIT, delay=LATE), Fault(Route.LOGS, answer="unavailable", times=0)
    )
    with capture_logs() as logs:
        await work(settings)
    assert states(settings, "a")[:5] == [
        "queued", "uploading", "submitting", "uncertain", "generating",
    ]  # fmt: skip
    (generation,) = api.ledger.accepted
    assert record(settings, "a")["generation_id"] == generation.id
    assert record(settings, "a")["error"] is None
    assert [
        entry["generation_id"] for entry in logs if entry["event"] == "submit.answered_late"
    ] == [generation.id]


@pytest.mark.parametrize("answer", ["unavailable", "too_many", "out_of_funds"])
async def test_a_late_answer_that_nothing_was_made_frees_its_job(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """It is as definite as one in time: the clip is sent again."""
    probe_often(monkeypatch)
    api.faults.add(Fault(Route.SUBMIT, answer=answer, delay=LATE))
    with capture_logs() as logs:
        await work(settings)
    blocked = [entry for entry in logs if entry["event"] == "queue.blocked"]
    assert len(blocked) == (answer == "out_of_funds")
    assert states(settings, "a")[3:5] == ["uncertain", "queued"]
    assert (len(api.ledger.accepted), record(settings, "a")["attempts"]) == (1, 2)


async def test_a_late_refusal_of_a_clip_fails_it(settings: Settings, api: Simulator) -> None:
    """Its reason is known now: nobody has to look for it."""
    api.faults.add(Fault(Route.SUBMIT, answer="bad_request", delay=LATE))
    await work(settings)
    failed = record(settings, "_failed/a")
    assert (failed["error"]["code"], failed["attempts"]) == ("rejected", 1)
    assert api.ledger.accepted == []


async def test_the_log_is_asked_while_the_answer_is_awaited(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the request that is still in the air keep anybody waiting, a stop the least."""
    look_often(monkeypatch)
    api.faults.add(Fault(Route.SUBMIT, delay=NEVER))
    stop = asyncio.Event()
    async with opened(settings, stop) as rooms, asyncio.TaskGroup() as group:
        group.create_task(app.work(settings, rooms, stop, once=False))
        await eventually((Path(settings.watch[0].outbox) / "a" / "a.mp4").exists)
        stop.set()
    assert len(api.ledger.accepted) == 1


async def test_a_blocked_queue_does_not_wait_for_the_late_answer_of_one_clip(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was to find out whether the trouble is over hangs; another one finds out."""
    probe_often(monkeypatch)
    monkeypatch.setattr("reeldrop.engine.outcomes.FIRST_LOOK", 60.0)
    watch = settings.watch[0]
    inbox = Path(watch.inbox)
    (inbox / "b.json").write_text(json.dumps({"prompt": "another"}))
    (inbox / "b.mov").write_bytes((inbox / "a.mov").read_bytes())
    api.faults.add(
        Fault(Route.SUBMIT, answer="out_of_funds", times=2), Fault(Route.SUBMIT, delay=NEVER)
    )
    stop = asyncio.Event()
    async with opened(settings, stop) as rooms, asyncio.TaskGroup() as group:
        group.create_task(app.work(settings, rooms, stop, once=False))
        await eventually(lambda: list(Path(watch.outbox).glob("*/*.mp4")))
        stop.set()
    assert len(api.ledger.accepted) == 2


async def test_an_answer_that_contradicts_the_log_is_told_and_changes_nothing(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both may have been paid for, and only a person can find out."""
    look_often(monkeypatch)
    answer, stop = asyncio.Event(), asyncio.Event()
    api.faults.add(Fault(Route.SUBMIT, until=answer.wait, fields={"id": "another"}))
    with capture_logs() as logs:
        async with opened(settings, stop) as rooms, asyncio.TaskGroup() as group:
            group.create_task(app.work(settings, rooms, stop, once=False))
            await eventually((Path(settings.watch[0].outbox) / "a" / "a.mp4").exists)
            answer.set()
            await eventually(
                lambda: [e for e in logs if e["event"] == "submit.answer_contradicted"]
            )
            stop.set()
    (generation,) = api.ledger.accepted
    (told,) = [entry for entry in logs if entry["event"] == "submit.answer_contradicted"]
    assert (told["answered"], told["recorded"]) == ("another", generation.id)
    assert record(settings, "a")["generation_id"] == generation.id


async def test_a_job_that_the_log_frees_is_sent_again_while_its_first_request_is_in_the_air(
    settings: Settings, api: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests of one job at once: the end of the first says nothing about the second."""
    look_often(monkeypatch)
    answer, stop = asyncio.Event(), asyncio.Event()
    api.faults.add(Fault(Route.SUBMIT, answer="internal", logged=True, until=answer.wait))
    with capture_logs() as logs:
        async with opened(settings, stop) as rooms, asyncio.TaskGroup() as group:
            group.create_task(app.work(settings, rooms, stop, once=False))
            await eventually((Path(settings.watch[0].outbox) / "a" / "a.mp4").exists)
            answer.set()
            await eventually(lambda: [e for e in logs if e["event"] == "submit.still_unknown"])
            stop.set()
    assert (len(api.ledger.accepted), record(settings, "a")["attempts"]) == (1, 2)
    assert not [entry for entry in logs if entry["event"] == "step.crashed"]


# ---------------------------------------------------------------------------- who has the job


async def taken(rooms: Rooms) -> Job:
    """Return a job that is about to be submitted."""
    now, path = rooms.clock.now(), RelPath("a.json")
    job = Job(
        JobId("0" * 32), "main", path, RelPath("a"),
        "klingai/video-o1-video-to-video-reference",
        {"prompt": "x", "video_url": "https://clips.example/a.mp4"},
        Claim(RelPath(".reeldrop/claims/x"), (ClaimedFile(path, path),)), "k", now, now, claimed=True,
    )  # fmt: skip
    assert await rooms.store.add([job])
    claimed = await rooms.store.claim_next(now)
    assert claimed is not None
    return claimed


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Route.SUBMIT, cut=Cut.ANSWER, delay=LATE),
        Fault(Route.SUBMIT, answer="internal", delay=LATE),
        Fault(Route.SUBMIT, status=200, body="", delay=LATE),
    ],
)
@pytest.mark.parametrize("looked_up", [True, False])
async def test_without_a_definite_answer_the_look_ups_alone_have_the_job(
    settings: Settings, api: Simulator, fault: Fault, *, looked_up: bool
) -> None:
    """Handed over once, with the reason that people see; where nobody took it, it is not dropped."""
    api.faults.add(fault)
    handed: list[tuple[Job, float]] = []
    async with opened(settings, asyncio.Event()) as rooms:
        gate = Gate(rooms.clock)
        look_up: Callable[[Job, float], None] | None = (
            (lambda job, after: handed.append((job, after))) if looked_up else None
        )
        attempt = Attempt(await taken(rooms), rooms, gate, look_up)
        await Worker(rooms, gate).step(attempt)
        recorded = await rooms.store.get(attempt.job.id)

    assert recorded is not None
    assert (recorded.state, recorded.attempts) == (State.UNCERTAIN, 1)
    assert "not known" in recorded.reason
    assert handed == ([(recorded, FIRST_LOOK)] if looked_up else [])
    assert (attempt.lost, attempt.again_in) == (looked_up, FIRST_LOOK)


async def test_what_an_answer_has_settled_is_not_looked_up(
    settings: Settings, api: Simulator
) -> None:
    """The look-ups' own copy of the job is an old one by then."""
    api.faults.add(Fault(Route.SUBMIT, delay=LATE))
    handed: list[Job] = []
    async with opened(settings, asyncio.Event()) as rooms:
        gate = Gate(rooms.clock)
        worker = Worker(rooms, gate)
        attempt = Attempt(await taken(rooms), rooms, gate, lambda job, _: handed.append(job))
        await worker.step(attempt)
        assert (attempt.job.state, attempt.lost) == (State.GENERATING, False)
        late_look = Attempt(handed[0], rooms, gate)
        await worker.step(late_look)

    assert late_look.lost
    assert not [seen for seen in api.ledger.requests if "/logs" in seen.target]
