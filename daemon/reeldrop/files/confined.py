"""Opening what lies below a folder, and nothing else: no `..` out of it, no symbolic link on the way.

Paths go component by component from an open folder, so that no other process can slip a link in.
"""

import errno
import os
import re
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from reeldrop.files.faults import Refused, explained, shown

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
FOREIGN = re.compile(r"[A-Za-z]:[\\/]|\\\\")
"""How other systems begin an absolute path."""


def parts_of(path: str) -> tuple[str, ...]:
    """Return the components of `path`, `.` and `..` worked out by text.

    Raises:
        Refused: it is empty or absolute, leaves its folder, or cannot be a path.
    """
    if not path or "\0" in path:
        raise Refused("it is no path")
    if path.startswith("/"):
        raise Refused(f'"{shown(path)}" is absolute; a path must be relative')
    if FOREIGN.match(path) or any(_climbs(part) for part in path.split("/")):
        raise Refused(f'"{shown(path)}" is not a relative path with "/" between folders')
    parts = _worked_out(path)
    if not parts:
        raise Refused(f'"{shown(path)}" names no file')
    return tuple(parts)


def _worked_out(path: str) -> list[str]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise Refused(f'"{shown(path)}" leads out of the folder')
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _climbs(part: str) -> bool:
    """Say whether another system would read the one component `part` as a way up."""
    return "\\" in part and ".." in part.split("\\")


@contextmanager
def root_of(path: str) -> Generator[int]:
    """Open the folder at the top, whose own path is the administrator's and may hold links."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def folder_in(root: int, parts: Sequence[str], *, make: int | None = None) -> Generator[int]:
    """Open the folder `parts` below `root`; with `make` missing ones are made, durably, in that mode.

    Raises:
        Refused: a symbolic link stands in the way.
        OSError: it is not there, or no folder.
    """
    fd = os.dup(root)
    try:
        for part in parts:
            below = _enter(fd, part, make)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def _enter(fd: int, part: str, make: int | None) -> int:
    try:
        with explained(fd, part):
            return os.open(part, FOLDER, dir_fd=fd)
    except FileNotFoundError:
        if make is None:
            raise
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(fd, part):
            raise Refused(f'"{shown(part)}" is a symbolic link, which is not followed') from error
        raise
    try:
        os.mkdir(part, make, dir_fd=fd)
        os.fsync(fd)
    except FileExistsError:
        # Another step made it meanwhile, or somebody put something else there.
        pass
    return os.open(part, FOLDER, dir_fd=fd)


def _is_link(fd: int, part: str) -> bool:
    found = look(fd, part)
    return found is not None and stat.S_ISLNK(found.st_mode)


def names_in(fd: int) -> list[str]:
    """Return the names in the folder `fd`."""
    with os.scandir(fd) as listing:
        return [item.name for item in listing]


def look(fd: int, name: str) -> os.stat_result | None:
    """Return the lstat of `name` in the folder `fd`, None where nothing has that name."""
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextmanager
def file_in(folder: int, name: str) -> Generator[int]:
    """Open the regular file `name` of the folder `folder` for reading.

    Raises:
        Refused: it is a link, a folder, a FIFO or another thing that is never opened.
        OSError: it is not there or cannot be read.
    """
    # Looked at first: only opening a device or a FIFO may already have an effect.
    with explained(folder, name):
        _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
        fd = os.open(name, FILE, dir_fd=folder)
    try:
        _require_regular(os.fstat(fd), name)
        yield fd
    finally:
        os.close(fd)


def _require_regular(found: os.stat_result, name: str) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Refused(f'"{shown(name)}" is a symbolic link, which is not followed')
    if stat.S_ISDIR(found.st_mode):
        raise Refused(f'"{shown(name)}" is a folder, not a file')
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f'"{shown(name)}" is not a regular file')


def check(root: int, path: str) -> None:
    """Raise Refused unless `path` below `root` is a regular file reached without a link.

    Raises:
        FileNotFoundError: nothing is there.
    """
    *folders, name = parts_of(path)
    with folder_in(root, folders) as folder, explained(folder, name):
        _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), name)


@contextmanager
def open_inside(root: int, path: str) -> Generator[int]:
    """Open the regular file at `path` below `root` for reading; raises like `file_in`."""
    *folders, name = parts_of(path)
    with folder_in(root, folders) as folder, file_in(folder, name) as fd:
        yield fd
