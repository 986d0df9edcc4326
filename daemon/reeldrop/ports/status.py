"""What is put down of how things stand, for whoever looks or asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from reeldrop.domain.job import Job, Waiting
from reeldrop.domain.lifecycle import State
from reeldrop.domain.limits import Limits
from reeldrop.ports.files import Mode
from reeldrop.ports.uploads import Transfer


class Scope(StrEnum):
    """How far a block of the queue reaches."""

    ALL = "all"
    MODEL = "model"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Block:
    """Why queued jobs are not submitted: all of them, or those of one model or watch (`of`).

    `passing`: one of the limits is reached, which time alone will change.
    """

    reason: str
    scope: Scope = Scope.ALL
    of: str = ""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """How a watch's looks at its inbox go."""

    watch: str
    scanned: float | None = None
    """When the last successful scan ended (s since the epoch); None: none has since the daemon's start."""
    trouble: str = ""
    """Why there has been none since; "" while all is well."""
    modes: tuple[Mode, ...] = ()
    """How changes are noticed, as in `Scan`."""


@dataclass(frozen=True, slots=True)
class DaySpent:
    """What was spent on one local day: `day` as YYYY-MM-DD.

    `usd` is what the provider named so far; of `unpriced` of the `submits` it has named nothing.
    """

    day: str
    submits: int
    unpriced: int
    usd: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are in each of the states that were asked for, and how many drops are no job yet."""

    jobs: Mapping[State, int]
    waiting: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is, what stands in its way, what it cost.

    `in_flight` is what counts against that limit; `queued_since` (s since the epoch) is when the
    oldest queued job was made; `late` is how many jobs are. `committed` is what counts against the
    budget of `today`, in USD: what was charged and what is reserved; `priced` is what the provider
    has named of it, by model. `transfers` are the files that the daemon put down as
    under way, each with its job as it is now.
    """

    counts: Counts
    """Of every state."""
    in_flight: int
    queued_since: float | None
    late: int
    uncertain: Sequence[Job]
    blocks: Sequence[Block]
    paused: float | None
    today: str
    committed: float
    priced: Mapping[str, float]
    spent: Sequence[DaySpent]
    health: Sequence[Health]
    transfers: Sequence[tuple[Job, Transfer]]
    limits: Limits
    """What the queue is held to."""


class StatusMemory(Protocol):
    """What the daemon puts down of itself, and what there is to see."""

    async def set_blocks(self, blocks: Sequence[Block]) -> None:
        """Put down why queued jobs are not submitted now; nothing where they are."""
        ...

    async def blocks(self) -> list[Block]:
        """Return what `set_blocks` put down."""
        ...

    async def set_health(self, health: Sequence[Health]) -> None:
        """Put down how the looks at the inboxes go, one entry for each watch; replaces what was."""
        ...

    async def health(self) -> list[Health]:
        """Return what `set_health` put down."""
        ...

    async def set_transfers(self, transfers: Sequence[Transfer]) -> None:
        """Put down how far the files under way have gone; replaces what was."""
        ...

    async def transfers(self) -> list[Transfer]:
        """Return what `set_transfers` put down."""
        ...

    async def set_waiting(self, watch: str, waiting: Sequence[Waiting]) -> None:
        """Replace what is shown as waiting in `watch`."""
        ...

    async def waiting(self) -> list[Waiting]:
        """Return what is shown as waiting, all watches."""
        ...

    async def counts(self) -> Counts:
        """Return how much there is in each state that is not the end; it is counted without reading it."""
        ...

    async def spent(self, days: int) -> list[DaySpent]:
        """Return what was spent on the last `days` days on which anything was, newest first."""
        ...

    async def overview(self, days: int) -> Overview:
        """Return how things stand now, with what was spent on the last `days` days on which anything was."""
        ...
