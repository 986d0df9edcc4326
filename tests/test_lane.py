"""Threads of one folder: results, errors, and a step that never ends."""

import asyncio
import subprocess
import sys
import threading

import pytest

from reeldrop.lane import Lane


async def test_results_and_errors_come_back() -> None:
    """Whatever a step raises belongs to whoever asked."""
    lane = Lane("test", 1)
    assert await lane.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await lane.run(divmod, 7, 0)
    lane.close()


async def test_a_closed_lane_refuses_instead_of_hanging() -> None:
    """Nobody would ever answer."""
    lane = Lane("test", 1)
    lane.close()
    with pytest.raises(RuntimeError, match="closed"):
        await lane.run(divmod, 7, 2)


async def test_a_cancelled_caller_leaves_the_lane_usable() -> None:
    """A stop in the middle of a slow step must not break the next one."""
    lane = Lane("test", 1)
    going = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await lane.run(going.wait)
    going.set()
    assert await lane.run(divmod, 7, 2) == (3, 1)
    lane.close()


def test_a_step_that_hangs_does_not_keep_the_process() -> None:
    """A hard-mounted share hangs for ever; SIGTERM must still end the daemon."""
    script = """
import asyncio, threading
from reeldrop.lane import Lane
async def main():
    lane = Lane("hung", 1)
    try:
        async with asyncio.timeout(0.05):
            await lane.run(threading.Event().wait)
    except TimeoutError:
        lane.close()
        print("left")
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (0, "left\n")
