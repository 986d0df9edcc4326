"""What the engine needs to tell others: one receiver for each way and address, and how far each has been told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from reeldrop.domain.job import JobId
from reeldrop.domain.notices import Notice, Occasion


class Receiver(Protocol):
    """Someone who is told, one notice at a time. Nothing is held for it before it is told the first."""

    @property
    def name(self) -> str:
        """The name under which the store knows how far it has been told; holds no secret."""
        ...

    @property
    def occasions(self) -> Collection[Occasion]:
        """What it wants to hear of."""
        ...

    async def tell(self, notice: Notice) -> bool:
        """Tell it once, in bounded time; False where it wants to hear nothing more at all.

        Holds up nobody but its caller. One who is cancelled leaves nothing running.
        Raises NotTold; it may have heard it all the same.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what was held for it."""
        ...


@dataclass(frozen=True, slots=True)
class Happening:
    """A row of the journal, by its number: `event` happened to `job` at `at` (s since the epoch)."""

    n: int
    job: JobId
    at: float
    event: str


class NoticeMemory(Protocol):
    """The journal as the list of what there is to tell, and how far each receiver has been told."""

    async def happenings(self, after: int, events: Collection[str]) -> tuple[list[Happening], int]:
        """Return which of `events` stand in the journal after its row `after`, oldest first.

        Not all of it is read at once: also returns the row up to which it was, `after` at its end.
        """
        ...

    async def open_cursors(self, receivers: Collection[str]) -> Mapping[str, int]:
        """Return up to which row of the journal each receiver has been told.

        For one that is new that is the journal's end; those that are not named are forgotten.
        """
        ...

    async def set_cursor(self, receiver: str, n: int | None) -> None:
        """Put down that a receiver has been told everything up to row `n`; None forgets it."""
        ...
