"""One look at a whole inbox: the truth about what lies there. It changes nothing and opens no file."""

import errno
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reeldrop.domain.job import RelPath
from reeldrop.files import mounts
from reeldrop.files.confined import FOLDER
from reeldrop.files.faults import run_user
from reeldrop.files.litter import is_litter
from reeldrop.ports import Entry

MAX_DEPTH = 64
"""Folders within folders; each level holds one descriptor open while the walk is below it."""
MAX_ENTRIES = 1_000_000
TOO_MANY = f"the inbox holds more than {MAX_ENTRIES} files; the rest is not looked at"
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What opening a folder says that was removed or replaced since it was listed."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the walk, open. `path` is relative to the inbox, empty for the inbox itself.

    `top` is the folder where its file system, or its mount, begins inside the inbox.
    """

    path: RelPath
    fd: int
    device: int
    inode: int
    top: RelPath


@dataclass(slots=True)
class Sweep:
    """What one walk found."""

    entries: dict[RelPath, Entry] = field(default_factory=dict[RelPath, Entry])
    unreadable: dict[RelPath, str] = field(default_factory=dict[RelPath, str])
    tops: set[RelPath] = field(default_factory=lambda: {RelPath("")})
    """Where file systems begin, the inbox itself included."""


def sweep(root: str, known: Mapping[RelPath, Entry], visit: Callable[[Folder], None]) -> Sweep:
    """Walk `root`; `visit` is called with each folder before it is listed.

    `known` is what the walk before found: entries that are unchanged are taken from it.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    return _Walk(root, known, visit).run()


class _Walk:
    def __init__(
        self, root: str, known: Mapping[RelPath, Entry], visit: Callable[[Folder], None]
    ) -> None:
        self._root = root
        self._known = known
        self._visit = visit
        self._points = mounts.points_below(os.path.realpath(root))
        self._found = Sweep()
        self._open: list[tuple[Folder, list[str]]] = []

    def run(self) -> Sweep:
        try:
            fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._enter(RelPath(""), fd, RelPath(""), None)
            if "" in self._found.unreadable:
                raise OSError(errno.EIO, self._found.unreadable[RelPath("")])
            while self._open:
                self._step()
        finally:
            for folder, _ in self._open:
                os.close(folder.fd)
        return self._found

    def _step(self) -> None:
        """Go on with the folder that was opened last: one of its subfolders, or back up."""
        folder, subfolders = self._open[-1]
        if not subfolders:
            self._open.pop()
            os.close(folder.fd)
            return
        name = subfolders.pop()
        path = _join(folder.path, name)
        if len(self._open) > MAX_DEPTH:
            self._found.unreadable[path] = f"it lies more than {MAX_DEPTH} folders deep"
            return
        try:
            fd = os.open(name, FOLDER, dir_fd=folder.fd)
        except OSError as error:
            if error.errno not in GONE:
                self._found.unreadable[path] = _why(error, name, folder.fd)
            return
        self._enter(path, fd, folder.top, folder.device)

    def _enter(self, path: RelPath, fd: int, top: RelPath, above: int | None) -> None:
        """List the folder `path`; `above` is the device of the folder that holds it."""
        here = os.fstat(fd)
        if above is not None and (here.st_dev != above or path in self._points):
            top = path
            self._found.tops.add(path)
        folder = Folder(path, fd, here.st_dev, here.st_ino, top)
        subfolders: list[str] = []
        self._open.append((folder, subfolders))
        self._visit(folder)
        try:
            self._list(folder, subfolders)
        except OSError as error:
            if above is None:
                raise
            self._found.unreadable[path] = _words(error)

    def _list(self, folder: Folder, subfolders: list[str]) -> None:
        prefix = f"{folder.path}/" if folder.path else ""
        entries, known = self._found.entries, self._known
        with os.scandir(folder.fd) as listing:
            for item in listing:
                name = item.name
                if is_litter(name):
                    continue
                path = RelPath(prefix + name)
                if item.is_file(follow_symlinks=False):
                    if len(entries) >= MAX_ENTRIES:
                        self._found.unreadable[folder.path] = TOO_MANY
                        return
                    try:
                        entries[path] = _entry(path, item, known.get(path))
                    except FileNotFoundError:
                        continue  # It has gone since it was listed.
                elif item.is_dir(follow_symlinks=False):
                    subfolders.append(name)
                else:
                    self._found.unreadable[path] = _special(item)


def _entry(path: RelPath, item: os.DirEntry[str], known: Entry | None) -> Entry:
    now = item.stat(follow_symlinks=False)
    if (
        known is not None
        and known.mtime_ns == now.st_mtime_ns
        and known.ctime_ns == now.st_ctime_ns
        and known.size == now.st_size
        and known.inode == now.st_ino
        and known.device == now.st_dev
    ):
        return known
    return entry_of(path, now)


def entry_of(path: RelPath, found: os.stat_result) -> Entry:
    """Return the file at `path` as a scan sees it."""
    return Entry(
        path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev
    )


def _special(item: os.DirEntry[str]) -> str:
    if item.is_symlink():
        return "it is a symbolic link, which is not followed"
    return "it is not a regular file"


def _join(folder: RelPath, name: str) -> RelPath:
    return RelPath(f"{folder}/{name}" if folder else name)


def _why(error: OSError, name: str, above: int) -> str:
    """Say why the folder `name` cannot be opened, with its owner and mode where that is the reason."""
    if error.errno not in (errno.EACCES, errno.EPERM):
        return _words(error)
    try:
        found = os.stat(name, dir_fd=above, follow_symlinks=False)
    except OSError:
        return f"permission denied for {run_user()}"
    mode = stat.S_IMODE(found.st_mode)
    return (
        f"permission denied for {run_user()} (mode {mode:04o}, owner {found.st_uid}:{found.st_gid})"
    )


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
