"""How the running daemon hears at once of what people have done."""

import asyncio
from collections.abc import Collection, Mapping

from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import State
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.queue import Queue
from reeldrop.engine.schedule import Schedule
from reeldrop.ports import Inbox


class Nudging:
    """The supervisor's gate, queue, lanes and submits, as orders may touch them."""

    running = True

    def __init__(
        self,
        gate: Gate,
        queue: Queue,
        lanes: Mapping[State, Schedule],
        submits: Collection[Attempt],
        inboxes: Collection[Inbox],
        changed: asyncio.Event,
    ) -> None:
        """`changed` is set when what people see of the queue may have changed."""
        self._gate = gate
        self._queue = queue
        self._lanes = lanes
        self._submits = submits
        self._inboxes = inboxes
        self._changed = changed

    def schedule(self, job: Job) -> None:
        """See that the next step of a job that was moved comes now, and none of its old state."""
        for lane in self._lanes.values():
            lane.drop(job.id)
        if job.state in self._lanes:
            self._lanes[job.state].put(job, 0.0)
        self._queue.changed()

    def hurry(self, job: Job) -> None:
        """Let the step that a job waits for come now."""
        self._lanes[job.state].hurry(job.id)

    def break_off(self, job_id: JobId) -> None:
        """End a job's upload if its end is still here."""
        for attempt in self._submits:
            if attempt.job.id == job_id:
                attempt.break_off()

    def in_the_air(self, job_id: JobId) -> bool:
        """Say whether a request of the job may still be answered."""
        return any(attempt.job.id == job_id for attempt in self._submits)

    def pause(self, since: float) -> None:
        """Submit nothing from now on; `since` in seconds since the epoch."""
        self._gate.pause(since)
        self._changed.set()

    def resume(self) -> None:
        """Submit again, and try at once whatever waits."""
        self._gate.resume()
        self._queue.hurry()
        for lane in self._lanes.values():
            lane.hurry()
        for inbox in self._inboxes:
            inbox.wake()
        self._changed.set()
