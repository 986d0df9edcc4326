"""A file of this host as it is sent: read and hashed piece by piece, and seen to be unchanged.

No more than two pieces of it are in memory, whatever its size. Every reading has a thread of its
own: a share that hangs holds that one, and no other file is kept from being read.
"""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self, TypeVar

from reeldrop.domain.errors import FileBusy, FolderOffline
from reeldrop.domain.job import MediaFacts
from reeldrop.lane import Lane
from reeldrop.upload.media_type import HEAD, media_type

T = TypeVar("T")

PIECE = 768 * 1024
"""Bytes at a time: a multiple of 3, so that base64 pads only the last."""
BUFFERS = 2
PATIENCE = 30.0
"""Seconds that a share gets for a piece; then the upload is given up, while its end is still here."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a file from another one, and from itself after a change.

    ctime is not in it: a link made to the file elsewhere would look like a change.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Return that of an open file."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def __str__(self) -> str:
        return f"{self.device}:{self.inode}:{self.size}:{self.mtime_ns}"


class LocalFile:
    """The `Source` port for one file; it can be read again and again."""

    def __init__(self, path: Path) -> None:
        """Look at the file, which may take long; it is open only while it is read.

        Raises:
            FileBusy: it cannot be read, or is no regular file.
        """
        self.path = path
        self.identity, begins = _look(path)
        self.media_type = media_type(path, begins)
        self._sha256 = ""

    @classmethod
    async def of(cls, path: Path) -> Self:
        """Return the file at `path`. Raises FileBusy; FolderOffline where its folder does not answer."""
        lane = Lane(f"upload {path.name}", 1)
        looking = lane.begin(cls, path)
        lane.close()
        return await patiently(path, looking)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.identity.size

    async def pieces(
        self, encode: Callable[[memoryview], bytes] = bytes, *, step: int = PIECE
    ) -> AsyncGenerator[bytes, None]:
        """Yield what `encode`, which runs in the thread, makes of every `step` bytes.

        The next piece is read while the last one is used. Raises FileBusy; FolderOffline after
        PATIENCE seconds without a piece.
        """
        lane, hashing = Lane(f"upload {self.path.name}", 1), Lane(f"hash {self.path.name}", 1)
        reading = _Reading(self.path, self.identity, encode, step)
        ahead = lane.begin(reading.next_piece)
        try:
            while (piece := await patiently(self.path, ahead)) is not None:
                hashing.begin(reading.hash_piece)
                ahead = lane.begin(reading.next_piece)
                yield piece
            self._sha256 = await hashing.run(reading.digest)
        finally:
            ahead.add_done_callback(_heard)
            # In the lane as well: it comes after the piece that may still be read, and may hang too.
            lane.begin(reading.close).add_done_callback(_heard)
            lane.close()
            hashing.close()

    async def sha256(self) -> str:
        """Return the SHA-256 of all of it, in hexadecimal digits. Raises like `pieces`."""
        if not self._sha256:
            async for _ in self.pieces(lambda _: b""):
                pass
        return self._sha256

    def know(self, sha256: str) -> None:
        """Take the SHA-256 from who has read the file, as it is, before."""
        self._sha256 = sha256

    async def verify(self) -> None:
        """Raise FileBusy unless the file at its path is still the one that was looked at.

        FolderOffline where that cannot be told for PATIENCE seconds.
        """
        lane = Lane(f"upload {self.path.name}", 1)
        looking = lane.begin(self._verify)
        lane.close()
        await patiently(self.path, looking)

    def _verify(self) -> None:
        # Opened anew: on NFS only an open asks the server for the file's present attributes.
        if _look(self.path)[0] != self.identity:
            raise _changed(self.path)

    def facts(self) -> MediaFacts:
        """Return name, bytes and SHA-256; the last is None before all of it was read."""
        return MediaFacts(self.path.name, self.size, self._sha256 or None)


class _Reading:
    """One pass over the file; every method blocks and runs in a thread.

    Pieces are hashed in a thread of their own, while the next one is read: hashing takes as long as
    all the rest. What is read waits in one of two buffers until it is hashed.
    """

    def __init__(
        self, path: Path, identity: Identity, encode: Callable[[memoryview], bytes], step: int
    ) -> None:
        self._fd = -1
        self._path = path
        self._identity = identity
        self._encode = encode
        self._left = identity.size
        self._hash = hashlib.sha256()
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._read_already: SimpleQueue[tuple[bytearray, int]] = SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(bytearray(min(step, self._left)))

    def next_piece(self) -> bytes | None:
        """Return the next piece encoded, None at the end of the file."""
        if self._fd < 0:
            self._fd, found = open_file(self._path)
            if found != self._identity:
                raise _changed(self._path)
        if not self._left:
            return None
        buffer = self._free.get()
        wanted = min(self._left, len(buffer))
        view = memoryview(buffer)[:wanted]
        filled = 0
        while filled < wanted:
            filled += self._read(view[filled:])
        self._left -= wanted
        piece = self._encode(view)
        self._read_already.put((buffer, wanted))
        return piece

    def hash_piece(self) -> None:
        """Hash the oldest piece that is not hashed yet."""
        buffer, count = self._read_already.get()
        self._hash.update(memoryview(buffer)[:count])
        self._free.put(buffer)

    def _read(self, view: memoryview) -> int:
        try:
            count = os.readv(self._fd, [view])
        except OSError as exc:
            raise _unreadable(self._path, exc) from exc
        if not count:
            raise _changed(self._path)
        return count

    def digest(self) -> str:
        return self._hash.hexdigest()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


async def patiently(path: Path, reading: "asyncio.Future[T]") -> T:
    """Return what `reading` the file comes to. Raises FolderOffline where that takes too long."""
    # Where nobody waits any more when it fails, its failure is nobody's trouble.
    reading.add_done_callback(_heard)
    done, _ = await asyncio.wait([reading], timeout=PATIENCE)
    if not done:
        raise FolderOffline(
            f"{path.name} cannot be read: its folder has not answered for {PATIENCE:.0f} s"
        )
    return reading.result()


def _heard(done: "asyncio.Future[Any]") -> None:
    """Take note of an outcome that nobody waits for."""
    if not done.cancelled():
        done.exception()


def _look(path: Path) -> tuple[Identity, bytes]:
    """Return what tells the file from others, and how it begins."""
    fd, identity = open_file(path)
    try:
        return identity, os.pread(fd, HEAD, 0)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    finally:
        os.close(fd)


def open_file(path: Path) -> tuple[int, Identity]:
    """Open a regular file, not through a link and without waiting at a pipe or device."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise FileBusy(f"{path.name} is not a regular file any more.")
    return fd, Identity.of(found)


def _unreadable(path: Path, exc: OSError) -> FileBusy:
    reason = "it is a link now" if exc.errno == errno.ELOOP else exc.strerror
    return FileBusy(f"{path.name} cannot be read: {reason}.")


def _changed(path: Path) -> FileBusy:
    return FileBusy(f"{path.name} changed while it was read; it is read again.")
