"""Getting the files of a job that has ended back, as copies, so that it can be begun again.

Rule 1: what is taken again is what was taken before: what was changed since has become another drop.
Rule 2: a claim appears whole, by one rename; what is left of a copy that was broken off is swept.
Rule 3: until a job has it the claim is marked as a copy: nothing is lost with it, and nobody's is removed.
"""

import os
import secrets
import stat
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reeldrop.domain.errors import DropChanged, FolderOffline
from reeldrop.domain.job import Claim, ClaimedFile, RelPath
from reeldrop.files import durable, stage
from reeldrop.files.confined import folder_in, look, names_in, open_inside, parts_of, root_of
from reeldrop.files.faults import Refused, shown
from reeldrop.files.home import CLAIMS, COPY, HOME, PRIVATE
from reeldrop.files.litter import is_litter
from reeldrop.files.scan import entry_of

PART = "part-"
SAME_MOMENT = 2_000_000_000
"""Nanoseconds by which a file system may round the time of a copy."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where files lie now, and what to do with one that was changed there."""

    root: int
    name: str
    advice: str
    at: Callable[[ClaimedFile], str]


def again(inbox: int, claim: Claim, outbox: Path, folder: RelPath) -> Claim:
    """Make a new claim with the files of `claim` below the open `inbox`, durably; see `settle`.

    The sources are copied from `folder` of the outbox, where they were shown; those of a kept claim
    stay where they are. The references are copied from the inbox.

    Raises:
        DropChanged: a file has gone, or was changed since; `gone` names it.
        FolderOffline, OSError, Refused: it cannot be copied; nothing is left of what was begun.
    """
    if claim.kept:
        return _seen(claim, inbox)
    name = secrets.token_hex(16)
    with folder_in(inbox, CLAIMS.split("/"), make=PRIVATE) as claims:
        try:
            with (
                root_of(str(outbox)) as top,
                folder_in(claims, (PART + name,), make=PRIVATE) as part,
            ):
                _require_ours(top, str(outbox))
                made = _copied(claim, inbox, (top, folder), part)
            durable.rename_new(claims, PART + name, claims, name)
        except BaseException:
            stage.remove(claims, PART + name)
            raise
        os.fsync(claims)
    return replace(made, folder=RelPath(f"{CLAIMS}/{name}"))


def settle(inbox: int, claim: Claim) -> None:
    """Let a copied claim be one like any other: from now on its files may be the only ones.

    Raises:
        OSError, Refused: the mark cannot be removed.
    """
    with folder_in(inbox, parts_of(claim.folder)) as folder:
        with suppress(FileNotFoundError):
            os.unlink(COPY, dir_fd=folder)
        os.fsync(folder)


def _require_ours(fd: int, path: str) -> None:
    """Without our own folder in it this may be a place where a share is not mounted."""
    if look(fd, HOME) is None:
        raise FolderOffline(f"The folder {shown(path)} is not there now")


def sweep(inbox: int) -> None:
    """Remove what `again` had begun when it was broken off."""
    with suppress(FileNotFoundError), folder_in(inbox, CLAIMS.split("/")) as claims:
        for name in names_in(claims):
            if name.startswith(PART):
                stage.remove(claims, name)


def _seen(claim: Claim, inbox: int) -> Claim:
    shelf = _Shelf(inbox, "the inbox", "give it another name to run it as it is", _origin)

    def see(file: ClaimedFile) -> ClaimedFile:
        with _opened(shelf, file) as fd:
            return replace(file, key=entry_of(file.origin, os.fstat(fd)).key)

    return replace(
        claim, source=tuple(map(see, claim.source)), references=tuple(map(see, claim.references))
    )


def _copied(claim: Claim, inbox: int, placed: tuple[int, RelPath], part: int) -> Claim:
    top, folder = placed
    sources = _Shelf(
        top,
        f'"{shown(folder)}" of the outbox',
        'move what lies in "source" there back into the inbox to run it with the changes',
        lambda file: f"{folder}/{file.at}",
    )
    references = _Shelf(inbox, "the inbox", "drop the clip again to run it with that", _origin)
    made = replace(
        claim,
        source=tuple(_copy(sources, file, part) for file in claim.source),
        references=tuple(_copy(references, file, part) for file in claim.references),
    )
    durable.write_new(part, COPY, b"")
    os.fsync(part)
    return made


def _origin(file: ClaimedFile) -> str:
    return file.origin


def _copy(shelf: _Shelf, file: ClaimedFile, part: int) -> ClaimedFile:
    *folders, name = parts_of(file.at)
    with _opened(shelf, file) as source, folder_in(part, folders, make=PRIVATE) as target:
        durable.copy_new(source, target, name)
        found = os.fstat(source)
        os.utime(name, ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=target)
        os.fsync(target)
        copied = os.stat(name, dir_fd=target, follow_symlinks=False)
    return replace(file, key=entry_of(file.origin, copied).key)


@contextmanager
def _opened(shelf: _Shelf, file: ClaimedFile) -> Generator[int]:
    """Open a file that is as it was claimed. Raises DropChanged."""
    with ExitStack() as stack:
        try:
            fd = stack.enter_context(open_inside(shelf.root, shelf.at(file)))
        except (FileNotFoundError, NotADirectoryError, Refused) as error:
            raise DropChanged(
                f'"{shown(file.origin)}" is no longer in {shelf.name}; drop it again',
                gone=[file.origin],
            ) from error
        if not _is_as_claimed(os.fstat(fd), file.key):
            raise DropChanged(
                f'"{shown(file.origin)}" in {shelf.name} was changed: {shelf.advice}',
                gone=[file.origin],
            )
        yield fd


def _is_as_claimed(found: os.stat_result, key: str) -> bool:
    """Compare what outlives a copy and a remount: a file's size, and its time but for rounding."""
    if not key:
        return True
    size, mtime = map(int, key.split(":")[2:])
    return found.st_size == size and abs(found.st_mtime_ns - mtime) < SAME_MOMENT


# ------------------------------------------------------------------ the folder that is left


def take_away(root: int, folder: RelPath, expected: Mapping[RelPath, str], to: str) -> bool:
    """Move `folder` below `root` to the path `to`, if it holds nothing but what we put there.

    `expected` are our files, with the stat keys of those that people might have changed. False
    where anything else lies in it: then nothing is touched.

    Raises:
        OSError, Refused: it cannot be moved.
    """
    *above, name = parts_of(folder)
    *work, new = parts_of(to)
    with folder_in(root, above) as parent, folder_in(root, work, make=PRIVATE) as target:
        with folder_in(parent, (name,)) as found:
            if not _holds_only(found, expected, ""):
                return False
        durable.rename_new(parent, name, target, new)
        os.fsync(parent)
    return True


def _holds_only(folder: int, expected: Mapping[RelPath, str], path: str) -> bool:
    for name in names_in(folder):
        below = RelPath(f"{path}{name}")
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            with folder_in(folder, (name,)) as inner:
                if not _holds_only(inner, expected, f"{below}/"):
                    return False
        elif not is_litter(name) and not (
            below in expected and _is_as_claimed(found, expected[below])
        ):
            return False
    return True
