"""One look at how things stand, for all who ask at the web listener.

It is never waited for without end, and strangers who ask often do not make the store work more.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reeldrop.domain.errors import ReeldropError
from reeldrop.ports import Clock, Health, Overview, StatusMemory
from reeldrop.web.records import health_record

PATIENCE = 3.0
"""Seconds after which a store that has not answered does not answer."""
FRESH = 1.0
"""Seconds for which a look serves all who ask."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store said at `now` (s since the epoch); None, and why, where it said nothing."""

    now: float
    overview: Overview | None
    trouble: str = ""

    def watches(self, late: Mapping[str, float]) -> Iterator[dict[str, Any]]:
        """Yield how each watch is; `late` holds after how many seconds without a look something is wrong."""
        health = {each.watch: each for each in self.overview.health} if self.overview else {}
        for watch, seconds in late.items():
            yield health_record(health.get(watch, Health(watch)), self.now, seconds)


class Glance:
    """Looks into the store for everybody."""

    def __init__(self, store: StatusMemory, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._looking = asyncio.Lock()
        self._seen: tuple[float, Seen] | None = None

    async def look(self) -> Seen:
        """Return what is to be seen now, or was a moment ago."""
        try:
            async with asyncio.timeout(PATIENCE), self._looking:
                if self._seen is None or self._clock.monotonic() - self._seen[0] >= FRESH:
                    self._seen = self._clock.monotonic(), await self._look()
                return self._seen[1]
        except TimeoutError:
            text = f"The job store has not answered for {PATIENCE:.0f} s."
            return Seen(self._clock.now(), None, text)

    async def _look(self) -> Seen:
        try:
            overview = await self._store.overview(days=1)
        except ReeldropError as error:
            return Seen(self._clock.now(), None, error.message)
        return Seen(self._clock.now(), overview)
