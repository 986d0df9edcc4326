"""A file as a data URI, made while it is sent: read, hashed and encoded in a thread.

No more than two pieces of the file are in memory, whatever its size. Every reading has a thread of its
own: a share that hangs holds that one, and no other file is kept from being read.
"""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import pybase64

from reeldrop.domain.errors import FileBusy, FolderOffline
from reeldrop.domain.job import MediaFacts
from reeldrop.lane import Lane
from reeldrop.upload.media_type import HEAD, media_type

T = TypeVar("T")

PIECE = 768 * 1024
"""Source bytes at a time: a multiple of 3, so that base64 pads only the last."""
PATIENCE = 30.0
"""Seconds that a share gets for a piece; then the upload is given up, while its end is still here."""


@dataclass(frozen=True, slots=True)
class _Identity:
    """What tells a file from another one, and from itself after a change.

    ctime is not in it: a link made to the file elsewhere would look like a change.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class DataUri:
    """The `Streamed` port for one file; it can be streamed again and again."""

    def __init__(self, file: Path) -> None:
        """Look at `file`, which may take long; it is open only while `chunks` runs.

        Raises:
            FileBusy: it cannot be read, or is no regular file.
        """
        self._file = file
        self._identity, begins = _look(file)
        self._head = f"data:{media_type(file, begins)};base64,".encode()
        self._sha256 = ""
        self.length = len(self._head) + 4 * -(-self._identity.size // 3)

    @classmethod
    async def of(cls, file: Path) -> Self:
        """Return the URI of `file`. Raises FileBusy; FolderOffline where its folder does not answer."""
        lane = Lane(f"upload {file.name}", 1)
        looking = lane.begin(cls, file)
        lane.close()
        return await _patiently(file, looking)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the URI; the next piece is read while the last one is sent.

        Raises FileBusy; FolderOffline after PATIENCE seconds without a piece.
        """
        yield self._head
        lane = Lane(f"upload {self._file.name}", 1)
        reading = _Reading(self._file, self._identity)
        ahead = lane.begin(reading.next_piece)
        try:
            while chunk := await _patiently(self._file, ahead):
                ahead = lane.begin(reading.next_piece)
                yield chunk
        finally:
            ahead.add_done_callback(_heard)
            # In the lane as well: it comes after the piece that may still be read, and may hang too.
            lane.begin(reading.close).add_done_callback(_heard)
            lane.close()
        self._sha256 = reading.digest()

    async def verify(self) -> None:
        """Raise FileBusy unless the file at its path is still the one that was looked at.

        FolderOffline where that cannot be told for PATIENCE seconds.
        """
        lane = Lane(f"upload {self._file.name}", 1)
        looking = lane.begin(self._verify)
        lane.close()
        await _patiently(self._file, looking)

    def _verify(self) -> None:
        # Opened anew: on NFS only an open asks the server for the file's present attributes.
        if _look(self._file)[0] != self._identity:
            raise _changed(self._file)

    def facts(self) -> MediaFacts:
        """Return name, bytes and SHA-256; the last is None before `chunks` came to its end."""
        return MediaFacts(self._file.name, self._identity.size, self._sha256 or None)


class _Reading:
    """One pass over the file; every method but `digest` blocks and runs in a thread."""

    def __init__(self, file: Path, identity: _Identity) -> None:
        self._fd = -1
        self._file = file
        self._identity = identity
        self._left = identity.size
        self._hash = hashlib.sha256()
        self._buffer = bytearray(min(PIECE, self._left))

    def next_piece(self) -> bytes:
        """Return the next piece encoded; empty at the end of the file."""
        if self._fd < 0:
            self._fd, found = _open(self._file)
            if found != self._identity:
                raise _changed(self._file)
        wanted = min(self._left, len(self._buffer))
        view = memoryview(self._buffer)[:wanted]
        filled = 0
        while filled < wanted:
            filled += self._read(view[filled:])
        self._left -= wanted
        self._hash.update(view)
        return pybase64.b64encode(view)

    def _read(self, view: memoryview) -> int:
        try:
            count = os.readv(self._fd, [view])
        except OSError as exc:
            raise _unreadable(self._file, exc) from exc
        if not count:
            raise _changed(self._file)
        return count

    def digest(self) -> str:
        return self._hash.hexdigest()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


async def _patiently(file: Path, reading: "asyncio.Future[T]") -> T:
    # Where nobody waits any more when it fails, its failure is nobody's trouble.
    reading.add_done_callback(_heard)
    done, _ = await asyncio.wait([reading], timeout=PATIENCE)
    if not done:
        raise FolderOffline(
            f"{file.name} cannot be read: its folder has not answered for {PATIENCE:.0f} s"
        )
    return reading.result()


def _heard(done: "asyncio.Future[Any]") -> None:
    """Take note of an outcome that nobody waits for."""
    if not done.cancelled():
        done.exception()


def _look(file: Path) -> tuple[_Identity, bytes]:
    """Return what tells the file from others, and how it begins."""
    fd, identity = _open(file)
    try:
        return identity, os.pread(fd, HEAD, 0)
    except OSError as exc:
        raise _unreadable(file, exc) from exc
    finally:
        os.close(fd)


def _open(file: Path) -> tuple[int, _Identity]:
    """Open a regular file, not through a link and without waiting at a pipe or device."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise _unreadable(file, exc) from exc
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise FileBusy(f"{file.name} is not a regular file any more.")
    return fd, _Identity.of(found)


def _unreadable(file: Path, exc: OSError) -> FileBusy:
    reason = "it is a link now" if exc.errno == errno.ELOOP else exc.strerror
    return FileBusy(f"{file.name} cannot be read: {reason}.")


def _changed(file: Path) -> FileBusy:
    return FileBusy(f"{file.name} changed while it was read; it is read again.")
