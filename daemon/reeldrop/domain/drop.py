"""Pairing: which files of one scan make a drop together.

Order: a sidecar's own word (`video_url`) first, then names as they are, then names folded (NFC,
case). What could be meant in two ways is a Clash and never guessed at.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from reeldrop.domain import frames
from reeldrop.domain.frames import Gap, Pattern
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import extension, fold, folders_above, join, leaf, parent, stem

VIDEO_EXTENSIONS = ("mp4", "mov", "m4v", "mkv", "webm", "avi", "mxf")
"""What is a clip where no watch says it."""
PRESET = "_preset.json"
JSON = "json"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one scan, sorted by what they are."""

    clips: tuple[RelPath, ...]
    sidecars: tuple[RelPath, ...]
    presets: Mapping[RelPath, RelPath]
    """Each preset by its folder."""
    others: tuple[RelPath, ...]


@dataclass(frozen=True, slots=True)
class Says:
    """What a sidecar says of its clip.

    `clip` is the path that it names, `frames` the pattern of numbered frames; `remote`: its video is
    a URL, so that it needs none. A word that is not `firm` counts only where no clip goes by the
    sidecar's own name.
    """

    clip: RelPath | None = None
    remote: bool = False
    firm: bool = True
    frames: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Files that belong together; `wants` names the part that is not there yet, "" if none.

    With a `pattern` its clip is made of `frames`, in their order; `gaps` are missing between them.
    """

    clip: RelPath | None
    sidecar: RelPath | None
    wants: str = ""
    pattern: Pattern | None = None
    frames: tuple[RelPath, ...] = ()
    gaps: tuple[Gap, ...] = ()
    crowd: int = 0
    """How many frames there are, where they are too many: then none of them belongs to it."""

    @property
    def path(self) -> RelPath:
        """The drop as the user knows it."""
        return self.files[0]

    @property
    def files(self) -> tuple[RelPath, ...]:
        """Every file that is there and moves with the drop."""
        parts = tuple(path for path in (self.clip, self.sidecar) if path is not None)
        return (*parts, *self.frames)


@dataclass(frozen=True, slots=True)
class Clash:
    """Files that could belong together in more than one way."""

    files: tuple[RelPath, ...]
    reason: str


def sort_files(paths: Iterable[RelPath], extensions: Set[str]) -> Files:
    """Sort the files of a scan; `extensions` are those of clips, in lower case without a dot."""
    clips: list[RelPath] = []
    sidecars: list[RelPath] = []
    presets: dict[RelPath, RelPath] = {}
    others: list[RelPath] = []
    for path in paths:
        kind = extension(leaf(path))
        if kind in extensions:
            clips.append(path)
        elif kind != JSON:
            others.append(path)
        elif leaf(path).lower() == PRESET:
            presets[parent(path)] = path
        else:
            sidecars.append(path)
    return Files(tuple(clips), tuple(sidecars), presets, tuple(others))


def preset_chain(presets: Mapping[RelPath, RelPath], folder: RelPath) -> tuple[RelPath, ...]:
    """Return the presets that hold in `folder`, the farthest first."""
    return tuple(presets[above] for above in folders_above(folder) if above in presets)


def is_json(path: RelPath) -> bool:
    """Say whether a file is a sidecar or preset by its name."""
    return extension(leaf(path)) == JSON


class Finder:
    """Finds files by path: as written first, else by the one path that is the same when folded."""

    def __init__(self, paths: Collection[RelPath]) -> None:
        self._exact = paths
        self._folded: dict[str, list[RelPath]] | None = None

    def find(self, path: RelPath) -> RelPath | None:
        """Return the file meant by `path`, None where there is none or more than one."""
        if path in self._exact:
            return path
        # Made only when a path is written otherwise than its file: an inbox may hold many files.
        if self._folded is None:
            self._folded = defaultdict(list)
            for each in self._exact:
                self._folded[fold(each)].append(each)
        alike = self._folded.get(fold(path), ())
        return alike[0] if len(alike) == 1 else None


@dataclass(slots=True)
class _Pairing:
    """The work of `pair`: what is left, and what has been found."""

    clips: dict[RelPath, None]
    sidecars: dict[RelPath, None]
    drops: list[Drop] = field(default_factory=list[Drop])
    clashes: list[Clash] = field(default_factory=list[Clash])
    taken: set[RelPath] = field(default_factory=set[RelPath])

    def settle(self, clips: Sequence[RelPath], sidecars: Sequence[RelPath], reason: str) -> None:
        """Make a drop of one clip and one sidecar, a clash of more."""
        self.taken.update(clips)
        for clip in clips:
            self.clips.pop(clip, None)
        for sidecar in sidecars:
            self.sidecars.pop(sidecar, None)
        if len(clips) == len(sidecars) == 1:
            self.drops.append(Drop(clips[0], sidecars[0]))
        else:
            # Its first file names it: the same one, in whatever order the folder was listed.
            self.clashes.append(Clash((*sorted(clips), *sorted(sidecars)), reason))

    def alone(self, sidecar: RelPath, wants: str) -> None:
        """Make a drop of a sidecar without a clip."""
        del self.sidecars[sidecar]
        self.drops.append(Drop(None, sidecar, wants))

    def framed(self, sidecar: RelPath, pattern: Pattern, numbered: Mapping[int, RelPath]) -> None:
        """Make a drop of a sidecar and the frames that it names."""
        del self.sidecars[sidecar]
        crowd = len(numbered) if len(numbered) > frames.MOST else 0
        wants = "" if numbered else f"clip {pattern.path}"
        taken = () if crowd else tuple(numbered.values())
        gaps = () if crowd else frames.gaps_in(numbered)
        self.drops.append(Drop(None, sidecar, wants, pattern, taken, gaps, crowd))


def pair(files: Files, says: Mapping[RelPath, Says]) -> tuple[list[Drop], list[Clash]]:
    """Return the drops of a scan, complete or not, and what is ambiguous.

    `says` holds what each sidecar that could be read says of its clip.
    """
    work = _Pairing(dict.fromkeys(files.clips), dict.fromkeys(files.sidecars))
    finder = Finder({*files.clips, *files.others})
    _by_pattern(work, {path: word.frames for path, word in says.items() if word.frames}, files)
    _by_word(work, {path: word for path, word in says.items() if word.firm}, finder)
    _by_name(work, lambda path: path)
    _by_name(work, fold)
    _by_word(work, {path: word for path, word in says.items() if not word.firm}, finder)
    for sidecar in tuple(work.sidecars):
        work.alone(sidecar, f"clip {leaf(sidecar)[: -len(JSON) - 1]}")
    _lone_clips(work, files)
    return work.drops, work.clashes


def _by_pattern(work: _Pairing, patterns: Mapping[RelPath, Pattern], files: Files) -> None:
    """Give each sidecar the numbered frames that it names; what two of them name is nobody's."""
    if not patterns:
        return
    finder = frames.Finder((*files.others, *files.clips))
    found = {path: finder.find(patterns[path]) for path in work.sidecars if path in patterns}
    named: dict[RelPath, list[RelPath]] = defaultdict(list)
    for sidecar, numbered in found.items():
        for frame in numbered.values():
            named[frame].append(sidecar)
            work.clips.pop(frame, None)
    rivals = {tuple(sorted(sidecars)) for sidecars in named.values() if len(sidecars) > 1}
    for sidecars in sorted(rivals, key=lambda each: (-len(each), each)):
        if all(path in work.sidecars for path in sidecars):
            # The frames stay where they are: what is to be mended are the sidecars.
            names = " and ".join(leaf(path) for path in sidecars)
            work.settle([], sidecars, f"{names} name the same frames, {patterns[sidecars[0]].path}")
    for sidecar in [path for path in found if path in work.sidecars]:
        work.framed(sidecar, patterns[sidecar], found[sidecar])


def _by_word(work: _Pairing, says: Mapping[RelPath, Says], finder: Finder) -> None:
    named: dict[RelPath, list[RelPath]] = defaultdict(list)
    for sidecar in [path for path in work.sidecars if path in says]:
        word = says[sidecar]
        if word.remote:
            work.alone(sidecar, "")
        elif word.clip is not None:
            clip = finder.find(word.clip)
            if clip is None or clip in work.taken:
                work.alone(sidecar, f"clip {word.clip}")
            else:
                named[clip].append(sidecar)
    for clip, sidecars in named.items():
        names = " and ".join(sorted(leaf(path) for path in sidecars))
        work.settle([clip], sidecars, f"{names} both name the clip {leaf(clip)}")


def _by_name(work: _Pairing, key: Callable[[RelPath], str]) -> None:
    by_key: dict[str, list[RelPath]] = defaultdict(list)
    for clip in work.clips:
        for form in {key(clip), key(join(parent(clip), stem(leaf(clip))))}:
            by_key[form].append(clip)
    groups: dict[RelPath, tuple[list[RelPath], list[RelPath]]] = {}
    for sidecar in work.sidecars:
        if clips := by_key.get(key(RelPath(sidecar[: -len(JSON) - 1]))):
            _join_groups(groups, clips, sidecar)
    for clips, sidecars in {id(group): group for group in groups.values()}.values():
        work.settle(clips, sidecars, _ambiguity(clips, sidecars))


def _join_groups(
    groups: dict[RelPath, tuple[list[RelPath], list[RelPath]]],
    clips: Sequence[RelPath],
    sidecar: RelPath,
) -> None:
    """Put `clips` and `sidecar` into one group with all that they already belong to."""
    clips_of, sidecars_of = group = groups.get(clips[0], ([], []))
    sidecars_of.append(sidecar)
    for clip in clips:
        other = groups.get(clip)
        if other is group:
            continue
        if other is None:
            clips_of.append(clip)
        else:
            clips_of.extend(other[0])
            sidecars_of.extend(other[1])
    groups.update(dict.fromkeys(clips_of, group))


def _ambiguity(clips: Sequence[RelPath], sidecars: Sequence[RelPath]) -> str:
    clip_names = " and ".join(sorted(leaf(path) for path in clips))
    names = " and ".join(sorted(leaf(path) for path in sidecars))
    if len(clips) == 1:
        return f"{names} are both sidecars of {clip_names}"
    return f"{names} could belong to {clip_names}"


def _lone_clips(work: _Pairing, files: Files) -> None:
    sidecars = set(files.sidecars)
    stems = Counter(fold(join(parent(clip), stem(leaf(clip)))) for clip in work.clips)
    for clip in work.clips:
        base = join(parent(clip), stem(leaf(clip)))
        short = f"{base}.{JSON}"
        free = stems[fold(base)] == 1 and short not in sidecars and leaf(RelPath(short)) != PRESET
        wanted = leaf(base) if free else leaf(clip)
        work.drops.append(Drop(clip, None, f"sidecar {wanted}.{JSON}"))
