"""Whose folders these are: a marker that keeps a second daemon with another store away."""

import errno
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reeldrop.domain.errors import StartupError
from reeldrop.files import marker
from reeldrop.files.confined import root_of
from reeldrop.files.faults import DENIED, run_user, shown, words_of
from reeldrop.files.marker import OWN_MARKER, Mark, Owner
from reeldrop.files.mounts import mount_of
from reeldrop.settings import WatchSettings


def folders_of(watch: WatchSettings) -> tuple[str, str]:
    """Return the absolute paths of the watch's inbox and outbox, as their marks name them."""
    return str(Path(watch.inbox).absolute()), str(Path(watch.outbox).absolute())


def own(
    watch: WatchSettings,
    store_id: str,
    node: str,
    places: Mapping[str, str],
    *,
    take_over: bool,
) -> tuple[Mark, Mark]:
    """Mark the watch's inbox and outbox as those of the store `store_id`, durably; return their marks.

    `places` tells on which mount each folder lay when it was marked, as far as that is known. A
    folder without its marker on any other mount is a share that is away, and is never marked. A
    read-only inbox cannot be marked and is left as it is. With `take_over` all that is passed over.

    Raises:
        StartupError: another store holds a folder, its marker cannot be read, or a folder is not
            there; nothing was marked.
    """
    inbox, outbox = folders_of(watch)
    since = time.time()  # noqa: TID251 - for people to read; no rule depends on it
    owner = Owner(store_id, inbox, outbox, node, since)
    # Both are read before one is marked: a start that is refused leaves no trace.
    found = {
        folder: None if take_over else _found(folder, owner, places.get(folder, ""))
        for folder in (inbox, outbox)
    }
    marks = {
        folder: mark or _marked(folder, owner, take_over=take_over)
        for folder, mark in found.items()
    }
    return marks[inbox], marks[outbox]


def _found(folder: str, owner: Owner, place: str) -> Mark | None:
    """Return the mark that the folder holds, None where it is to be marked. Raises StartupError."""
    try:
        mark = marker.mark_of(folder)
    except OSError as error:
        if not Path(folder).is_dir():
            raise _not_there(folder, error) from error
        raise StartupError(
            f"{shown(folder)}/{OWN_MARKER} cannot be read, so nobody knows whose folder it is: "
            f"{words_of(error)}",
            hint="Mend or remove that file when no other daemon uses the folder.",
        ) from error
    if mark.owner is None and place not in ("", mark.place):
        raise StartupError(
            f"The folder {shown(folder)} is not mounted: it lay on {place}, and what is there now "
            f"({mark.place}) holds no {OWN_MARKER}",
            hint="Mount it; where the folder has moved for good, start once with "
            "`reeldrop run --take-over`.",
        )
    if mark.owner is not None and mark.owner.store != owner.store:
        raise StartupError(
            f"The folder {shown(folder)} belongs to another Reeldrop: "
            f"{shown(mark.owner.node)}, store {shown(mark.owner.store)}",
            hint="Stop that daemon and watch other folders; where its store is gone for ever, "
            "start once with `reeldrop run --take-over`.",
        )
    return replace(mark, owner=owner) if mark.owner else None


def _marked(folder: str, owner: Owner, *, take_over: bool) -> Mark:
    """Mark the folder; an inbox that is read-only stays without a marker. Raises StartupError."""
    try:
        with root_of(folder) as root:
            mark = Mark(folder, mount_of(root).place, owner)
            try:
                marker.put(root, owner, replace=take_over)
            except OSError as error:
                read_only = error.errno in DENIED or error.errno == errno.EROFS
                if not read_only or folder != owner.inbox:
                    raise
                return replace(mark, owner=None)
    except FileExistsError as error:
        # Another daemon marked it at the same moment; one of the same store is no other.
        if held := _found(folder, owner, ""):
            return held
        raise _not_there(folder, error) from error
    except OSError as error:
        raise _not_there(folder, error) from error
    return mark


def _not_there(folder: str, error: OSError) -> StartupError:
    return StartupError(
        f"The folder {shown(folder)} cannot be marked as ours: {words_of(error)}",
        hint=f"Let {run_user()} write there.",
    )
