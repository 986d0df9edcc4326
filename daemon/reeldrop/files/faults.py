"""What the operating system's errors mean to Reeldrop: the one place where they are translated."""

import errno
import os
import stat
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


class Denied(PermissionError):
    """Something that the daemon's user may not do; its text names the user and what stands in the way."""

    def __init__(self, what: str = "", found: os.stat_result | None = None) -> None:
        """`found` is what stands in the way; `what` names it where it is not the file itself."""
        words = f"permission denied for {run_user()}"
        if found is not None:
            mode = stat.S_IMODE(found.st_mode)
            words += f" ({what}mode {mode:04o}, owner {found.st_uid}:{found.st_gid})"
        super().__init__(errno.EACCES, words)


FOLDER = "its folder has "


@contextmanager
def explained(folder: int, name: str) -> Generator[None]:
    """Let what the block is denied of `name` in the open `folder` say what stands in the way.

    Raises:
        Denied: instead of a PermissionError.
    """
    try:
        yield
    except Denied:
        raise
    except PermissionError as error:
        raise _denied(folder, name) from error


def _denied(folder: int, name: str) -> Denied:
    try:
        return Denied(found=os.stat(name, dir_fd=folder, follow_symlinks=False))
    except PermissionError:
        # Who may not enter the folder cannot even look at what is in it.
        return Denied(FOLDER, os.fstat(folder))
    except OSError:
        return Denied()


def reason(error: OSError, folder: int, name: str) -> str:
    """Return what the system says of `name` in the open `folder`, and what stands in the way."""
    return words_of(_denied(folder, name) if isinstance(error, PermissionError) else error)


def unmovable(*folders: int) -> Denied:
    """Return the error of a rename that is denied: one of the open `folders` stands in the way."""
    closed = (
        fd
        for fd in folders
        if not os.access(f"/proc/self/fd/{fd}", os.W_OK | os.X_OK, effective_ids=True)
    )
    return Denied(FOLDER, os.fstat(next(closed, folders[0])))


def run_user() -> str:
    """Return who the daemon is, as `uid 995 gid 995`."""
    return f"uid {os.geteuid()} gid {os.getegid()}"


def words_of(error: OSError) -> str:
    """Return what the system says, with the daemon's user where that is the reason."""
    if isinstance(error, Refused | Denied):
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
