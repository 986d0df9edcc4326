"""Orders of people, as the store hands them over: each is carried out once, and answered.

Rule 1: an order is begun, durably, before anything is done for it: no crash lets it be done twice.
Rule 2: what is changed under our hands is looked at again; nothing is decided by an old copy.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import structlog

from reeldrop.domain.errors import Lost, ReeldropError, StepError, StoreUnavailable
from reeldrop.domain.job import GenerationId, Job, JobId
from reeldrop.domain.lifecycle import UNFINISHED, Event, State
from reeldrop.domain.moments import moment
from reeldrop.domain.paths import printable
from reeldrop.engine.cancelling import cancelled
from reeldrop.engine.operations.cancel import Cancel
from reeldrop.engine.operations.resolve import Resolve
from reeldrop.engine.operations.retry import Retry
from reeldrop.engine.operations.terms import NOT_NOW, REFUSED, UNKNOWN_JOB, Nudge, Said
from reeldrop.engine.rooms import Rooms
from reeldrop.ports import Order, OrderMemory

log = structlog.get_logger()

Act = Callable[[Job], Awaitable[Said | None]]

WAITED_FOR = 60.0
"""Seconds for which a command waits for an answer."""
LOOKS = 5
"""How often a job that changes under our hands is looked at."""
ANSWER_TRIES = 30


class Orders:
    """Carries out what people ask for."""

    def __init__(self, rooms: Rooms, nudge: Nudge) -> None:
        self._rooms = rooms
        self._memory: OrderMemory = rooms.store
        self._nudge = nudge
        self._cancel = Cancel(rooms, nudge)
        self._retry = Retry(rooms, nudge)
        self._resolve = Resolve(rooms, nudge)

    async def carry_out(self, order: Order) -> None:
        """Carry out an order that nobody has begun, and answer it. Raises StoreUnavailable."""
        if not await self._memory.begin_order(order):
            return
        said = await self._done(order)
        code = max((each.code for each in said), default=0)
        log.info("order.done", kind=order.kind, code=code, said=[each.text for each in said])
        await self._answer(order, {"code": code, "said": [asdict(each) for each in said]})

    async def _answer(self, order: Order, answer: dict[str, Any]) -> None:
        """Tell who asked, also where the store takes long; the deed is done."""
        for _ in range(ANSWER_TRIES):
            try:
                await self._memory.answer(order, answer)
            except StoreUnavailable:
                await self._rooms.clock.sleep(1.0)
            else:
                return

    async def _done(self, order: Order) -> Sequence[Said]:
        if abs(self._rooms.clock.now() - order.at) > WAITED_FOR:
            return [Said("nobody waited for it any more; nothing was changed", NOT_NOW)]
        try:
            return await self._by_kind(order)
        except ReeldropError as error:
            return [Said(error.message, NOT_NOW)]
        except Exception as error:
            log.exception("order.crashed", kind=order.kind)
            return [
                Said(f"an internal error ({type(error).__name__}) met it; see the log", REFUSED)
            ]

    async def _by_kind(self, order: Order) -> Sequence[Said]:
        match order.kind:
            case "pause":
                return [await self._pause()]
            case "resume":
                return [await self._resume()]
            case "cancel":
                return await self._each(order, self._cancel)
            case "retry":
                return await self._each(
                    order, partial(self._retry, pay_again=order.args["pay_again"])
                )
            case "resolve" if order.args["generation_id"]:
                named = GenerationId(order.args["generation_id"])
                return await self._each(order, partial(self._resolve.made, generation_id=named))
            case "resolve":
                return await self._each(order, self._resolve.not_submitted)
            case _:
                return [Said(f'the daemon knows no order "{order.kind}"', REFUSED)]

    async def _pause(self) -> Said:
        if since := await self._memory.paused():
            return Said(f"Already paused, since {moment(since)}.")
        now = self._rooms.clock.now()
        await self._memory.set_paused(now)
        self._nudge.pause(now)
        return Said(
            "Paused: nothing is submitted until `reeldrop resume`. What is submitted goes on."
        )

    async def _resume(self) -> Said:
        since = await self._memory.paused()
        await self._memory.set_paused(None)
        await self._rooms.store.release_queue()
        self._nudge.resume()
        was = f"Resumed; it was paused since {moment(since)}." if since else "Nothing was paused."
        return Said(f"{was} Whatever waits is tried {self._when()}.")

    def _when(self) -> str:
        return "now" if self._nudge.running else "when the daemon runs"

    async def _each(self, order: Order, act: Act) -> Sequence[Said]:
        return [await self._one(JobId(job_id), act) for job_id in order.args["jobs"]]

    async def _one(self, job_id: JobId, act: Act) -> Said:
        path = job_id
        for _ in range(LOOKS):
            try:
                job = await self._rooms.store.get(job_id)
                if job is None:
                    return Said(f"no job is called {job_id}", UNKNOWN_JOB)
                path = printable(job.path)
                said = await act(job)
            except Lost:
                continue
            except (StepError, StoreUnavailable) as error:
                said = Said(error.message, NOT_NOW)
            if said is not None:
                return Said(f"{path}: {said.text}", said.code)
        return Said(f"{path}: it is changing all the time; try again", NOT_NOW)


async def recall_cancels(rooms: Rooms) -> list[Job]:
    """At a start: know what people want no more, and end what is queued of it; returns that.

    Raises StoreUnavailable.
    """
    ended: list[Job] = []
    for job in await rooms.store.jobs(UNFINISHED):
        if not job.cancel_asked:
            continue
        rooms.cancelled.add(job.id)
        if job.state is State.QUEUED and job.claimed:
            unpaid = cancelled(job, paid_before=await rooms.store.charged(job.id))
            ended.append(await rooms.store.move(unpaid, Event.CANCEL))
    return ended
