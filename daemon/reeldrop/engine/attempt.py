"""One try at a job's next step: the only place where the engine records what became of a job.

Rule: what has happened outside is recorded, however long the store takes; until it is, nothing new
is submitted.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from logging import DEBUG, INFO
from typing import Any

import structlog

from reeldrop.domain.errors import StepError, StoreUnavailable
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Event, State
from reeldrop.engine.gate import Gate
from reeldrop.engine.rooms import Rooms

log = structlog.get_logger()

TURNED_BACK = frozenset({Event.RETURNED, Event.NOT_ACCEPTED})
STORE_RETRY = 1.0
"""Seconds between two tries to record something."""


class Attempt:
    """A job as last recorded, and when it wants its next step.

    `job` changes only after the store has it on disk. `again_in` is in seconds. `lost` says that
    nothing more is done for the job here: another owner has it, or the look-ups do. `breakable` says
    that a stop may break it off: a request whose end is still here, and no intent is being recorded.
    """

    def __init__(
        self,
        job: Job,
        rooms: Rooms,
        gate: Gate,
        look_up: Callable[[Job, float], None] | None = None,
    ) -> None:
        """`look_up` takes an uncertain job, and the seconds until the log is asked, while this goes on."""
        self.job = job
        self.again_in = 0.0
        self.lost = False
        self.breakable = job.state is State.UPLOADING
        self.heard = False
        """The API said something of this clip: it is there, and lets the account in."""
        self.overdue = False
        """The answer takes long: the job is recorded as uncertain, and the request is still in the air."""
        self.sending: asyncio.Timeout | None = None
        """What breaks the request off."""
        self.broken_off: StepError | None = None
        """Why it was."""
        self._rooms = rooms
        self._gate = gate
        self._look_up = look_up

    async def move(self, job: Job, event: Event, **note: Any) -> None:
        """Record the arrow `event` with the fields of `job`; waits for the store. Raises Lost."""
        before = self.job.state
        self.job = await self._recorded(lambda: self._rooms.store.move(job, event, note))
        # Behind a wall each probe fails like the one before: the queue has told why.
        level = DEBUG if event in TURNED_BACK and self._gate.quiet(job) else INFO
        log.log(level, _event(self.job.state), job=job.id, path=job.path, was=before, **note)

    async def update(self, job: Job, event: str, **note: Any) -> None:
        """Record the fields of `job`; its state stays; waits for the store. Raises Lost."""
        self.job = await self._recorded(lambda: self._rooms.store.update(job, event, note))
        log.info(_event(event), job=job.id, path=job.path, state=job.state, **note)

    async def declare(self, job: Job, **note: Any) -> None:
        """Record the intent to submit now or not at all. Raises StoreUnavailable, Lost."""
        if self.broken_off is not None:
            # The end of the request may be asked for in the very moment in which it was broken off.
            raise self.broken_off
        note = {"request_id": job.request_ids[-1], **note}
        self.breakable = False
        self.job = await self._rooms.store.move(job, Event.DECLARED, note)
        level = DEBUG if self._gate.quiet(job) else INFO
        log.log(level, _event(self.job.state), job=job.id, path=job.path, **note)

    def break_off(self, why: StepError) -> None:
        """End an upload whose end is still here with `why`; nothing can have been made of it."""
        if self.sending is not None and self.breakable and self.job.state is State.UPLOADING:
            self.broken_off = why
            self.sending.reschedule(0.0)

    @asynccontextmanager
    async def may_be_broken_off(self) -> AsyncGenerator[None, None]:
        """Let `break_off` end the block, which then raises why; what it has recorded is known all the same."""
        sending = self.sending = asyncio.timeout(None)
        try:
            async with sending:
                yield
        except TimeoutError as error:
            if self.broken_off is None:
                raise
            if self.job.state in (State.UPLOADING, State.SUBMITTING):
                raise self.broken_off from error

    def share(self) -> None:
        """Let the look-ups begin; whoever is first told what became of the job records it."""
        if self._look_up is not None:
            self._look_up(self.job, self.again_in)
        self.overdue = True

    def leave(self) -> None:
        """Do nothing more for a job that the look-ups have."""
        self.lost = self._look_up is not None

    async def _recorded(self, write: Callable[[], Awaitable[Job]]) -> Job:
        trouble = ""
        while True:
            try:
                recorded = await self._to_its_end(write)
            except StoreUnavailable as error:
                trouble = error.message
                self._gate.close(trouble)
                await self._rooms.clock.sleep(STORE_RETRY)
                continue
            if trouble:
                self._gate.over()
            return recorded

    async def _to_its_end(self, write: Callable[[], Awaitable[Job]]) -> Job:
        """Write; who is broken off meanwhile still learns what has become of the job."""
        writing = asyncio.ensure_future(write())
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            with suppress(StoreUnavailable):
                self.job = await writing
            raise


def _event(name: str) -> str:
    return f"job.{name}"
