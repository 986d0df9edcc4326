"""Whether files are complete, and how long what is missing may still come."""

from collections.abc import Iterable, Sequence
from math import inf

from reeldrop.domain.drop import Drop, is_json
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import leaf, parent, printable
from reeldrop.domain.references import Reference
from reeldrop.engine.intake.frames import Frames
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.engine.intake.terms import Round, Wait, Watch
from reeldrop.ports import Inbox

ARRIVING = "still arriving"
LEASE_AGAIN = 1.0
"""Seconds until a file that somebody writes to is asked about again."""


class Readiness:
    """Says of the files of one watch whether they are ready to be taken."""

    def __init__(self, inbox: Inbox, shelf: Shelf, frames: Frames, watch: Watch) -> None:
        self._inbox = inbox
        self._shelf = shelf
        self._frames = frames
        self._watch = watch

    def settling(self, files: Sequence[RelPath], around: Round) -> Wait | None:
        """Return a Wait while a file has not been quiet for long enough."""
        until = [self.ready_at(path) for path in files]
        if (last := max(until, default=around.now)) > around.now:
            return Wait(ARRIVING, last, arriving=True)
        return None

    def ready_at(self, path: RelPath) -> float:
        """Return when a file counts as complete, or as never to be so."""
        ready = self._shelf.ready_at(path)
        if ready is not None:
            return ready
        watch = self._watch
        patience = watch.settle_polling if is_json(path) else watch.incomplete_timeout
        return self._shelf.changed_at(path) + patience

    def half_written(self, path: RelPath, around: Round) -> Wait | None:
        """Return a Wait while the rest of a file that does not parse may still come."""
        until = self._shelf.changed_at(path) + self._watch.settle_polling
        return Wait(ARRIVING, until, arriving=True) if until > around.now else None

    async def drop_being_written(
        self, drop: Drop, around: Round, others: Iterable[RelPath] = ()
    ) -> Wait | None:
        """Return a Wait while somebody writes to a file of `drop`, or to one of `others`."""
        written = (*self._frames.newest(drop), drop.clip, drop.sidecar)
        files = [path for path in written if path is not None]
        return await self.being_written((*files, *others), around)

    async def being_written(self, files: Iterable[RelPath], around: Round) -> Wait | None:
        """Return a Wait while somebody of this host holds one of the files open for writing."""
        for path in files:
            written = await self._inbox.written_by_another(path)
            again = around.now + LEASE_AGAIN
            if written:
                reason = f"{ARRIVING}: {printable(leaf(path))} is open for writing"
                return Wait(reason, again, arriving=True)
            ready = self._shelf.ready_without_evidence(path)
            if written is None and ready is not None and ready > around.now:
                return Wait(ARRIVING, ready, arriving=True)
        return None

    async def changed(self, files: Iterable[RelPath], around: Round) -> Wait | None:
        """Return a Wait where one of the files is no longer the one that was scanned."""
        paths = tuple(files)
        for path, key in zip(paths, await self._inbox.keys(paths), strict=True):
            if key != self._shelf.entries[path].key:
                reason = f"{ARRIVING}: {printable(path)}"
                return Wait(reason, around.now + LEASE_AGAIN, arriving=True)
        return None

    def grace(self, clip: RelPath, around: Round) -> Wait | None:
        """A clip that needs no sidecar is taken when none has come for `sidecar_grace`."""
        quiet = around.quiet_since.get(parent(clip), 0.0)
        if quiet is None:
            return Wait("waiting for the files that arrive beside it", arriving=True)
        ready = max(self._shelf.complete_at(clip, around.now), quiet) + self._watch.sidecar_grace
        return Wait(ARRIVING, ready, arriving=True) if ready > around.now else None

    def until(self, drop: Drop, missing: Reference | None, around: Round) -> float:
        """Return how long a part is waited for: without end where it may lie on a share that is away."""
        if missing is not None and around.is_away(missing.path):
            return inf
        return max(self._shelf.since(path) for path in drop.files) + self._watch.sidecar_timeout
