"""A farm's paths to this host's: which file of the inbox an absolute path in a drop means.

Rule 1: a rule holds for whole components; of several that hold, the longest does.
Rule 2: what a rule gives ends inside the inbox, or it is refused: a map opens nothing else.
Nothing here looks at a disk; links are refused where the file is opened, as for every reference.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import fold, resolve

_VERBATIM = re.compile(r"[\\/]{2}\?[\\/](UNC[\\/])?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/]|$)")
_SERVER = re.compile(r"[\\/]{2}(?=[^\\/])")
_WINDOWS_SLASH = re.compile(r"[\\/]")


@dataclass(frozen=True, slots=True)
class PathRule:
    """What the farm calls `source` is `target` on this host; both are absolute."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class PathMap:
    """The rules of this host, and the absolute paths by which a watch's inbox goes here."""

    rules: tuple[PathRule, ...] = ()
    inboxes: tuple[str, ...] = ()

    def inside(self, given: str) -> RelPath | None:
        """Return the path in the inbox that an absolute path means, None where no rule is for it.

        Raises:
            ValueError: it leads out of the inbox; the message says why, as an end of a sentence.
        """
        parts = _parts(given) if self.rules else None
        if parts is None:
            return None
        known = [(_parts(rule.source) or (), rule) for rule in self.rules]
        for source, rule in sorted(known, key=lambda each: -len(each[0])):
            if source and _key(parts)[: len(source)] == _key(source):
                return self._led(rule, parts[len(source) :])
        return None

    def _led(self, rule: PathRule, rest: Sequence[str]) -> RelPath:
        target = (*(_parts(rule.target) or ()), *rest)
        for inbox in self.inboxes:
            home = _parts(inbox) or ()
            if home and target[: len(home)] == home:
                return resolve(RelPath(""), "/".join((".", *target[len(home) :])))
        raise ValueError(
            f'path_map ("{rule.source}" to "{rule.target}") leads to "/{"/".join(target[1:])}", '
            "outside the inbox"
        )


NO_MAP = PathMap()


def is_absolute(path: str) -> bool:
    """Say whether a path is absolute on some system, in a form that can be mapped."""
    return _anchored(path) is not None


def comparable(path: str) -> tuple[str, ...]:
    """Return an absolute path as it is compared: the same for all its spellings.

    Raises:
        ValueError: it is not absolute, or `..` in it leads above its root.
    """
    parts = _parts(path)
    if parts is None:
        raise ValueError("is not absolute")
    return tuple(_key(parts))


def _parts(path: str) -> tuple[str, ...] | None:
    """Return the anchor of an absolute path and its components, None where it is not absolute.

    Raises ValueError where `..` leads above the anchor.
    """
    anchored = _anchored(path)
    if anchored is None:
        return None
    anchor, rest = anchored
    parts: list[str] = []
    for part in rest.split("/") if anchor == "/" else _WINDOWS_SLASH.split(rest):
        if part == ".." and not parts:
            raise ValueError("leaves its own drive")
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return (anchor, *parts)


def _anchored(path: str) -> tuple[str, str] | None:
    r"""Return `/`, `\\` (before a server) or a drive, and what follows it."""
    verbatim = _VERBATIM.match(path)
    if verbatim:
        path = ("//" if verbatim[1] else "") + path[verbatim.end() :]
    if drive := _DRIVE.match(path):
        return drive[0], path[drive.end() :]
    if server := _SERVER.match(path):
        return "\\\\", path[server.end() :]
    return ("/", path[1:]) if path.startswith("/") and not verbatim else None


def _key(parts: Sequence[str]) -> list[str]:
    """Return components as they are compared: by Windows' rules without case."""
    if parts[0] == "/":
        return [unicodedata.normalize("NFC", part) for part in parts]
    return [fold(part) for part in parts]
