"""A submit whose answer takes long: its job is uncertain at once, and the answer is still waited for.

Rule 1: only an answer that proves that nothing was made frees the job; one that cannot be read, or
        none, leaves it to the look-ups.
Rule 2: the look-ups go on meanwhile. Whoever is told first what became of the job records it; to the
        other the job is lost.
"""

import structlog

from reeldrop.domain import retry
from reeldrop.domain.errors import (
    BlockedError,
    ClipRejected,
    ProviderUnavailable,
    RateLimited,
    StepError,
    UnknownOutcome,
)
from reeldrop.domain.lifecycle import Event
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.outcomes import Outcomes
from reeldrop.engine.rooms import Rooms

log = structlog.get_logger()


class LateAnswers:
    """What becomes of a job whose request is still in the air although it counts as uncertain."""

    def __init__(self, rooms: Rooms, gate: Gate, outcomes: Outcomes) -> None:
        self._rooms = rooms
        self._gate = gate
        self._outcomes = outcomes

    async def begin(self, attempt: Attempt, error: StepError) -> None:
        """Record that nobody knows yet, and let the look-ups begin. Raises Lost."""
        await self._outcomes.settle(attempt, error)
        # A closed gate must not wait for this answer before it lets another clip find out.
        self._gate.ended(attempt.job)
        attempt.share()

    async def settle(self, attempt: Attempt, error: StepError) -> None:
        """Record what a late answer, or its absence, says of the job. Raises Lost."""
        job, unknown = attempt.job, isinstance(error, UnknownOutcome)
        event = "submit.still_unknown" if unknown else "submit.answered_late"
        log.info(event, job=job.id, path=job.path, error=error.message)
        match error:
            case ClipRejected():
                await self._outcomes.settle(attempt, error)
            case BlockedError():
                alone = self._gate.refuse(attempt.job, error)
                await self._free(attempt, error, self._delay(attempt, None) if alone else 0.0)
            case ProviderUnavailable() | RateLimited():
                await self._free(attempt, error, self._delay(attempt, error.retry_after))
            case _:
                attempt.leave()

    async def _free(self, attempt: Attempt, error: StepError, delay: float) -> None:
        free = attempt.job.evolve(
            error=None, reason=error.message, not_before=self._rooms.clock.now() + delay, tries=0
        )
        note = {"error": error.message, "code": error.code}
        await attempt.move(free, Event.FREED, found="answer", **note)

    def _delay(self, attempt: Attempt, retry_after: float | None) -> float:
        # Each try sends the whole clip: an API that is this slow is asked ever more seldom.
        return retry.delay(
            attempt.job.attempts,
            cap=self._rooms.policy.longest_freed,
            jitter=self._rooms.jitter(),
            retry_after=retry_after,
        )
