"""A file that a decoder does not survive: looked into three times, then refused, while all others go on."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.world import PATIENCE, Site, eventually
from engine.intake_desk import Desk, desk, png_bytes, settings
from reeldrop.domain.lifecycle import State
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.simulator import Simulator
from reeldrop.store import open_store

__all__ = ["desk", "settings"]

DYING = """
import asyncio, os, sys
from dataclasses import replace
from pathlib import Path
from reeldrop import app, settings
from reeldrop.host.signals import stop_on_signals

class Decoder:
    '''The real one, but for what it meets in a file called bad.mov.'''
    def __init__(self, real):
        self._real = real
    def __getattr__(self, name):
        return getattr(self._real, name)
    async def probe(self, file):
        if file.name == "bad.mov":
            Path(sys.argv[3]).touch()
            if sys.argv[2] == "crash":
                os._exit(139)
            await asyncio.Event().wait()
        return await self._real.probe(file)

async def main():
    loaded = settings.load(sys.argv[1], None, None).settings
    stop = stop_on_signals()
    async with app.opened(loaded, app.Options(once=True), stop) as rooms:
        places = {
            name: replace(place, media=Decoder(place.media)) for name, place in rooms.places.items()
        }
        await app.work(loaded, replace(rooms, places=places), stop, once=True)

asyncio.run(main())
"""


@pytest.fixture
async def site(tmp_path: Path, api: Simulator, clip: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, api.base_url, clip)
    yield site
    if site.process is not None and site.process.returncode is None:
        await site.stop(signal.SIGKILL)


async def child(site: Site, how: str) -> int:
    """Run a daemon whose decoder crashes with, or hangs in, bad.mov; return its exit code.

    One that hangs is stopped as a service manager would.
    """
    reached = site.state / "reached"
    reached.unlink(missing_ok=True)
    with (site.state.parent / "daemon.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DYING, str(site.config), how, str(reached),
            env=site.environment, stdout=log, stderr=log,
        )  # fmt: skip
    if how == "hang":
        await eventually(lambda: reached.exists() or process.returncode is not None)
        process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), PATIENCE)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_clip_that_three_daemons_died_of_is_refused_and_the_others_go_on(
    site: Site, api: Simulator
) -> None:
    """One bad file must not stop a whole inbox for ever, nor take its neighbours with it."""
    names = ["bad", "good0", "good1"]
    for name in names:
        site.drop(f"show/{name}.mov", {"prompt": name})
    for _ in range(3):
        assert await child(site, "crash") == 139, site.log[-3000:]
        assert not (site.outbox / "_failed").exists()
        assert (site.inbox / "show/bad.mov").exists()
    code, _, errors = await site.command("run", "--once")
    assert code == 1, errors
    for name in names[1:]:
        assert site.record(f"show/{name}")["state"] == "delivered"
    record = site.record("_failed/show/bad")
    assert record["error"]["code"] == "poison"
    told = (site.outbox / "_failed/show/bad/error.txt").read_text()
    assert "show/bad.mov: the daemon has ended 3 times while it looked into this file." in told
    assert "Make the file anew" in told
    assert (site.outbox / "_failed/show/bad/source/bad.mov").exists()
    assert len(api.ledger.accepted) == 2
    # Whoever puts it back has it looked into again: it may not have been the clip's fault.
    source = site.outbox / "_failed/show/bad/source"
    for name in ("bad.json", "bad.mov"):
        (source / name).rename(site.inbox / "show" / name)
    code, _, errors = await site.command("run", "--once")
    assert (code, site.record("show/bad")["state"]) == (0, "delivered"), errors


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_stop_in_mid_look_is_no_crash(site: Site) -> None:
    """A clip that is large, or on a slow share, is looked into whenever a daemon is stopped."""
    site.drop("bad.mov", {"prompt": "x"})
    for _ in range(3):
        assert await child(site, "hang") == 0, site.log[-3000:]
    code, _, errors = await site.command("run", "--once")
    assert (code, site.record("bad")["state"]) == (0, "delivered"), errors


async def died_looking(desk: Desk, name: str, times: int) -> None:
    """Let `times` daemons end while each looks into the file called `name`."""
    (entry,) = [each for each in (await desk.inbox.scan()).entries if each.path == name]
    url = f"sqlite:///{desk.folder.parent}/state/reeldrop.db"
    for _ in range(times):
        store = await open_store(
            StoreSettings(url=url), LimitSettings(), reconcile_window=1.0, clock=desk.clock
        )
        await store.begin_probe(desk.watch.name, entry.path, entry.key)
        await store.close()


@pytest.mark.parametrize(("times", "state"), [(2, State.QUEUED), (3, State.DELIVERING)])
@pytest.mark.parametrize("name", ["a.mp4", "still.png"])
async def test_references_are_looked_into_as_carefully(
    desk: Desk,
    times: int,
    state: State,
    name: str,
) -> None:
    """Twice may be chance: a power cut, a kill. Three times is not."""
    desk.put("still.png", png_bytes())
    desk.drop("a.mp4", {"prompt": "x", "image_list": ["still.png"]})
    desk.drop("b.mp4")
    await died_looking(desk, name, times)
    await desk.settled()
    jobs: dict[str, Any] = await desk.jobs()
    assert (jobs["a.mp4"].state, jobs["b.mp4"].state) == (state, State.QUEUED)
    if state is State.DELIVERING:
        assert "the daemon has ended 3 times" in jobs["a.mp4"].error.message
        assert name in jobs["a.mp4"].error.message


async def test_a_file_that_was_changed_since_is_another_one(desk: Desk) -> None:
    """Made anew under its name it starts without a past."""
    desk.drop("a.mp4")
    await died_looking(desk, "a.mp4", 5)
    (desk.folder / "a.mp4").unlink()
    desk.put("other")
    desk.drop("a.mp4", {"prompt": json.dumps("y")})
    await desk.settled()
    assert (await desk.jobs())["a.mp4"].state is State.QUEUED
