"""Runs the daemon's tasks: the only place that starts any.

An unexpected error of one task stops all of them: the store is the memory, and the next start goes on
from it. On a stop nothing new is taken, short steps end, and what is left waits for the next start.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import structlog

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.intake import Intake
from reeldrop.engine.nudging import Nudging
from reeldrop.engine.operations import Orders
from reeldrop.engine.queue import Queue, Shortage
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.schedule import Schedule
from reeldrop.engine.worker import Worker
from reeldrop.ports import Block, Order

log = structlog.get_logger()

SUBMITS = 8
"""POSTs in the air at once: the most jobs that one crash can make uncertain."""
LANES = {State.GENERATING: 8, State.UNCERTAIN: 1, State.DOWNLOADING: 4, State.DELIVERING: 4}
"""How many jobs of a state are worked on at once."""
GRACE = 6.0
"""Seconds that running steps get to end after a stop."""
STATUS_INTERVAL = 1.0
ORDERS_INTERVAL = 0.25
"""Seconds between two looks for what people have asked for: a resume works within a second."""
STATUS_HEARTBEAT = 30.0


class Supervisor:
    """The daemon's inner life, from recovered jobs to a stop."""

    def __init__(
        self,
        rooms: Rooms,
        intakes: Mapping[str, Intake],
        write_status: Callable[[], Awaitable[None]],
        shortage: Shortage,
        stop: asyncio.Event,
    ) -> None:
        self._rooms = rooms
        self._intakes = intakes
        self._write_status = write_status
        self._stop = stop
        self._gate = Gate(rooms.clock)
        self._worker = Worker(rooms, self._gate)
        self._queue = Queue(rooms, self._gate, shortage)
        self._lanes = {state: Schedule(rooms.clock) for state in LANES}
        self._status_changed = asyncio.Event()
        self._slots = asyncio.Semaphore(SUBMITS)
        self._submits: dict[Attempt, asyncio.Task[None]] = {}
        self._nudging = Nudging(
            self._gate,
            self._queue,
            self._lanes,
            self._submits.keys(),
            [intake.inbox for intake in intakes.values()],
            self._status_changed,
        )
        self._orders = Orders(rooms, self._nudging)
        self._asked: dict[int, asyncio.Task[None]] = {}
        self._running: set[str] = set()
        self._settling: dict[str, bool] = dict.fromkeys(intakes, True)
        self._looked_up: set[JobId] = set()
        self.ended: Counter[State] = Counter()
        """How many jobs ended in which state since the start."""

    @property
    def blocked(self) -> str:
        """Why nothing is submitted now; empty while something may be."""
        return self._gate.reason

    async def run(self, jobs: list[Job], *, once: bool) -> None:
        """Work until `stop` is set; with `once` also until nothing is left to work off.

        `jobs` are those that the store handed over at the start.
        """
        for job in jobs:
            self._schedule(job, 0.0)
        if (since := await self._rooms.store.paused()) is not None:
            self._gate.pause(since)
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
                group.create_task(self._orders_lane(group)),
                *(
                    group.create_task(self._lane(self._lanes[state]))
                    for state, width in LANES.items()
                    for _ in range(width)
                ),
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
        """Let short steps and awaited answers end; an upload whose end is still here is broken off."""
        log.info("daemon.stopping", running=len(self._running))
        for attempt, task in list(self._submits.items()):
            if attempt.breakable:
                task.cancel()
        deadline = self._rooms.clock.monotonic() + GRACE
        while self._running and self._rooms.clock.monotonic() < deadline:
            await self._rooms.clock.sleep(0.05)
        for task in (*self._submits.values(), *self._asked.values()):
            task.cancel()

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
        # What was claimed lies in the inbox: without it nothing of the watch can be sent.
        self._gate.offline(name, looked.offline)
        for job in looked.refused:
            self._schedule(job, 0.0)
        if looked.jobs_added:
            self._queue.changed()
        self._status_changed.set()
        return looked.wait

    async def _submit_lane(self, group: asyncio.TaskGroup) -> None:
        while not self._stop.is_set():
            await self._slots.acquire()
            job = await self._queue.take()
            if job is None:
                self._slots.release()
                continue
            if job.state is not State.UPLOADING:
                # It takes part in the generation of an identical one: there is nothing to submit.
                self._slots.release()
                self._schedule(job, 0.0)
                continue
            attempt = Attempt(job, self._rooms, self._gate, self._look_meanwhile)
            self._submits[attempt] = group.create_task(self._submit(attempt))

    async def _submit(self, attempt: Attempt) -> None:
        try:
            await self._step(attempt)
        finally:
            del self._submits[attempt]
            self._slots.release()

    def _look_meanwhile(self, job: Job, after: float) -> None:
        """A submit's answer takes long: its slot stays taken, and the log is asked all the same."""
        self._running.discard(job.id)
        self._status_changed.set()
        self._schedule(job, after)

    async def _lane(self, schedule: Schedule) -> None:
        while True:
            await self._step(Attempt(await schedule.get(), self._rooms, self._gate))

    async def _step(self, attempt: Attempt) -> None:
        if self._stop.is_set():
            return
        looked_up = attempt.job.state is State.UNCERTAIN
        self._running.add(attempt.job.id)
        self._status_changed.set()
        try:
            await self._worker.step(attempt)
        finally:
            self._running.discard(attempt.job.id)
            self._status_changed.set()
        if looked_up:
            self._looked_up.add(attempt.job.id)
        if attempt.lost:
            return
        if attempt.job.state in FINAL:
            self._looked_up.discard(attempt.job.id)
            self.ended[attempt.job.state] += 1
        self._schedule(attempt.job, attempt.again_in)
        # Whatever moved may have freed a place in a limit.
        self._queue.changed()

    def _schedule(self, job: Job, after: float) -> None:
        """See that the job's next step comes; a queued job's turn is the store's to say."""
        if job.state in self._lanes:
            self._lanes[job.state].put(job, after)

    # ------------------------------------------------------------------ what people ask for

    async def _orders_lane(self, group: asyncio.TaskGroup) -> None:
        while not self._stop.is_set():
            with suppress(StoreUnavailable):
                for order in await self._rooms.store.orders():
                    # One that asks the provider's log must not hold up the next one.
                    if order.n not in self._asked:
                        self._asked[order.n] = group.create_task(self._carry_out(order))
            await self._rooms.clock.sleep(ORDERS_INTERVAL)

    async def _carry_out(self, order: Order) -> None:
        name = f"order {order.n}"
        self._running.add(name)
        try:
            with suppress(StoreUnavailable):
                await self._orders.carry_out(order)
        finally:
            self._running.discard(name)
            del self._asked[order.n]
            self._status_changed.set()

    # ------------------------------------------------------------------ what people see

    async def _status_lane(self) -> None:
        # What an earlier run put down is no longer known to be so.
        told: list[Block] | None = None
        while True:
            self._status_changed.clear()
            if self._gate.blocks != told:
                told = await self._tell_why()
            await self._write_status()
            await self._rooms.clock.sleep(STATUS_INTERVAL)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._status_changed.wait(), STATUS_HEARTBEAT)

    async def _tell_why(self) -> list[Block]:
        """Put down why the queue waits, for whoever looks; return what is known to be put down."""
        blocks = self._gate.blocks
        try:
            await self._rooms.store.set_blocks(blocks)
        except StoreUnavailable as error:
            log.debug("status.failed", error=error.message)
        return blocks

    async def _stop_when_idle(self) -> None:
        while not await self._idle():
            await self._rooms.clock.sleep(0.1)
        self._stop.set()

    async def _idle(self) -> bool:
        """Say whether nothing is left that would end by waiting."""
        if any(self._settling.values()) or self._running:
            return False
        try:
            left = await self._rooms.store.jobs([state for state in State if state not in FINAL])
        except StoreUnavailable:
            return False
        by_id = {job.id: job for job in left}
        return not any(self._may_go_on(job, by_id) for job in left)

    def _may_go_on(self, job: Job, left: Mapping[JobId, Job]) -> bool:
        if job.watch not in self._rooms.places or job.late:
            return False
        leader = left.get(job.leader) if job.leader and job.state is State.QUEUED else None
        if leader is not None and leader.generation_id is None:
            return self._may_go_on(leader, left)
        match job.state:
            case State.UNCERTAIN:
                return self._nudging.in_the_air(job.id) or job.id not in self._looked_up
            case State.QUEUED:
                return not self._gate.gives_up_on(job)
            case _:
                return True
