"""What the operating system's errors mean to Reeldrop: the one place where they are translated."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from reeldrop.domain.errors import DiskFull, FileBusy, FolderOffline, StepError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
DENIED = frozenset({errno.EACCES, errno.EPERM})
OFFLINE = frozenset(
    {
        errno.ESTALE,
        errno.EIO,
        errno.EROFS,
        errno.ENXIO,
        errno.ENODEV,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EREMOTEIO,
    }
)


class Refused(OSError):
    """A path that must not be used; its text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EPERM, reason)


def shown(path: str) -> str:
    """Return `path` as people may read it: no odd bytes, no line breaks."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)


def run_user() -> str:
    """Return who the daemon is, as `uid 995 gid 995`."""
    return f"uid {os.geteuid()} gid {os.getegid()}"


def verdict(error: OSError, root: str, doing: str) -> StepError:
    """Return the error of the taxonomy for `error`, met below `root` while `doing` something."""
    words = os.strerror(error.errno) if error.errno else str(error)
    if isinstance(error, Refused):
        return FileBusy(f"{doing}: {error.strerror}")
    if error.errno in FULL:
        return DiskFull(f"{doing}: {words}", hint=f"Free space on the disk of {shown(root)}.")
    if error.errno in OFFLINE or (error.errno == errno.ENOENT and not Path(root).is_dir()):
        return FolderOffline(f"The folder {shown(root)} does not answer ({doing}: {words})")
    if error.errno in DENIED:
        return FileBusy(
            f"{doing}: permission denied for {run_user()}",
            hint=f"Let {run_user()} read, write and rename in {shown(root)}.",
        )
    return FileBusy(f"{doing}: {words}")


@contextmanager
def translated(root: str, doing: str) -> Generator[None]:
    """Turn an OSError of the block into what it means; `doing` begins the message for people."""
    try:
        yield
    except OSError as error:
        raise verdict(error, root, doing) from error
