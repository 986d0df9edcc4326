"""What is remembered of jobs: how they come, whose turn it is, what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reeldrop.domain.job import GenerationId, Job, JobId, JournalEntry, RelPath
from reeldrop.domain.lifecycle import Event, State
from reeldrop.domain.limits import Opening
from reeldrop.ports.intake import KeptFile


@dataclass(frozen=True, slots=True)
class Barred:
    """What is not taken from the queue now."""

    jobs: frozenset[JobId] = frozenset()
    models: frozenset[str] = frozenset()
    watches: frozenset[str] = frozenset()
    model: str = ""
    """If given, jobs of every other model are passed over as well."""


NOTHING_BARRED = Barred()


class JobMemory(Protocol):
    """The job table.

    A guarded method writes only while the row still has the job's owner, token and state, and
    raises `Lost` otherwise. Each writes its journal row in the same transaction.
    """

    async def add(self, jobs: Sequence[Job], kept: Sequence[KeptFile] = ()) -> bool:
        """Record the new jobs (QUEUED, no owner) of one drop, all or none of them.

        None, and False, when `obstacle` names a job that stands in the way of one of them.

        `kept` are the source files of a kept claim, every one; they are remembered for
        `known_kept` in the same transaction.
        """
        ...

    async def obstacle(self, job: Job) -> Job | None:
        """Return the job that keeps `job` from being added: of the same file, or of the same ticket.

        The same file: one that is not final and has its source_key. The same ticket: any other of
        another claim, unless it has failed or was cancelled without anything paid.
        """
        ...

    async def withdraw(self, job: Job) -> None:
        """Guarded: forget a QUEUED job whose claim was never made, and the kept files it took.

        Its journal stays.
        """
        ...

    async def claim_next(self, now: float, barred: Barred = NOTHING_BARRED) -> Job | None:
        """Take the next due QUEUED job that is claimed, of the enrolled watches: event TAKEN, owner = this daemon, token + 1.

        Highest priority first (plus 1 for each 600 s waited since `created`), then oldest. None
        when none is due or a limit (`in_flight`, `submits_per_minute`, `daily_usd`) leaves no room.
        The job's `reason` is cleared: it moves. What is `barred` is passed over.

        A job with a `leader` waits for that: once the leader has a generation it takes part in it,
        whatever the limits (event JOINED: GENERATING at once); where the leader ends without one,
        it is taken like any other.
        """
        ...

    async def outlook(self, now: float, barred: Barred = NOTHING_BARRED) -> Opening:
        """Say when `claim_next` is worth asking again by time alone, and what stands in its way."""
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

    async def ask_cancel(self, job: Job) -> None:
        """Note that a person wants the job no more, whoever owns it. Raises Lost when it has ended."""
        ...

    async def release_queue(self) -> None:
        """Make every claimed QUEUED job due at once; who was set aside stays so until it passes."""
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

    async def job_of_generation(self, generation_id: GenerationId) -> Job | None:
        """Return the job that a generation was made for, None where no job has it."""
        ...

    async def delivered_like(self, job: Job) -> list[Job]:
        """Return the delivered jobs of the same file under the same spec: origin_key and spec_key."""
        ...

    async def rivals(self, job: Job, *, delivered: bool) -> list[Job]:
        """Return the jobs of the same spec_key that were taken before `job` and are under way.

        Those with a generation first; with `delivered` also delivered ones. Jobs of the same drop
        (its variants) are none. What they share is not proven: their bytes decide.
        """
        ...

    async def siblings(self, job: Job) -> list[Job]:
        """Return the other jobs of the same drop under the same spec_key, kept or not."""
        ...

    async def drop_size(self, job: Job) -> int:
        """Return how many jobs the drop of `job` has, its variants, whatever became of them."""
        ...

    async def charged(self, job_id: JobId) -> bool:
        """Say whether a submit of the job's own was paid for, or may have been."""
        ...
