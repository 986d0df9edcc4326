"""The file that grows while a result is fetched: what is in it is always a beginning of the result.

It is written in threads of its own, while the next piece comes in: a share that hangs holds up this
download alone. What was written is brought to the disk on the way, so that little is left at the end.
"""

import asyncio
import errno
import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from reeldrop.domain.errors import DiskFull, FolderOffline, StepError
from reeldrop.lane import Lane

SYNCED = 32 * 1024 * 1024
"""Bytes after which what was written is sent on to the disk."""
_to_disk = getattr(os, "fdatasync", os.fsync)


class Part:
    """One file, written by one download. Every method raises DiskFull, FolderOffline."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lane = Lane(f"download {path.name}", 1)
        self._syncing = Lane(f"sync {path.name}", 1)
        self._fd = -1
        self._writing: asyncio.Future[None] | None = None
        self._synced: asyncio.Future[None] | None = None
        self._unsynced = 0
        self.size = 0
        """Bytes that it holds, once everything that was given is written."""

    async def open(self) -> None:
        """Open it, with what an earlier try has left in it."""
        with _disk(self._path):
            self.size = await self._lane.run(self._open)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o666)
        return os.lseek(self._fd, 0, os.SEEK_END)

    async def cut(self, size: int) -> None:
        """Keep its first `size` bytes."""
        with _disk(self._path):
            self.size = await self._lane.run(self._cut, size)

    def _cut(self, size: int) -> int:
        os.ftruncate(self._fd, size)
        return os.lseek(self._fd, size, os.SEEK_SET)

    async def append(self, chunks: Sequence[bytes]) -> None:
        """Have `chunks` written next; returns when those before them are."""
        await self.settle()
        count = sum(map(len, chunks))
        self._writing = self._lane.begin(self._append, list(chunks))
        self.size += count
        self._unsynced += count
        if self._unsynced >= SYNCED and (self._synced is None or self._synced.done()):
            self._unsynced = 0
            self._synced = self._syncing.begin(self._flush)

    def _append(self, chunks: list[bytes]) -> None:
        left = [memoryview(chunk) for chunk in chunks]
        while left:
            written = os.writev(self._fd, left[:1024])
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]

    def _flush(self) -> None:
        # Whether it worked is told by the last one, which nothing is delivered without.
        with suppress(OSError):
            _to_disk(self._fd)

    async def settle(self) -> None:
        """Return when everything that was given is written."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            with _disk(self._path):
                await writing

    async def sync(self) -> None:
        """Return when all of it is on the disk."""
        await self.settle()
        with _disk(self._path):
            await self._lane.run(lambda: os.fsync(self._fd))

    def close(self) -> None:
        """Have it closed after whatever is still being written; nobody waits for that."""
        if self._writing is not None:
            self._writing.add_done_callback(_heard)
        # A descriptor that is closed may be another file's the next moment: all its users come before.
        synced = threading.Event()
        self._syncing.begin(synced.set)
        self._syncing.close()
        self._lane.begin(self._close, synced)
        self._lane.close()

    def _close(self, synced: threading.Event) -> None:
        synced.wait()
        # What was written is on disk by now, or of no use: a close that fails changes nothing.
        with suppress(OSError):
            if self._fd >= 0:
                os.close(self._fd)


def _heard(done: "asyncio.Future[None]") -> None:
    """Take note of an outcome that nobody waits for."""
    if not done.cancelled():
        done.exception()


@contextmanager
def _disk(part: Path) -> Generator[None]:
    try:
        yield
    except OSError as exc:
        raise _disk_error(part, exc) from exc


def _disk_error(part: Path, exc: OSError) -> StepError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"The disk of {part.parent} is full.", hint="Make room; the download then goes on."
        )
    reason = exc.strerror or type(exc).__name__
    return FolderOffline(f"{part} cannot be written: {reason}.")
