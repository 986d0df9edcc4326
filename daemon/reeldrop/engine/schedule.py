"""Jobs by the time at which they want their next step."""

import asyncio
import heapq
from contextlib import suppress
from itertools import count
from math import inf

from reeldrop.domain.job import Job, JobId
from reeldrop.ports import Clock


class Schedule:
    """A heap of due times, so that a waiting job costs one entry and no task."""

    def __init__(self, clock: Clock, name: str) -> None:
        self.name = name
        self._clock = clock
        self._heap: list[tuple[float, int, Job]] = []
        self._number = count()
        self._changed = asyncio.Event()

    def put(self, job: Job, after: float) -> None:
        """Schedule the job's next step in `after` seconds."""
        due = self._clock.monotonic() + after
        heapq.heappush(self._heap, (due, next(self._number), job))
        self._changed.set()

    def hurry(self, job_id: JobId | None = None) -> bool:
        """Make one job due now, or all of them; False where none is waited for."""
        now = self._clock.monotonic()
        chosen = [entry for entry in self._heap if job_id in (None, entry[2].id)]
        left = [entry for entry in self._heap if job_id not in (None, entry[2].id)]
        self._heap = left + [(min(now, due), number, job) for due, number, job in chosen]
        heapq.heapify(self._heap)
        self._changed.set()
        return bool(chosen)

    def drop(self, job_id: JobId) -> None:
        """Forget a job's next step: another one is wanted."""
        self._heap = [entry for entry in self._heap if entry[2].id != job_id]
        heapq.heapify(self._heap)

    def due(self) -> float:
        """Return when the first step is due (monotonic seconds), infinity where there is none."""
        return self._heap[0][0] if self._heap else inf

    async def get(self) -> Job:
        """Return the next job, once it is due."""
        while True:
            wait = self._heap[0][0] - self._clock.monotonic() if self._heap else None
            if wait is not None and wait <= 0:
                return heapq.heappop(self._heap)[2]
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
