"""How the running daemon hears at once of what people have done."""

from collections.abc import Callable, Collection

from reeldrop.domain.errors import Cancelled
from reeldrop.domain.job import Job, JobId
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.cancelling import UNPAID
from reeldrop.engine.gate import Gate
from reeldrop.engine.lanes import Lanes
from reeldrop.engine.queue import Queue
from reeldrop.ports import Inbox


class Nudging:
    """The supervisor's gate, queue, lanes and submits, as orders may touch them."""

    running = True

    def __init__(
        self,
        gate: Gate,
        queue: Queue,
        lanes: Lanes,
        submits: Collection[Attempt],
        inboxes: Collection[Inbox],
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called when what people see of the queue may have changed."""
        self._gate = gate
        self._queue = queue
        self._lanes = lanes
        self._submits = submits
        self._inboxes = inboxes
        self._changed = changed

    def schedule(self, job: Job) -> None:
        """See that the next step of a job that was moved comes now, and none of its old state."""
        self._lanes.drop(job.id)
        self._lanes.put(job, 0.0)
        self._queue.changed()

    def hurry(self, job: Job) -> None:
        """Let the step that a job waits for come now."""
        self._lanes.hurry(job)

    def break_off(self, job_id: JobId) -> None:
        """End a job's upload if its end is still here."""
        for attempt in self._submits:
            if attempt.job.id == job_id:
                attempt.break_off(Cancelled(UNPAID))

    def in_the_air(self, job_id: JobId) -> bool:
        """Say whether a request of the job may still be answered."""
        return any(attempt.job.id == job_id for attempt in self._submits)

    def pause(self, since: float) -> None:
        """Submit nothing from now on; `since` in seconds since the epoch."""
        self._gate.pause(since)
        self._changed()

    def resume(self) -> None:
        """Submit again, and try at once whatever waits."""
        self._gate.resume()
        self.ask_again()

    def ask_again(self) -> None:
        """Try at once whatever waits for a trouble to end; a pause stays."""
        self._gate.ask_again()
        self._queue.hurry()
        self._lanes.hurry()
        for inbox in self._inboxes:
            inbox.wake()
        self._changed()
