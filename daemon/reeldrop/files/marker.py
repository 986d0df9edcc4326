"""How a folder is known to be the one it was: by the marker in it, or by the mount that it lies on.

Rule 1: what a folder does not hold proves something only while the folder is known to be there.
Rule 2: all is seen through one open folder, which stays the same when a share goes or comes meanwhile.
"""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import structlog

from reeldrop.domain.errors import FolderOffline
from reeldrop.files import durable, stage
from reeldrop.files.confined import file_in, folder_in, look, root_of
from reeldrop.files.faults import Refused, shown
from reeldrop.files.home import HOME, MARKER, PRIVATE
from reeldrop.files.mounts import mount_of

log = structlog.get_logger()

OWN_MARKER = f"{HOME}/{MARKER}"
LIMIT = 1 << 16
"""Bytes of a marker that are read; ours have some hundred."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What a marker says: the store's random id, its folders, the daemon's name, and since when."""

    store: str
    inbox: str
    outbox: str
    node: str
    since: float
    """Seconds since the epoch; for people, and not read again."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How one folder is known again."""

    folder: str
    """Its absolute path."""
    place: str
    """The mount it lies on, as `Mount.place` says it."""
    owner: Owner | None
    """Whose marker it holds; None where it cannot be written to and holds none."""


def mark_of(folder: str) -> Mark:
    """Return how `folder` is known again, as it is now.

    Raises:
        OSError, Refused: it, or its marker, cannot be read.
    """
    with root_of(folder) as root:
        return Mark(folder, mount_of(root).place, read(root))


def read(root: int) -> Owner | None:
    """Return what the marker of the open folder says, None where there is none.

    Raises:
        OSError, Refused: it cannot be read, or names no store.
    """
    try:
        with (
            folder_in(root, (HOME,)) as home,
            file_in(home, MARKER) as fd,
            open(fd, "rb", closefd=False) as file,
        ):
            said = json.loads(file.read(LIMIT))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise Refused(f"it is no marker: {error}") from error
    if not isinstance(said, dict) or not isinstance(said.get("store"), str):
        raise Refused("it names no store")
    words = {name: str(said.get(name, "unknown")) for name in ("store", "inbox", "outbox", "node")}
    return Owner(**words, since=0.0)


def put(root: int, owner: Owner, *, replace: bool) -> None:
    """Mark the open folder, durably.

    Raises:
        FileExistsError: it has been marked meanwhile; with `replace` that is overwritten.
        OSError: it cannot be marked.
    """
    content = json.dumps(asdict(owner), indent=1).encode() + b"\n"
    # Two daemons may mark at one moment; of one store only one runs.
    part = f"{MARKER}.{owner.store}"
    with folder_in(root, (HOME,), make=PRIVATE) as home:
        stage.remove(home, part)
        durable.write_new(home, part, content)
        if replace and look(home, MARKER) is not None:
            os.replace(part, MARKER, src_dir_fd=home, dst_dir_fd=home)
        else:
            _show(home, part)
        os.fsync(home)


def _show(home: int, part: str) -> None:
    try:
        durable.rename_new(home, part, home, MARKER)
    except FileExistsError:
        os.unlink(part, dir_fd=home)
        raise


class Guard:
    """Opens one folder, as long as it is the one that was marked."""

    def __init__(self, role: str, mark: Mark) -> None:
        """`role` is what people call the folder: `inbox` or `outbox`."""
        self._role = role
        self._mark = mark

    @contextmanager
    def opened(self) -> Generator[int]:
        """Open the folder.

        Raises:
            FolderOffline: it is another one.
            OSError: it does not answer.
        """
        with root_of(self._mark.folder) as root:
            self.require(root)
            yield root

    def require(self, root: int) -> None:
        """Raise FolderOffline unless the open folder is the one that was marked."""
        owner = self._mark.owner
        if owner is None:
            if (place := mount_of(root).place) != self._mark.place:
                raise self._another(f"it lies on {place}, not on {self._mark.place}")
            return
        try:
            said = read(root)
        except Refused as error:
            raise self._another(f"its {OWN_MARKER} cannot be read, {error.strerror}") from error
        if said is None:
            raise self._another(f"its {OWN_MARKER} is gone")
        if said.store != owner.store:
            raise FolderOffline(
                f"The {self._role} {self._shown} belongs to another Reeldrop now: "
                f"{shown(said.node)}, store {shown(said.store)}"
            )

    def mark_anew(self) -> None:
        """Mark the folder again where it was deleted and made anew under our eyes.

        Only on a local file system, and on the very mount where it was marked: anything else may be
        the place where a share is not mounted.

        Raises:
            OSError: it cannot be looked at, or marked.
        """
        owner = self._mark.owner
        with root_of(self._mark.folder) as root:
            mount = mount_of(root)
            if owner is None or not mount.local or mount.place != self._mark.place:
                return
            try:
                if read(root) is None:
                    put(root, owner, replace=False)
                    log.warning("inbox.made_anew", folder=self._mark.folder)
            except (Refused, FileExistsError):
                return  # `require` says whose it is.

    @property
    def _shown(self) -> str:
        return shown(self._mark.folder)

    def _another(self, why: str) -> FolderOffline:
        return FolderOffline(
            f"The {self._role} {self._shown} is not the one it was: {why} (is the share mounted?)"
        )
