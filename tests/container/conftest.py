"""The stand-in on this host, and a container that works through it."""

import os
import shlex
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from acceptance.conftest import api, clip, result
from container.box import Box
from container.run import PODMAN
from reeldrop.simulator import Simulator

__all__ = ["api", "clip", "result"]

OWNER = 1234


@pytest.fixture
async def make_box(tmp_path: Path, api: Simulator) -> AsyncIterator[Callable[[int], Box]]:
    """Make boxes whose folders belong to somebody; all end with the test."""
    command = os.environ.get(PODMAN)
    if command is None:
        pytest.skip("`make test-container` runs this, with an image of its own")
    made: list[Box] = []

    def make(owner: int) -> Box:
        folder = tmp_path / f"box{len(made)}"
        folder.mkdir()
        made.append(Box(shlex.split(command), folder, api.base_url, owner))
        return made[-1]

    yield make
    for box in made:
        await box.ask("rm", "--force", "--volumes", box.name)


@pytest.fixture
def box(make_box: Callable[[int], Box]) -> Box:
    """A box whose folders belong to a user of the share, who is nobody in the image."""
    made = make_box(OWNER)
    made.environment |= {"PUID": str(OWNER), "PGID": str(OWNER)}
    return made
