"""Numbered frames as one clip: what a pattern names, what is missing of it, and when no more will come.

A pattern is a path with one run of `#` in its file's name: `frames/####.exr`. So many `#` stand for at
least so many digits, filled up with zeros.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TypeVar

from reeldrop.domain.job import ClaimedFile, Job, RelPath
from reeldrop.domain.paths import extension, fold, join, leaf, parent

EXTENSIONS = ("png", "jpg", "jpeg", "exr")
EXAMPLE = "frames/####.png"
MOST = 3600
"""Frames of one clip."""
FEWEST = 2
LONGEST_RUN = 9
PAUSES = 3
"""So many pauses without another frame, and none is expected any more."""
_RUN = re.compile("#+")
_NUMBER = re.compile("[0-9]+")
_DIGITS = "0123456789"
_LISTED = 3

T = TypeVar("T")
_Around = tuple[str, str]
Gap = tuple[int, int]
"""The first and the last of the numbers that are missing in a row."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as it is written, and what stands before and behind the number in a frame's name."""

    path: RelPath
    """Relative to the inbox."""
    before: str
    digits: int
    behind: str

    def frame(self, number: int) -> RelPath:
        """Return the path of the frame with that number."""
        return join(parent(self.path), f"{self.before}{number:0{self.digits}d}{self.behind}")


def is_pattern(path: str) -> bool:
    """Say whether a path is meant as a pattern; `take#1.mov` is the name of a film."""
    name = leaf(RelPath(path))
    return "#" in name and extension(name) in EXTENSIONS


def read_pattern(path: RelPath) -> Pattern:
    """Return what a path says that is meant as a pattern.

    Raises:
        ValueError: nothing can be meant by it; the message says why, as the end of a sentence.
    """
    name = leaf(path)
    runs = list(_RUN.finditer(name))
    if len(runs) != 1:
        raise ValueError("has more than one run of # for the frame's number")
    run = runs[0]
    if len(run[0]) > LONGEST_RUN:
        raise ValueError(f"has more than {LONGEST_RUN} # for the frame's number")
    return Pattern(path, name[: run.start()], len(run[0]), name[run.end() :])


class Finder:
    """Finds frames: by names as they are written first, then by names that are the same when folded."""

    def __init__(self, paths: Iterable[RelPath]) -> None:
        self._folders: dict[RelPath, list[RelPath]] = defaultdict(list)
        for path in paths:
            if extension(leaf(path)) in EXTENSIONS:
                self._folders[parent(path)].append(path)
        self._folded: dict[str, list[RelPath]] = defaultdict(list)
        for folder in self._folders:
            self._folded[fold(folder)].append(folder)
        # A folder may hold the frames of a hundred shots: each name is folded once, for all patterns.
        self._around: dict[RelPath, dict[_Around, list[RelPath]]] = {}

    def find(self, pattern: Pattern) -> dict[int, RelPath]:
        """Return the frames of a pattern by number, the lowest first."""
        paths = self._alike(pattern)
        names = {leaf(path): path for path in paths}
        found = dict(_numbered(pattern.before, pattern.digits, pattern.behind, names))
        forms = Counter(map(fold, names))
        unique = {fold(name): path for name, path in names.items() if forms[fold(name)] == 1}
        alike = _numbered(fold(pattern.before), pattern.digits, fold(pattern.behind), unique)
        return dict(sorted((dict(alike) | found).items()))

    def _alike(self, pattern: Pattern) -> Sequence[RelPath]:
        """Return the files whose names are those of the pattern's frames but for their numbers."""
        folder = self._folder(pattern)
        if folder not in self._folders:
            return ()
        if folder not in self._around:
            self._around[folder] = _by_what_is_around(self._folders[folder])
        before, behind = fold(pattern.before), fold(pattern.behind)
        # A digit that is written out beside the # is of one run with the frame's number.
        around = before.rstrip(_DIGITS), behind.lstrip(_DIGITS)
        return self._around[folder].get(around, ())

    def _folder(self, pattern: Pattern) -> RelPath:
        folder = parent(pattern.path)
        if folder in self._folders:
            return folder
        alike = self._folded.get(fold(folder), ())
        return alike[0] if len(alike) == 1 else folder


def _by_what_is_around(paths: Iterable[RelPath]) -> dict[_Around, list[RelPath]]:
    """Return paths by what stands around each run of digits in their folded names."""
    found: dict[_Around, list[RelPath]] = defaultdict(list)
    for path in paths:
        name = fold(leaf(path))
        for run in _NUMBER.finditer(name):
            found[name[: run.start()], name[run.end() :]].append(path)
    return found


def _numbered(
    before: str, digits: int, behind: str, names: Mapping[str, T]
) -> Iterator[tuple[int, T]]:
    wanted = re.compile(f"{re.escape(before)}([0-9]{{{digits},}}){re.escape(behind)}")
    for name, what in names.items():
        found = wanted.fullmatch(name)
        # More digits than asked for are not filled up: one number, one name.
        if found and (len(found[1]) == digits or not found[1].startswith("0")):
            yield int(found[1]), what


def gaps_in(numbers: Iterable[int]) -> tuple[Gap, ...]:
    """Return what is missing between the lowest and the highest of ascending numbers."""
    return tuple((low + 1, high - 1) for low, high in pairwise(numbers) if high - low > 1)


def missing(pattern: Pattern, gaps: Sequence[Gap]) -> str:
    """Return the frames that are missing, as messages name them."""
    told = [
        pattern.frame(low)
        if low == high
        else f"{pattern.frame(low)} to {leaf(pattern.frame(high))}"
        for low, high in gaps[:_LISTED]
    ]
    left = sum(high - low + 1 for low, high in gaps[_LISTED:])
    return ", ".join(told) + (f" and {left} more" if left else "")


def fewest(seconds: float | None, fps: float) -> int:
    """Return how many frames a clip of at least so many seconds has."""
    return max(FEWEST, math.ceil((seconds or 0.0) * fps - 1e-6))


def patience(seen: Iterable[float], written: Iterable[float], age: float) -> float:
    """Return for how many seconds after the last frame another one is to be expected.

    `seen` is when each of them was seen to arrive, `written` what its file says of that, and `age` how
    old the newest was by its file when it was seen. The files tell what nobody was there to see, but
    only of a renderer that is at work: what is old has been copied. One frame that was made anew
    later says nothing, so that of the files' pauses it is the usual one.
    """
    longest = max(_pauses(seen), default=0.0)
    pauses = _pauses(written)
    usual = median(pauses) if pauses else 0.0
    return max(PAUSES * longest, PAUSES * usual - max(0.0, age))


def _pauses(times: Iterable[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(sorted(times))]


def frames_of(job: Job) -> tuple[ClaimedFile, ...]:
    """Return the numbered frames of a job's clip that its claim holds, in order; of a film none.

    What went before it was claimed is not among them: see `lacking`.
    """
    if job.source is None or not _made_of_frames(job):
        return ()
    pattern = read_pattern(RelPath(job.source.name))
    files = {fold(leaf(file.origin)): file for file in job.claim.source}
    found = _numbered(fold(pattern.before), pattern.digits, fold(pattern.behind), files)
    return tuple(file for _, file in sorted(found, key=lambda each: each[0]))


def lacking(job: Job) -> str:
    """Return how many of the frames that a job's clip was judged by its claim holds; "" if all."""
    wanted = job.fit.frames if job.fit else 0
    held = len(frames_of(job)) if wanted else 0
    return "" if held == wanted else f"{held:,} of the {wanted:,} frames"


def clip_of(job: Job) -> RelPath | None:
    """Return by which path a job's clip stands among its parameters: of frames it is their pattern's.

    None where nothing of its source is left.
    """
    if _made_of_frames(job):
        frames = frames_of(job)
        return join(parent(frames[0].origin), job.source.name) if frames and job.source else None
    return job.claim.source[0].origin if job.claim.source else None


def _made_of_frames(job: Job) -> bool:
    return job.fit is not None and job.fit.frames > 0
