"""What a single run would still come to by waiting, and what it leaves to the next one."""

from collections.abc import Mapping

from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import UNFINISHED, State
from reeldrop.engine.gate import Gate
from reeldrop.engine.nudging import Nudging
from reeldrop.engine.rooms import Rooms


class Leftovers:
    """Tells the jobs that go on by themselves from those that wait for a person, a place or another day."""

    def __init__(self, rooms: Rooms, gate: Gate, nudging: Nudging) -> None:
        self._rooms = rooms
        self._gate = gate
        self._nudging = nudging
        self._looked_up: set[JobId] = set()

    def looked_up(self, job: Job) -> None:
        """Hear that an uncertain job was looked for: one look is all that a single run waits for."""
        self._looked_up.add(job.id)

    def ended(self, job: Job) -> None:
        """Hear that a job has ended."""
        self._looked_up.discard(job.id)

    async def may_go_on(self) -> bool:
        """Say whether any job may; where the store cannot be asked, it may."""
        try:
            left = await self._rooms.store.jobs(UNFINISHED)
        except StoreUnavailable:
            return True
        by_id = {job.id: job for job in left}
        return any(self._may_go_on(job, by_id) for job in left)

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
