"""A file read at places, and what its file system says of it. Never follows what the bytes ask for."""

import os
import stat
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reeldrop.domain.errors import ClipUnreadable, FileBusy, NotWhole

MAX_HOLES = 100_000
Region = tuple[int, int]
"""A stretch of a file: its first byte and the byte after its last."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open regular file of `size` bytes; `name` is what messages call it."""

    fd: int
    name: str
    size: int
    what: str = "video"
    """What messages call its kind."""

    def at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`, fewer at the end of the file.

        Raises:
            FileBusy: the file cannot be read now.
        """
        found = b""
        try:
            # A read that a share fails in the middle of ends before that, and only the next one says so.
            while len(found) < length and (
                more := os.pread(self.fd, length - len(found), offset + len(found))
            ):
                found = found + more if found else more
        except OSError as exc:
            raise unreadable(self.name, exc.strerror or str(exc)) from exc
        return found

    def is_zero(self, offset: int, length: int) -> bool:
        """Say whether nothing but zeros lies there: space that was reserved and not filled."""
        return not self.at(offset, length).strip(b"\0")

    def torn(self, needed: int) -> NotWhole:
        """Return the error for a file that its own sizes say needs `needed` bytes."""
        return self.missing(f"{share(self.size, needed)} have arrived")

    def missing(self, why: str) -> NotWhole:
        """Return the error for a file of which `why` says that a part is missing."""
        return NotWhole(f"{self.name} is not a whole {self.what}: {why}")

    def check_filled(self, regions: Sequence[Region]) -> None:
        """Raise NotWhole where a hole lies in one of `regions` (sorted, not overlapping)."""
        starts = [start for start, _ in regions]
        for count, (start, end) in enumerate(self.holes()):
            before = bisect_right(starts, end - 1) - 1
            if count > MAX_HOLES or (before >= 0 and regions[before][1] > start):
                raise self.missing(f"nothing has been written yet at byte {start}")

    def holes(self) -> Iterator[Region]:
        """Yield the stretches without any data; none where the file system does not know."""
        offset = 0
        while offset < self.size:
            start = self._seek(offset, os.SEEK_HOLE)
            if start >= self.size:
                return
            offset = self._seek(start, os.SEEK_DATA)
            yield start, offset

    def _seek(self, offset: int, whence: int) -> int:
        """An error means that nothing but a hole follows (ENXIO), or that holes are not known here."""
        try:
            return min(os.lseek(self.fd, offset, whence), self.size)
        except OSError:
            return self.size


@contextmanager
def open_source(file: Path, what: str = "video") -> Generator[Source]:
    """Open `file`, which shall be a `what`, for reading.

    Raises:
        FileBusy: it cannot be opened now.
        ClipUnreadable: it is a folder, a pipe or a device.
    """
    try:
        # A pipe without a writer would hold the thread for ever.
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise busy(file, exc) from exc
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise ClipUnreadable(f"{file.name} is not a regular file")
        yield Source(fd, file.name, facts.st_size, what)
    finally:
        os.close(fd)


def busy(file: Path, exc: OSError) -> FileBusy:
    """Return the error for a file that the system does not let us open now."""
    why = exc.strerror or str(exc)
    if isinstance(exc, PermissionError):
        why = f"permission denied for uid {os.geteuid()} gid {os.getegid()}{_mode(file)}"
    return unreadable(file.name, why)


def unreadable(name: str, why: str) -> FileBusy:
    """Return the error for a file that cannot be read now."""
    return FileBusy(f"{name} cannot be read: {why}")


def _mode(file: Path) -> str:
    """Say who may read it; nothing where a folder above it stands in the way."""
    try:
        facts = file.stat()
    except OSError:
        return ""
    return f" (mode {stat.S_IMODE(facts.st_mode):04o}, owner {facts.st_uid}:{facts.st_gid})"


def share(have: int, need: int) -> str:
    """Say how much of a file is there, in the unit that suits the whole: "61 of 100 MB"."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if need >= 10 * unit:
            return f"{have // unit} of {-(-need // unit)} {name}"
    return f"{have} of {need} bytes"


def merged(regions: Sequence[Region]) -> list[Region]:
    """Return `regions` sorted, with those that touch or overlap made one."""
    result: list[Region] = []
    for start, end in sorted(regions):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
