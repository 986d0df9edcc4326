"""Uncertain submits are looked for in the provider's request log, by our own request ids.

Rule 1: what the log shows as made is adopted; only what it shows as failed is free to be sent again.
Rule 2: a log that does not answer says nothing: that time does not count as having looked.
"""

import structlog

from reeldrop.domain import retry
from reeldrop.domain.errors import StepError
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Event
from reeldrop.engine.ages import Ages
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.cancelling import cancelled_unknown
from reeldrop.engine.rooms import DAY, Rooms
from reeldrop.ports import LogRow

log = structlog.get_logger()

FIRST_LOOK = 2.0
LONGEST_PAUSE = 300.0
HOUR = 3600.0
GIVEN_UP = 7 * DAY
"""Seconds after the submit; the log is not asked for anything older."""
SEARCH = "search"
MADE = "The provider's log shows this submit, but not its generation."
NOT_SHOWN = "The provider's log does not show this submit; it may have been paid for all the same."
SILENT = " The provider's log does not answer now: "
NEVER_AGAIN = "It is never sent again by itself, and looked up every hour for 7 days."


async def look_up(attempt: Attempt, rooms: Rooms, ages: Ages) -> None:
    """UNCERTAIN: ask the log once, and adopt, free or hold the job by what it says. Raises Lost."""
    job = attempt.job
    age = rooms.clock.now() - (job.submitted or job.created)
    attempt.again_in = _pause(job, rooms)
    if age > GIVEN_UP or not job.sought:
        attempt.again_in = DAY
        await _hold(attempt, rooms, NOT_SHOWN)
        return
    try:
        rows = await rooms.provider.find(job.sought, max(0.0, age))
    except StepError as error:
        ages.restart(job.id, SEARCH)
        await _note_silence(attempt, error.message)
        return
    made = [row for row in rows.values() if row.made]
    if adopted := next((row for row in made if row.generation_id), None):
        await _adopt(attempt, rooms, adopted)
    elif made:
        await _hold(attempt, rooms, f"{MADE} {NEVER_AGAIN}")
    elif job.sought[-1] in rows:
        await _free(attempt, rooms)
    else:
        await _go_on_looking(attempt, rooms, ages.of(job.id, SEARCH))
        ages.restart(job.id, SEARCH)
        ages.of(job.id, SEARCH)


async def _note_silence(attempt: Attempt, why: str) -> None:
    """Say, once for each reason, that the log does not answer: this time does not count."""
    job = attempt.job
    log.info("lookup.failed", job=job.id, path=job.path, error=why)
    silent = job.evolve(tries=job.tries + 1, reason=f"{_without_silence(job.reason)}{SILENT}{why}")
    if silent.reason == job.reason:
        attempt.job = silent
    else:
        await attempt.update(silent, "log_silent", error=why)


def _without_silence(reason: str) -> str:
    return reason.partition(SILENT)[0]


async def _adopt(attempt: Attempt, rooms: Rooms, row: LogRow) -> None:
    found = attempt.job.evolve(
        generation_id=row.generation_id,
        cost=row.cost or attempt.job.cost,
        error=None,
        reason="",
        tries=0,
        held=False,
    )
    attempt.again_in = rooms.policy.poll_interval
    await attempt.move(found, Event.ACCEPTED, generation_id=row.generation_id, found="log")


async def _free(attempt: Attempt, rooms: Rooms) -> None:
    job = attempt.job
    # Each try sends the whole clip: an API that fails for ever is asked ever more seldom.
    wait = retry.delay(job.attempts, cap=rooms.policy.longest_freed, jitter=rooms.jitter())
    free = job.evolve(
        error=None,
        reason=f"the API made nothing of it ({job.reason})",
        not_before=rooms.clock.now() + wait,
        tries=0,
        held=False,
        searched=0.0,
    )
    await attempt.move(free, Event.FREED, found="log")


async def _go_on_looking(attempt: Attempt, rooms: Rooms, looked_for: float) -> None:
    job = attempt.job
    searched = job.evolve(
        searched=job.searched + looked_for,
        tries=job.tries + 1,
        reason=_without_silence(job.reason),
    )
    if job.held and job.id not in rooms.cancelled:
        attempt.job = searched
    elif searched.searched < rooms.policy.reconcile_window:
        # Recorded, so that a restart does not begin the window anew.
        await attempt.update(searched, "looked_up", searched=round(searched.searched, 1))
    else:
        attempt.job = searched
        await _hold(attempt, rooms, f"{NOT_SHOWN} {NEVER_AGAIN}")


async def _hold(attempt: Attempt, rooms: Rooms, reason: str) -> None:
    if attempt.job.id in rooms.cancelled:
        # Nobody waits for it any more, so nobody is asked to decide.
        attempt.again_in = 0.0
        await attempt.move(cancelled_unknown(attempt.job), Event.CANCEL, reason=reason)
    elif not attempt.job.held:
        await attempt.update(attempt.job.evolve(held=True, reason=reason), "held", reason=reason)


def _pause(job: Job, rooms: Rooms) -> float:
    if job.held:
        return HOUR
    pause = retry.delay(job.tries + 2, first=FIRST_LOOK, cap=LONGEST_PAUSE, jitter=rooms.jitter())
    left = rooms.policy.reconcile_window - job.searched
    return min(pause, max(left, FIRST_LOOK))
