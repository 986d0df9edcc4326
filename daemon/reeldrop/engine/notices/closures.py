"""Which of the gate's blocks people hear of: each once, when it comes to stay, and never at every try.

This is known to the running daemon alone: a block that still stands after a restart is told again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reeldrop.domain.notices import Occasion
from reeldrop.ports import Block, Clock, Scope

STANDS = 10.0
"""Seconds for which a block must have stood: an outage that is over before that is nobody's business."""
QUIET = 600.0
"""Seconds in which one that comes and goes is told once at most."""

Where = tuple[Scope, str]


@dataclass(slots=True)
class _Standing:
    block: Block
    since: float
    """When it was first seen: s since the epoch, for its notices."""
    seen: float
    """The same, monotonic."""
    told: bool = False


class Closures:
    """The blocks that stand, and what people know of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._standing: dict[Where, _Standing] = {}
        self._told_at: dict[Where, float] = {}

    @property
    def told(self) -> Iterator[tuple[Block, float]]:
        """The blocks that stand and people know of, and since when each stands."""
        for standing in self._standing.values():
            if standing.told:
                yield standing.block, standing.since

    def news(self, blocks: Sequence[Block]) -> Iterator[tuple[Occasion, Block, float]]:
        """Yield what is to be told now of the blocks that stand, and since when each stands.

        Those of one reach are one to people, whatever their reasons; a limit that time alone will
        change is none.
        """
        lasting: dict[Where, Block] = {}
        for block in blocks:
            if not block.passing:
                lasting.setdefault((block.scope, block.of), block)
        for where in self._standing.keys() - lasting.keys():
            gone = self._standing.pop(where)
            if gone.told:
                yield Occasion.UNBLOCKED, gone.block, gone.since
        now = self._clock.monotonic()
        for where, block in lasting.items():
            standing = self._standing.setdefault(where, _Standing(block, self._clock.now(), now))
            if self._is_due(where, standing, now):
                standing.block, standing.told = block, True
                self._told_at[where] = now
                yield Occasion.BLOCKED, block, standing.since

    def _is_due(self, where: Where, standing: _Standing, now: float) -> bool:
        recent = now - self._told_at.get(where, -QUIET) < QUIET
        return not standing.told and not recent and now - standing.seen >= STANDS
