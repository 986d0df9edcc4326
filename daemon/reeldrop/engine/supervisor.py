"""Runs the daemon's tasks: the only place that starts any.

An unexpected error of one task stops all of them: the store is the memory, and the next start goes on
from it. On a stop nothing new is taken, short steps end, and what is left waits for the next start.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import structlog

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.engine.gate import Gate
from reeldrop.engine.intake import Intake
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.schedule import Schedule
from reeldrop.engine.worker import Worker

log = structlog.get_logger()

SUBMITS = 8
"""POSTs in the air at once: the most jobs that one crash can make uncertain."""
POLLS = 8
FETCHES = 4
DELIVERIES = 4
GRACE = 6.0
"""Seconds that running steps get to end after a stop."""
STATUS_INTERVAL = 1.0
STATUS_HEARTBEAT = 30.0


class Supervisor:
    """The daemon's inner life, from recovered jobs to a stop."""

    def __init__(
        self,
        rooms: Rooms,
        intakes: Mapping[str, Intake],
        write_status: Callable[[], Awaitable[None]],
        shortage: Callable[[], Awaitable[str]],
        stop: asyncio.Event,
    ) -> None:
        """`shortage` says which disk is too full to take on work, or ""."""
        self._rooms = rooms
        self._intakes = intakes
        self._write_status = write_status
        self._shortage = shortage
        self._stop = stop
        self._gate = Gate(rooms.clock)
        self._worker = Worker(rooms, self._gate)
        self._polls = Schedule(rooms.clock)
        self._fetches = Schedule(rooms.clock)
        self._deliveries = Schedule(rooms.clock)
        self._queue_changed = asyncio.Event()
        self._status_changed = asyncio.Event()
        self._slots = asyncio.Semaphore(SUBMITS)
        self._running: set[str] = set()
        self._settling: dict[str, bool] = dict.fromkeys(intakes, True)
        self.ended: Counter[State] = Counter()
        """How many jobs ended in which state since the start."""

    async def run(self, jobs: list[Job], *, once: bool) -> None:
        """Work until `stop` is set; with `once` also until nothing is left to work off.

        `jobs` are those that the store handed over at the start.
        """
        for job in jobs:
            self._schedule(job, 0.0)
        try:
            await self._run(once=once)
        except ExceptionGroup as errors:
            # One of several is enough to say why the daemon ends.
            raise errors.exceptions[0] from errors

    async def _run(self, *, once: bool) -> None:
        async with asyncio.TaskGroup() as group:
            lanes = [
                *(group.create_task(self._intake_lane(name)) for name in self._intakes),
                group.create_task(self._submit_lane(group)),
                group.create_task(self._status_lane()),
                *(group.create_task(self._lane(self._polls)) for _ in range(POLLS)),
                *(group.create_task(self._lane(self._fetches)) for _ in range(FETCHES)),
                *(group.create_task(self._lane(self._deliveries)) for _ in range(DELIVERIES)),
            ]
            if once:
                lanes.append(group.create_task(self._stop_when_idle()))
            await self._stop.wait()
            await self._drain()
            for lane in lanes:
                lane.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._write_status(), 2.0)

    async def _drain(self) -> None:
        log.info("daemon.stopping", running=len(self._running))
        deadline = self._rooms.clock.monotonic() + GRACE
        while self._running and self._rooms.clock.monotonic() < deadline:
            await self._rooms.clock.sleep(0.05)

    async def _intake_lane(self, name: str) -> None:
        inbox = self._intakes[name].inbox
        while not self._stop.is_set():
            wait = await self._look(name)
            if wait > 0:
                await inbox.changed(wait)

    async def _look(self, name: str) -> float:
        """Look at one inbox once; return the seconds until it must be looked at again."""
        looked = await self._intakes[name].look()
        self._settling[name] = looked.still_settling
        for job in looked.refused:
            self._schedule(job, 0.0)
        if looked.jobs_added:
            self._queue_changed.set()
        self._status_changed.set()
        return looked.wait

    async def _submit_lane(self, group: asyncio.TaskGroup) -> None:
        while not self._stop.is_set():
            await self._slots.acquire()
            job = await self._next_job()
            if job is None:
                self._slots.release()
                continue
            group.create_task(self._submit(job))

    async def _next_job(self) -> Job | None:
        """Take a job from the queue, or wait until it is worth asking again and return None."""
        if wait := self._gate.wait():
            await self._wait_for_queue(wait)
            return None
        if short := await self._shortage():
            self._gate.close(short)
            return None
        self._queue_changed.clear()
        now = self._rooms.clock.now()
        job = await self._rooms.store.claim_next(now)
        if job is None:
            due = await self._rooms.store.next_due(now)
            await self._wait_for_queue(60.0 if due is None else max(0.01, due - now))
        return job

    async def _wait_for_queue(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue_changed.wait(), min(seconds, 60.0))

    async def _submit(self, job: Job) -> None:
        try:
            await self._step(job)
        finally:
            self._slots.release()

    async def _lane(self, schedule: Schedule) -> None:
        while True:
            await self._step(await schedule.get())

    async def _step(self, job: Job) -> None:
        if self._stop.is_set():
            return
        self._running.add(job.id)
        self._status_changed.set()
        try:
            attempt = await self._worker.step(job)
        finally:
            self._running.discard(job.id)
            self._status_changed.set()
        self._schedule(attempt.job, attempt.again_in)

    def _schedule(self, job: Job, after: float) -> None:
        match job.state:
            case State.GENERATING:
                self._polls.put(job, after)
            case State.DOWNLOADING:
                self._fetches.put(job, after)
            case State.DELIVERING:
                self._deliveries.put(job, after)
            case State.QUEUED:
                pass
            case _ if job.state in FINAL:
                self.ended[job.state] += 1
            case _:
                pass
        # Whatever moved may have freed a place in a limit.
        self._queue_changed.set()

    async def _status_lane(self) -> None:
        while True:
            self._status_changed.clear()
            await self._write_status()
            await self._rooms.clock.sleep(STATUS_INTERVAL)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._status_changed.wait(), STATUS_HEARTBEAT)

    async def _stop_when_idle(self) -> None:
        while not await self._idle():
            await self._rooms.clock.sleep(0.1)
        self._stop.set()

    async def _idle(self) -> bool:
        """Say whether nothing is left that would end by waiting."""
        if any(self._settling.values()) or self._running:
            return False
        left = await self._rooms.store.jobs(
            [state for state in State if state not in FINAL and state is not State.UNCERTAIN]
        )
        return all(job.late for job in left)
