"""One try at a job's next step: the only place where the engine records what became of a job.

Rule: what has happened outside is recorded, however long the store takes; until it is, nothing new
is submitted.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Event, State
from reeldrop.engine.gate import Gate
from reeldrop.engine.rooms import Rooms

log = structlog.get_logger()

STORE_RETRY = 1.0
"""Seconds between two tries to record something."""


class Attempt:
    """A job as last recorded, and when it wants its next step.

    `job` changes only after the store has it on disk. `again_in` is in seconds. `lost` says that
    another owner has the job: nothing more is done for it here. `breakable` says that a stop may
    break it off: a request whose end is still here, and no intent is being recorded.
    """

    def __init__(self, job: Job, rooms: Rooms, gate: Gate) -> None:
        self.job = job
        self.again_in = 0.0
        self.lost = False
        self.breakable = job.state is State.UPLOADING
        self.heard = False
        """The API said something of this clip: it is there, and lets the account in."""
        self._rooms = rooms
        self._gate = gate

    async def move(self, job: Job, event: Event, **note: Any) -> None:
        """Record the arrow `event` with the fields of `job`; waits for the store. Raises Lost."""
        before = self.job.state
        self.job = await self._recorded(lambda: self._rooms.store.move(job, event, note))
        log.info(_event(self.job.state), job=job.id, path=job.path, was=before, **note)

    async def update(self, job: Job, event: str, **note: Any) -> None:
        """Record the fields of `job`; its state stays; waits for the store. Raises Lost."""
        self.job = await self._recorded(lambda: self._rooms.store.update(job, event, note))
        log.info(_event(event), job=job.id, path=job.path, state=job.state, **note)

    async def declare(self, job: Job) -> None:
        """Record the intent to submit now or not at all. Raises StoreUnavailable, Lost."""
        note = {"request_id": job.request_ids[-1]}
        self.breakable = False
        self.job = await self._rooms.store.move(job, Event.DECLARED, note)
        log.info(_event(self.job.state), job=job.id, path=job.path, **note)

    async def _recorded(self, write: Callable[[], Awaitable[Job]]) -> Job:
        trouble = ""
        while True:
            try:
                recorded = await write()
            except StoreUnavailable as error:
                trouble = error.message
                self._gate.close(trouble)
                await self._rooms.clock.sleep(STORE_RETRY)
                continue
            self._gate.over(trouble)
            return recorded


def _event(name: str) -> str:
    return f"job.{name}"
