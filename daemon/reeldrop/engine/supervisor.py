"""Runs the daemon's tasks: the only place that starts any.

An unexpected error of one task stops all of them: the store is the memory, and the next start goes on
from it. On a stop nothing new is taken, short steps end, and what is left waits for the next start.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from reeldrop.domain.errors import FolderOffline, StoreUnavailable
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.healths import Healths
from reeldrop.engine.intake import Intake
from reeldrop.engine.lanes import Lanes
from reeldrop.engine.leftovers import Leftovers
from reeldrop.engine.notices import Notices
from reeldrop.engine.nudging import Nudging
from reeldrop.engine.operations import Orders
from reeldrop.engine.pulse import Beat
from reeldrop.engine.queue import Queue
from reeldrop.engine.rooms import Beside, Folders, Rooms
from reeldrop.engine.schedule import Schedule
from reeldrop.engine.showing import Board, Showing
from reeldrop.engine.status_line import StatusLine
from reeldrop.engine.taken import is_given_back
from reeldrop.engine.tidying import Tidying
from reeldrop.engine.vigil import Vigil
from reeldrop.engine.worker import Worker
from reeldrop.ports import Order, Overseer, Receiver

log = structlog.get_logger()

SUBMITS = 8
"""POSTs in the air at once: the most jobs that one crash can make uncertain."""
GRACE = 4.5
"""Seconds that running steps get to end after a stop; a step that a share holds never does."""
ORDERS_INTERVAL = 0.25
"""Seconds between two looks for what people have asked for: a resume works within a second."""
SLOWEST_STORE = 60.0
"""Seconds within which the store answers a small question; one that does not has stopped to live."""
SLOWEST_TURN = 180.0
"""Seconds within which the queue comes to an answer: it pauses for a minute, and asks disks and store."""


Lane = Callable[[Beat], Coroutine[Any, Any, None]]


class Supervisor:
    """The daemon's inner life, from recovered jobs to a stop."""

    def __init__(
        self,
        rooms: Rooms,
        intakes: Mapping[str, Intake],
        boards: Sequence[Board],
        folders: Folders,
        stop: asyncio.Event,
        overseer: Overseer,
    ) -> None:
        self._rooms = rooms
        self._intakes = intakes
        self._stop = stop
        self._gate = Gate(rooms.clock)
        self._worker = Worker(rooms, self._gate)
        self._queue = Queue(rooms, self._gate, folders)
        self._lanes = Lanes(rooms.clock, rooms.places)
        self._healths = Healths(intakes)
        self._showing = Showing(
            rooms.store, rooms.clock, self._gate, self._healths, rooms.transfers, boards
        )
        self._overseer = overseer
        self._pulse = rooms.pulse
        self._status_line = StatusLine(rooms.store, rooms.clock, self._gate, overseer, rooms.pulse)
        self._showing.call(self._status_line.changed)
        self._tidying = Tidying(rooms.uploads)
        self._notices = Notices(rooms, self._gate)
        self._vigil = Vigil(
            rooms.clock,
            folders,
            lambda watch: intakes[watch].moved,
            self._hear_who_is_silent,
            self._give_up,
        )
        self._slots = asyncio.Semaphore(SUBMITS)
        self._submits: dict[Attempt, asyncio.Task[None]] = {}
        self._nudging = Nudging(
            self._gate,
            self._queue,
            self._lanes,
            self._submits.keys(),
            [intake.inbox for intake in intakes.values()],
            self._showing.changed,
        )
        self._leftovers = Leftovers(rooms, self._gate, self._nudging)
        self._orders = Orders(rooms, self._nudging)
        self._asked: dict[int, asyncio.Task[None]] = {}
        self._running: set[str] = set()
        self._settling: dict[str, bool] = dict.fromkeys(intakes, True)
        self.ended: Counter[State] = Counter()
        """How many jobs ended in which state since the start."""

    @property
    def blocked(self) -> str:
        """Why nothing is submitted now; empty while something may be."""
        return self._gate.reason

    def note(self, text: str) -> None:
        """Tell the overseer `text` with all that is told from now on; "" for nothing."""
        self._status_line.note(text)

    def look_again(self) -> None:
        """Hear that limits and times are others now: whatever waits asks again."""
        self._queue.changed()
        for intake in self._intakes.values():
            intake.inbox.wake()

    def tell(self, receivers: Sequence[Receiver]) -> None:
        """Have `receivers` told of what happens, instead of those before them."""
        self._notices.replace(receivers)

    def ask_again(self) -> None:
        """Hear that what was refused may be allowed now: whatever waits tries at once."""
        self._nudging.ask_again()

    async def run(self, jobs: list[Job], reloads: Beside, *, once: bool) -> None:
        """Work until `stop` is set; with `once` also until nothing is left to work off.

        `jobs` are those that the store handed over at the start; `reloads` has settings that change applied.
        """
        await self._notices.begin()
        for job in jobs:
            self._lanes.put(job, 0.0)
        if (since := await self._rooms.store.paused()) is not None:
            self._gate.pause(since)
        try:
            await self._run(reloads, once=once)
        except ExceptionGroup as errors:
            # One of several is enough to say why the daemon ends.
            raise errors.exceptions[0] from errors

    async def _run(self, reloads: Beside, *, once: bool) -> None:
        async with asyncio.TaskGroup() as group:
            lanes = [
                group.create_task(self._pulse.carry(name, lane))
                for name, lane in self._living(group)
            ]
            lanes.append(group.create_task(self._pulse.watch(self._overseer)))
            lanes += [group.create_task(each()) for each in (reloads, *self._rooms.beside)]
            lanes.append(group.create_task(self._notices.lane(group.create_task)))
            if once:
                lanes.append(group.create_task(self._stop_when_idle()))
            await self._stop.wait()
            await self._drain()
            for lane in lanes:
                lane.cancel()
        await self._showing.last_words()

    def _living(self, group: asyncio.TaskGroup) -> Iterator[tuple[str, Lane]]:
        """Yield every lane that must live, with its name."""
        for name in self._intakes:
            yield f"intake {name}", partial(self._intake_lane, name)
        yield "submits", partial(self._submit_lane, group)
        yield "orders", partial(self._orders_lane, group)
        yield "vigil", self._vigil.lane
        yield "tidying", lambda _: self._tidying.lane()
        yield from self._showing.lanes()
        if self._overseer.listens:
            yield "status line", self._status_line.lane
        for number, schedule in enumerate(self._lanes.each()):
            yield f"{schedule.name} {number}", partial(self._lane, schedule)

    async def _drain(self) -> None:
        """Let short steps and awaited answers end; an upload whose end is still here is broken off."""
        self._overseer.stopping()
        log.info("daemon.stopping", running=len(self._running))
        for attempt, task in list(self._submits.items()):
            if attempt.breakable:
                task.cancel()
        deadline = self._rooms.clock.monotonic() + GRACE
        while (
            self._running or self._notices.is_telling
        ) and self._rooms.clock.monotonic() < deadline:
            await self._rooms.clock.sleep(0.05)
        for task in (*self._submits.values(), *self._asked.values()):
            task.cancel()

    async def _intake_lane(self, name: str, beat: Beat) -> None:
        inbox = self._intakes[name].inbox
        while not self._stop.is_set():
            # A scan that hangs in the kernel is the vigil's to tell.
            beat.rest()
            wait = await self._look(name)
            if wait > 0:
                beat.within(wait)
                await inbox.changed(wait)

    async def _look(self, name: str) -> float:
        """Look at one inbox once; return the seconds until it must be looked at again."""
        self._vigil.look_begins(name)
        looked = await self._intakes[name].look()
        self._vigil.look_ends(name)
        self._healths.looked(name, looked)
        self._settling[name] = looked.still_settling
        # What was claimed lies in the inbox: without it nothing of the watch can be sent.
        self._gate.offline(name, looked.offline)
        for job in looked.refused:
            self._lanes.put(job, 0.0)
        if looked.jobs_added:
            self._queue.changed()
        self._showing.changed()
        return looked.wait

    async def _submit_lane(self, group: asyncio.TaskGroup, beat: Beat) -> None:
        while not self._stop.is_set():
            beat.rest()
            await self._slots.acquire()
            beat.within(SLOWEST_TURN)
            job = await self._queue.take()
            if job is None:
                self._slots.release()
                continue
            if job.state is not State.UPLOADING:
                # It takes part in the generation of an identical one: there is nothing to submit.
                self._slots.release()
                self._lanes.put(job, 0.0)
                continue
            attempt = Attempt(job, self._rooms, self._gate, self._look_meanwhile)
            self._submits[attempt] = group.create_task(self._submit(attempt))

    async def _submit(self, attempt: Attempt) -> None:
        try:
            await self._step(attempt)
        finally:
            del self._submits[attempt]
            self._slots.release()

    def _hear_who_is_silent(self, watches: Mapping[str, str]) -> None:
        self._gate.silent(watches)
        self._healths.silent(watches)
        self._showing.changed()

    def _give_up(self, silent: Mapping[str, str]) -> None:
        """Break off the submits of watches that do not answer: clips are read and made anew in them."""
        for attempt in self._submits:
            if reason := silent.get(attempt.job.watch):
                attempt.break_off(FolderOffline(reason))

    def _look_meanwhile(self, job: Job, after: float) -> None:
        """A submit's answer takes long: its slot stays taken, and the log is asked all the same."""
        self._running.discard(job.id)
        self._showing.changed()
        self._lanes.put(job, after)

    async def _lane(self, schedule: Schedule, beat: Beat) -> None:
        while True:
            beat.when_due(schedule.due)
            job = await schedule.get()
            beat.rest()
            await self._step(Attempt(job, self._rooms, self._gate))

    async def _step(self, attempt: Attempt) -> None:
        if self._stop.is_set():
            return
        looked_up = attempt.job.state is State.UNCERTAIN
        self._running.add(attempt.job.id)
        self._showing.changed()
        try:
            await self._worker.step(attempt)
        finally:
            self._running.discard(attempt.job.id)
            self._showing.changed()
        if looked_up:
            self._leftovers.looked_up(attempt.job)
        if attempt.lost:
            return
        if attempt.job.state in FINAL or attempt.job.held:
            self._notices.changed()
        if attempt.job.state in FINAL:
            self._leftovers.ended(attempt.job)
            self.ended[attempt.job.state] += 1
            self._tidying.job_ended()
        elif is_given_back(attempt.job):
            self._intakes[attempt.job.watch].take_back(attempt.job)
        self._lanes.put(attempt.job, attempt.again_in)
        # Whatever moved may have freed a place in a limit.
        self._queue.changed()

    # ------------------------------------------------------------------ what people ask for

    async def _orders_lane(self, group: asyncio.TaskGroup, beat: Beat) -> None:
        while not self._stop.is_set():
            beat.within(SLOWEST_STORE)
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
            self._showing.changed()

    # ------------------------------------------------------------------ a single run

    async def _stop_when_idle(self) -> None:
        while not await self._idle():
            await self._rooms.clock.sleep(0.1)
        await self._notices.first_tries()
        self._stop.set()

    async def _idle(self) -> bool:
        """Say whether nothing is left that would end by waiting."""
        if any(self._settling.values()) or self._running or not self._tidying.idle:
            return False
        return not await self._leftovers.may_go_on()
