"""How long something has lasted, by this process's own clock: a jump of the wall clock changes nothing."""

from reeldrop.domain.job import JobId
from reeldrop.ports import Clock


class Ages:
    """First moments of things that may last too long."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: dict[JobId, dict[str, float]] = {}

    def of(self, job: JobId, what: str) -> float:
        """Return the seconds since `what` was first asked for."""
        now = self._clock.monotonic()
        return now - self._began.setdefault(job, {}).setdefault(what, now)

    def restart(self, job: JobId, what: str) -> None:
        """Let the age of `what` begin anew when it is next asked for."""
        self._began.get(job, {}).pop(what, None)

    def forget(self, job: JobId) -> None:
        """Drop all that is known of a job."""
        self._began.pop(job, None)
