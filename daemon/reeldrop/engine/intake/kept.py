"""Files of a kept inbox that were taken before: they stay where they are and are never run again.

Such a file is known by its path and its bytes; its stat key only spares reading it again.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from operator import is_

from reeldrop.domain.drop import JSON, PRESET, Drop, is_json
from reeldrop.domain.errors import FileBusy
from reeldrop.domain.job import JobId, RelPath
from reeldrop.domain.paths import extension, join, leaf, parent, stem
from reeldrop.ports import Entry, IntakeMemory, KeptFile


class Kept:
    """What is known of the files of one kept watch. The store remembers it over restarts."""

    def __init__(self, watch: str, store: IntakeMemory) -> None:
        self._watch = watch
        self._store = store
        self._files: dict[RelPath, dict[str, KeptFile]] | None = None
        """By path and stat key; None until the store has been asked."""
        self._here: dict[RelPath, Entry] = {}
        """The known clips that the last scan saw."""
        self._clips: Mapping[str, RelPath] = {}
        """Those clips by what their sidecars may be called, without `.json`."""
        self._beside: dict[RelPath, Entry] = {}
        """The sidecars of those that were taken with them, as the last scan saw them."""
        self._others: dict[RelPath, tuple[Entry, RelPath]] = {}
        """All other files that could be sidecars of those, each with its clip."""
        self._strange: dict[RelPath, str] = {}
        """The versions of such files that are not what was taken."""
        self._seen: tuple[Entry, ...] | None = None
        """All that the last scan saw; None where more has become known since."""
        self._rest: tuple[Entry, ...] = ()
        """What was left of it."""
        self._specs: frozenset[RelPath] = frozenset()
        """The clips and sidecars among that."""
        self._framed: dict[RelPath, tuple[RelPath, ...]] = {}
        """The known numbered frames among that, by their sidecar."""

    async def load(self) -> None:
        """Ask the store, once, before anything else is asked."""
        if self._files is None:
            known = await self._store.known_kept(self._watch)
            self._files = defaultdict(dict)
            self.remember(known)

    def without(self, entries: Sequence[Entry], extensions: Set[str]) -> tuple[Entry, ...]:
        """Return `entries` without the known clips and the sidecars beside them.

        Also without known frames where a look has found nothing but such, and nothing has changed
        since: a sidecar that comes may name any of them.
        """
        # A file that has not changed is the same object in every scan.
        if self._seen is None or not _are_same(entries, self._seen):
            self._seen, self._framed = tuple(entries), {}
            self._rest = self._sorted_out(entries, extensions)
            self._specs = frozenset(
                entry.path
                for entry in self._rest
                if _is_clip(entry, extensions) or _is_sidecar(entry.path)
            )
        elif self._framed and self._framed.keys() >= self._specs:
            known = {path for files in self._framed.values() for path in files}
            self._rest = tuple(entry for entry in self._rest if entry.path not in known)
            self._framed, self._specs = {}, frozenset()
        return self._rest

    def note_frames(self, drop: Drop) -> None:
        """Note that a drop of this look is made of known frames, and that there is nothing to say of it."""
        self._framed[drop.path] = drop.files

    def _sorted_out(self, entries: Sequence[Entry], extensions: Set[str]) -> tuple[Entry, ...]:
        before = self._here
        self._see(
            entry
            for entry in entries
            if before.get(entry.path) is entry
            or (_is_clip(entry, extensions) and self.knows(entry))
        )
        left = [entry for entry in entries if entry.path not in self._here]
        sidecars = {
            entry.path: (entry, clip)
            for entry in left
            if is_json(entry.path)
            and (clip := self._clips.get(entry.path[: -len(JSON) - 1])) is not None
        }
        self._sort_sidecars(sidecars)
        return tuple(entry for entry in left if entry.path not in sidecars)

    def _see(self, clips: Iterable[Entry]) -> None:
        before, self._here = self._here, {entry.path: entry for entry in clips}
        if self._here.keys() != before.keys():
            self._clips = {form: path for path in self._here for form in _forms(path)}

    def _sort_sidecars(self, sidecars: Mapping[RelPath, tuple[Entry, RelPath]]) -> None:
        before, self._beside = self._beside, {}
        for path, (entry, _) in sidecars.items():
            if before.get(path) is entry or self.knows(entry):
                self._beside[path] = entry
        self._others = {path: found for path, found in sidecars.items() if path not in self._beside}
        self._strange = {
            path: version for path, version in self._strange.items() if path in self._others
        }

    async def edited(
        self, sha256: Callable[[RelPath, str], Awaitable[str]]
    ) -> dict[RelPath, tuple[RelPath, JobId]]:
        """Return the sidecars that came, or were changed, after their clips were taken.

        Each with its clip and the job of that. Raises StoreUnavailable.
        """
        for path, (entry, _) in self._others.items():
            if self._strange.get(path) == entry.version:
                continue
            self._strange.pop(path, None)
            try:
                known = self.may_know(path) and await self.recognise(
                    entry, await sha256(path, entry.key)
                )
            except FileBusy:
                continue
            if not known:
                self._strange[path] = entry.version
        return {
            path: (clip, self._taken()[clip][self._here[clip].key].job)
            for path, (_, clip) in self._others.items()
            if path in self._strange
        }

    def lies_here(self, path: RelPath) -> bool:
        """Say whether a known clip lies at `path`."""
        return path in self._here

    def knows(self, entry: Entry) -> bool:
        """Say whether this file was taken before, by its stat key."""
        return entry.key in self._taken().get(entry.path, {})

    def job_of(self, entry: Entry) -> JobId:
        """Return the job that took a known file."""
        return self._taken()[entry.path][entry.key].job

    def may_know(self, path: RelPath) -> bool:
        """Say whether any file was taken at `path`: then its bytes must be asked for."""
        return path in self._taken()

    async def recognise(self, entry: Entry, sha256: str) -> bool:
        """Say whether the file was taken before, by its bytes, and remember its new stat key."""
        for file in tuple(self._taken().get(entry.path, {}).values()):
            if file.sha256 == sha256:
                again = replace(file, key=entry.key)
                await self._store.remember_kept(self._watch, again)
                self.remember([again])
                return True
        return False

    def remember(self, files: Iterable[KeptFile]) -> None:
        """Note files that the store remembers."""
        self._seen = None
        for file in files:
            known = self._taken()[file.path]
            # What an earlier job took stays that job's, whatever the store says since: `reload` tells.
            job = known[file.key].job if file.key in known else file.job
            known[file.key] = replace(file, job=job)

    async def reload(self) -> None:
        """Ask the store again: jobs have ended before their files were taken, and these have not been run."""
        self._files = None
        await self.load()
        self._see([entry for entry in self._here.values() if self.knows(entry)])

    def _taken(self) -> dict[RelPath, dict[str, KeptFile]]:
        if self._files is None:
            raise AssertionError("nothing is known before `load`")
        return self._files


def _are_same(ones: Sequence[Entry], others: Sequence[Entry]) -> bool:
    return len(ones) == len(others) and all(map(is_, ones, others))


def _is_sidecar(path: RelPath) -> bool:
    return is_json(path) and leaf(path).lower() != PRESET


def _is_clip(entry: Entry, extensions: Set[str]) -> bool:
    return extension(leaf(entry.path)) in extensions


def _forms(clip: RelPath) -> tuple[str, str]:
    """Return what a sidecar of `clip` may be called, without `.json`."""
    return clip, join(parent(clip), stem(leaf(clip)))
