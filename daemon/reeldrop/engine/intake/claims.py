"""Drops become ours: recorded first, then claimed, then given to the workers.

Rule 1: a job is recorded before any of its files moves, so that a crash leaves no file without a job.
Rule 2: a job is given to the workers only when its claim is true, so that nothing is paid for before.
Rule 3: what was replaced since it was judged is not taken: its job is withdrawn, and it is judged anew.
        Where a job of the drop has been sent before, it fails instead: what was paid for stays known.
"""

from collections.abc import Sequence

import structlog

from reeldrop.domain.errors import DropChanged, Lost, StepError
from reeldrop.domain.held import held_by
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import FINAL, Event, Verdict
from reeldrop.engine.intake.jobs import replaced, vanished
from reeldrop.engine.intake.terms import Wait
from reeldrop.ports import Inbox, JobMemory, KeptFile

log = structlog.get_logger()


class Claims:
    """Records and claims the drops of one watch."""

    def __init__(self, inbox: Inbox, store: JobMemory) -> None:
        self._inbox = inbox
        self._store = store
        self._pending: dict[JobId, Job] = {}
        self.refused: list[Job] = []
        """Refused jobs that now await their delivery; whoever runs deliveries empties it."""

    @property
    def pending(self) -> tuple[Job, ...]:
        """Recorded jobs whose claim could not be made yet."""
        return tuple(self._pending.values())

    async def record(self, jobs: Sequence[Job], kept: Sequence[KeptFile]) -> bool:
        """Record jobs that share one claim, for `make`; False where one of them is under way.

        Raises StoreUnavailable where no record could be made; then nothing has changed.
        """
        if not await self._store.add(jobs, kept):
            return False
        for job in jobs:
            log.info("drop.recorded", job=job.id, watch=job.watch, path=job.path)
            self._pending[job.id] = job
        return True

    async def obstacle(self, jobs: Sequence[Job]) -> Wait:
        """Return why jobs could not be recorded."""
        for job in jobs:
            other = await self._store.obstacle(job)
            if other is None or (other.source_key == job.source_key and other.state not in FINAL):
                continue
            return Wait(held_by(other))
        return Wait("waiting for an earlier job of the same file to end")

    async def make(self, jobs: Sequence[Job]) -> None:
        """Make the claim of recorded jobs; one that cannot be made now is tried again by `retry`."""
        if error := await self._claim(jobs):
            await self._postpone(jobs, error)

    def expect(self, jobs: Sequence[Job]) -> None:
        """Remember jobs of an earlier run whose claims are not known to be made."""
        self._pending.update({job.id: job for job in jobs if not job.claimed})

    async def retry(self, *, looked: bool) -> list[Job]:
        """Try every pending claim again.

        `looked`: the inbox has just answered a scan. Only then absence proves something: a job
        whose clip has gone ends, one of whose drop anything else has changed is withdrawn.
        Returns both; what is left of their drops is to be judged anew.
        """
        shared: dict[str, list[Job]] = {}
        for job in self.pending:
            # A kept drop shares no folder: what its variants share is the file that was judged.
            shared.setdefault(job.claim.folder or str(job.claim.source), []).append(job)
        ended: list[Job] = []
        for jobs in shared.values():
            error = await self._claim(jobs)
            if looked and isinstance(error, DropChanged):
                ended += await self._end(jobs, error)
            elif error is not None:
                await self._postpone(jobs, error)
        return ended

    async def _claim(self, jobs: Sequence[Job]) -> StepError | None:
        """Make a claim and hand its jobs over, or return why it cannot be made."""
        try:
            await self._inbox.claim(jobs[0].claim)
        except StepError as error:
            return error
        for job in jobs:
            await self._finish(job.evolve(claimed=True, reason=""))
        return None

    async def _end(self, jobs: Sequence[Job], error: DropChanged) -> list[Job]:
        """End jobs whose claim can never be made; return those that nobody else has ended."""
        if await self._was_begun(jobs):
            ends = [replaced(job, error).evolve(claimed=True, reason="") for job in jobs]
            return [job for job in ends if await self._finish(job)]
        if error.held or jobs[0].path in error.gone:
            ends = [vanished(job, error).evolve(claimed=True, reason="") for job in jobs]
            return [job for job in ends if await self._finish(job)]
        withdrawn: list[Job] = []
        for job in jobs:
            try:
                await self._store.withdraw(job)
            except Lost:
                log.info("drop.lost", job=job.id, path=job.path)
            else:
                log.info("drop.withdrawn", job=job.id, path=job.path, reason=error.message)
                withdrawn.append(job)
            self._pending.pop(job.id, None)
        return withdrawn

    async def _was_begun(self, jobs: Sequence[Job]) -> bool:
        """Say whether these, or others of the same drop, may have been sent already."""
        if any(job.request_ids for job in jobs):
            return True
        return await self._store.drop_size(jobs[0]) > len(jobs)

    async def _postpone(self, jobs: Sequence[Job], error: StepError) -> None:
        """Say why a claim waits, once for each reason."""
        for job in jobs:
            if job.reason == error.message:
                continue
            log.warning("claim.waits", job=job.id, path=job.path, reason=error.message)
            try:
                waits = await self._store.update(job.evolve(reason=error.message), "claim_waits")
            except Lost:
                self._pending.pop(job.id, None)
            else:
                self._pending[job.id] = waits

    async def _finish(self, job: Job) -> bool:
        """Give a claimed job to whoever goes on with it; False where it was cancelled meanwhile."""
        found = True
        try:
            await self._hand_over(job)
        except Lost:
            log.info("drop.lost", job=job.id, path=job.path)
            found = False
        self._pending.pop(job.id, None)
        return found

    async def _hand_over(self, job: Job) -> None:
        if job.error is None:
            await self._store.update(job, "claimed")
            return
        note = {"code": job.error.code, "message": job.error.message}
        job = await self._store.move(job.evolve(verdict=Verdict.FAILED), Event.REFUSED, note)
        self.refused.append(job)
        log.warning("drop.refused", job=job.id, path=job.path, error=note["message"])
