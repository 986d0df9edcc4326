"""Folders on file systems of their own: shares served by bindfs, and bind mounts."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from acceptance.world import eventually


class Share:
    """A share: what is done in `served` is done on the server, and gives no event at `point`."""

    def __init__(self, point: Path, served: Path) -> None:
        self.point = point
        self.served = served
        self._server: asyncio.subprocess.Process | None = None

    async def mount(self) -> None:
        """Mount it; skips the test where that is not possible."""
        if shutil.which("bindfs") is None:
            pytest.skip("there is no bindfs here")
        self.point.mkdir(exist_ok=True)
        self.served.mkdir(exist_ok=True)
        # In the foreground: its process is the share.
        self._server = await asyncio.create_subprocess_exec(
            "bindfs",
            "-f",
            "-o",
            "subtype=bindfs",
            self.served,
            self.point,
            stderr=asyncio.subprocess.PIPE,
        )
        server = self._server
        await eventually(lambda: self.point.is_mount() or server.returncode is not None)
        if server.returncode is not None:
            _, errors = await server.communicate()
            pytest.skip(f"bindfs does not work here: {errors.decode().strip()}")

    def unmount(self) -> None:
        """Take the share away, though files of it may be open: an empty folder is left."""
        umount(self.point)

    async def kill(self) -> None:
        """End the server: whatever is asked of the share fails from now on."""
        await self._signal(signal.SIGKILL)

    def hang(self) -> None:
        """Let the server answer nothing: whoever asks hangs in the kernel."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    async def end(self) -> None:
        """Unmount it for good."""
        await self._signal(signal.SIGKILL)
        subprocess.run(["umount", "--lazy", self.point], check=False, capture_output=True)

    async def _signal(self, how: signal.Signals) -> None:
        if self._server is not None and self._server.returncode is None:
            self._server.send_signal(how)
            await self._server.wait()


@asynccontextmanager
async def shared(point: Path, served: Path) -> AsyncGenerator[Share]:
    """Mount the folder `served` as a share at `point` while the block runs."""
    share = Share(point, served)
    try:
        await share.mount()
        yield share
    finally:
        await share.end()


@contextmanager
def bound(folder: Path, point: Path, *, read_only: bool = False) -> Generator[None]:
    """Show `folder` at `point` while the block runs; skips the test where that is not permitted."""
    point.mkdir(exist_ok=True)
    _mount("--bind", folder, point)
    try:
        if read_only:
            _mount("-o", "remount,ro,bind", point)
        yield
    finally:
        umount(point)


@contextmanager
def in_memory(point: Path) -> Generator[None]:
    """Mount a disk in memory at `point` while the block runs; skips likewise."""
    point.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", point)
    try:
        yield
    finally:
        umount(point)


def umount(point: Path) -> None:
    """Unmount `point`, though it may be in use."""
    subprocess.run(["umount", "--lazy", point], check=True)


def _mount(*arguments: str | Path) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
