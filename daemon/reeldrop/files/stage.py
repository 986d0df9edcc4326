"""Building a job's folder, complete and on disk, where nobody sees it yet."""

import errno
import os
import posixpath
import shutil
from contextlib import suppress
from pathlib import Path

import structlog

from reeldrop.files import durable
from reeldrop.files.confined import file_in, folder_in, parts_of, root_of
from reeldrop.files.confined import look as look_at
from reeldrop.files.home import CLAIMS, HOME, MARKER
from reeldrop.files.look import Look
from reeldrop.ports import Delivery

log = structlog.get_logger()

NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a link answers where only a copy can be made."""


def build(folder: int, delivery: Delivery, look: Look) -> None:
    """Fill the empty folder `folder` and write all of it to disk.

    The result is linked, not moved: it stays where it was fetched until the record says that it
    was delivered.

    Raises:
        OSError, Refused: a part is gone or the disk does not take it.
    """
    for name, content in delivery.texts.items():
        durable.write_new(folder, _leaf(name), content)
    if delivery.result:
        _place(delivery.result[0], folder, _leaf(delivery.result[1]))
    if delivery.poster:
        _place(delivery.poster, folder, "poster.jpg")
    for file, path in delivery.sources:
        *folders, name = ("source", *parts_of(path))
        with folder_in(folder, folders, make=0o777) as target:
            _place_source(file, target, name)
    finish(folder, look)


def _place_source(file: Path, folder: int, name: str) -> None:
    """Show a source; one that somebody took out of its claim by hand is done without."""
    try:
        _place(file, folder, name)
    except FileNotFoundError:
        if not _was_taken_out(file):
            raise
        log.warning("source.missing", file=str(file))


def _was_taken_out(file: Path) -> bool:
    """Say whether it is the claimed `file` that is gone, and not its share.

    All is seen from one open folder, which stays the same when a share goes or comes meanwhile. A
    share inside the inbox has no marker of its own, but the folder of its claims.
    """
    if HOME not in file.parts:
        return False
    depth = len(file.parts) - file.parts[::-1].index(HOME)
    *folders, name = file.parts[depth:]
    with suppress(FileNotFoundError), root_of(str(Path(*file.parts[:depth]))) as home:
        if look_at(home, MARKER) is None and look_at(home, posixpath.basename(CLAIMS)) is None:
            return False
        with suppress(FileNotFoundError), folder_in(home, folders) as folder:
            return look_at(folder, name) is None
        return True
    return False


def _leaf(name: str) -> str:
    if parts_of(name) != (name,):
        raise ValueError(f"{name!r} is no file name")
    return name


def _place(file: Path, folder: int, name: str) -> None:
    with root_of(str(file.parent)) as origin, file_in(origin, file.name) as source:
        # Only what is ours may share its bytes with the outbox: a file that somebody can still
        # write to would change the record of what was sent.
        if HOME in file.parts:
            try:
                os.link(
                    file.name, name, src_dir_fd=origin, dst_dir_fd=folder, follow_symlinks=False
                )
            except OSError as error:
                if error.errno not in NO_LINK:
                    raise
            else:
                return
        durable.copy_new(source, folder, name)
        found = os.fstat(source)
        os.utime(name, ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=folder)


def finish(folder: int, look: Look) -> None:
    """Give the folder and all below it their looks, and write them to disk, the deepest first."""
    with os.scandir(folder) as listing:
        items = [(item.name, item.is_dir(follow_symlinks=False)) for item in listing]
    for name, is_folder in items:
        if is_folder:
            with folder_in(folder, (name,)) as below:
                finish(below, look)
        else:
            with file_in(folder, name) as file:
                # A linked source may belong to the artist: then it keeps the artist's bits.
                with suppress(PermissionError):
                    look.apply(file)
                os.fsync(file)
    look.apply(folder)
    os.fsync(folder)


def copy_tree(source: int, target: int) -> None:
    """Copy the staged folder `source` into the empty folder `target` of another file system."""
    with os.scandir(source) as listing:
        items = [(item.name, item.is_dir(follow_symlinks=False)) for item in listing]
    for name, is_folder in items:
        if is_folder:
            with folder_in(source, (name,)) as below, folder_in(target, (name,), make=0o777) as new:
                copy_tree(below, new)
        else:
            with file_in(source, name) as file:
                durable.copy_new(file, target, name)


def remove(folder: int, name: str) -> None:
    """Remove the file or folder `name`; nothing happens where nothing has that name."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(name, dir_fd=folder)
