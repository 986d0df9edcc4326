"""A site whose folders can be given disks that fill up or fail."""

from pathlib import Path

import pytest

from acceptance.conftest import api, clip, site
from acceptance.world import arrive
from reeldrop.simulator.footage import make_clip

__all__ = ["api", "clip", "site"]

RESULT = 1_500_000
"""Bytes: a result that is larger than the room which a full disk has left."""


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result that does not fit everywhere: a `free` box is legal and means nothing."""
    path = tmp_path_factory.mktemp("results") / "result.mp4"
    make_clip(path, seconds=1.0, width=180, height=320, audio=False)
    whole = path.read_bytes()
    rest = RESULT - len(whole)
    arrive(whole + rest.to_bytes(4, "big") + b"free" + bytes(rest - 8), path)
    return path
