"""The jobs whose next step is due by time alone, in lanes that do not hold up one another.

A step that touches folders has a lane of its watch's own: a share that hangs holds up no other watch.
"""

from collections.abc import Iterable, Iterator

from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import State
from reeldrop.engine.schedule import Schedule
from reeldrop.ports import Clock

COMMON = {State.GENERATING: 8, State.UNCERTAIN: 1}
"""How many jobs of a state are worked on at once, where only the provider is asked."""
OF_A_WATCH = {State.DOWNLOADING: 4, State.DELIVERING: 4}
"""How many jobs of a state and a watch, where its folders are touched."""
NOBODYS = ""
"""The watch of the jobs whose own is not in the settings."""


class Lanes:
    """One schedule for each state, and where folders are touched for each watch."""

    def __init__(self, clock: Clock, watches: Iterable[str]) -> None:
        self._common = {state: Schedule(clock, str(state)) for state in COMMON}
        self._own = {
            (state, watch): Schedule(clock, f"{state} {watch}".strip())
            for state in OF_A_WATCH
            for watch in (NOBODYS, *watches)
        }

    def each(self) -> Iterator[Schedule]:
        """Yield every schedule, as often as its jobs are worked on at once."""
        for state, schedule in self._common.items():
            yield from [schedule] * COMMON[state]
        for (state, _), schedule in self._own.items():
            yield from [schedule] * OF_A_WATCH[state]

    def put(self, job: Job, after: float) -> None:
        """Schedule the job's next step in `after` seconds; a queued job's turn is the store's to say."""
        if schedule := self._of(job):
            schedule.put(job, after)

    def hurry(self, job: Job | None = None) -> None:
        """Make the next step of one job due now, or those of all."""
        if job is None:
            for schedule in self._all:
                schedule.hurry()
        elif schedule := self._of(job):
            schedule.hurry(job.id)

    def drop(self, job_id: JobId) -> None:
        """Forget a job's next step: another one is wanted."""
        for schedule in self._all:
            schedule.drop(job_id)

    @property
    def _all(self) -> tuple[Schedule, ...]:
        return (*self._common.values(), *self._own.values())

    def _of(self, job: Job) -> Schedule | None:
        if job.state in OF_A_WATCH:
            home = self._own[job.state, NOBODYS]
            return self._own.get((job.state, job.watch), home)
        return self._common.get(job.state)
