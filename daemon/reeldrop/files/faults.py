"""What the operating system's errors mean to Reeldrop: the one place where they are translated."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from reeldrop.domain.errors import DiskFull, FileBusy, FolderOffline, StepError
from reeldrop.domain.paths import printable

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
shown = printable
"""How this room's messages write a path."""


class Refused(OSError):
    """A path that must not be used; its text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EPERM, reason)


def run_user() -> str:
    """Return who the daemon is, as `uid 995 gid 995`."""
    return f"uid {os.geteuid()} gid {os.getegid()}"


def words_of(error: OSError) -> str:
    """Return what the system says, with the daemon's user where that is the reason."""
    if isinstance(error, Refused):
        return error.strerror or "it must not be used"
    if error.errno in DENIED:
        return f"permission denied for {run_user()}"
    return os.strerror(error.errno) if error.errno else str(error)


def verdict(error: OSError, root: str, doing: str) -> StepError:
    """Return the error of the taxonomy for `error`, met below `root` while `doing` something."""
    words = words_of(error)
    if isinstance(error, Refused):
        return FileBusy(f"{doing}: {error.strerror}")
    if error.errno in FULL:
        return DiskFull(f"{doing}: {words}", hint=f"Free space on the disk of {shown(root)}.")
    if error.errno in OFFLINE or (error.errno == errno.ENOENT and not Path(root).is_dir()):
        return FolderOffline(f"The folder {shown(root)} does not answer ({doing}: {words})")
    if error.errno in DENIED:
        return FileBusy(
            f"{doing}: {words}",
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
