"""The daemon's rooms in this process: real store, folders and HTTP, the stand-in as the API."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reeldrop.settings import ApiSettings, LimitSettings, Settings, StoreSettings, WatchSettings
from reeldrop.simulator import Simulator
from reeldrop.simulator.footage import make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that the default model takes."""
    path = tmp_path_factory.mktemp("footage") / "clip.mov"
    make_clip(path, seconds=3.0, width=720, height=720, audio=False)
    return path


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every generation comes to."""
    path = tmp_path_factory.mktemp("result") / "result.mp4"
    make_clip(path, seconds=0.5, width=128, height=72, audio=False)
    return path


@pytest.fixture
async def api(tmp_path: Path, result: Path) -> AsyncIterator[Simulator]:
    async with Simulator(tmp_path / "api", generation_seconds=0.05, result=result) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, api: Simulator, clip: Path) -> Settings:
    inbox, outbox = tmp_path / "inbox", tmp_path / "outbox"
    inbox.mkdir()
    outbox.mkdir()
    (inbox / "a.mov").write_bytes(clip.read_bytes())
    (inbox / "a.json").write_text(json.dumps({"prompt": "x"}))
    return Settings(
        api=ApiSettings(base_url=api.base_url, poll_interval=0.05),
        store=StoreSettings(url=f"sqlite:///{tmp_path}/state/reeldrop.db"),
        limits=LimitSettings(min_free_disk=0),
        watch=(WatchSettings(inbox=str(inbox), outbox=str(outbox), settle_polling=0.1),),
    )
