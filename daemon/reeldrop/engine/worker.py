"""One step of one job, and what its errors lead to.

Rule 1: whatever a step raises, the job's row says what became of it before the worker goes on.
Rule 2: a job that is SUBMITTING returns to the queue only by an error that is definite: the API
        made nothing. Everything else makes it UNCERTAIN.
Rule 3: a generation that exists is never given up for trouble on our side.
"""

from typing import assert_never

import structlog

from reeldrop.domain import retry
from reeldrop.domain.errors import (
    BlockedError,
    Disposition,
    GenerationUnknown,
    Lost,
    ResultGone,
    ResultLost,
    StepError,
    Stopping,
    TransientError,
    Trouble,
    UnknownOutcome,
)
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import FINAL, Event, State, Verdict
from reeldrop.engine import steps
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import PROBE_INTERVAL, Gate
from reeldrop.engine.rooms import Rooms

log = structlog.get_logger()


class Worker:
    """Takes jobs one step further."""

    def __init__(self, rooms: Rooms, gate: Gate) -> None:
        self._rooms = rooms
        self._gate = gate
        self._first_asked: dict[JobId, float] = {}
        self._unknown_since: dict[JobId, float] = {}

    async def step(self, job: Job) -> Attempt:
        """Do the step of the job's state, record what came of it, and clear up after its end.

        The Attempt returned holds the job as recorded and when it wants to go on.
        """
        attempt = Attempt(job, self._rooms.store)
        try:
            await self._settled_step(attempt)
            if attempt.job.state in FINAL:
                await self._clear(attempt.job)
        except Lost:
            log.info("job.lost", job=job.id, path=job.path)
        return attempt

    async def _settled_step(self, attempt: Attempt) -> None:
        try:
            await self._step(attempt)
        except StepError as error:
            await self._settle(attempt, error)
        except Lost:
            raise
        except Exception as error:
            log.exception("step.crashed", job=attempt.job.id, path=attempt.job.path)
            await self._settle(attempt, _as_step_error(attempt.job, error))

    async def _step(self, attempt: Attempt) -> None:
        rooms = self._rooms
        match attempt.job.state:
            case State.UPLOADING:
                await steps.submit(attempt, rooms)
                self._gate.open()
            case State.GENERATING:
                await steps.poll(attempt, rooms)
                await self._watch_age(attempt)
            case State.DOWNLOADING:
                await steps.fetch(attempt, rooms)
            case State.DELIVERING:
                await steps.deliver(attempt, rooms)
            case (
                State.QUEUED | State.SUBMITTING | State.UNCERTAIN
                | State.DELIVERED | State.FAILED | State.CANCELLED
            ):  # fmt: skip
                raise AssertionError(f"nothing is to be done for a job that is {attempt.job.state}")
            case never:
                assert_never(never)

    async def _watch_age(self, attempt: Attempt) -> None:
        """Mark a generation late once it has run for the time-out, on this process's clock."""
        job = attempt.job
        self._unknown_since.pop(job.id, None)
        if job.state is not State.GENERATING:
            self._first_asked.pop(job.id, None)
            return
        age = self._since(self._first_asked, job)
        if self._too_old(job):
            await self._give_up(attempt, "it is still generating")
        elif age >= self._rooms.policy.generation_timeout:
            why = f"still generating after {age / 60:.0f} min; it is asked every 10 min"
            await steps.become_late(attempt, self._rooms, why)

    def _since(self, times: dict[JobId, float], job: Job) -> float:
        now = self._rooms.clock.monotonic()
        return now - times.setdefault(job.id, now)

    async def _settle(self, attempt: Attempt, error: StepError) -> None:
        match error.disposition:
            case Disposition.RETRY:
                await self._retry(attempt, error)
            case Disposition.PAUSE:
                await self._pause(attempt, error)
            case Disposition.RECONCILE:
                await self._hold(attempt, error)
            case Disposition.QUARANTINE:
                await self._refuse(attempt, error.trouble())
            case Disposition.STOP | Disposition.DROP:
                raise AssertionError(f"{type(error).__name__} is no step's error")
            case never:
                assert_never(never)

    async def _retry(self, attempt: Attempt, error: StepError) -> None:
        job = attempt.job
        if job.state in (State.UPLOADING, State.SUBMITTING):
            await self._requeue(attempt, error)
        elif self._too_old(job):
            await self._give_up(attempt, error.message)
        elif isinstance(error, GenerationUnknown):
            await self._unknown_generation(attempt, error)
        else:
            if isinstance(error, ResultGone) and job.state is State.DOWNLOADING:
                await self._renew(attempt)
            await self._wait(attempt, error, self._delay(attempt.job, error))

    async def _give_up(self, attempt: Attempt, why: str) -> None:
        job = attempt.job
        lost = ResultLost(
            f"The result of {job.path} could not be had for 30 days: {why}",
            hint=f"Ask the provider about its generation {job.generation_id}.",
        )
        await self._refuse(attempt, lost.trouble())

    async def _renew(self, attempt: Attempt) -> None:
        try:
            await steps.renew_address(attempt, self._rooms)
        except (TransientError, BlockedError) as error:
            log.info("result.address_unknown", job=attempt.job.id, error=error.message)

    async def _requeue(
        self, attempt: Attempt, error: StepError, delay: float | None = None
    ) -> None:
        """Back to the queue: definitely nothing was made."""
        job = attempt.job
        stopping = isinstance(error, Stopping)
        if delay is None:
            delay = 0.0 if stopping else self._delay(job, error)
        back = job.evolve(
            not_before=self._rooms.clock.now() + delay,
            tries=job.tries + (not stopping),
            reason="" if stopping else error.message,
        )
        event = Event.RETURNED if job.state is State.UPLOADING else Event.NOT_ACCEPTED
        await attempt.move(back, event, error=error.message, code=error.code)

    async def _pause(self, attempt: Attempt, error: StepError) -> None:
        if attempt.job.state in (State.UPLOADING, State.SUBMITTING):
            self._gate.close(error.message)
            await self._requeue(attempt, error, PROBE_INTERVAL)
        else:
            await self._wait(attempt, error, PROBE_INTERVAL)

    async def _hold(self, attempt: Attempt, error: StepError) -> None:
        """Nobody knows whether it was made: held, and never sent again by itself."""
        if attempt.job.state is State.UPLOADING:
            await self._requeue(attempt, error)
            return
        trouble = error.trouble()
        held = attempt.job.evolve(reason=f"uncertain: {error.message}", error=trouble, tries=0)
        await attempt.move(held, Event.OUTCOME_UNKNOWN, error=error.message, code=error.code)

    async def _refuse(self, attempt: Attempt, trouble: Trouble) -> None:
        if attempt.job.state is State.DELIVERING:
            raise AssertionError(f"a delivery cannot be refused: {trouble.message}")
        failed = attempt.job.evolve(error=trouble, verdict=Verdict.FAILED, reason="", tries=0)
        await attempt.move(failed, Event.REFUSED, error=trouble.message, code=trouble.code)
        attempt.again_in = 0.0

    async def _unknown_generation(self, attempt: Attempt, error: StepError) -> None:
        policy = self._rooms.policy
        if self._since(self._unknown_since, attempt.job) >= policy.unknown_generation:
            await steps.become_late(attempt, self._rooms, error.message)
        else:
            await self._wait(attempt, error, min(policy.poll_interval, policy.longest_retry))

    async def _wait(self, attempt: Attempt, error: StepError, delay: float) -> None:
        """Stay in the state; the reason is recorded once, not at every try."""
        job = attempt.job
        attempt.again_in = delay
        waiting = job.evolve(tries=job.tries + 1, reason=error.message)
        if job.reason == error.message:
            attempt.job = waiting
        else:
            await attempt.update(waiting, "waiting", error=error.message, code=error.code)

    def _delay(self, job: Job, error: StepError) -> float:
        policy = self._rooms.policy
        fetching = job.state in (State.DOWNLOADING, State.GENERATING)
        longest = policy.longest_fetch_retry if fetching else policy.longest_retry
        after = error.retry_after if isinstance(error, TransientError) else None
        return retry.delay(job.tries, cap=longest, jitter=self._rooms.jitter(), retry_after=after)

    def _too_old(self, job: Job) -> bool:
        waited = self._rooms.clock.now() - (job.submitted or self._rooms.clock.now())
        paid = job.state in (State.GENERATING, State.DOWNLOADING)
        return paid and waited > self._rooms.policy.result_kept

    async def _clear(self, job: Job) -> None:
        self._first_asked.pop(job.id, None)
        self._unknown_since.pop(job.id, None)
        try:
            await steps.clear(job, self._rooms)
        except StepError as error:
            # The delivery is done; what is left is swept at the next start.
            log.warning("clear.failed", job=job.id, path=job.path, error=error.message)


def _as_step_error(job: Job, error: Exception) -> StepError:
    """Treat a bug as the careful side of what it may have been."""
    message = f"an internal error ({type(error).__name__}) met {job.path}; see the daemon's log"
    if job.state is State.SUBMITTING:
        return UnknownOutcome(message)
    return TransientError(message)
