"""How far the files under way have gone, how fast, and that they keep to the bandwidth."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import structlog

from reeldrop.domain.job import JobId
from reeldrop.ports import Clock, Direction, Transfer

log = structlog.get_logger()

WINDOW = 3.0
"""Seconds over which a rate is told, at least."""
TOLD_EVERY = 30.0
"""Seconds between two lines of the log on a transfer that takes long."""
BURST = 0.1
"""Seconds for which bandwidth that nobody has used may be made up for."""


class Pace:
    """What may pass in one direction, over all jobs: `rate` bytes/s, 0 for as many as will."""

    def __init__(self, clock: Clock, rate: int) -> None:
        self._clock = clock
        self._rate = rate
        self._free_at = 0.0

    async def passed(self, count: int) -> None:
        """Return when more bytes may follow these."""
        if not self._rate:
            return
        now = self._clock.monotonic()
        self._free_at = max(self._free_at, now - BURST) + count / self._rate
        if self._free_at > now:
            await self._clock.sleep(self._free_at - now)


class JobMeter:
    """The `Meter` port for the files of one job in one direction."""

    def __init__(
        self, job: JobId, path: str, direction: Direction, clock: Clock, pace: Pace
    ) -> None:
        """`path` is the drop's, for the log."""
        self._job, self._path, self._direction = job, path, direction
        self._clock, self._pace = clock, pace
        self._bytes = self._already = 0
        self._total: int | None = 0
        self._began = self._told_at = clock.monotonic()
        self._marks = [(self._began, 0), (self._began, 0)]

    def expect(self, total: int | None, *, already: int = 0) -> None:
        """Hear of one more file."""
        self._total = None if total is None or self._total is None else self._total + total
        self._bytes += already
        self._already += already
        self._marks = [(at, count + already) for at, count in self._marks]

    async def passed(self, count: int, wire: int | None = None) -> None:
        """Count bytes of a file, which take `wire` bytes on the way."""
        self._bytes += count
        now = self._clock.monotonic()
        if now - self._marks[1][0] >= WINDOW:
            self._marks = [self._marks[1], (now, self._bytes)]
        if now - self._told_at >= TOLD_EVERY:
            self._told_at = now
            log.info("transfer.progress", path=self._path, **self._fields(self.transfer))
        await self._pace.passed(count if wire is None else wire)

    @property
    def transfer(self) -> Transfer:
        """How far it has gone."""
        at, count = self._marks[0]
        rate = (self._bytes - count) / max(self._clock.monotonic() - at, 0.001)
        return Transfer(self._job, self._direction, self._bytes, self._total, rate)

    @property
    def told(self) -> dict[str, float]:
        """What a line of the job's log says of it: bytes, seconds, and bytes/s."""
        seconds = max(self._clock.monotonic() - self._began, 0.001)
        sent = self._bytes - self._already
        return {"bytes": self._bytes, "seconds": round(seconds, 3), "rate": round(sent / seconds)}

    def _fields(self, transfer: Transfer) -> dict[str, object]:
        return {
            "job": transfer.job,
            "direction": str(transfer.direction),
            "bytes": transfer.bytes,
            "total": transfer.total,
            "rate": round(transfer.rate),
        }


class Transfers:
    """All files under way."""

    def __init__(self, clock: Clock, bandwidth: Mapping[Direction, int] | None = None) -> None:
        """`bandwidth` is in bytes/s for each direction; 0, or none, for as much as there is."""
        self._clock = clock
        told = bandwidth or {}
        self._paces = {each: Pace(clock, told.get(each, 0)) for each in Direction}
        self._meters: list[JobMeter] = []

    @contextmanager
    def meter(self, job: JobId, path: str, direction: Direction) -> Generator[JobMeter]:
        """Yield what counts the files of a job; they are shown until the block ends."""
        meter = JobMeter(job, path, direction, self._clock, self._paces[direction])
        self._meters.append(meter)
        try:
            yield meter
        finally:
            self._meters.remove(meter)

    def shown(self) -> list[Transfer]:
        """Return how far each has gone of those under way."""
        return [meter.transfer for meter in self._meters]
