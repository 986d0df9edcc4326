"""What the engine needs of the machine: time, and whoever watches over the process."""

from typing import Protocol


class Clock(Protocol):
    """Time, so that rules about it can be tested without waiting."""

    def now(self) -> float:
        """Return wall-clock seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for ages and time-outs of this process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class Overseer(Protocol):
    """Whoever starts and watches over the process: a service manager, or nobody. No call waits or fails."""

    @property
    def listens(self) -> bool:
        """Whether there is anybody who hears what is told."""
        ...

    @property
    def interval(self) -> float:
        """Within how many seconds it wants the next sign of life; 0: it wants none."""
        ...

    def alive(self) -> None:
        """Say that the daemon lives."""
        ...

    def status(self, line: str) -> None:
        """Say in one line how things are."""
        ...

    def stopping(self) -> None:
        """Say that the daemon is about to end."""
        ...
