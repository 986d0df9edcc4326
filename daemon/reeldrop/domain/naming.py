"""What a drop's delivery is called: the folder below the outbox, and the result inside it.

Whether a name is free is the outbox's to say; it adds `-2`, `-3` … where one is taken.
"""

import hashlib

from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import fold, join, leaf, parent, stem

LONGEST_COMPONENT = 240
"""Bytes of a name of ours: a file system takes 255, and suffixes of ours must fit."""
OURS = frozenset({"_failed", "_logs", "_status.html", "_status.json"})
_DIGEST = 8


def delivery_folder(drop: RelPath, name: str = "") -> RelPath:
    """Return where the delivery of the drop at `drop` is wanted, relative to the outbox.

    `name` stands for the file's stem where the spec gives one.
    """
    wanted = fitting(name or stem(leaf(drop)))
    top, slash, rest = join(parent(drop), wanted).partition("/")
    return RelPath(f"{_apart(top)}{slash}{rest}")


def variant_name(name: str, number: int) -> str:
    """Return the name of the variant `number` (from 1) of the drop called `name`."""
    return f"{fitting(name, LONGEST_COMPONENT - 4)}-v{number}"


def result_name(folder: RelPath) -> str:
    """Return the result's file name inside the delivery wanted as `folder`."""
    return f"{leaf(folder)}.mp4"


def fitting(name: str, longest: int = LONGEST_COMPONENT) -> str:
    """Return `name` as a folder can be called by every client of a share.

    Dots and spaces at its end go (Windows cannot open them); what is too long is cut between two
    characters, with a digest of the whole so that two long names stay two.
    """
    trimmed = name.rstrip(". ") or f"{name.strip(' .')}_"
    raw = trimmed.encode("utf-8", "surrogateescape")
    if len(raw) <= longest:
        return trimmed
    digest = hashlib.sha256(raw).hexdigest()[:_DIGEST]
    return f"{_cut(trimmed, longest - _DIGEST - 1)}-{digest}"


def _cut(text: str, longest: int) -> str:
    size = 0
    for index, character in enumerate(text):
        size += len(character.encode("utf-8", "surrogateescape"))
        if size > longest:
            return text[:index].rstrip(". ")
    return text


def _apart(top: str) -> str:
    """Keep a drop from being called like one of Reeldrop's own names, in any case of letters."""
    return f"+{top}" if fold(top.lstrip("+")) in OURS else top
