"""Whose folders these are: a marker that keeps a second daemon with another store away."""

import errno
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reeldrop.domain.errors import StartupError
from reeldrop.files import durable, stage
from reeldrop.files.claim import HOME, MARKER, PRIVATE
from reeldrop.files.confined import file_in, folder_in, look, root_of
from reeldrop.files.faults import DENIED, run_user, shown
from reeldrop.settings import WatchSettings

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
    """Seconds since the epoch."""


def own(watch: WatchSettings, store_id: str, node: str, *, take_over: bool) -> None:
    """Mark the watch's inbox and outbox as those of the store `store_id`, durably.

    A read-only inbox cannot be marked and is left as it is. With `take_over` another store's
    marker is replaced.

    Raises:
        StartupError: another store holds a folder, its marker cannot be read, or a folder is not
            there; nothing was marked.
    """
    inbox, outbox = str(Path(watch.inbox).absolute()), str(Path(watch.outbox).absolute())
    since = time.time()  # noqa: TID251 - for people to read; no rule depends on it
    owner = Owner(store_id, inbox, outbox, node, since)
    # Both are read before one is marked: a start that is refused leaves no trace.
    unmarked = [folder for folder in (inbox, outbox) if take_over or not _is_ours(folder, owner)]
    for folder in unmarked:
        _mark(folder, owner, take_over=take_over, may_be_read_only=folder == owner.inbox)


def _is_ours(folder: str, owner: Owner) -> bool:
    """Return False for a folder without a marker; raise for another store's."""
    held = _read(folder)
    if held is None:
        return False
    if held.get("store") != owner.store:
        raise StartupError(
            f"The folder {shown(folder)} belongs to another Reeldrop: "
            f"{shown(str(held.get('node', 'unknown')))}, store {shown(str(held.get('store')))}",
            hint="Stop that daemon and watch other folders; where its store is gone for ever, "
            "start once with `reeldrop run --take-over`.",
        )
    return True


def _read(folder: str) -> dict[str, Any] | None:
    try:
        with (
            root_of(folder) as root,
            folder_in(root, (HOME,)) as home,
            file_in(home, MARKER) as fd,
            open(fd, "rb", closefd=False) as file,
        ):
            content = json.loads(file.read(LIMIT))
    except FileNotFoundError as error:
        if not Path(folder).is_dir():
            raise _not_there(folder, error) from error
        return None
    except (OSError, ValueError) as error:
        raise StartupError(
            f"{shown(folder)}/{HOME}/{MARKER} cannot be read, so nobody knows whose folder it is: "
            f"{error}",
            hint="Mend or remove that file when no other daemon uses the folder.",
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("store"), str):
        raise StartupError(
            f"{shown(folder)}/{HOME}/{MARKER} names no store, so nobody knows whose folder it is",
            hint="Remove that file when no other daemon uses the folder.",
        )
    return content


def _mark(folder: str, owner: Owner, *, take_over: bool, may_be_read_only: bool) -> None:
    content = json.dumps(asdict(owner), indent=1).encode() + b"\n"
    # Two daemons may mark at one moment; of one store only one runs.
    part = f"{MARKER}.{owner.store}"
    try:
        with root_of(folder) as root, folder_in(root, (HOME,), make=PRIVATE) as home:
            stage.remove(home, part)
            durable.write_new(home, part, content)
            if take_over and look(home, MARKER) is not None:
                os.replace(part, MARKER, src_dir_fd=home, dst_dir_fd=home)
            else:
                _show(home, part)
            os.fsync(home)
    except FileExistsError:
        # Another daemon marked it at the same moment; one of the same store is no other.
        _is_ours(folder, owner)
    except OSError as error:
        if may_be_read_only and (error.errno in DENIED or error.errno == errno.EROFS):
            return
        raise _not_there(folder, error) from error


def _show(home: int, part: str) -> None:
    try:
        durable.rename_new(home, part, home, MARKER)
    except FileExistsError:
        os.unlink(part, dir_fd=home)
        raise


def _not_there(folder: str, error: OSError) -> StartupError:
    return StartupError(
        f"The folder {shown(folder)} cannot be marked as ours: {error.strerror}",
        hint=f"Let {run_user()} write there.",
    )
