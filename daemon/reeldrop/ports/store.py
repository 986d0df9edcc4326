"""What the engine needs of the memory: the job table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from reeldrop.domain.job import (
    GenerationId,
    Job,
    JobId,
    JournalEntry,
    RelPath,
    Waiting,
)
from reeldrop.domain.lifecycle import Event, State
from reeldrop.domain.limits import Limits, Opening
from reeldrop.ports.files import Mode
from reeldrop.ports.uploads import Transfer, UploadMemory


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are in each state that is not the end, and how many drops are no job yet."""

    jobs: Mapping[State, int]
    waiting: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a kept drop as it was taken: by its path and its bytes it is known for ever.

    `key` is its stat key (see `Entry.key`), which spares reading it again; `job` took it.
    """

    path: RelPath
    key: str
    sha256: str
    job: JobId


class Scope(StrEnum):
    """How far a block of the queue reaches."""

    ALL = "all"
    MODEL = "model"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Block:
    """Why queued jobs are not submitted: all of them, or those of one model or watch (`of`).

    `passing`: one of the limits is reached, which time alone will change.
    """

    reason: str
    scope: Scope = Scope.ALL
    of: str = ""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Barred:
    """What is not taken from the queue now."""

    jobs: frozenset[JobId] = frozenset()
    models: frozenset[str] = frozenset()
    watches: frozenset[str] = frozenset()
    model: str = ""
    """If given, jobs of every other model are passed over as well."""


NOTHING_BARRED = Barred()


@dataclass(frozen=True, slots=True)
class Health:
    """How a watch's looks at its inbox go."""

    watch: str
    scanned: float | None = None
    """When the last successful scan ended (s since the epoch); None: none has since the daemon's start."""
    trouble: str = ""
    """Why there has been none since; "" while all is well."""
    modes: tuple[Mode, ...] = ()
    """How changes are noticed, as in `Scan`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a job took of its inbox: the drop's own path, and the files used beside its clip."""

    path: RelPath
    job: JobId
    references: tuple[RelPath, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for: `kind` is the command, `args` its arguments as plain JSON values."""

    n: int
    at: float
    kind: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """A row of the journal, by its number: `event` happened to `job` at `at` (s since the epoch)."""

    n: int
    job: JobId
    at: float
    event: str


@dataclass(frozen=True, slots=True)
class DaySpent:
    """What was spent on one local day: `day` as YYYY-MM-DD.

    `usd` is what the provider named so far; of `unpriced` of the `submits` it has named nothing.
    """

    day: str
    submits: int
    unpriced: int
    usd: float


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is, what stands in its way, what it cost.

    `in_flight` is what counts against that limit; `queued_since` (s since the epoch) is when the
    oldest queued job was made; `late` is how many jobs are. `committed` is what counts against the
    budget of `today`, in USD: what was charged and what is reserved; `priced` is what the provider
    has named of it, by model. `transfers` are the files that the daemon put down as
    under way, each with its job as it is now.
    """

    counts: Mapping[State, int]
    waiting: int
    in_flight: int
    queued_since: float | None
    late: int
    uncertain: Sequence[Job]
    blocks: Sequence[Block]
    paused: float | None
    today: str
    committed: float
    priced: Mapping[str, float]
    spent: Sequence[DaySpent]
    health: Sequence[Health]
    transfers: Sequence[tuple[Job, Transfer]]
    limits: Limits
    """What the queue is held to."""


class JobStore(UploadMemory, Protocol):
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

    async def happenings(self, after: int, events: Collection[str]) -> tuple[list[Happening], int]:
        """Return which of `events` stand in the journal after its row `after`, oldest first.

        Not all of it is read at once: also returns the row up to which it was, `after` at its end.
        """
        ...

    async def begin_telling(self, receivers: Collection[str]) -> Mapping[str, int]:
        """Return up to which row of the journal each receiver has been told.

        For one that is new that is the journal's end; those that are not named are forgotten.
        """
        ...

    async def set_told(self, receiver: str, n: int | None) -> None:
        """Put down that a receiver has been told everything up to row `n`; None forgets it."""
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

    async def ask_cancel(self, job: Job) -> None:
        """Note that a person wants the job no more, whoever owns it. Raises Lost when it has ended."""
        ...

    async def release_queue(self) -> None:
        """Make every claimed QUEUED job due at once; who was set aside stays so until it passes."""
        ...

    async def set_blocks(self, blocks: Sequence[Block]) -> None:
        """Put down why queued jobs are not submitted now; nothing where they are."""
        ...

    async def blocks(self) -> list[Block]:
        """Return what `set_blocks` put down."""
        ...

    async def set_paused(self, since: float | None) -> None:
        """Put down that a person has paused the submits (s since the epoch), or None: no longer."""
        ...

    async def paused(self) -> float | None:
        """Return what `set_paused` put down."""
        ...

    async def set_health(self, health: Sequence[Health]) -> None:
        """Put down how the looks at the inboxes go, one entry for each watch; replaces what was."""
        ...

    async def health(self) -> list[Health]:
        """Return what `set_health` put down."""
        ...

    async def set_transfers(self, transfers: Sequence[Transfer]) -> None:
        """Put down how far the files under way have gone; replaces what was."""
        ...

    async def transfers(self) -> list[Transfer]:
        """Return what `set_transfers` put down."""
        ...

    async def remember(self, folder: str, place: str) -> None:
        """Put down on which mount the marked `folder` lies, as `recall` shall return it."""
        ...

    async def recall(self, folder: str) -> str:
        """Return what `remember` put down of `folder`, "" where nothing was."""
        ...

    async def orders(self) -> list[Order]:
        """Return the orders that nobody has begun yet, oldest first."""
        ...

    async def begin_order(self, order: Order) -> bool:
        """Put down that an order is being carried out, so that no crash lets it be done twice.

        False where it is no longer open: taken back, or begun by another.
        """
        ...

    async def answer(self, order: Order, answer: Mapping[str, Any]) -> None:
        """Put down what became of an order, for whoever asked."""
        ...

    async def job_of_generation(self, generation_id: GenerationId) -> Job | None:
        """Return the job that a generation was made for, None where no job has it."""
        ...

    async def spent(self, days: int) -> list[DaySpent]:
        """Return what was spent on the last `days` days on which anything was, newest first."""
        ...

    async def overview(self, days: int) -> Overview:
        """Return how things stand now, with what was spent on the last `days` days on which anything was."""
        ...

    async def suspects(self, watch: str) -> frozenset[tuple[RelPath, str]]:
        """Return the files, path and stat key, that were being looked into when a daemon ended."""
        ...

    async def begin_probe(self, watch: str, path: RelPath, key: str) -> int:
        """Put down that a decoder looks into a file now; return at how many crashes one was doing so."""
        ...

    async def end_probe(self, watch: str, path: RelPath, key: str) -> None:
        """Forget what `begin_probe` put down of a file: nothing crashed."""
        ...

    async def set_waiting(self, watch: str, waiting: Sequence[Waiting]) -> None:
        """Replace what is shown as waiting in `watch`."""
        ...

    async def waiting(self) -> list[Waiting]:
        """Return what is shown as waiting, all watches."""
        ...

    async def counts(self) -> Counts:
        """Return how much there is that is not finished; it is counted without reading it."""
        ...

    async def known_kept(self, watch: str) -> list[KeptFile]:
        """Return every file that was taken of the kept watch, under every stat key it has had."""
        ...

    async def taken(self, watch: str, limit: int) -> list[Taken]:
        """Return what the last jobs of a watch took of its inbox, the newest change first."""
        ...

    async def remember_kept(self, watch: str, file: KeptFile) -> None:
        """Remember a new stat key of a kept file whose bytes are known."""
        ...

    async def close(self) -> None:
        """Finish what was asked for and close; later calls raise RuntimeError."""
        ...
