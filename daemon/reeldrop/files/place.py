"""Placing a staged folder in the outbox: which name is free, and the one rename that shows it."""

import errno
import os
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import count

from reeldrop.files import durable, stage
from reeldrop.files.confined import file_in, folder_in, look, names_in, parts_of
from reeldrop.files.home import HOME, PRIVATE
from reeldrop.files.look import Look
from reeldrop.files.mounts import mount_of

WORK = (HOME, "work")
BUILDING = (HOME, "building")


def free_name(root: int, wanted: str) -> str:
    """Return `wanted`, or with `-2`, `-3` … the first name below `root` that nothing has.

    A folder on the way that is taken by a file or a link is given another name in the same way.
    """
    *folders, name = parts_of(wanted)
    free: list[str] = []
    for folder in folders:
        free.append(_free(root, free, folder, join=True))
    free.append(_free(root, free, name, join=False))
    return "/".join(free)


def _free(root: int, above: Sequence[str], name: str, *, join: bool) -> str:
    """Return the first free form of `name`; with `join` a folder of that name will do."""
    name = durable.shortened(name, "")
    try:
        with folder_in(root, above) as folder:
            if _fits(folder, name, join=join):
                return name
            names = set(names_in(folder))
            for number in count(2):
                new = durable.shortened(name, f"-{number}")
                if (join or new not in names) and _fits(folder, new, join=join):
                    return new
    except FileNotFoundError:
        pass
    return name


def _fits(folder: int, name: str, *, join: bool) -> bool:
    found = look(folder, name)
    return found is None or (join and stat.S_ISDIR(found.st_mode))


def is_there(root: int, path: str) -> bool:
    """Say whether anything has the name `path` below `root`."""
    *folders, name = parts_of(path)
    try:
        with folder_in(root, folders) as folder:
            return look(folder, name) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False


def show(root: int, staged: str, final: str, appearance: Look) -> None:
    """Rename the staged folder to `final`, durably; missing folders on the way are made.

    Raises:
        FileExistsError: `final` is taken.
        OSError, Refused: it cannot be placed there.
    """
    *work_folders, name = parts_of(staged)
    *folders, new = parts_of(final)
    _make_folders(root, folders, appearance)
    with folder_in(root, work_folders) as work, folder_in(root, folders) as target:
        try:
            durable.rename_new(work, name, target, new)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with _top(root, folders) as top:
                _show_across((work, name), top, (target, new), appearance)
        os.fsync(target)
        os.fsync(work)


def _make_folders(root: int, folders: Sequence[str], appearance: Look) -> None:
    for depth, name in enumerate(folders):
        with folder_in(root, folders[:depth]) as above:
            if look(above, name) is not None:
                continue
            with folder_in(above, (name,), make=0o777) as made:
                appearance.apply(made)
                os.fsync(made)


@contextmanager
def _top(root: int, folders: Sequence[str]) -> Generator[int]:
    """Open the folder at or above `folders` where its mount begins inside the outbox."""
    with folder_in(root, folders) as folder:
        mount, device = mount_of(folder).id, os.fstat(folder).st_dev
    depth = len(folders)
    while depth:
        with folder_in(root, folders[: depth - 1]) as above:
            if (mount_of(above).id, os.fstat(above).st_dev) != (mount, device):
                break
        depth -= 1
    with folder_in(root, folders[:depth]) as top:
        yield top


def _show_across(
    staged: tuple[int, str], top: int, final: tuple[int, str], appearance: Look
) -> None:
    """Place on a file system that is mounted inside the outbox, through its own work folder."""
    work, name = staged
    with (
        folder_in(top, BUILDING, make=PRIVATE) as building,
        folder_in(work, (name,)) as source,
    ):
        # The same record lies there when a crash came between the rename and the clearing away.
        if not _same_record(source, final):
            stage.remove(building, name)
            with folder_in(building, (name,), make=0o777) as folder:
                stage.copy_tree(source, folder)
                stage.finish(folder, appearance)
            durable.rename_new(building, name, *final)
            os.fsync(final[0])
    stage.remove(work, name)


def _same_record(source: int, final: tuple[int, str]) -> bool:
    if look(*final) is None:
        return False
    try:
        with (
            folder_in(final[0], final[1:]) as placed,
            file_in(placed, "job.json") as there,
            file_in(source, "job.json") as here,
        ):
            return durable.sha256_of(there) == durable.sha256_of(here)
    except (FileNotFoundError, NotADirectoryError):
        return False
