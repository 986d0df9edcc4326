"""Making a drop ours: planned as a value, then made true on disk, step by step.

Rule 1: at every instant a source lies in the inbox or in the claim, and nowhere twice under a
        name that anybody would take for whole.
Rule 2: every step may be done again: what is in its place already is done.
Rule 3: nothing is ever overwritten, neither in the claim nor when a file is put back.
Rule 4: what is taken is what was judged; a file that was replaced meanwhile is not taken.
"""

import errno
import os
import posixpath
import secrets
import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

from reeldrop.domain.errors import DropChanged, FolderOffline
from reeldrop.domain.job import Claim, ClaimedFile, RelPath
from reeldrop.domain.paths import common_folder, join
from reeldrop.files import durable
from reeldrop.files.confined import (
    file_in,
    folder_in,
    look,
    open_inside,
    parts_of,
)
from reeldrop.files.faults import Refused, shown
from reeldrop.files.home import CLAIM_FOLDER, CLAIMS, HOME, PRIVATE
from reeldrop.files.mounts import mount_of
from reeldrop.files.scan import entry_of


def plan(
    top: RelPath, sources: Sequence[RelPath], base: RelPath, references: Sequence[RelPath]
) -> Claim:
    """Name the claim's folder below `top`, the folder where the clip's file system begins."""
    folder = f"{CLAIMS}/{secrets.token_hex(16)}"
    base = common_folder((join(base, "_"), *sources))
    return Claim(
        RelPath(f"{top}/{folder}" if top else folder),
        tuple(ClaimedFile(RelPath(f"source/{_below(base, path)}"), path) for path in sources),
        tuple(
            ClaimedFile(RelPath(f"refs/{_numbered(number, path)}"), path)
            for number, path in enumerate(references, start=1)
        ),
    )


def plan_kept(sources: Sequence[RelPath], references: Sequence[RelPath]) -> Claim:
    """Return the claim of a drop whose files stay where they are."""
    return Claim(
        RelPath(""),
        tuple(ClaimedFile(path, path) for path in sources),
        tuple(ClaimedFile(path, path) for path in references),
    )


def _below(base: RelPath, path: RelPath) -> str:
    return path.removeprefix(f"{base}/") if base else path


def _numbered(number: int, path: RelPath) -> str:
    stem, extension = posixpath.splitext(posixpath.basename(path))
    number_ = f"{number}-"
    return number_ + durable.shortened(stem, extension, 255 - len(number_))


def make_true(inbox: int, claim: Claim) -> None:
    """Copy the references and move the sources into the claim, durably; put all back on failure.

    Raises:
        DropChanged: a file has gone, or is not the one that was judged.
        FolderOffline: the file system that it lies on is not mounted.
        OSError, Refused: a file cannot be moved, or a disk does not take it.
    """
    if claim.kept:
        if changed := _changed(inbox, (*claim.source, *claim.references)):
            raise changed
        return
    require_mounted(inbox, claim)
    with folder_in(inbox, claim.folder.split("/"), make=PRIVATE) as folder:
        try:
            for number, claimed in enumerate(claim.references):
                _copy_reference(inbox, folder, claimed, f"part-r{number}")
            for number, claimed in enumerate(claim.source):
                _move_source(inbox, folder, claimed, f"part-s{number}")
        except OSError as error:
            _put_back(inbox, folder, claim)
            changed = _changed_since(inbox, folder, claim)
            _remove_if_empty(inbox, folder, claim)
            if changed is None:
                raise
            raise changed from error
        _settle(inbox, folder, claim)


def gone(inbox: int, claim: Claim) -> list[RelPath]:
    """Return which files of a claim that was made are not in it any more, by the paths that they had.

    Raises:
        FolderOffline, OSError: that cannot be told now.
    """
    require_mounted(inbox, claim)
    return [
        claimed.origin
        for claimed in (*claim.source, *claim.references)
        if _is_gone(inbox, f"{claim.folder}/{claimed.at}")
    ]


def _is_gone(inbox: int, path: str) -> bool:
    *folders, name = parts_of(path)
    try:
        with folder_in(inbox, folders) as folder:
            return look(folder, name) is None
    except (FileNotFoundError, NotADirectoryError):
        return True


def require_mounted(inbox: int, claim: Claim) -> None:
    """Raise FolderOffline where the claim lies on a file system of its own that is not there now.

    What is left of it then is a folder like any other, whose emptiness proves nothing.
    """
    top = claim.folder.partition(HOME)[0].rstrip("/")
    if not top:
        return
    *folders, _ = parts_of(top)
    with folder_in(inbox, parts_of(top)) as begins, folder_in(inbox, folders) as above:
        if (mount_of(begins).id, os.fstat(begins).st_dev) == (
            mount_of(above).id,
            os.fstat(above).st_dev,
        ):
            raise FolderOffline(f'The folder "{shown(top)}" of the inbox is not mounted now')


def _copy_reference(inbox: int, folder: int, claimed: ClaimedFile, part: str) -> None:
    *folders, name = parts_of(claimed.at)
    with folder_in(folder, folders, make=PRIVATE) as target:
        if look(target, name) is not None:
            return
        if look(folder, part) is not None:
            os.unlink(part, dir_fd=folder)
        with open_inside(inbox, claimed.origin) as source:
            _require_judged(source, claimed)
            durable.copy_new(source, folder, part)
        durable.rename_new(folder, part, target, name)


def _move_source(inbox: int, folder: int, claimed: ClaimedFile, part: str) -> None:
    *folders, name = parts_of(claimed.at)
    *origin_folders, origin_name = parts_of(claimed.origin)
    with folder_in(folder, folders, make=PRIVATE) as target:
        if look(target, name) is not None or _finish_part(inbox, folder, claimed, part):
            return
        with (
            folder_in(inbox, origin_folders) as origin,
            file_in(origin, origin_name) as source,
        ):
            _require_judged(source, claimed)
            os.fsync(source)
            try:
                durable.rename_new(origin, origin_name, target, name)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                durable.move_across(origin, origin_name, (target, name), (folder, part), source)
            else:
                _require_same(source, target, name)
                _require_judged(source, claimed)


def _require_same(source: int, target: int, name: str) -> None:
    """Raise Refused where another file, or a link, was slipped in under the name we moved."""
    if not os.path.samestat(os.fstat(source), os.stat(name, dir_fd=target, follow_symlinks=False)):
        raise Refused(f'"{shown(name)}" was replaced while it was claimed')


def _require_judged(source: int, claimed: ClaimedFile) -> None:
    """Raise Refused unless the open file is the one that was judged."""
    if not _is_judged(os.fstat(source), claimed):
        raise Refused(f'"{shown(claimed.origin)}" is not the file any more that was looked at')


def _is_judged(found: os.stat_result, claimed: ClaimedFile) -> bool:
    return claimed.key in ("", entry_of(claimed.origin, found).key)


def _changed_since(inbox: int, folder: int, claim: Claim) -> DropChanged | None:
    """Return why a claim can never be made as it was planned, None where it may be made later."""
    held = {each.origin for each in claim.source if _is_there(folder, each.at)}
    if any(not _is_there(inbox, origin) for origin in held):
        # What is in the claim alone is put back first, when the disk takes it again.
        return None
    left = [each for each in (*claim.source, *claim.references) if not _is_there(folder, each.at)]
    return _changed(inbox, left, held)


def _changed(
    inbox: int, files: Iterable[ClaimedFile], held: Collection[RelPath] = ()
) -> DropChanged | None:
    """Return an error that names those of `files` that are not in the inbox as they were judged."""
    found = {each: _look_below(inbox, each.origin) for each in files}
    gone = [each.origin for each, now in found.items() if now is None]
    others = [each.origin for each, now in found.items() if now and not _is_judged(now, each)]
    if not gone and not others:
        return None
    what = f'"{shown((gone or others)[0])}" {"has gone" if gone else "was replaced"}'
    return DropChanged(f"{what} before it could be taken", gone=gone, held=held)


def _finish_part(inbox: int, folder: int, claimed: ClaimedFile, part: str) -> bool:
    """Finish a move across file systems that a crash cut short after the source was removed."""
    if look(folder, part) is None or _is_there(inbox, claimed.origin):
        return False
    *folders, name = parts_of(claimed.at)
    with folder_in(folder, folders, make=PRIVATE) as target:
        durable.rename_new(folder, part, target, name)
    return True


def _is_there(root: int, path: str) -> bool:
    return _look_below(root, path) is not None


def _look_below(root: int, path: str) -> os.stat_result | None:
    """Return the lstat of what lies at `path` below `root`, None where nothing does."""
    *folders, name = parts_of(path)
    try:
        with folder_in(root, folders) as folder:
            return look(folder, name)
    except FileNotFoundError:
        return None


def _settle(inbox: int, folder: int, claim: Claim) -> None:
    """Write the folders' own changes to disk: where files arrived first, then where they left."""
    for path in sorted({posixpath.dirname(at.at) for at in (*claim.references, *claim.source)}):
        with folder_in(folder, path.split("/")) as arrived:
            os.fsync(arrived)
    os.fsync(folder)
    with folder_in(inbox, claim.folder.split("/")[:-1]) as claims_folder:
        os.fsync(claims_folder)
    for path in sorted({posixpath.dirname(claimed.origin) for claimed in claim.source}):
        # A folder that went meanwhile has nothing left to lose.
        with suppress(FileNotFoundError), folder_in(inbox, path.split("/") if path else ()) as left:
            os.fsync(left)


def _put_back(inbox: int, folder: int, claim: Claim) -> None:
    """Return every source to its own name; one whose name is taken, or that fails, stays claimed."""
    for number, claimed in enumerate(claim.source):
        with suppress(OSError):
            _finish_part(inbox, folder, claimed, f"part-s{number}")
        with suppress(OSError):
            _return_source(inbox, folder, claimed)


def _return_source(inbox: int, folder: int, claimed: ClaimedFile) -> None:
    *folders, name = parts_of(claimed.at)
    *origin_folders, origin_name = parts_of(claimed.origin)
    with (
        folder_in(folder, folders) as target,
        folder_in(inbox, origin_folders, make=0o777) as origin,
    ):
        if look(target, name) is None:
            return
        try:
            durable.rename_new(target, name, origin, origin_name)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Here both may exist for a moment: a clip that is in the inbox again is never lost.
            part = f"{HOME}-{secrets.token_hex(8)}"
            with file_in(target, name) as source:
                durable.copy_new(source, origin, part)
            durable.rename_new(origin, part, origin, origin_name)
            os.unlink(name, dir_fd=target)
        os.fsync(origin)


def _remove_if_empty(inbox: int, folder: int, claim: Claim) -> None:
    held = any(_is_there(folder, claimed.at) for claimed in claim.source)
    parts = any(look(folder, f"part-s{number}") for number in range(len(claim.source)))
    if not held and not parts:
        with suppress(OSError):
            _remove(inbox, claim.folder)


def remove(inbox: int, claim: Claim) -> None:
    """Remove the claim's folder with all that is in it; nothing happens for a kept claim.

    Raises:
        FolderOffline: the file system that it lies on is not mounted.
        OSError, Refused: it cannot be removed, or is no claim's folder.
    """
    if claim.kept:
        return
    if not CLAIM_FOLDER.fullmatch(claim.folder):
        raise Refused(f'"{shown(claim.folder)}" is no claim')
    require_mounted(inbox, claim)
    _remove(inbox, claim.folder)


def _remove(inbox: int, path: RelPath) -> None:
    *folders, name = parts_of(path)
    try:
        with folder_in(inbox, folders) as claims_folder:
            shutil.rmtree(name, dir_fd=claims_folder)
    except FileNotFoundError:
        return
    except OSError as error:
        # NFS keeps a file that is still open under another name; the next start finds the rest.
        if error.errno not in (errno.ENOTEMPTY, errno.EBUSY):
            raise
