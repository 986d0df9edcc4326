"""A file as a data URI, made while it is sent: read, hashed and encoded in a thread.

No more than two pieces of the file are in memory, whatever its size.
"""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pybase64

from reeldrop.domain.errors import FileBusy
from reeldrop.domain.job import MediaFacts

PIECE = 768 * 1024
"""Source bytes at a time: a multiple of 3, so that base64 pads only the last."""
MIME_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/x-m4v",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "mxf": "application/mxf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "heic": "image/heic",
    "avif": "image/avif",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
}


def mime_type(file: Path) -> str:
    """Return the media type that the extension of `file` stands for."""
    return MIME_TYPES.get(file.suffix.removeprefix(".").lower(), "application/octet-stream")


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

    def __init__(self, file: Path, readers: Executor) -> None:
        """Look at `file`; it is open only while `chunks` runs.

        Raises:
            FileBusy: it cannot be read, or is no regular file.
        """
        self._file = file
        self._readers = readers
        self._head = f"data:{mime_type(file)};base64,".encode()
        self._identity = _look(file)
        self._sha256 = ""
        self.length = len(self._head) + 4 * -(-self._identity.size // 3)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the URI; the next piece is read while the last one is sent."""
        loop = asyncio.get_running_loop()
        yield self._head
        reading = _Reading(self._file, self._identity)
        ahead = loop.run_in_executor(self._readers, reading.next_piece)
        try:
            while chunk := await asyncio.shield(ahead):
                ahead = loop.run_in_executor(self._readers, reading.next_piece)
                yield chunk
        finally:
            # Closing waits behind the piece that may still be read from the descriptor.
            ahead.add_done_callback(lambda done: self._finish(reading, done))
        self._sha256 = reading.digest()

    def _finish(self, reading: "_Reading", done: "asyncio.Future[bytes]") -> None:
        if not done.cancelled():
            done.exception()
        reading.close()

    async def verify(self) -> None:
        """Raise FileBusy unless the file at its path is still the one that was looked at."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._readers, self._verify)

    def _verify(self) -> None:
        # Opened anew: on NFS only an open asks the server for the file's present attributes.
        if _look(self._file) != self._identity:
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


def _look(file: Path) -> _Identity:
    fd, identity = _open(file)
    os.close(fd)
    return identity


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
