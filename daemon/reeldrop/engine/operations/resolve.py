"""`resolve`: a person says what became of an uncertain submit; the provider's log is asked once more.

Rule: what the API or its log knows stands over what a person says; only their silence leaves it to them.
"""

from collections.abc import Mapping

import structlog

from reeldrop.domain.errors import (
    GenerationUnknown,
    ProtocolChanged,
    StepError,
    TransientError,
)
from reeldrop.domain.job import Cost, GenerationId, Job
from reeldrop.domain.lifecycle import Event, State
from reeldrop.engine.cancelling import cancelled
from reeldrop.engine.operations.terms import NEEDS_A_PERSON, NOT_NOW, REFUSED, Nudge, Said
from reeldrop.engine.rooms import Rooms
from reeldrop.ports import LogRow

log = structlog.get_logger()

TRIES = 4
PAUSE = 2.0
"""Seconds between two tries to ask the log."""
IN_THE_AIR = (
    "is still being submitted, and the API may answer yet; ask again when it is called uncertain "
    "and the answer has not come for some minutes"
)


class Resolve:
    """Settles one uncertain job."""

    def __init__(self, rooms: Rooms, nudge: Nudge) -> None:
        self._rooms = rooms
        self._nudge = nudge

    async def made(self, job: Job, generation_id: GenerationId) -> Said:
        """Go on with the generation that a person names. Raises Lost, StoreUnavailable."""
        if refusal := self._refusal(job):
            return refusal
        other = await self._rooms.store.job_of_generation(generation_id)
        if other is not None and other.id != job.id:
            return Said(
                f"the generation {generation_id} is that of {other.path} (job {other.id[:12]})",
                REFUSED,
            )
        try:
            known = await self._rooms.provider.poll(generation_id)
        except GenerationUnknown:
            return Said(f"the API knows no generation {generation_id}", REFUSED)
        except StepError as error:
            return Said(
                f"the API did not answer, so nothing was changed ({error.message}); try again later",
                NOT_NOW,
            )
        if refusal := await self._contradicted(job, generation_id):
            return refusal
        await self._adopt(job, generation_id, known.cost or job.cost, "person")
        return Said(f"goes on with the generation {generation_id}")

    async def _contradicted(self, job: Job, generation_id: GenerationId) -> Said | None:
        """Say what the log shows that speaks against a person's word, None where it is silent."""
        others = await self._rooms.store.jobs([State.UNCERTAIN])
        owners = {request: each for each in (*others, job) for request in each.sought}
        oldest = min(each.submitted or each.created for each in (*others, job))
        try:
            age = max(0.0, self._rooms.clock.now() - oldest)
            rows = await self._rooms.provider.find(tuple(owners), age)
        except StepError as error:
            log.info("resolve.unasked", job=job.id, error=error.message)
            return None
        for request, row in rows.items():
            owner = owners[request]
            if row.generation_id == generation_id and owner.id != job.id:
                return Said(f"the provider's log shows {generation_id} as {owner.path}", REFUSED)
            if row.generation_id not in (None, generation_id) and owner.id == job.id and row.made:
                return Said(
                    f"the provider's log shows it as the generation {row.generation_id}, "
                    f"not {generation_id}",
                    REFUSED,
                )
        return None

    async def not_submitted(self, job: Job) -> Said:
        """Free a job that a person says was not submitted. Raises Lost, StoreUnavailable."""
        if refusal := self._refusal(job):
            return refusal
        try:
            rows = await self._asked(job)
        except ProtocolChanged as error:
            # There is no such log: the person's word is all there is.
            log.info("resolve.no_log", job=job.id, error=error.message)
            rows = {}
        except StepError as error:
            return Said(
                f"the provider's log did not answer, so nothing was changed ({error.message}); "
                "try again later",
                NOT_NOW,
            )
        made = [row for row in rows.values() if row.made]
        for row in made:
            if row.generation_id:
                await self._adopt(job, row.generation_id, row.cost or job.cost, "log")
                return Said(
                    f"the provider's log shows it: it goes on with the generation "
                    f"{row.generation_id}, and is not submitted again"
                )
        if made:
            return Said(
                "the provider's log shows that it was submitted, but not as which generation: ask "
                f"the provider about {made[0].request_id}, then `reeldrop resolve --generation-id`",
                NEEDS_A_PERSON,
            )
        return await self._free(job)

    def _refusal(self, job: Job) -> Said | None:
        if job.state is State.SUBMITTING or self._nudge.in_the_air(job.id):
            return Said(IN_THE_AIR, REFUSED)
        if job.state is not State.UNCERTAIN:
            return Said(f"is {job.state}, not uncertain: there is nothing to resolve", REFUSED)
        return None

    async def _asked(self, job: Job) -> Mapping[str, LogRow]:
        """Ask the log for every submit of the job. Raises StepError where it does not answer."""
        if not job.sought:
            return {}
        age = max(0.0, self._rooms.clock.now() - (job.submitted or job.created))
        for _ in range(TRIES - 1):
            try:
                return await self._rooms.provider.find(job.sought, age)
            except TransientError as error:
                log.info("lookup.failed", job=job.id, path=job.path, error=error.message)
                await self._rooms.clock.sleep(PAUSE)
        return await self._rooms.provider.find(job.sought, age)

    async def _adopt(
        self, job: Job, generation_id: GenerationId, cost: Cost | None, found: str
    ) -> None:
        adopted = job.evolve(
            generation_id=generation_id, cost=cost, error=None, reason="", tries=0, held=False
        )
        note = {"generation_id": generation_id, "found": found}
        self._nudge.schedule(await self._rooms.store.move(adopted, Event.ACCEPTED, note))

    async def _free(self, job: Job) -> Said:
        free = job.evolve(error=None, reason="", not_before=0.0, tries=0, held=False, searched=0.0)
        freed = await self._rooms.store.move(free, Event.FREED, {"found": "person"})
        if job.cancel_asked:
            ended = cancelled(freed, paid_before=await self._rooms.store.charged(job.id))
            self._nudge.schedule(await self._rooms.store.move(ended, Event.CANCEL))
            return Said("was not submitted, and is cancelled as it was asked for")
        self._nudge.schedule(freed)
        return Said("is submitted again, on your word")
