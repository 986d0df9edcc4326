"""What the engine needs of the machine: time."""

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
