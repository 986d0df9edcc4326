"""Drops become ours: recorded first, then claimed, then given to the workers.

Rule 1: a job is recorded before any of its files moves, so that a crash leaves no file without a job.
Rule 2: a job is given to the workers only when its claim is true, so that nothing is paid for before.
"""

from collections.abc import Mapping, Sequence

import structlog

from reeldrop.domain.errors import FileBusy, Lost, StepError
from reeldrop.domain.job import Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event, Verdict
from reeldrop.engine.intake_jobs import vanished
from reeldrop.ports import Inbox, JobStore

log = structlog.get_logger()


class Claims:
    """Records and claims the drops of one watch."""

    def __init__(self, inbox: Inbox, store: JobStore) -> None:
        self._inbox = inbox
        self._store = store
        self._pending: dict[JobId, Job] = {}
        self.refused: list[Job] = []
        """Refused jobs that now await their delivery; whoever runs deliveries empties it."""

    @property
    def pending(self) -> tuple[Job, ...]:
        """Recorded jobs whose claim could not be made yet."""
        return tuple(self._pending.values())

    async def take(self, jobs: Sequence[Job], kept_keys: Mapping[RelPath, str] | None) -> int:
        """Record jobs that share one claim, and make it; return how many are new.

        A claim that cannot be made now is tried again by `retry`. Raises StepError where not even
        a record could be made; then nothing has moved.
        """
        if not await self._store.add(jobs, kept_keys):
            return 0
        for job in jobs:
            log.info("drop.recorded", job=job.id, watch=job.watch, path=job.path)
            self._pending[job.id] = job
        await self._claim(jobs)
        return len(jobs)

    def expect(self, jobs: Sequence[Job]) -> None:
        """Remember jobs of an earlier run whose claims are not known to be made."""
        self._pending.update({job.id: job for job in jobs if not job.claimed})

    async def retry(self, present: Mapping[RelPath, object] | None = None) -> None:
        """Try every pending claim again.

        `present` are the files of a scan: a job whose clip is not among them, and cannot be
        claimed, ends.
        """
        shared: dict[str, list[Job]] = {}
        for job in self.pending:
            shared.setdefault(job.claim.folder or job.id, []).append(job)
        for jobs in shared.values():
            await self._claim(jobs, present)

    async def _claim(
        self, jobs: Sequence[Job], present: Mapping[RelPath, object] | None = None
    ) -> None:
        try:
            await self._inbox.claim(jobs[0].claim)
        except FileBusy as error:
            gone = present is not None and jobs[0].path not in present
            for job in jobs:
                await (self._finish(vanished(job)) if gone else self._postpone(job, error))
        except StepError as error:
            for job in jobs:
                await self._postpone(job, error)
        else:
            for job in jobs:
                await self._finish(job)

    async def _postpone(self, job: Job, error: StepError) -> None:
        """Say why a claim waits, once for each reason."""
        if job.reason == error.message:
            return
        log.warning("claim.waits", job=job.id, path=job.path, reason=error.message)
        try:
            waits = await self._store.update(job.evolve(reason=error.message), "claim_waits")
        except Lost:
            self._pending.pop(job.id, None)
        else:
            self._pending[job.id] = waits

    async def _finish(self, job: Job) -> None:
        """Give a claimed job to whoever goes on with it; somebody may have cancelled it meanwhile."""
        try:
            await self._hand_over(job.evolve(claimed=True, reason=""))
        except Lost:
            log.info("drop.lost", job=job.id, path=job.path)
        self._pending.pop(job.id, None)

    async def _hand_over(self, job: Job) -> None:
        if job.error is None:
            await self._store.update(job, "claimed")
            return
        note = {"code": job.error.code, "message": job.error.message}
        job = await self._store.move(job.evolve(verdict=Verdict.FAILED), Event.REFUSED, note)
        self.refused.append(job)
        log.warning("drop.refused", job=job.id, path=job.path, error=note["message"])
