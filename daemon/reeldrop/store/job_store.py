"""The memory as the engine sees it: changes go to the writer's thread, looks to a reader's."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from reeldrop.domain.job import GenerationId, Job, JobId, JournalEntry, RelPath, Waiting
from reeldrop.domain.lifecycle import UNFINISHED, Event, State, advance
from reeldrop.domain.limits import Limits, Opening
from reeldrop.ports import (
    NOTHING_BARRED,
    Barred,
    Block,
    Clock,
    Counts,
    DaySpent,
    Happening,
    Health,
    KeptFile,
    Metrics,
    Order,
    Overview,
    Taken,
    Transfer,
    Upload,
)
from reeldrop.store import (
    changes,
    cursors,
    folders,
    intake,
    ledger,
    orders,
    queries,
    status,
    turns,
    uploads,
)
from reeldrop.store.database import connect_writer
from reeldrop.store.overview import overview
from reeldrop.store.reader import StoreReader
from reeldrop.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class SqliteJobStore:
    """`ports.JobStore` on one SQLite file; one daemon at a time, which the state lock sees to."""

    def __init__(
        self,
        writer: Writer,
        reader: StoreReader,
        limits: Limits,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._host = secrets.token_hex(16)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._closed = False
        self._watches: set[str] = set()

    async def enrol(self) -> None:
        """Record this daemon's start. Called once, before anything else."""
        await self._writer.run(lambda db: changes.enrol(db, self._host, self._clock.now()))

    def limit(self, limits: Limits) -> None:
        """Hold the queue to other limits from now on; what is under way already stays so."""
        self._limits = limits

    async def store_id(self) -> str:
        """Return the store's own random name."""
        return await self._look(queries.store_id)

    async def add(self, jobs: Sequence[Job], kept: Sequence[KeptFile] = ()) -> bool:
        """Record the jobs of one drop, unless one of them is under way."""
        new, files = tuple(jobs), tuple(kept)
        added = await self._writer.run(lambda db: changes.add(db, new, files, self._entry("added")))
        for job in new if added else ():
            self._metrics.recorded(None, job, "added")
        return added

    async def withdraw(self, job: Job) -> None:
        """Forget a job that was never claimed."""
        await self._writer.run(lambda db: changes.withdraw(db, job, self._entry("withdrawn")))
        self._metrics.recorded(job.state, job, "withdrawn")

    async def obstacle(self, job: Job) -> Job | None:
        """Return the job that keeps `job` from being added."""
        return await self._look(queries.obstacle, job)

    async def delivered_like(self, job: Job) -> list[Job]:
        """Return the delivered jobs of the same file under the same spec."""
        return await self._look(queries.delivered_like, job)

    async def rivals(self, job: Job, *, delivered: bool) -> list[Job]:
        """Return the jobs of the same spec that are ahead of `job`."""
        return await self._look(queries.rivals, job, delivered=delivered)

    async def siblings(self, job: Job) -> list[Job]:
        """Return the other jobs of the same drop under the same spec."""
        return await self._look(queries.siblings, job)

    async def drop_size(self, job: Job) -> int:
        """Return how many jobs the drop of `job` has."""
        return await self._look(queries.drop_size, job)

    async def charged(self, job_id: JobId) -> bool:
        """Say whether a submit of the job's own may have been paid for."""
        return await self._look(ledger.charged, job_id)

    async def claim_next(self, now: float, barred: Barred = NOTHING_BARRED) -> Job | None:
        """Take the next due job where the limits leave room."""
        line = self._line(now, barred)
        job = await self._writer.run(lambda db: changes.claim(db, line, self._entry(Event.TAKEN)))
        if job is not None:
            joined = job.state is not State.UPLOADING
            self._metrics.recorded(State.QUEUED, job, Event.JOINED if joined else Event.TAKEN)
        return job

    async def outlook(self, now: float, barred: Barred = NOTHING_BARRED) -> Opening:
        """Say when `claim_next` may find a job by time alone, and what stands in its way."""
        return await self._look(turns.outlook, self._line(now, barred))

    def _line(self, now: float, barred: Barred) -> turns.Line:
        return turns.Line(self._limits, frozenset(self._watches), barred, now)

    async def move(self, job: Job, event: Event, note: Mapping[str, Any] | None = None) -> Job:
        """Take the arrow `event`."""
        advance(job.state, event)
        moved = await self._writer.run(
            lambda db: changes.move(db, job, event, self._entry(event, note))
        )
        self._metrics.recorded(job.state, moved, event)
        return moved

    async def update(self, job: Job, event: str, note: Mapping[str, Any] | None = None) -> Job:
        """Write the fields of `job` without a change of state."""
        updated = await self._writer.run(
            lambda db: changes.update(db, job, self._entry(event, note))
        )
        self._metrics.recorded(job.state, updated, event)
        return updated

    async def adopt(self) -> list[Job]:
        """Take over what dead daemons left."""
        return await self._writer.run(lambda db: changes.adopt(db, self._entry("adopted")))

    async def get(self, job_id: JobId) -> Job | None:
        """Return the job as recorded."""
        return await self._look(queries.get, job_id)

    async def jobs(
        self, states: Sequence[State] | None = None, *, since: float = 0.0, limit: int | None = None
    ) -> list[Job]:
        """Return jobs, newest change first."""
        return await self._look(queries.jobs, states, since, limit)

    async def journal(self, job_id: JobId) -> list[JournalEntry]:
        """Return the job's history, oldest first."""
        return await self._look(queries.journal, job_id)

    async def happenings(self, after: int, events: Collection[str]) -> tuple[list[Happening], int]:
        """Return what has happened to jobs since a row of the journal."""
        return await self._look(cursors.happenings, after, events)

    async def open_cursors(self, receivers: Collection[str]) -> Mapping[str, int]:
        """Return how far each receiver has been told."""
        known = frozenset(receivers)
        return await self._writer.run(lambda db: cursors.open_cursors(db, known))

    async def set_cursor(self, receiver: str, n: int | None) -> None:
        """Put down how far a receiver has been told."""
        await self._writer.run(lambda db: cursors.set_cursor(db, receiver, n))

    async def jobs_of_claim(self, folder: RelPath, watch: str) -> list[Job]:
        """Return the jobs that share a claim."""
        return await self._look(queries.jobs_of_claim, folder, watch)

    async def enrol_watch(self, name: str, inbox: str, outbox: str) -> tuple[str, str] | None:
        """Serve a watch, unless it has unfinished jobs of other folders."""
        elsewhere = await self._writer.run(lambda db: folders.enrol_watch(db, name, inbox, outbox))
        if elsewhere is None:
            self._watches.add(name)
        return elsewhere

    async def ask_cancel(self, job: Job) -> None:
        """Note that a person wants the job no more."""
        await self._writer.run(lambda db: changes.ask_cancel(db, job, self._entry("cancel_asked")))

    async def release_queue(self) -> None:
        """Make every claimed queued job due at once."""
        await self._writer.run(changes.release_queue)

    async def set_blocks(self, blocks: Sequence[Block]) -> None:
        """Put down why queued jobs are not submitted."""
        told = tuple(blocks)
        await self._writer.run(lambda db: status.set_blocks(db, told))

    async def blocks(self) -> list[Block]:
        """Return what was put down."""
        return await self._look(status.blocks)

    async def set_paused(self, since: float | None) -> None:
        """Put down that a person has paused the submits."""
        await self._writer.run(lambda db: orders.set_paused(db, since))

    async def paused(self) -> float | None:
        """Return since when the submits are paused."""
        return await self._look(orders.paused)

    async def set_health(self, health: Sequence[Health]) -> None:
        """Put down how the looks at the inboxes go."""
        told = tuple(health)
        await self._writer.run(lambda db: status.set_health(db, told))

    async def health(self) -> list[Health]:
        """Return what was put down."""
        return await self._look(status.health)

    async def set_transfers(self, transfers: Sequence[Transfer]) -> None:
        """Put down how far the files under way have gone."""
        told = tuple(transfers)
        await self._writer.run(lambda db: status.set_transfers(db, told))

    async def transfers(self) -> list[Transfer]:
        """Return what was put down."""
        return await self._look(status.transfers)

    async def begin_upload(self, upload: Upload, job: JobId) -> None:
        """Put down that an upload is about to be made."""
        await self._writer.run(lambda db: uploads.begin(db, upload, job))

    async def end_upload(self, upload_id: str, sha256: str) -> None:
        """Put down that all of it is there."""
        await self._writer.run(lambda db: uploads.end(db, upload_id, sha256))

    async def uploads_like(self, place: str, size: int) -> list[Upload]:
        """Return the uploads that may be shared."""
        return await self._look(uploads.like, place, size)

    async def share_upload(self, upload_id: str, job: JobId) -> bool:
        """Let a job use an upload as well."""
        return await self._writer.run(lambda db: uploads.share(db, upload_id, job))

    async def find_upload(self, upload_id: str) -> tuple[Upload, list[JobId]] | None:
        """Return an upload that an unfinished job wants."""
        return await self._look(uploads.find, upload_id)

    async def unwanted_uploads(self, busy: Collection[str]) -> list[Upload]:
        """Return the uploads to remove."""
        kept = frozenset(busy)
        return await self._writer.run(lambda db: uploads.unwanted(db, kept))

    async def forget_upload(self, upload_id: str) -> None:
        """Forget an upload that was removed."""
        await self._writer.run(lambda db: uploads.forget(db, upload_id))

    async def remember(self, folder: str, place: str) -> None:
        """Put down on which mount a marked folder lies."""
        await self._writer.run(lambda db: folders.remember(db, folder, place))

    async def recall(self, folder: str) -> str:
        """Return on which mount a marked folder lay."""
        return await self._look(folders.recall, folder)

    async def orders(self) -> list[Order]:
        """Return the orders that have no answer yet."""
        return await self._look(orders.open_orders)

    async def begin_order(self, order: Order) -> bool:
        """Put down that an order is being carried out."""
        return await self._writer.run(lambda db: orders.begin(db, order))

    async def answer(self, order: Order, answer: Mapping[str, Any]) -> None:
        """Put down what became of an order."""
        await self._writer.run(lambda db: orders.answer(db, order, answer))

    async def job_of_generation(self, generation_id: GenerationId) -> Job | None:
        """Return the job that a generation was made for."""
        return await self._look(queries.job_of_generation, generation_id)

    async def spent(self, days: int) -> list[DaySpent]:
        """Return what was spent, day by day."""
        return await self._look(ledger.spent, days)

    async def overview(self, days: int) -> Overview:
        """Return how things stand now."""
        return await self._look(overview, self._limits, self._clock.now(), days)

    async def suspects(self, watch: str) -> frozenset[tuple[RelPath, str]]:
        """Return the files that were being looked into when a daemon ended."""
        return await self._look(intake.suspects, watch, self._host)

    async def begin_probe(self, watch: str, path: RelPath, key: str) -> int:
        """Put down that a decoder looks into a file."""
        return await self._writer.run(
            lambda db: intake.begin_probe(db, watch, path, key, self._host)
        )

    async def end_probe(self, watch: str, path: RelPath, key: str) -> None:
        """Forget that a decoder looks into a file."""
        await self._writer.run(lambda db: intake.end_probe(db, watch, path, key))

    async def set_waiting(self, watch: str, waiting: Sequence[Waiting]) -> None:
        """Replace what is shown as waiting in `watch`."""
        shown = tuple(waiting)
        await self._writer.run(lambda db: status.set_waiting(db, watch, shown))

    async def waiting(self) -> list[Waiting]:
        """Return what is shown as waiting."""
        return await self._look(status.waiting)

    async def counts(self) -> Counts:
        """Return how much there is that is not finished."""
        return await self._look(status.counts, UNFINISHED)

    async def known_kept(self, watch: str) -> list[KeptFile]:
        """Return the files that were taken of a kept watch."""
        return await self._look(intake.known_kept, watch)

    async def taken(self, watch: str, limit: int) -> list[Taken]:
        """Return what the last jobs of a watch took of its inbox."""
        return await self._look(intake.taken, watch, limit)

    async def remember_kept(self, watch: str, file: KeptFile) -> None:
        """Remember a new stat key of a kept file."""
        await self._writer.run(lambda db: intake.remember_kept(db, watch, file))

    async def close(self) -> None:
        """Finish what was asked for and close."""
        if not self._closed:
            self._closed = True
            # The reader goes first: the last connection tidies the log away, and only a writer may.
            await self._in_thread(self._reader.close)
            self._reading.shutdown(wait=False)
        await self._writer.close()

    def _entry(self, event: str, note: Mapping[str, Any] | None = None) -> changes.Entry:
        return changes.Entry(self._clock.now(), self._host, str(event), note)

    async def _look(
        self,
        query: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self._closed:
            raise RuntimeError("the job store is closed")
        return await self._in_thread(lambda: self._reader.look(query, *args, **kwargs))

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, function)


async def open_sqlite(path: Path, limits: Limits, clock: Clock, metrics: Metrics) -> SqliteJobStore:
    """Open the store at `path`. Raises SettingsError, StartupError."""
    connection = await asyncio.to_thread(connect_writer, path)
    writer = Writer(connection, path)
    try:
        reader = await asyncio.to_thread(StoreReader, path)
        store = SqliteJobStore(writer, reader, limits, clock, metrics)
        await store.enrol()
    except BaseException:
        await writer.close()
        raise
    return store
