"""What an error of a step leads to.

Rule 1: a job that is SUBMITTING returns to the queue only by an error that is definite: the API
        made nothing. Everything else makes it UNCERTAIN.
Rule 2: a generation that exists is never given up for trouble on our side.
Rule 3: a reason is recorded once, not at every try.
"""

from typing import assert_never

import structlog

from reeldrop.domain import retry
from reeldrop.domain.errors import (
    BlockedError,
    ClipError,
    Disposition,
    DropChanged,
    GenerationUnknown,
    ProviderUnavailable,
    RateLimited,
    ResultGone,
    ResultLost,
    StepError,
    Stopping,
    TransientError,
    Trouble,
)
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Event, State, Verdict
from reeldrop.engine import steps
from reeldrop.engine.ages import Ages
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.cancelling import cancelled, failed_after
from reeldrop.engine.gate import Gate
from reeldrop.engine.reconciliation import FIRST_LOOK, SEARCH
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.walls import PROBE_INTERVAL

log = structlog.get_logger()

COMMON = (BlockedError, ProviderUnavailable, RateLimited)
"""What a submit meets that every other may meet as well."""
ASIDE = (60.0, 600.0)
"""Seconds between the tries of a clip that alone is refused: at first, and at most."""
GENERATING = "generating"
UNKNOWN = "unknown"
HOUR = 3600.0


class Outcomes:
    """Turns errors into transitions and delays."""

    def __init__(self, rooms: Rooms, gate: Gate, ages: Ages) -> None:
        self._rooms = rooms
        self._gate = gate
        self._ages = ages

    async def settle(self, attempt: Attempt, error: StepError) -> None:
        """Record what `error` means for the job. Raises Lost."""
        match error.disposition:
            case Disposition.RETRY:
                await self._retry(attempt, error)
            case Disposition.PAUSE:
                await self._pause(attempt, error)
            case Disposition.RECONCILE:
                await self._hold(attempt, error)
            case Disposition.QUARANTINE:
                await self._fail(attempt, error)
            case Disposition.STOP | Disposition.DROP:
                raise AssertionError(f"{type(error).__name__} is no step's error")
            case never:
                assert_never(never)

    async def mind_age(self, attempt: Attempt) -> None:
        """Mark a generation late, or give it up after 30 days; called after an answer."""
        self._ages.restart(attempt.job.id, UNKNOWN)
        if attempt.job.state is State.GENERATING:
            await self._grow_old(attempt, "it is still generating")

    async def mind_cancel(self, attempt: Attempt) -> None:
        """Take a job that is back in the queue out of it, if a person wants it no more. Raises Lost."""
        if attempt.job.state is State.QUEUED and attempt.job.id in self._rooms.cancelled:
            ended = cancelled(attempt.job, paid_before=_was_begun_anew(attempt.job))
            await attempt.move(ended, Event.CANCEL)
            attempt.again_in = 0.0

    # ------------------------------------------------------------------ submits

    async def _requeue(self, attempt: Attempt, error: StepError) -> None:
        """Back to the queue: definitely nothing was made."""
        job = attempt.job
        stopping = isinstance(error, Stopping)
        common = isinstance(error, COMMON)
        alone = common and self._gate.refuse(job, error)
        if alone and not job.aside:
            log.info("job.set_aside", job=job.id, path=job.path, reason=error.words)
            job = job.evolve(tries=0)
        # What may be everybody's trouble is the gate's to wait for; what has ended is due at once.
        waits = not stopping and (alone or not common)
        back = job.evolve(
            not_before=self._rooms.clock.now() + (self._delay(job, error) if waits else 0.0),
            tries=job.tries + waits,
            reason="" if stopping else error.words,
            aside=job.aside or alone,
            claimed=not isinstance(error, DropChanged),
        )
        event = Event.RETURNED if job.state is State.UPLOADING else Event.NOT_ACCEPTED
        await attempt.move(back, event, error=error.message, code=error.code)

    async def _hold(self, attempt: Attempt, error: StepError) -> None:
        """Nobody knows whether it was made: looked up, and never sent again by itself."""
        if attempt.job.state is not State.SUBMITTING:
            await self._retry(attempt, error)
            return
        uncertain = attempt.job.evolve(reason=error.message, error=error.trouble(), tries=0)
        self._ages.restart(attempt.job.id, SEARCH)
        await attempt.move(uncertain, Event.OUTCOME_UNKNOWN, error=error.message, code=error.code)
        attempt.again_in = FIRST_LOOK

    async def _pause(self, attempt: Attempt, error: StepError) -> None:
        if attempt.job.state in (State.UPLOADING, State.SUBMITTING):
            await self._requeue(attempt, error)
        else:
            await self._wait(attempt, error, PROBE_INTERVAL)

    # ------------------------------------------------------------------ everything else

    async def _retry(self, attempt: Attempt, error: StepError) -> None:
        match attempt.job.state:
            case State.UPLOADING | State.SUBMITTING:
                await self._requeue(attempt, error)
            case State.GENERATING:
                await self._poll_again(attempt, error)
            case State.DOWNLOADING:
                await self._fetch_again(attempt, error)
            case _:
                await self._wait(attempt, error, self._delay(attempt.job, error))

    async def _poll_again(self, attempt: Attempt, error: StepError) -> None:
        policy = self._rooms.policy
        if isinstance(error, GenerationUnknown):
            if self._ages.of(attempt.job.id, UNKNOWN) >= policy.unknown_generation:
                await steps.become_late(attempt, self._rooms, error.message)
                return
        elif await self._grow_old(attempt, error.message):
            return
        await self._wait(attempt, error, self._delay(attempt.job, error))

    async def _fetch_again(self, attempt: Attempt, error: StepError) -> None:
        if self._is_too_old(attempt.job):
            await self._give_up(attempt, error.message)
            return
        if isinstance(error, ResultGone) and not await self._renew(attempt):
            return
        await self._wait(attempt, error, self._delay(attempt.job, error))

    async def _renew(self, attempt: Attempt) -> bool:
        """Ask for a new address of the result; False where there will be none."""
        try:
            await steps.renew_address(attempt, self._rooms)
        except ClipError as error:
            await self._fail(attempt, error)
            return False
        except StepError as error:
            log.info("result.address_unknown", job=attempt.job.id, error=error.message)
        return True

    async def _grow_old(self, attempt: Attempt, why: str) -> bool:
        """Mark a generation late once it has run for the time-out; True where it is, or is over."""
        job, policy = attempt.job, self._rooms.policy
        age = self._ages.of(job.id, GENERATING)
        if self._is_too_old(job):
            await self._give_up(attempt, why)
            return True
        if age < policy.generation_timeout:
            return False
        minutes = f"{age / 60:.0f} min" if age >= 60 else f"{age:.0f} s"
        await steps.become_late(attempt, self._rooms, f"after {minutes} {why}")
        return True

    async def _give_up(self, attempt: Attempt, why: str) -> None:
        job = attempt.job
        error = ResultLost(
            f"The result of {job.path} could not be had for 30 days: {why}",
            hint=f"Ask the provider about its generation {job.generation_id}.",
        )
        await self._fail(attempt, error)

    async def _fail(self, attempt: Attempt, error: StepError) -> None:
        if attempt.job.state is State.DELIVERING:
            # Its end is decided already; what keeps it from being shown can only be waited for.
            await self._wait(attempt, error, self._rooms.policy.longest_retry)
            return
        await self._refuse(attempt, error.trouble())

    async def _refuse(self, attempt: Attempt, trouble: Trouble) -> None:
        verdict = Verdict.FAILED
        if attempt.job.id in self._rooms.cancelled:
            verdict = Verdict.CANCELLED
            trouble = failed_after(trouble, paid_before=_was_begun_anew(attempt.job))
        failed = attempt.job.evolve(error=trouble, verdict=verdict, reason="", tries=0)
        await attempt.move(failed, Event.REFUSED, error=trouble.message, code=trouble.code)
        attempt.again_in = 0.0

    async def _wait(self, attempt: Attempt, error: StepError, delay: float) -> None:
        """Stay in the state."""
        job = attempt.job
        attempt.again_in = self._rooms.policy.late_interval if job.late else delay
        waiting = job.evolve(tries=job.tries + 1, reason=job.reason if job.late else error.message)
        if waiting.reason == job.reason:
            attempt.job = waiting
        else:
            await attempt.update(waiting, "waiting", error=error.message, code=error.code)

    def _delay(self, job: Job, error: StepError) -> float:
        policy = self._rooms.policy
        first, cap = 1.0, policy.longest_retry
        if job.state is State.DOWNLOADING:
            cap = policy.longest_fetch_retry
        elif self._gate.is_aside(job):
            first, cap = ASIDE
        return retry.delay(
            job.tries + 1,
            first=first,
            cap=cap,
            jitter=self._rooms.jitter(),
            retry_after=error.retry_after if isinstance(error, TransientError) else None,
        )

    def _is_too_old(self, job: Job) -> bool:
        """Say whether a paid result has been asked for long enough; one wrong clock does not decide."""
        now = self._rooms.clock.now()
        asked = self._ages.of(job.id, GENERATING)
        return asked > HOUR and now - (job.submitted or now) > self._rooms.policy.result_kept


def _was_begun_anew(job: Job) -> bool:
    """Say whether an earlier submit may have been paid for; here the ledger need not answer."""
    return job.settled > 0
