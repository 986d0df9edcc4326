"""Checks before the first look: the folders are there, lie apart, and let the run user work."""

import errno
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from reeldrop.domain.errors import SettingsError, StartupError
from reeldrop.files import durable
from reeldrop.files.confined import file_in, root_of
from reeldrop.files.faults import DENIED, FULL, run_user, shown
from reeldrop.files.home import HOME
from reeldrop.files.look import Look, look_of
from reeldrop.files.mounts import mount_of
from reeldrop.settings import Settings, WatchSettings


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the settings, under the key that names it."""

    key: str
    path: Path
    role: str

    def __str__(self) -> str:
        return f'{self.key} = "{shown(str(self.path))}"'


def check_folders(settings: Settings) -> None:
    """Check every folder of the settings.

    Raises:
        SettingsError: folders contain one another, or an inbox is read-only and its sources shall
            move.
        StartupError: a folder is not there, or the run user may not work in it.
    """
    look = look_of(settings.output)
    # First, so that nobody is told to make a folder that may not be there.
    _check_apart(list(_places(settings)))
    for watch in settings.watch:
        for key, folder in (("inbox", watch.inbox), ("outbox", watch.outbox)):
            _require_folder(f"watch.{watch.name}.{key}", Path(folder).absolute())
    for watch in settings.watch:
        _probe_inbox(watch)
        _probe_outbox(watch, look)


def _places(settings: Settings) -> Iterator[Place]:
    for watch in settings.watch:
        yield Place(f"watch.{watch.name}.inbox", Path(watch.inbox).absolute(), "inbox")
        yield Place(f"watch.{watch.name}.outbox", Path(watch.outbox).absolute(), "outbox")
    yield Place("store.state_dir", settings.store.state_folder.absolute(), "state")
    database = settings.store.sqlite_path.parent.absolute()
    if database != settings.store.state_folder.absolute():
        yield Place("store.url", database, "state")


def _require_folder(key: str, path: Path) -> None:
    try:
        with os.scandir(path) as listing:
            next(listing, None)
    except OSError as error:
        why = f"permission denied for {run_user()}" if error.errno in DENIED else error.strerror
        raise StartupError(
            f'{key}: the folder "{shown(str(path))}" cannot be read: {why}',
            hint="Make or mount it, and let the run user read it; Reeldrop does not make it, so "
            "that a share that is not mounted is never written beside.",
        ) from error


# ------------------------------------------------------------------ apart from one another


def _check_apart(places: list[Place]) -> None:
    for one, other in combinations(places, 2):
        if one.role == other.role and _may_meet(one, other):
            continue
        for inner, outer in ((one, other), (other, one)):
            if _lies_in(inner.path, outer.path):
                raise SettingsError(
                    f"{inner} lies in {outer}; inbox, outbox and state must not contain one "
                    "another, and no two watches may share an inbox"
                )


def _may_meet(one: Place, other: Place) -> bool:
    """Say whether two folders of one role may overlap: the state's may, outboxes may be one."""
    if one.role == "outbox":
        return _lies_in(one.path, other.path) and _lies_in(other.path, one.path)
    return one.role == "state"


def _lies_in(inner: Path, outer: Path) -> bool:
    """Say whether `inner` is `outer` or below it, through links and bind mounts."""
    if not outer.is_dir():
        return inner.resolve().is_relative_to(outer.resolve())
    top = outer.stat()
    here = _nearest(inner.resolve())
    if any(os.path.samestat(top, folder.stat()) for folder in (here, *here.parents)):
        return True
    # A bind mount shows a folder from deep inside at a place of its own.
    device, inside = _on_disk(here)
    outer_device, around = _on_disk(outer.resolve())
    return device != "" and device == outer_device and inside.is_relative_to(around)


def _nearest(path: Path) -> Path:
    """Return `path`, or the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _on_disk(path: Path) -> tuple[str, Path]:
    """Return the device of `path` and its place within that file system."""
    try:
        with root_of(str(path)) as fd:
            mount = mount_of(fd)
    except OSError as error:
        raise StartupError(
            f'the folder "{shown(str(path))}" cannot be looked at by {run_user()}: {error.strerror}',
            hint="Ask as the user that the daemon runs as.",
        ) from error
    point = Path(mount.point or "/")
    below = path.relative_to(point) if path.is_relative_to(point) else Path()
    return mount.device, Path(mount.root or "/") / below


# ------------------------------------------------------------------ the run user may work there


def _probe_inbox(watch: WatchSettings) -> None:
    if watch.archive == "keep":
        return
    try:
        _probe(watch.inbox, Look())
    except OSError as error:
        if error.errno in FULL:
            return
        why = f"permission denied for {run_user()}" if error.errno in DENIED else error.strerror
        raise SettingsError(
            f'watch.{watch.name}.inbox = "{shown(watch.inbox)}" is read-only ({why}), but '
            f'archive = "{watch.archive}" takes drops out of it',
            hint=f'Let {run_user()} write and rename there, or set archive = "keep".',
        ) from error


def _probe_outbox(watch: WatchSettings, look: Look) -> None:
    try:
        _probe(watch.outbox, look)
    except OSError as error:
        # A full disk is waited for, with everything else that waits.
        if error.errno in FULL:
            return
        why = f"permission denied for {run_user()}" if error.errno in DENIED else error.strerror
        raise StartupError(
            f'watch.{watch.name}.outbox: Reeldrop cannot work in "{shown(watch.outbox)}": {why}',
            hint=f"Let {run_user()} write, rename and delete there, and be in the group of "
            "`output.group`.",
        ) from error


def _probe(folder: str, look: Look) -> None:
    """Write, rename, give its looks to, read and delete a small file and a folder.

    Raises:
        OSError: one of that cannot be done.
    """
    name = f"{HOME}-probe-{secrets.token_hex(8)}"
    moved = f"{name}-moved"
    with root_of(folder) as root:
        durable.write_new(root, name, b"reeldrop")
        try:
            durable.rename_new(root, name, root, moved)
            name = moved
            with file_in(root, moved) as file:
                look.apply(file)
                if os.read(file, 8) != b"reeldrop":
                    raise OSError(errno.EIO, "what was written does not read back")
        finally:
            os.unlink(name, dir_fd=root)
        os.fsync(root)
