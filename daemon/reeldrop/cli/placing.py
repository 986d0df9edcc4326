"""Puts a clip, its sidecar and its images into an inbox so that nobody ever sees half of them.

Only calls that Windows and macOS have as well: this runs on artists' machines and farm nodes.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from reeldrop.domain.errors import StartupError
from reeldrop.domain.paths import extension, fold, stem

COPIED = 1024 * 1024
"""Bytes of one read."""
BUSY_FOR = 5.0
"""Seconds a file may be held by somebody: on Windows a virus scanner opens whatever is new."""
BUSY_AGAIN = 0.1


@dataclass(frozen=True, slots=True)
class Parcel:
    """What shall be dropped: `name` is the stem that is wanted, `spec` the sidecar's content."""

    clip: Path
    images: Sequence[Path]
    spec: Mapping[str, Any]
    name: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a parcel lies now."""

    clip: Path
    sidecar: Path
    ticket: str
    folder: str
    """What its folder in the outbox is called, where that name is free."""


def landing(parcel: Parcel, inbox: Path, name: str = "") -> Placed:
    """Return where a parcel lies once it is placed under `name`, its own where none is given."""
    *_, sidecar, clip = _names(parcel, name or parcel.name)
    own = parcel.spec.get("reeldrop", {}).get("name")
    folder = own if isinstance(own, str) and own else stem(clip)
    return Placed(inbox / clip, inbox / sidecar, parcel.ticket, folder)


def place(parcel: Parcel, inbox: Path) -> Placed:
    """Copy the parcel under hidden names, then rename: images first, the clip last.

    Nothing that is there is overwritten: `name-2`, `name-3` … is the first that is free.

    Raises:
        StartupError: the inbox is not there or cannot be written, or a file cannot be read.
    """
    hidden: list[Path] = []
    try:
        _copy_all(parcel, inbox, hidden)
        names = _reserve(parcel, inbox)
        with _all_or_nothing([inbox / name for name in names]):
            _write(hidden[-2], _sidecar(parcel, names[:-2]))
            for source, name in zip(hidden, names, strict=True):
                _patiently(partial(source.replace, inbox / name))
        _sync_folder(inbox)
    except OSError as error:
        place_named = error.filename or inbox
        raise StartupError(
            f"{parcel.clip} could not be dropped: {place_named}: {error.strerror}"
        ) from error
    finally:
        for leftover in hidden:
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
    return landing(parcel, inbox, stem(names[-1]))


def take_back(parcel: Parcel, placed: Placed) -> None:
    """Remove a parcel that was placed and will never be taken, the clip first; others stay as they are."""
    images = _names(parcel, stem(placed.clip.name))[:-2]
    _let_go([placed.clip, placed.sidecar, *(placed.clip.with_name(name) for name in images)])


@contextmanager
def _all_or_nothing(held: Sequence[Path]) -> Generator[None, None, None]:
    """Take what is held out of the inbox where the drop ends half-way: a sidecar alone is a riddle.

    The clip, which is the last, goes first: alone it might be run with what the presets say.
    """
    try:
        yield
    except BaseException:
        _let_go(held[::-1])
        raise


def _patiently(step: Callable[[], object]) -> None:
    """Do what a program that has the file open may forbid for a moment."""
    until = time.monotonic() + BUSY_FOR
    while True:
        try:
            step()
        except PermissionError:
            if time.monotonic() >= until:
                raise
        else:
            return
        time.sleep(BUSY_AGAIN)


def _copy_all(parcel: Parcel, inbox: Path, hidden: list[Path]) -> None:
    """Copy images, an empty sidecar and the clip, in the order in which they are renamed."""
    mine = secrets.token_hex(8)
    for index, source in enumerate((*parcel.images, None, parcel.clip)):
        target = inbox / f".reeldrop-{mine}-{index}.part"
        hidden.append(target)
        if source is not None:
            _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, COPIED)
        written.flush()
        os.fsync(written.fileno())


def _write(target: Path, content: bytes) -> None:
    with target.open("xb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())


def _sidecar(parcel: Parcel, images: Sequence[str]) -> bytes:
    spec = dict(parcel.spec)
    if images:
        spec["image_list"] = [*spec.get("image_list", ()), *images]
    return json.dumps(spec, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _reserve(parcel: Parcel, inbox: Path) -> list[str]:
    """Return the names of images, sidecar and clip, each held by an empty file of ours.

    An empty file is never taken for a drop, and our rename over it replaces nothing of others.
    """
    for name in _stems(parcel.name):
        names = _names(parcel, name)
        if _is_taken(names[-1], inbox):
            continue
        held: list[Path] = []
        try:
            for each in names:
                (inbox / each).open("xb").close()
                held.append(inbox / each)
        except FileExistsError:
            _let_go(held)
        except OSError:
            _let_go(held)
            raise
        else:
            return names
    raise AssertionError("names without end have an end")


def _let_go(held: Sequence[Path]) -> None:
    for path in held:
        with suppress(OSError):
            path.unlink()


def _stems(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}-{number}"


def _names(parcel: Parcel, name: str) -> list[str]:
    images = [
        f"{name}-image{number}{image.suffix.lower()}"
        for number, image in enumerate(parcel.images, 1)
    ]
    return [*images, f"{name}.json", f"{name}{parcel.clip.suffix}"]


def _is_taken(clip: str, inbox: Path) -> bool:
    """Say whether another file could be meant by the same sidecar, or be another sidecar of it."""
    ours = {fold(stem(clip)), fold(clip)}
    for entry in os.scandir(inbox):
        if fold(entry.name) in ours or fold(stem(entry.name)) == fold(stem(clip)):
            return True
        if extension(entry.name) == "json" and fold(stem(entry.name)) in ours:
            return True
    return False


def _sync_folder(folder: Path) -> None:
    """Make renames lasting where a folder can be synced: not on Windows, nor on some shares."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
