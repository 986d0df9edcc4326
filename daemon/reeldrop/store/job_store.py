"""The memory as the engine sees it: changes go to the writer's thread, looks to a reader's."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from reeldrop.domain.job import Job, JobId, JournalEntry, RelPath, Waiting
from reeldrop.domain.lifecycle import Event, State, advance
from reeldrop.domain.limits import Limits
from reeldrop.ports import Clock, KeptFile
from reeldrop.store import changes, queries
from reeldrop.store.database import connect_writer
from reeldrop.store.reader import StoreReader
from reeldrop.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class SqliteJobStore:
    """`ports.JobStore` on one SQLite file; one daemon at a time, which the state lock sees to."""

    def __init__(self, writer: Writer, reader: StoreReader, limits: Limits, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._limits = limits
        self._clock = clock
        self._host = secrets.token_hex(16)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._closed = False
        self._watches: set[str] = set()

    async def enrol(self) -> None:
        """Record this daemon's start. Called once, before anything else."""
        await self._writer.run(lambda db: changes.enrol(db, self._host, self._clock.now()))

    async def store_id(self) -> str:
        """Return the store's own random name."""
        return await self._look(queries.store_id)

    async def add(self, jobs: Sequence[Job], kept: Sequence[KeptFile] = ()) -> bool:
        """Record the jobs of one drop, unless one of them is under way."""
        new, files = tuple(jobs), tuple(kept)
        return await self._writer.run(lambda db: changes.add(db, new, files, self._entry("added")))

    async def withdraw(self, job: Job) -> None:
        """Forget a job that was never claimed."""
        await self._writer.run(lambda db: changes.withdraw(db, job, self._entry("withdrawn")))

    async def claim_next(self, now: float) -> Job | None:
        """Take the next due job where the limits leave room."""
        return await self._writer.run(
            lambda db: changes.claim(db, self._limits, self._watches, now, self._entry(Event.TAKEN))
        )

    async def next_due(self, now: float) -> float | None:
        """Return when time alone may let `claim_next` find a job."""
        return await self._look(queries.next_due, self._limits, self._watches, now)

    async def move(self, job: Job, event: Event, note: Mapping[str, Any] | None = None) -> Job:
        """Take the arrow `event`."""
        advance(job.state, event)
        return await self._writer.run(
            lambda db: changes.move(db, job, event, self._entry(event, note))
        )

    async def update(self, job: Job, event: str, note: Mapping[str, Any] | None = None) -> Job:
        """Write the fields of `job` without a change of state."""
        return await self._writer.run(lambda db: changes.update(db, job, self._entry(event, note)))

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

    async def jobs_of_claim(self, folder: RelPath, watch: str) -> list[Job]:
        """Return the jobs that share a claim."""
        return await self._look(queries.jobs_of_claim, folder, watch)

    async def enrol_watch(self, name: str, inbox: str, outbox: str) -> tuple[str, str] | None:
        """Serve a watch, unless it has unfinished jobs of other folders."""
        elsewhere = await self._writer.run(lambda db: changes.enrol_watch(db, name, inbox, outbox))
        if elsewhere is None:
            self._watches.add(name)
        return elsewhere

    async def set_blocked(self, reason: str) -> None:
        """Put down why no queued job is submitted."""
        await self._writer.run(lambda db: changes.set_blocked(db, reason))

    async def blocked(self) -> str:
        """Return what was put down."""
        return await self._look(queries.blocked)

    async def set_waiting(self, watch: str, waiting: Sequence[Waiting]) -> None:
        """Replace what is shown as waiting in `watch`."""
        shown = tuple(waiting)
        await self._writer.run(lambda db: changes.set_waiting(db, watch, shown))

    async def waiting(self) -> list[Waiting]:
        """Return what is shown as waiting."""
        return await self._look(queries.waiting)

    async def known_kept(self, watch: str) -> list[KeptFile]:
        """Return the files that were taken of a kept watch."""
        return await self._look(queries.known_kept, watch)

    async def remember_kept(self, watch: str, file: KeptFile) -> None:
        """Remember a new stat key of a kept file."""
        await self._writer.run(lambda db: changes.remember_kept(db, watch, file))

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


async def open_sqlite(path: Path, limits: Limits, clock: Clock) -> SqliteJobStore:
    """Open the store at `path`. Raises SettingsError, StartupError."""
    connection = await asyncio.to_thread(connect_writer, path)
    writer = Writer(connection, path)
    try:
        store = SqliteJobStore(writer, await asyncio.to_thread(StoreReader, path), limits, clock)
        await store.enrol()
    except BaseException:
        await writer.close()
        raise
    return store
