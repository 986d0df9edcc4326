"""Which claims lie in an inbox, and what is in those that no record tells of."""

import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

from reeldrop.domain.job import Claim, ClaimedFile, RelPath
from reeldrop.domain.paths import extension
from reeldrop.files import durable
from reeldrop.files.confined import folder_in, look, names_in, parts_of
from reeldrop.files.home import CLAIM_FOLDER, CLAIMS, COPY, PRIVATE
from reeldrop.files.litter import is_litter
from reeldrop.files.scan import entry_of

SOURCE = "source"
PART_OF_SOURCE = re.compile(r"part-s\d+")


def present(inbox: int, tops: Iterable[RelPath]) -> list[RelPath]:
    """Return the folders of all claims below `tops`, where file systems begin in the inbox."""
    found: list[RelPath] = []
    for top in sorted(tops):
        place = f"{top}/{CLAIMS}" if top else CLAIMS
        with suppress(FileNotFoundError), folder_in(inbox, place.split("/")) as folder:
            paths = (f"{place}/{name}" for name in sorted(names_in(folder)))
            found += [RelPath(path) for path in paths if CLAIM_FOLDER.fullmatch(path)]
    return found


def found(inbox: int, folder: RelPath) -> Claim | None:
    """Return the claim that lies at `folder`, made by somebody who is gone; None where it holds no source.

    A part of a move across file systems may be the last copy of a source: it counts as one. Clips
    come first: a drop is known by them. A copy that no job was begun with holds no source of its own.

    Raises:
        OSError, Refused: it cannot be looked at.
    """
    with folder_in(inbox, parts_of(folder)) as claimed:
        if look(claimed, COPY) is not None:
            return None
        for name in names_in(claimed):
            if PART_OF_SOURCE.fullmatch(name):
                with folder_in(claimed, (SOURCE,), make=PRIVATE) as source:
                    durable.rename_new(claimed, name, source, name)
        files = sorted(_files_below(claimed, SOURCE), key=lambda file: _clips_first(file.origin))
    return Claim(folder, tuple(files)) if files else None


def _clips_first(path: RelPath) -> tuple[bool, RelPath]:
    return extension(path) == "json" or PART_OF_SOURCE.fullmatch(path) is not None, path


def _files_below(folder: int, name: str, above: str = "") -> Iterator[ClaimedFile]:
    """Yield all files below the folder `name`, under their paths in it; never litter of a share."""
    with suppress(FileNotFoundError), folder_in(folder, (name,)) as below:
        for each in names_in(below):
            path = RelPath(f"{above}{each}")
            looked = look(below, each)
            if looked is None or is_litter(each):
                continue
            if stat.S_ISDIR(looked.st_mode):
                yield from _files_below(below, each, f"{path}/")
            elif stat.S_ISREG(looked.st_mode):
                yield ClaimedFile(RelPath(f"{SOURCE}/{path}"), path, entry_of(path, looked).key)
