"""Relative paths as text: parts, folding, and where a path given in a document leads.

Nothing here looks at a disk: what is a link or is missing is for others to say.
"""

import re
import unicodedata
from collections.abc import Iterable

from reeldrop.domain.job import RelPath

LONGEST_PATH = 4096
"""Bytes; what Linux takes as one path."""
_ROOTED = re.compile(r"/|\\\\|[A-Za-z]:")


def parent(path: RelPath) -> RelPath:
    """Return the folder of `path`, "" for the top."""
    return RelPath(path.rpartition("/")[0])


def leaf(path: RelPath) -> str:
    """Return the last component of `path`."""
    return path.rpartition("/")[2]


def join(folder: RelPath, name: str) -> RelPath:
    """Return `name` inside `folder`."""
    return RelPath(f"{folder}/{name}" if folder else name)


def stem(name: str) -> str:
    """Return a file name without its last extension: `a.b.mov` gives `a.b`."""
    head, dot, _ = name.rpartition(".")
    return head if dot and head else name


def extension(name: str) -> str:
    """Return what follows the last dot, in lower case, "" where there is none."""
    head, dot, tail = name.rpartition(".")
    return tail.lower() if dot and head else ""


def fold(text: str) -> str:
    """Return `text` as names are compared: composed (NFC) and without case."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def folders_above(folder: RelPath) -> tuple[RelPath, ...]:
    """Return the top, and every folder on the way down to `folder`, itself included."""
    parts = folder.split("/") if folder else []
    return tuple(RelPath("/".join(parts[:depth])) for depth in range(len(parts) + 1))


def common_folder(paths: Iterable[RelPath]) -> RelPath:
    """Return the nearest folder that holds all of `paths`."""
    chains = [folders_above(parent(path)) for path in paths]
    shared = RelPath("")
    for level in zip(*chains, strict=False):
        if len(set(level)) > 1:
            break
        shared = level[0]
    return shared


def resolve(folder: RelPath, given: str) -> RelPath:
    """Return the path that `given` means to a document in `folder`, relative to the inbox.

    Raises:
        ValueError: the path cannot be meant; the message says why, as an end of a sentence.
    """
    if problem := _problem(given):
        raise ValueError(problem)
    parts = folder.split("/") if folder else []
    for part in given.split("/"):
        match part:
            case "" | ".":
                continue
            case "..":
                if not parts:
                    raise ValueError("leaves the inbox")
                parts.pop()
            case _:
                parts.append(part)
    if not parts:
        raise ValueError("names the inbox itself, not a file")
    return RelPath("/".join(parts))


def _problem(given: str) -> str:
    if not given.strip():
        return "is empty"
    if "\0" in given:
        return "holds a NUL character"
    if _ROOTED.match(given):
        return "is an absolute path"
    if "\\" in given:
        return "holds a backslash; folders are parted by /"
    if len(given.encode("utf-8", "surrogatepass")) > LONGEST_PATH:
        return "is too long for a path"
    return ""


def printable(path: str) -> str:
    """Return a path as a message can hold it: odd bytes and control characters written out."""
    raw = path.encode("utf-8", "surrogateescape")
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
