"""One look at a whole inbox: the truth about what lies there. It changes nothing.

No file is opened but those that the caller names, on shares: there a look from afar may be old news.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from reeldrop.domain.job import RelPath
from reeldrop.files import mounts
from reeldrop.files.confined import FILE, FOLDER
from reeldrop.files.faults import reason, words_of
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

    `top` is the folder where its file system, or its mount, begins inside the inbox; `mount` is that.
    """

    path: RelPath
    fd: int
    device: int
    inode: int
    top: RelPath
    mount: mounts.Mount


@dataclass(slots=True)
class Sweep:
    """What one walk found."""

    entries: dict[RelPath, Entry] = field(default_factory=dict[RelPath, Entry])
    unreadable: dict[RelPath, str] = field(default_factory=dict[RelPath, str])
    tops: set[RelPath] = field(default_factory=lambda: {RelPath("")})
    """Where file systems begin, the inbox itself included."""


def sweep(
    root: int,
    known: Mapping[RelPath, Entry],
    visit: Callable[[Folder], None],
    closely: Collection[RelPath] = (),
) -> Sweep:
    """Walk the open folder `root`; `visit` is called with each folder before it is listed.

    `known` is what the walk before found: entries that are unchanged are taken from it. On file
    systems that are not local the files in `closely` are opened to be looked at: only an open asks
    the server.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    return _Walk(known, visit, closely).run(root)


class _Walk:
    def __init__(
        self,
        known: Mapping[RelPath, Entry],
        visit: Callable[[Folder], None],
        closely: Collection[RelPath],
    ) -> None:
        self._known = known
        self._visit = visit
        self._closely = frozenset(closely)
        self._points: frozenset[str] = frozenset()
        self._found = Sweep()
        self._open: list[tuple[Folder, list[str]]] = []

    def run(self, root: int) -> Sweep:
        try:
            fd = os.open(".", FOLDER, dir_fd=root)
            self._points = mounts.points_below(os.path.realpath(f"/proc/self/fd/{fd}"))
            self._enter(RelPath(""), fd, None)
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
                self._found.unreadable[path] = reason(error, folder.fd, name)
            return
        try:
            self._enter(path, fd, folder)
        except OSError as error:
            self._found.unreadable[path] = words_of(error)

    def _enter(self, path: RelPath, fd: int, above: Folder | None) -> None:
        """List the folder `path`, which lies in the folder `above`."""
        try:
            here = os.fstat(fd)
        except OSError:
            os.close(fd)
            raise
        if above is None or here.st_dev != above.device or path in self._points:
            top, mount = path, mounts.mount_of(fd)
            self._found.tops.add(path)
        else:
            top, mount = above.top, above.mount
        folder = Folder(path, fd, here.st_dev, here.st_ino, top, mount)
        subfolders: list[str] = []
        self._open.append((folder, subfolders))
        self._visit(folder)
        self._list(folder, subfolders)

    def _list(self, folder: Folder, subfolders: list[str]) -> None:
        prefix = f"{folder.path}/" if folder.path else ""
        entries, known = self._found.entries, self._known
        closely = frozenset[RelPath]() if folder.mount.local else self._closely
        with os.scandir(folder.fd) as listing:
            for item in listing:
                if len(entries) >= MAX_ENTRIES:
                    self._found.unreadable[folder.path] = TOO_MANY
                    return
                path = RelPath(prefix + item.name)
                before = known.get(path)
                try:
                    if before is not None and path not in closely:
                        # What is unchanged in every part is what it was: a file, and no litter.
                        now = item.stat(follow_symlinks=False)
                        if _is_same(before, now):
                            entries[before.path] = before
                            continue
                    self._note(folder, item, path, subfolders)
                except FileNotFoundError:
                    continue  # It has gone since it was listed.
                except OSError as error:
                    self._found.unreadable[path] = reason(error, folder.fd, item.name)

    def _note(
        self, folder: Folder, item: os.DirEntry[str], path: RelPath, subfolders: list[str]
    ) -> None:
        if is_litter(item.name):
            return
        if item.is_file(follow_symlinks=False):
            close = path in self._closely and not folder.mount.local
            now = _looked_into(folder.fd, item) if close else item.stat(follow_symlinks=False)
            before = self._known.get(path)
            if before is None or not _is_same(before, now):
                before = entry_of(path, now)
            self._found.entries[path] = before
        elif item.is_dir(follow_symlinks=False):
            subfolders.append(item.name)
        else:
            self._found.unreadable[path] = _special(item)


def _looked_into(folder: int, item: os.DirEntry[str]) -> os.stat_result:
    """Return what a file is, from its server; what cannot be opened is looked at from afar."""
    try:
        fd = os.open(item.name, FILE, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError:
        return item.stat(follow_symlinks=False)
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    return found if stat.S_ISREG(found.st_mode) else item.stat(follow_symlinks=False)


def _is_same(known: Entry, now: os.stat_result) -> bool:
    return (
        known.mtime_ns == now.st_mtime_ns
        and known.ctime_ns == now.st_ctime_ns
        and known.size == now.st_size
        and known.inode == now.st_ino
        and known.device == now.st_dev
    )


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
