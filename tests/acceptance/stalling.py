"""Shares that hang in the kernel: a FUSE server that is stopped answers nothing, and fails nothing.

Never look at a stalled share from the test itself: the look would hang as well.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptance.world import eventually

BINDFS = shutil.which("bindfs")
CONTROL = Path("/sys/fs/fuse/connections")
"""Where the kernel tells of each share how many calls wait for its answer."""


@dataclass(frozen=True, slots=True)
class Share:
    """A mounted share; `backing` is its other side, which always answers."""

    folder: Path
    backing: Path
    server: "subprocess.Popen[str]"
    connection: int
    """By what the kernel knows it."""

    def stall(self) -> None:
        """Let every call on the share block, from now on.

        None is in the server's hands already: for its answer the kernel would keep even a process that was killed.
        """
        self.server.send_signal(signal.SIGSTOP)
        while self._holds_a_call():
            self.resume()
            os.sched_yield()
            self.server.send_signal(signal.SIGSTOP)

    def _holds_a_call(self) -> bool:
        """Say whether the server, now stopped, was asked for something; False where the kernel does not tell."""
        stat = Path(f"/proc/{self.server.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "T":
            os.sched_yield()
        with suppress(FileNotFoundError):
            return int((CONTROL / str(self.connection) / "waiting").read_text()) > 0
        return False

    def resume(self) -> None:
        """Let the share answer again, also what it was asked meanwhile."""
        self.server.send_signal(signal.SIGCONT)

    def unmount(self) -> None:
        """Leave an empty folder in its place; what hangs in it hangs on."""
        _unmount(self.folder)

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
    if not CONTROL.is_mount():
        command = ["mount", "-t", "fusectl", "fusectl", CONTROL]
        subprocess.run(command, check=False, capture_output=True)
    try:
        await eventually(lambda: _is_mounted(folder) or server.poll() is not None)
        if server.poll() is not None:
            pytest.skip(f"FUSE does not work here: {server.communicate()[1].strip()[-300:]}")
        yield Share(folder, backing, server, os.minor(folder.stat().st_dev))
    finally:
        server.send_signal(signal.SIGCONT)
        _unmount(folder)
        server.terminate()
        try:
            server.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def _is_mounted(folder: Path) -> bool:
    """From the kernel's table: it asks nobody."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return str(folder.resolve()) in points
