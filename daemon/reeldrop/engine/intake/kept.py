"""Files of a kept inbox that were taken before: they stay where they are and are never run again.

Such a file is known by its path and its bytes; its stat key only spares reading it again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from reeldrop.domain.drop import JSON, is_json
from reeldrop.domain.job import JobId, RelPath
from reeldrop.domain.paths import extension, join, leaf, parent, stem
from reeldrop.ports import Entry, JobStore, KeptFile


class Kept:
    """What is known of the files of one kept watch. The store remembers it over restarts."""

    def __init__(self, watch: str, store: JobStore) -> None:
        self._watch = watch
        self._store = store
        self._files: dict[RelPath, dict[str, KeptFile]] | None = None
        """By path and stat key; None until the store has been asked."""
        self._here: dict[RelPath, Entry] = {}
        """The known clips that the last scan saw."""
        self._sidecars: Set[str] = frozenset()
        """How sidecars of those may be called, without `.json`."""

    async def load(self) -> None:
        """Ask the store, once, before anything else is asked."""
        if self._files is None:
            known = await self._store.known_kept(self._watch)
            self._files = defaultdict(dict)
            self.remember(known)

    def without(self, entries: Sequence[Entry], extensions: Set[str]) -> tuple[Entry, ...]:
        """Return `entries` without the known clips and the sidecars beside them."""
        before = self._here
        self._see(
            entry
            for entry in entries
            # A file that has not changed is the same object in every scan.
            if before.get(entry.path) is entry
            or (_is_clip(entry, extensions) and self.knows(entry))
        )
        return tuple(
            entry
            for entry in entries
            if entry.path not in self._here
            and not (is_json(entry.path) and entry.path[: -len(JSON) - 1] in self._sidecars)
        )

    def _see(self, clips: Iterable[Entry]) -> None:
        before, self._here = self._here, {entry.path: entry for entry in clips}
        if self._here.keys() != before.keys():
            self._sidecars = {form for path in self._here for form in _forms(path)}

    def lies_here(self, path: RelPath) -> bool:
        """Say whether a known clip lies at `path`."""
        return path in self._here

    def knows(self, entry: Entry) -> bool:
        """Say whether this file was taken before, by its stat key."""
        return entry.key in self._taken().get(entry.path, {})

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
        for file in files:
            known = self._taken()[file.path]
            # As in the store: what an earlier job took stays that job's.
            job = known[file.key].job if file.key in known else file.job
            known[file.key] = replace(file, job=job)

    def forget(self, job: JobId) -> None:
        """Note that a job has ended before its files were taken: they have not been run."""
        for known in self._taken().values():
            for key in [key for key, file in known.items() if file.job == job]:
                del known[key]
        self._see([entry for entry in self._here.values() if self.knows(entry)])

    def _taken(self) -> dict[RelPath, dict[str, KeptFile]]:
        if self._files is None:
            raise AssertionError("nothing is known before `load`")
        return self._files


def _is_clip(entry: Entry, extensions: Set[str]) -> bool:
    return extension(leaf(entry.path)) in extensions


def _forms(clip: RelPath) -> tuple[str, str]:
    """Return what a sidecar of `clip` may be called, without `.json`."""
    return clip, join(parent(clip), stem(leaf(clip)))
