"""The stand-in, footage, and a site for a daemon."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acceptance.world import KEY, Site
from reeldrop.simulator import Simulator
from reeldrop.simulator.footage import make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with sound, as short and small as the default model takes it."""
    path = tmp_path_factory.mktemp("footage") / "clip.mov"
    make_clip(path, seconds=3.0, width=1280, height=720)
    return path


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stand-in answers with where the test is not about the result."""
    path = tmp_path_factory.mktemp("results") / "result.mp4"
    make_clip(path, seconds=1.0, width=320, height=568, audio=False)
    return path


@pytest.fixture
async def api(tmp_path: Path, result: Path) -> AsyncIterator[Simulator]:
    """The stand-in of the API; quick, and with one result for all."""
    async with Simulator(
        tmp_path / "api", key=KEY, generation_seconds=0.2, result=result
    ) as server:
        yield server


@pytest.fixture
async def site(tmp_path: Path, api: Simulator, clip: Path) -> AsyncIterator[Site]:
    """Folders and a configuration that points at the stand-in; the daemon ends with the test."""
    site = Site(tmp_path, api.base_url, clip)
    yield site
    if site.process is not None and site.process.returncode is None:
        await site.stop(signal.SIGKILL)
