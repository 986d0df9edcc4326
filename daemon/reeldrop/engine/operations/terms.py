"""What the acts of people share: their answers, and whom they tell of what they have changed."""

from dataclasses import dataclass
from typing import Protocol

from reeldrop.domain.job import Job, JobId

DONE, REFUSED, UNKNOWN_JOB, NEEDS_A_PERSON, NOT_NOW = 0, 1, 2, 3, 75
"""What an answer means, as the exit code of the command that asked."""
AT_NEXT_START = "when the daemon runs again"


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence about one job, or about all, and what it means."""

    text: str
    code: int = DONE


class Nudge(Protocol):
    """The daemon's inner life, as far as it must hear of an act."""

    @property
    def running(self) -> bool:
        """Say whether anything goes on by itself."""
        ...

    def schedule(self, job: Job) -> None:
        """See that the next step of a job that was moved comes now, and none of its old state."""
        ...

    def hurry(self, job: Job) -> None:
        """Let the step that a job waits for come now."""
        ...

    def break_off(self, job_id: JobId) -> None:
        """End a job's upload if its end is still here."""
        ...

    def in_the_air(self, job_id: JobId) -> bool:
        """Say whether a request of the job may still be answered."""
        ...

    def pause(self, since: float) -> None:
        """Submit nothing from now on; `since` in seconds since the epoch."""
        ...

    def resume(self) -> None:
        """Submit again, and try at once whatever waits."""
        ...


class Nobody:
    """No daemon: what an act has changed waits in the store for the next start."""

    running = False

    def schedule(self, job: Job) -> None:
        """Leave it to the next start."""

    def hurry(self, job: Job) -> None:
        """Leave it to the next start."""

    def break_off(self, job_id: JobId) -> None:
        """Nothing is sent."""

    def in_the_air(self, job_id: JobId) -> bool:
        """Say that nothing is: a request ends with its daemon."""
        del job_id
        return False

    def pause(self, since: float) -> None:
        """Leave it to the next start."""

    def resume(self) -> None:
        """Leave it to the next start."""
