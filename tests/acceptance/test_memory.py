"""Memory does not grow with the clip."""

import re
from pathlib import Path

import pytest

from acceptance.world import Site, large_clip

GOOD = {"prompt": "x"}
MB = 1_000_000


def peak_memory(pid: int) -> int:
    """Return the process's highest resident size so far, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_large_clip_takes_no_more_memory_than_a_small_one(site: Site) -> None:
    """Bodies are streamed from disk: a farm's clips must not decide what the daemon needs."""
    site.configure(upload={"data_uri_max": "1GB"})
    await site.start()
    assert site.process is not None
    site.drop("small.mov", GOOD, clip=large_clip(site, 5 * MB))
    await site.finished("small", 60)
    small = peak_memory(site.process.pid)
    site.drop("large.mov", GOOD, clip=large_clip(site, 195 * MB))
    await site.finished("large", 90)
    assert peak_memory(site.process.pid) - small < 30 * MB
