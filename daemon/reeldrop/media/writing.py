"""The file that is being made: an mp4, and what its disk may say of it."""

import errno
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from reeldrop.domain.errors import ClipUnreadable, DiskFull, FileBusy, StepError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset({errno.EINVAL, errno.ERANGE, errno.EPERM})
"""The muxer's word for a packet that mp4 cannot hold; of a file, the word of a place that is closed to us."""


class Writing:
    """An mp4 under way. Its streams are all added before the first packet."""

    def __init__(self, container: OutputContainer, to: Path) -> None:
        self.container = container
        self._to = to

    def put(self, packets: "Iterable[Packet[Any]]") -> None:
        """Write `packets`; raises DiskFull, FileBusy, or ClipUnreadable where mp4 cannot hold them."""
        try:
            for packet in packets:
                self.container.mux_one(packet)
        except (FFmpegError, ValueError) as exc:
            if getattr(exc, "errno", None) in _REFUSED:
                raise _unfit(self._to, exc) from exc
            raise _failed(self._to, exc) from exc


@contextmanager
def written(to: Path) -> Generator[Writing]:
    """Make the mp4 `to`, in place of an old one; at the end of the `with` it is on the disk.

    Raises:
        DiskFull: there is no room for it.
        FileBusy: it cannot be written now.
    """
    try:
        # FFmpeg opens it with the first packet only, and would say the same of a packet.
        to.open("wb").close()
        container = av.open(
            str(to.absolute()), "w", format="mp4", options={"movflags": "+faststart"}
        )
    except (FFmpegError, OSError) as exc:
        raise _failed(to, exc) from exc
    try:
        yield Writing(container, to)
    except BaseException:
        _abandon(container, to)
        raise
    try:
        container.close()
        _sync(to)
        _sync_folder(to.parent)
    except (FFmpegError, OSError, ValueError) as exc:
        raise _failed(to, exc) from exc


def _abandon(container: OutputContainer, to: Path) -> None:
    """Half a clip is of no use to anybody, and why it is not whole is known already."""
    with suppress(OSError):
        # Without a name it is not read through once more to bring its index to the front.
        to.unlink()
    with suppress(FFmpegError, ValueError):
        container.close()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_folder(folder: Path) -> None:
    """Make the name durable, too, where a file system does that at all."""
    try:
        _sync(folder)
    except OSError as exc:
        if exc.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise


def _failed(to: Path, exc: Exception) -> StepError:
    """Return what a failure means that is the system's, or FFmpeg's where it names no cause of the system."""
    code = getattr(exc, "errno", None)
    if code in _FULL:
        return DiskFull(f"{to.name} cannot be written: {_why(exc)}")
    if code in errno.errorcode:
        return FileBusy(f"{to.name} cannot be written: {_why(exc)}")
    return _unfit(to, exc)


def _unfit(to: Path, exc: Exception) -> ClipUnreadable:
    return ClipUnreadable(f"{to.name} cannot be made as an mp4: {_why(exc)}")


def _why(exc: Exception) -> str:
    return getattr(exc, "strerror", None) or str(exc)
