"""What is told of what happens, so that somebody counts it."""

from typing import Protocol

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import State
from reeldrop.ports.uploads import Direction


class Metrics(Protocol):
    """Hears what was recorded and what has passed. No method waits, looks anywhere or raises."""

    def recorded(self, was: State | None, job: Job, event: str) -> None:
        """Hear that `event`, as the journal names it, was recorded of `job`; None: it was no job before."""
        ...

    def passed(self, direction: Direction, count: int) -> None:
        """Hear that `count` bytes have gone over the network."""
        ...


class Uncounted:
    """`Metrics` where nobody asks for numbers: a command that does one thing and ends."""

    def recorded(self, was: State | None, job: Job, event: str) -> None:
        """Forget it."""

    def passed(self, direction: Direction, count: int) -> None:
        """Forget it."""


UNCOUNTED = Uncounted()
