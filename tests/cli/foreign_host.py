"""Runs `reeldrop` as on a host that is not POSIX, as far as one can be made of this one.

What only POSIX has is taken away before the first import of ours; what the libraries need of this
system to be imported at all is imported before. `python foreign_host.py PLATFORM ARGUMENTS…`
"""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

POSIX_MODULES = {"fcntl", "pwd", "grp", "termios", "resource", "posix", "tty", "pty", "syslog"}
NOT_FOR_DROP = {
    "watchdog",
    "av",
    "structlog",
    "httpx",
    "h11",
    "asyncio",
    "pydantic_settings",
    "sqlite3",
}
POSIX_CALLS = (
    *("fork", "forkpty", "geteuid", "getuid", "getegid", "getgid", "getgroups", "chown", "fchown"),
    *("lchown", "fchmod", "mkfifo", "statvfs", "fstatvfs", "sync", "fdatasync", "pread", "pwrite"),
    *("O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "setsid", "getpgid", "killpg", "umask", "link"),
    *("posix_fadvise", "posix_fallocate", "sched_getaffinity", "copy_file_range", "sendfile"),
)


class Absent:
    """Finds nothing where this system has a module."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in POSIX_MODULES | NOT_FOR_DROP:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def become(platform: str) -> None:
    """Take away what that platform has not."""
    for name in ("click", "jsonschema", "pydantic.main"):
        import_module(name)
    for name in POSIX_MODULES | NOT_FOR_DROP:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Absent())
    for name in POSIX_CALLS:
        if hasattr(os, name):
            delattr(os, name)
    opened, synced = os.open, os.fsync

    def open_no_folder(path: str, flags: int, mode: int = 0o777, **how: int) -> int:
        if os.path.isdir(path):  # noqa: PTH112 - pathlib may not be there yet
            raise PermissionError(13, "Permission denied", path)
        return opened(path, flags, mode, **how)

    def sync_no_folder(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112
            raise OSError(9, "Bad file descriptor")
        synced(descriptor)

    os.open, os.fsync = open_no_folder, sync_no_folder
    if platform == "win32":
        for name in ("SIGHUP", "SIGALRM", "SIGUSR1", "SIGCHLD", "alarm", "setitimer"):
            delattr(signal, name)
        signal.SIGBREAK = signal.SIGUSR2  # pyright: ignore[reportAttributeAccessIssue]
    sys.platform = platform


if __name__ == "__main__":
    become(sys.argv.pop(1))
    from reeldrop.cli import main

    main()
