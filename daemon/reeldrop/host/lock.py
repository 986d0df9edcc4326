"""One daemon to a state folder. The lock is the kernel's: it ends with its holder, however that ends."""

import fcntl
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from reeldrop.domain.errors import StartupError

LOCK_NAME = "lock"
LONGEST_NOTE = 500


@contextmanager
def hold_state_folder(folder: Path) -> Generator[None]:
    """Hold `folder` for this process while the block runs; made for its owner alone if missing.

    The file `lock` in it says who holds it, for people; it stays behind and means nothing then.

    Raises:
        StartupError: another daemon holds it (the message says which), or it cannot be locked.
    """
    path = folder / LOCK_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StartupError(
            f"The state folder {folder} cannot be used: {error.strerror}."
        ) from error
    try:
        _take(lock, path)
        yield
    finally:
        # Closing gives the lock back. The file is not removed: another daemon may hold it by now.
        os.close(lock)


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(lock, LONGEST_NOTE, 0).decode("utf-8", "replace").strip()
        raise StartupError(
            f"Another daemon holds the state folder {path.parent}: {holder or 'it does not say who'}.",
            hint="Stop that one first, or give this one a state folder of its own.",
        ) from error
    except OSError as error:
        raise StartupError(f"The lock {path} cannot be taken: {error.strerror}.") from error
