"""One try at a job's next step: the only place where the engine records what became of a job."""

from typing import Any

import structlog

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Event
from reeldrop.ports import JobStore

log = structlog.get_logger()


class Attempt:
    """A job as last recorded, and when it wants its next step.

    `job` changes only after the store has it on disk. `again_in` is in seconds.
    """

    def __init__(self, job: Job, store: JobStore) -> None:
        self.job = job
        self.again_in = 0.0
        self._store = store

    async def move(self, job: Job, event: Event, **note: Any) -> None:
        """Record the arrow `event` with the fields of `job`. Raises Lost."""
        before = self.job.state
        self.job = await self._store.move(job, event, note)
        log.info(_event(self.job.state), job=job.id, path=job.path, was=before, **note)

    async def update(self, job: Job, event: str, **note: Any) -> None:
        """Record the fields of `job`; its state stays. Raises Lost."""
        self.job = await self._store.update(job, event, note)
        log.info(_event(event), job=job.id, path=job.path, state=job.state, **note)


def _event(name: str) -> str:
    return f"job.{name}"
