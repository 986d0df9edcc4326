"""Files that come again: a sync tool brings back what was delivered, and nobody means to pay for it.

Such a file is the same by watch, path, size and time before its bytes are read; its bytes decide.
"""

from collections import defaultdict
from collections.abc import Sequence

import structlog

from reeldrop.domain.frames import clip_of, frames_of
from reeldrop.domain.job import Job, RelPath
from reeldrop.domain.paths import printable
from reeldrop.domain.sameness import digests_of, files_in
from reeldrop.engine.intake.frames import sha256_of
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.engine.intake.terms import Wait
from reeldrop.ports import JobMemory

log = structlog.get_logger()


class Again:
    """Tells the drops of one watch that are new from those that have come again."""

    def __init__(self, shelf: Shelf, store: JobMemory) -> None:
        self._shelf = shelf
        self._store = store
        self._waiting: dict[RelPath, tuple[tuple[str, ...], Wait]] = {}
        """What was found of a drop, with the content that it holds for: looked for once."""

    async def without(self, jobs: Sequence[Job]) -> list[Job] | Wait:
        """Return those of a drop's jobs that have not been delivered; a Wait where all have.

        Raises FileBusy, FolderOffline, StoreUnavailable.
        """
        path, content = jobs[0].path, self._content(jobs)
        known = self._waiting.get(path)
        if known is not None and known[0] == content:
            return known[1]
        delivered = await self._delivered(jobs)
        left = [job for job in jobs if job.id not in delivered]
        if delivered:
            log.info("drop.again", watch=jobs[0].watch, path=path, delivered=len(delivered))
        if left:
            return left
        wait = _listed(delivered[jobs[0].id])
        self._remember(path, content, wait)
        return wait

    async def _delivered(self, jobs: Sequence[Job]) -> dict[str, Job]:
        """Return what was delivered of these jobs' own file and spec, by the job that is the same."""
        groups: defaultdict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            groups[job.spec_key].append(job)
        same: dict[str, Job] = {}
        for group in groups.values():
            found = [
                each
                for each in await self._store.delivered_like(group[0])
                if await self._is_same(each, group[0])
            ]
            # Variants may be alike in all but their names: as many as were delivered have come again.
            folders = {each.folder for each in found}
            group.sort(key=lambda job: job.folder not in folders)
            same |= {job.id: each for job, each in zip(group, found, strict=False)}
        return same

    async def _is_same(self, delivered: Job, job: Job) -> bool:
        known = digests_of(delivered)
        theirs = [known.get(origin) for origin in files_in(delivered.params)]
        return theirs == [await self._sha256(job, origin) for origin in files_in(job.params)]

    async def _sha256(self, job: Job, origin: RelPath) -> str:
        frames = frames_of(job)
        if frames and origin == clip_of(job):
            return await sha256_of(self._shelf, [frame.origin for frame in frames])
        return await self._shelf.sha256(origin)

    def _content(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        claim = jobs[0].claim
        files = {file.origin for file in (*claim.source, *claim.references)}
        versions = sorted(f"{path}\0{self._shelf.entries[path].version}" for path in files)
        return (*versions, *(job.spec_key for job in jobs))

    def _remember(self, path: RelPath, content: tuple[str, ...], wait: Wait) -> None:
        entries = self._shelf.entries
        if len(self._waiting) >= len(entries):
            self._waiting = {path: kept for path, kept in self._waiting.items() if path in entries}
        self._waiting[path] = content, wait


def _listed(delivered: Job) -> Wait:
    short = delivered.id[:8]
    return Wait(
        f"is the file of job {short} again, which was delivered as "
        f"{printable(delivered.final or delivered.folder)}: not run; "
        f"`reeldrop retry {short} --pay-again` runs it, or take the file away"
    )
