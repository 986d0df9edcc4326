"""Shares that hang in the kernel: a FUSE server that is stopped answers nothing, and fails nothing.

Never look at a stalled share from the test itself: the look would hang as well.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptance.world import eventually

BINDFS = shutil.which("bindfs")


@dataclass(frozen=True, slots=True)
class Share:
    """A mounted share; `backing` is its other side, which always answers."""

    folder: Path
    backing: Path
    server: "subprocess.Popen[str]"

    def stall(self) -> None:
        """Let every call on the share block, from now on."""
        self.server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the share answer again, also what it was asked meanwhile."""
        self.server.send_signal(signal.SIGCONT)

    def unmount(self) -> None:
        """Leave an empty folder in its place; what hangs in it hangs on."""
        subprocess.run(["umount", "--lazy", self.folder], check=False, capture_output=True)

    @asynccontextmanager
    async def mounted_again(self) -> AsyncGenerator[None, None]:
        """Show the same folder at the same place, by a new server."""
        async with _mounted(self.folder, self.backing):
            yield

    @contextmanager
    def stalled(self) -> Generator[None]:
        """Let the share hang while the block runs."""
        self.stall()
        try:
            yield
        finally:
            self.resume()


@asynccontextmanager
async def share(folder: Path) -> AsyncGenerator[Share, None]:
    """Show a new folder beside `folder` at `folder`, through FUSE; skips the test where that cannot be."""
    folder.mkdir(exist_ok=True)
    backing = folder.with_name(f"{folder.name}.backing")
    backing.mkdir()
    async with _mounted(folder, backing) as mounted:
        yield mounted


@asynccontextmanager
async def _mounted(folder: Path, backing: Path) -> AsyncGenerator[Share, None]:
    if BINDFS is None or os.geteuid():
        pytest.skip("bindfs is not installed, or this is not root")
    server = subprocess.Popen(
        [BINDFS, "-f", backing, folder],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    mounted = Share(folder, backing, server)
    try:
        await eventually(lambda: _is_mounted(folder) or server.poll() is not None)
        if server.poll() is not None:
            pytest.skip(f"FUSE does not work here: {server.communicate()[1].strip()[-300:]}")
        yield mounted
    finally:
        mounted.resume()
        mounted.unmount()
        server.terminate()
        try:
            server.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()


def _is_mounted(folder: Path) -> bool:
    """From the kernel's table: it asks nobody."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return str(folder.resolve()) in points
