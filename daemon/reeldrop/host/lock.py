"""One holder to a state folder. The lock is the kernel's: it ends with its holder, however that ends."""

import fcntl
import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from reeldrop.domain.errors import StartupError

LOCK_NAME = "lock"
LONGEST_NOTE = 500
DAEMON, COMMAND = "a daemon", "a command"
"""Who may hold it: a daemon for as long as it runs, a command for a moment while none does."""
PATIENCE = 2.0
"""Seconds that a daemon waits for a command that is about to end."""
AGAIN = 0.05


class Held(StartupError):
    """Another process holds the state folder."""


@contextmanager
def hold_state_folder(
    folder: Path, holder: str = DAEMON, *, patience: float = PATIENCE
) -> Generator[None]:
    """Hold `folder` for this process while the block runs; made for its owner alone if missing.

    The file `lock` in it says who holds it, for people; it stays behind and means nothing then.
    It is waited for `patience` seconds.

    Raises:
        Held: another process holds it; the message says which.
        StartupError: it cannot be locked.
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
        _take(lock, path, holder, time.monotonic() + patience)
        yield
    finally:
        # Closing gives the lock back. The file is not removed: another daemon may hold it by now.
        os.close(lock)


def holder_of(folder: Path) -> str:
    """Return who holds `folder` now, as its lock tells it; "" where nobody does.

    To find out it is shared for an instant, which whoever takes it waits out.

    Raises:
        StartupError: the lock cannot be looked at.
    """
    path = folder / LOCK_NAME
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StartupError(f"The lock {path} cannot be looked at: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _note(lock)
    finally:
        os.close(lock)
    return ""


def _note(lock: int) -> str:
    note = os.pread(lock, LONGEST_NOTE, 0).decode("utf-8", "replace").strip()
    return note or "it does not say who"


def _take(lock: int, path: Path, holder: str, until: float) -> None:
    try:
        while not _is_free(lock):
            if time.monotonic() >= until:
                raise _held(lock, path)
            time.sleep(AGAIN)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"pid {os.getpid()} on {socket.gethostname()}, {holder}\n".encode(), 0)
    except OSError as error:
        raise StartupError(f"The lock {path} cannot be taken: {error.strerror}.") from error


def _is_free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(lock: int, path: Path) -> Held:
    return Held(
        f"Another daemon or command holds the state folder {path.parent}: {_note(lock)}.",
        hint="Let that one end first, or give this one a state folder of its own.",
    )
