"""What is told of a drop whose ticket has a job already, and how `drop --wait` reads it again.

Written and read here alone, so that the two cannot differ.
"""

import re
from dataclasses import dataclass

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import FINAL
from reeldrop.domain.paths import printable

_TOLD = re.compile(r"has the ticket of job (?P<job>[0-9a-z]{1,64}) \(.*?, (?P<state>[a-z]+)\): ")
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Holder:
    """The job that has a ticket, as a reason names it: the beginning of its id, and its state."""

    job: str
    state: str

    def is_of(self, job: str) -> bool:
        """Say whether the job with this id is meant."""
        return job.startswith(self.job)


def held_by(other: Job) -> str:
    """Return why a drop is not run whose ticket is that of `other`."""
    short = other.id[:_SHORT]
    what = f"has the ticket of job {short} ({printable(other.path)}, {other.state})"
    ways = "take it away, or give it another ticket"
    if other.state in FINAL:
        ways = f"`reeldrop retry {short} --pay-again` runs that again, else {ways}"
    return f"{what}: two drops with one ticket are one job, this one is not run; {ways}"


def holder_in(reason: str) -> Holder | None:
    """Return the job that `held_by` named in a reason, None where it is another reason."""
    told = _TOLD.match(reason)
    return Holder(told["job"], told["state"]) if told else None
