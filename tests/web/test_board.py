"""The board: what the store holds becomes two files in the outbox, for its own watches alone."""

import json
from pathlib import Path

import pytest

from reeldrop.domain.job import RelPath, Waiting
from reeldrop.domain.lifecycle import State
from reeldrop.files import open_outbox
from reeldrop.host.clock import SystemClock
from reeldrop.ports import JobStore
from reeldrop.settings import LimitSettings, OutputSettings, StoreSettings
from reeldrop.store import open_store
from reeldrop.web.status import StatusBoard
from web.test_status import NOW, job


@pytest.fixture
async def store(tmp_path: Path):
    memory = await open_store(
        StoreSettings(url=f"sqlite:///{tmp_path}/r.db"),
        LimitSettings(),
        reconcile_window=1800,
        clock=SystemClock(),
    )
    yield memory
    await memory.close()


async def test_both_files_show_the_watches_of_their_outbox(store: JobStore, tmp_path: Path) -> None:
    """Two watches may share an outbox; a third one's jobs are nobody's business there."""
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    for number, watch in enumerate(("a", "b", "elsewhere")):
        await store.add([job(number, State.QUEUED, watch=watch, path=RelPath(f"{watch}.mp4"))])
        await store.set_waiting(watch, [Waiting(watch, RelPath(f"w-{watch}.mp4"), "why", NOW)])
    board = StatusBoard(
        "nas",
        {"a": 60.0, "b": 60.0},
        store,
        open_outbox(str(outbox), OutputSettings()),
        SystemClock(),
    )
    await board.write()
    document = json.loads((outbox / "_status.json").read_bytes())
    assert {entry["path"] for entry in document["jobs"]} == {"a.mp4", "b.mp4"}
    assert {entry["path"] for entry in document["waiting"]} == {"w-a.mp4", "w-b.mp4"}
    page = (outbox / "_status.html").read_text("utf-8")
    assert "a.mp4" in page
    assert "elsewhere" not in page
    await store.set_waiting("a", [])
    await board.write()
    again = json.loads((outbox / "_status.json").read_bytes())
    assert [entry["path"] for entry in again["waiting"]] == ["w-b.mp4"]
