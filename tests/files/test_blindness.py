"""An event source that has died, or is never told, costs a rescan's time and nothing else."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance.world import arrive, eventually
from engine.conftest import api, clip, result, settings
from reeldrop import app
from reeldrop.files import FolderInbox
from reeldrop.ports import Health, JobStore
from reeldrop.settings import Settings

__all__ = ["api", "clip", "result", "settings"]

RESCAN = 1.0


def dead(inbox: FolderInbox) -> None:
    """End the thread that reads the kernel's events."""
    reader = inbox._watcher._reader
    assert reader is not None
    reader.stop()
    reader.join(5)
    assert not reader.is_alive()


def deaf(inbox: FolderInbox) -> None:
    """Lose every event from now on, as an overflow does, while all looks well."""
    inbox._hint.raise_ = lambda: None


async def first_look(store: JobStore) -> Health:
    while True:
        (health, *_) = (*await store.health(), Health("none"))
        if health.scanned is not None:
            return health
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("blind", [dead, deaf])
async def test_what_no_event_tells_is_found_by_the_rescan(
    settings: Settings,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    blind: Callable[[FolderInbox], None],
) -> None:
    """And the daemon says all the time when it last looked."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    watch = settings.watch[0].model_copy(update={"rescan_interval": RESCAN})
    settings = settings.model_copy(update={"watch": (watch,)})
    inbox, stop = Path(watch.inbox), asyncio.Event()
    for file in inbox.iterdir():
        file.unlink()
    async with asyncio.timeout(40), app.opened(settings, app.Options(), stop) as rooms:
        running = asyncio.ensure_future(app.work(settings, rooms, stop, once=False))
        health = await first_look(rooms.store)
        assert [mode.how for mode in health.modes] == ["inotify"]
        watched = rooms.places["main"].inbox
        assert isinstance(watched, FolderInbox)
        blind(watched)
        arrive(json.dumps({"prompt": "b"}).encode(), inbox / "b.json")
        arrive(clip.read_bytes(), inbox / "b.mov")
        await eventually((Path(watch.outbox) / "b" / "job.json").exists)
        stop.set()
        await running
