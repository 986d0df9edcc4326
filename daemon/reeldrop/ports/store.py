"""What the engine needs of the memory: the job table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reeldrop.domain.job import (
    Job,
    JobId,
    JournalEntry,
    RelPath,
    Waiting,
)
from reeldrop.domain.lifecycle import Event, State


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a kept drop as it was taken: by its path and its bytes it is known for ever.

    `key` is its stat key (see `Entry.key`), which spares reading it again; `job` took it.
    """

    path: RelPath
    key: str
    sha256: str
    job: JobId


class JobStore(Protocol):
    """The memory. Every change is durable (fsynced) when its method returns.

    A guarded method writes only while the row still has the job's owner, token and state, and
    raises `Lost` otherwise. Each writes its journal row in the same transaction. A caller that is
    cancelled while it waits for a change does not undo it. Any method raises StoreUnavailable
    when the store itself cannot be written or read; then nothing was changed.
    """

    async def store_id(self) -> str:
        """Return the store's own random name (32 hexadecimal digits), the same for its whole life."""
        ...

    async def add(self, jobs: Sequence[Job], kept: Sequence[KeptFile] = ()) -> bool:
        """Record the new jobs (QUEUED, no owner) of one drop, all or none of them.

        None, and False, when a job that is not final has the source_key of one of them.

        `kept` are the source files of a kept claim, every one; they are remembered for
        `known_kept` in the same transaction.
        """
        ...

    async def withdraw(self, job: Job) -> None:
        """Guarded: forget a QUEUED job whose claim was never made, and the kept files it took.

        Its journal stays.
        """
        ...

    async def claim_next(self, now: float) -> Job | None:
        """Take the next due QUEUED job that is claimed, of the enrolled watches: event TAKEN, owner = this daemon, token + 1.

        Highest priority first (plus 1 for each 600 s waited since `created`), then oldest. None
        when none is due or a limit (`in_flight`, `submits_per_minute`) leaves no room. The job's
        `reason` is cleared: it moves.
        """
        ...

    async def next_due(self, now: float) -> float | None:
        """Return when `claim_next` is worth asking again by time alone, or None for "after a change"."""
        ...

    async def move(self, job: Job, event: Event, note: Mapping[str, Any] | None = None) -> Job:
        """Guarded: take the arrow `event`, and write every field of `job` as it is given.

        The owner is released by arrows into QUEUED, UNCERTAIN and final states. A job without an
        owner that gets into another state becomes this daemon's: token + 1.
        Raises IllegalTransition when the table has no such arrow.
        """
        ...

    async def update(self, job: Job, event: str, note: Mapping[str, Any] | None = None) -> Job:
        """Guarded: write the fields of `job` without a change of state; `event` names the journal row."""
        ...

    async def adopt(self) -> list[Job]:
        """Take over every owned job of dead daemons: token + 1, AFTER_CRASH applied, owner = this one.

        Returns the jobs that this daemon now owns. Called once, before anything else.
        """
        ...

    async def get(self, job_id: JobId) -> Job | None:
        """Return the job as recorded."""
        ...

    async def jobs(
        self, states: Sequence[State] | None = None, *, since: float = 0.0, limit: int | None = None
    ) -> list[Job]:
        """Return jobs, newest change first, filtered by state and by `updated >= since`."""
        ...

    async def journal(self, job_id: JobId) -> list[JournalEntry]:
        """Return the job's history, oldest first."""
        ...

    async def jobs_of_claim(self, folder: RelPath, watch: str) -> list[Job]:
        """Return the jobs that share the claim at `folder` of `watch`'s inbox; none for a kept drop."""
        ...

    async def enrol_watch(self, name: str, inbox: str, outbox: str) -> tuple[str, str] | None:
        """Serve the watch called `name` from now on, and remember where its folders are.

        When it has jobs that are not final and its folders were others, nothing is changed and
        those are returned, the inbox first.
        """
        ...

    async def set_blocked(self, reason: str) -> None:
        """Put down why no queued job is submitted now; "" when one may be."""
        ...

    async def blocked(self) -> str:
        """Return what `set_blocked` put down."""
        ...

    async def set_waiting(self, watch: str, waiting: Sequence[Waiting]) -> None:
        """Replace what is shown as waiting in `watch`."""
        ...

    async def waiting(self) -> list[Waiting]:
        """Return what is shown as waiting, all watches."""
        ...

    async def known_kept(self, watch: str) -> list[KeptFile]:
        """Return every file that was taken of the kept watch, under every stat key it has had."""
        ...

    async def remember_kept(self, watch: str, file: KeptFile) -> None:
        """Remember a new stat key of a kept file whose bytes are known."""
        ...

    async def close(self) -> None:
        """Finish what was asked for and close; later calls raise RuntimeError."""
        ...
