"""Files of a kept inbox that were taken before: they stay where they are and are not looked at again."""

from collections.abc import Iterable, Sequence, Set

from reeldrop.domain.drop import JSON, is_json
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import extension, join, leaf, parent, stem
from reeldrop.ports import Entry, JobStore


class Kept:
    """What is known of the files of one kept watch. The store remembers it over restarts."""

    def __init__(self, watch: str, store: JobStore) -> None:
        self._watch = watch
        self._store = store
        self._taken: dict[RelPath, Entry] = {}
        self._new: dict[RelPath, Entry] = {}
        self._forms: set[str] = set()
        """How sidecars of the taken clips may be called, without `.json`."""

    async def knows(self, entry: Entry) -> bool:
        """Say whether this very file was taken before."""
        if self._same(self._taken, entry):
            return True
        if self._same(self._new, entry):
            return False
        if entry.key in await self._store.known_kept(self._watch, entry.path):
            self.remember([entry])
            return True
        self._new[entry.path] = entry
        return False

    def remember(self, entries: Iterable[Entry]) -> None:
        """Note that files have been taken."""
        for entry in entries:
            self._taken[entry.path] = entry
            self._new.pop(entry.path, None)
            self._forms |= _forms(entry.path)

    async def without(self, entries: Sequence[Entry], extensions: Set[str]) -> tuple[Entry, ...]:
        """Return `entries` without the taken clips and the sidecars beside them."""
        self._forget_gone(entries)
        left: list[Entry] = []
        for entry in entries:
            is_clip = extension(leaf(entry.path)) in extensions
            if not (is_clip and await self.knows(entry)):
                left.append(entry)
        return tuple(entry for entry in left if not self._is_sidecar_of_taken(entry.path))

    def _is_sidecar_of_taken(self, path: RelPath) -> bool:
        return is_json(path) and path[: -len(JSON) - 1] in self._forms

    def _same(self, known: dict[RelPath, Entry], entry: Entry) -> bool:
        found = known.get(entry.path)
        return found is not None and (found is entry or found.key == entry.key)

    def _forget_gone(self, entries: Sequence[Entry]) -> None:
        """Forget files that are gone or have changed: what comes under their names is new."""
        if len(self._taken) + len(self._new) == 0:
            return
        present = {entry.path: entry for entry in entries}
        self._new = {path: entry for path, entry in self._new.items() if path in present}
        stale = [
            path
            for path in self._taken
            if path not in present or not self._same(self._taken, present[path])
        ]
        if stale:
            for path in stale:
                del self._taken[path]
            self._forms = {form for path in self._taken for form in _forms(path)}


def _forms(path: RelPath) -> set[str]:
    """Return what a sidecar of `path` may be called; a sidecar has none of its own."""
    if is_json(path):
        return set()
    return {path, join(parent(path), stem(leaf(path)))}
