"""One step of one job: dispatch on its state, and see that whatever happens is recorded.

What an error leads to is in outcomes.py; what a step does in steps.py.
"""

from typing import assert_never

import structlog

from reeldrop.domain.errors import (
    ClipRejected,
    FileBusy,
    Lost,
    StepError,
    StoreUnavailable,
    TransientError,
    UnknownOutcome,
)
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.engine import reconciliation, steps
from reeldrop.engine.ages import Ages
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.late_answers import LateAnswers
from reeldrop.engine.outcomes import Outcomes
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.taken import see_that_it_was_taken
from reeldrop.engine.twins import Twins

log = structlog.get_logger()


class Worker:
    """Takes jobs one step further."""

    def __init__(self, rooms: Rooms, gate: Gate) -> None:
        self._rooms = rooms
        self._gate = gate
        self._ages = Ages(rooms.clock)
        self._outcomes = Outcomes(rooms, gate, self._ages)
        self._late_answers = LateAnswers(rooms, gate, self._outcomes)
        self._twins = Twins(rooms)

    async def step(self, attempt: Attempt) -> None:
        """Do the step of the job's state, record what came of it, and clear up after its end."""
        submitting = attempt.job.state is State.UPLOADING
        try:
            await self._settled_step(attempt)
            await self._outcomes.mind_cancel(attempt)
        except Lost:
            attempt.lost = True
            log.info("job.lost", job=attempt.job.id, path=attempt.job.path)
        if submitting and attempt.heard:
            self._gate.passed(attempt.job)
        elif submitting:
            self._gate.ended(attempt.job)
        if attempt.job.state in FINAL and not attempt.lost:
            await self._clear(attempt.job)

    async def _settled_step(self, attempt: Attempt) -> None:
        try:
            await self._step(attempt)
        except StepError as error:
            attempt.heard = attempt.heard or isinstance(error, ClipRejected)
            await self._settle(attempt, error)
        except StoreUnavailable as error:
            self._gate.close(error.message)
            await self._settle(attempt, _as_step_error(attempt.job, error.message))
        except Lost:
            raise
        except Exception as error:
            log.exception("step.crashed", job=attempt.job.id, path=attempt.job.path)
            why = f"an internal error ({type(error).__name__}) met it; see the daemon's log"
            await self._settle(attempt, _as_step_error(attempt.job, why))

    async def _settle(self, attempt: Attempt, error: StepError) -> None:
        if attempt.overdue and attempt.job.state is State.UNCERTAIN:
            await self._late_answers.settle(attempt, error)
        else:
            await self._outcomes.settle(attempt, error)

    async def _step(self, attempt: Attempt) -> None:
        rooms = self._rooms
        match attempt.job.state:
            case State.UPLOADING:
                await self._submit(attempt)
            case State.GENERATING:
                await steps.poll(attempt, rooms)
                await self._outcomes.mind_age(attempt)
            case State.UNCERTAIN:
                await self._see_that_it_is_uncertain(attempt.job)
                await reconciliation.look_up(attempt, rooms, self._ages)
            case State.DOWNLOADING:
                await steps.fetch(attempt, rooms)
            case State.DELIVERING:
                await steps.deliver(attempt, rooms)
            case (
                State.QUEUED | State.SUBMITTING
                | State.DELIVERED | State.FAILED | State.CANCELLED
            ):  # fmt: skip
                raise AssertionError(f"nothing is to be done for a job that is {attempt.job.state}")
            case never:
                assert_never(never)

    async def _submit(self, attempt: Attempt) -> None:
        async def overdue(error: StepError) -> None:
            await self._late_answers.begin(attempt, error)

        try:
            async with attempt.may_be_broken_off():
                await see_that_it_was_taken(attempt.job, self._rooms)
                await self._twins.settle(attempt)
            if attempt.job.state is State.UPLOADING:
                await steps.submit(attempt, self._rooms, overdue)
        except FileBusy as error:
            await steps.see_that_nothing_has_gone(attempt.job, self._rooms, error)
            raise

    async def _see_that_it_is_uncertain(self, job: Job) -> None:
        """Raise Lost where a late answer, or a person, has settled it: the log need not be asked."""
        try:
            known = await self._rooms.store.get(job.id)
        except StoreUnavailable:
            return  # what the log says is recorded under the same guard
        if known is None or (known.state, known.token) != (job.state, job.token):
            raise Lost(f"Job {job.id} is no longer uncertain under token {job.token}.")

    async def _clear(self, job: Job) -> None:
        self._ages.forget(job.id)
        self._gate.forget(job)
        self._rooms.cancelled.discard(job.id)
        try:
            await steps.clear(job, self._rooms)
        except (StepError, StoreUnavailable) as error:
            # The delivery is done; what is left is swept at the next start.
            log.warning("clear.failed", job=job.id, path=job.path, error=error.message)
        except Exception:  # a bug in tidying up must not stop the others' clips
            log.exception("clear.crashed", job=job.id, path=job.path)


def _as_step_error(job: Job, why: str) -> StepError:
    """Take the careful side of what may have happened: once SUBMITTING, it may have been paid for."""
    if job.state in (State.SUBMITTING, State.UNCERTAIN):
        return UnknownOutcome(why)
    return TransientError(why)
