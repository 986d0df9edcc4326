"""How far the files under way have gone, how fast, and that they keep to the bandwidth."""

from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from math import inf

import structlog

from reeldrop.domain.job import JobId
from reeldrop.ports import UNCOUNTED, Clock, Direction, Metrics, Transfer

log = structlog.get_logger()

WINDOW = 5.0
"""Seconds over which a rate is told: what has stood still for so long has none."""
STEP = 0.1
"""Seconds between two points that are kept of a course: it takes no memory, whatever its speed."""
SHOWN_AFTER = 1.0
"""Seconds after which files under way are shown: most are gone before anybody could look."""
LOGGED_EVERY = 30.0
"""Seconds between two lines of the log on files that take long."""
MEASURABLE = 0.1
"""Seconds below which a rate is not told: that of a small file is the speed of this host's buffers."""
BURST = 0.25
"""Seconds of unused bandwidth that may be made up for: a small file waits for nothing."""


class Pace:
    """What may pass in one direction, over all jobs: `rate` bytes/s, 0 for as many as will."""

    def __init__(self, clock: Clock, rate: int) -> None:
        self._clock = clock
        self.rate = rate
        self._free_at = -inf

    def take(self, count: int) -> float:
        """Return the seconds to wait now that `count` bytes pass; who asks first goes on first."""
        if not self.rate:
            return 0.0
        now = self._clock.monotonic()
        self._free_at = max(self._free_at, now - BURST) + count / self.rate
        return max(0.0, self._free_at - now)


class _Course:
    """How many bytes had passed by when: points in time, and straight lines between them.

    The last point may lie ahead: bytes that the bandwidth holds up pass evenly until then.
    """

    def __init__(self, at: float) -> None:
        self._points: deque[tuple[float, int]] = deque([(at, 0)])

    @property
    def passed(self) -> int:
        """All bytes, those that are held up among them."""
        return self._points[-1][1]

    def go_on(self, now: float, count: int, wait: float = 0.0) -> None:
        """Hear at `now` that `count` more will have passed in `wait` seconds."""
        points = self._points
        at, passed = max(now + wait, points[-1][0]), self.passed + count
        # A line into the time ahead begins at its own point: what has passed never goes back.
        if not wait and len(points) > 1 and at - points[-2][0] < STEP:
            points.pop()
        points.append((at, passed))
        while points[1][0] < at - WINDOW:
            points.popleft()

    def by(self, at: float) -> float:
        """Return how many had passed by `at`."""
        for (begin, before), (end, after) in pairwise(self._points):
            if begin <= at < end:
                return before + (after - before) * (at - begin) / (end - begin)
        return float(self._points[0][1] if at < self._points[0][0] else self.passed)

    def rate(self, now: float) -> float:
        """Return the bytes/s over the last WINDOW seconds, or since the beginning."""
        since = max(now - WINDOW, self._points[0][0])
        return (self.by(now) - self.by(since)) / (now - since) if now > since else 0.0


class JobMeter:
    """The `Meter` port for the files of one job in one direction."""

    def __init__(
        self,
        job: JobId,
        path: str,
        direction: Direction,
        clock: Clock,
        pace: Pace,
        metrics: Metrics = UNCOUNTED,
    ) -> None:
        """`path` is the drop's, for the log."""
        self.job, self.direction = job, direction
        self._path = path
        self._clock, self._pace, self._metrics = clock, pace, metrics
        self._already = 0
        self._total: int | None = 0
        self._began: float | None = None
        self._logged_at = clock.monotonic()
        self._course = _Course(self._logged_at)

    def expect(self, total: int | None, *, already: int = 0) -> None:
        """Hear of one more file. Its time begins now: what was done before it was no transfer."""
        now = self._clock.monotonic()
        if self._began is None:
            self._began = self._logged_at = now
            self._course = _Course(now)
        self._course.go_on(now, 0)
        self._total = None if total is None or self._total is None else self._total + total
        self._already += already

    async def passed(self, count: int, wire: int | None = None) -> None:
        """Count bytes of a file, which take `wire` bytes on the way; returns when more may follow."""
        now = self._clock.monotonic()
        on_the_way = count if wire is None else wire
        self._metrics.passed(self.direction, on_the_way)
        wait = self._pace.take(on_the_way)
        self._course.go_on(now, count, wait)
        if now - self._logged_at >= LOGGED_EVERY:
            self._logged_at = now
            self._log()
        if wait:
            await self._clock.sleep(wait)

    def under_way(self, seconds: float) -> bool:
        """Say whether files began to pass `seconds` ago or earlier, and are not all through."""
        if self._began is None or self._clock.monotonic() - self._began < seconds:
            return False
        transfer = self.transfer
        return transfer.total is None or transfer.bytes < transfer.total

    @property
    def transfer(self) -> Transfer:
        """How far it has gone."""
        now = self._clock.monotonic()
        count = self._already + int(self._course.by(now))
        return Transfer(self.job, self.direction, count, self._total, self._course.rate(now))

    @property
    def told(self) -> dict[str, float | None]:
        """What a line of the job's log says: `bytes` of the files, `seconds`, `rate` in bytes/s.

        A file that is gone on with counts whole, but only what passed now made the rate; None
        where it was too quick to be measured. Nothing at all where no file had to pass.
        """
        if self._began is None:
            return {}
        count, seconds = self._course.passed, self._clock.monotonic() - self._began
        rate = round(count / seconds) if seconds >= MEASURABLE else None
        return {"bytes": self._already + count, "seconds": round(seconds, 3), "rate": rate}

    def _log(self) -> None:
        transfer = self.transfer
        log.info(
            "transfer.progress",
            job=transfer.job,
            path=self._path,
            direction=str(transfer.direction),
            bytes=transfer.bytes,
            total=transfer.total,
            rate=round(transfer.rate),
        )


class Transfers:
    """All files under way."""

    def __init__(
        self,
        clock: Clock,
        bandwidth: Mapping[Direction, int] | None = None,
        metrics: Metrics = UNCOUNTED,
    ) -> None:
        """`bandwidth` is in bytes/s for each direction; 0, or none, for as much as there is."""
        self._clock, self._metrics = clock, metrics
        self._paces = {each: Pace(clock, 0) for each in Direction}
        self.limit(bandwidth or {})
        self._meters: list[JobMeter] = []
        self._listeners: list[Callable[[], None]] = []

    def limit(self, bandwidth: Mapping[Direction, int]) -> None:
        """Hold what passes from now on to `bandwidth`, as at the start."""
        for direction, pace in self._paces.items():
            pace.rate = bandwidth.get(direction, 0)

    def call(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever there begins to be something to follow."""
        self._listeners.append(listener)

    @contextmanager
    def meter(self, job: JobId, path: str, direction: Direction) -> Generator[JobMeter]:
        """Yield what counts the files of a job; they are shown until the block ends."""
        meter = JobMeter(job, path, direction, self._clock, self._paces[direction], self._metrics)
        self._meters.append(meter)
        for listener in self._listeners:
            listener()
        try:
            yield meter
        finally:
            self._meters.remove(meter)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, or about to be."""
        return not self._meters

    def shown(self) -> list[Transfer]:
        """Return how far the files under way have gone, one entry for each job and direction.

        What was fetched of a job in several pieces at once is told as one.
        """
        together: dict[tuple[JobId, Direction], list[JobMeter]] = {}
        for meter in self._meters:
            together.setdefault((meter.job, meter.direction), []).append(meter)
        return [
            _sum([meter.transfer for meter in meters])
            for meters in together.values()
            if any(meter.under_way(SHOWN_AFTER) for meter in meters)
        ]


def _sum(parts: list[Transfer]) -> Transfer:
    totals = [part.total for part in parts if part.total is not None]
    return Transfer(
        parts[0].job,
        parts[0].direction,
        sum(part.bytes for part in parts),
        sum(totals) if len(totals) == len(parts) else None,
        sum(part.rate for part in parts),
    )
