"""Drops of a kept inbox: which were taken before, and what is remembered of those that are taken now.

Numbered frames are known all together, as one file at the path of their pattern.
"""

from collections.abc import Sequence
from dataclasses import replace

from reeldrop.domain.drop import Clash, Drop
from reeldrop.domain.job import Job, RelPath
from reeldrop.engine.intake.frames import as_one, clip_path, sha256_of
from reeldrop.engine.intake.jobs import Parts
from reeldrop.engine.intake.kept import Kept
from reeldrop.engine.intake.past import edited
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.ports import Entry, KeptFile


class Keeping:
    """Holds the drops of one kept watch against what is known of its files."""

    def __init__(self, kept: Kept, shelf: Shelf) -> None:
        self._kept = kept
        self._shelf = shelf

    async def knows(self, drop: Drop | Clash, named: RelPath | None, now: float) -> bool:
        """Say whether a drop was taken before; `named` is the clip that its sidecar names itself.

        Raises FileBusy, StoreUnavailable.
        """
        if isinstance(drop, Drop) and drop.frames:
            return await self._knows_frames(drop, now)
        first = self._shelf.entries[drop.files[0]]
        if self._kept.knows(first) or (named is not None and self._kept.lies_here(named)):
            return True
        if not self._kept.may_know(first.path) or not self._is_ready(first.path, now):
            return False
        return await self._kept.recognise(first, await self._shelf.sha256(first.path))

    async def _knows_frames(self, drop: Drop, now: float) -> bool:
        frames = self._frames(drop)
        if self._kept.knows(frames):
            return True
        ready = all(self._is_ready(path, now) for path in drop.frames)
        if not ready or not self._kept.may_know(frames.path):
            return False
        return await self._kept.recognise(frames, await sha256_of(self._shelf, drop.frames))

    def _is_ready(self, path: RelPath, now: float) -> bool:
        ready = self._shelf.ready_at(path)
        return ready is not None and ready <= now

    def _frames(self, drop: Drop) -> Entry:
        entries = self._shelf.entries
        return as_one(clip_path(drop) or drop.path, (entries[path] for path in drop.frames))

    async def edited(self, drop: Drop | Clash) -> dict[RelPath, str]:
        """Return what is said of the sidecar of known frames that was changed after they were taken.

        Kept itself knows that of the sidecars of films. Raises FileBusy, StoreUnavailable.
        """
        if isinstance(drop, Clash) or not drop.frames:
            return {}
        sidecar, frames = self._shelf.entries[drop.path], self._frames(drop)
        if self._kept.knows(sidecar):
            self._kept.note_frames(drop)
            return {}
        if await self._kept.recognise(sidecar, await self._shelf.sha256(drop.path)):
            return {}
        return edited({drop.path: (frames.path, self._kept.job_of(frames))})

    async def files(self, parts: Parts, job: Job) -> list[KeptFile]:
        """Return what is to be remembered of a drop that `job` takes. Raises FileBusy."""
        entries, digest = self._shelf.entries, self._shelf.sha256
        alone = parts.files[: len(parts.files) - len(parts.frames)]
        files = [KeptFile(path, entries[path].key, await digest(path), job.id) for path in alone]
        if parts.frames and parts.clip:
            key = as_one(parts.clip, (entries[path] for path in parts.frames)).key
            sha256 = await sha256_of(self._shelf, parts.frames)
            files.append(KeptFile(parts.clip, key, sha256, job.id))
        return files


def with_digest(jobs: Sequence[Job], parts: Parts, kept: Sequence[KeptFile]) -> list[Job]:
    """Return the jobs of a drop with the digest of its clip: it must still have that when it is sent."""
    known = next((file.sha256 for file in kept if file.path == parts.clip), None)
    return [
        job.evolve(source=replace(job.source, sha256=known)) if job.source and known else job
        for job in jobs
    ]
