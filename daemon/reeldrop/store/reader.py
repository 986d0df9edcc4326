"""Looking into the memory: beside the daemon, or while it is stopped. Nothing here can change it."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from reeldrop.domain.job import Job, JobId, JournalEntry, Waiting
from reeldrop.domain.lifecycle import State
from reeldrop.domain.limits import Limits
from reeldrop.ports import Block, DaySpent, Health, Overview, Transfer
from reeldrop.store import folders, ledger, orders, queries, status
from reeldrop.store.database import connect_reader
from reeldrop.store.failures import translated
from reeldrop.store.overview import overview

if TYPE_CHECKING:  # commands that only look must not wait for pydantic
    from reeldrop.settings import StoreSettings

P = ParamSpec("P")
T = TypeVar("T")


class StoreReader:
    """A read-only connection; every look sees one moment. Use it in one thread at a time.

    Each method raises FolderOffline or StartupError when the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        """Open the database at `path`. Raises SettingsError, StartupError."""
        self._path = path
        self._connection = connect_reader(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def jobs(
        self, states: Sequence[State] | None = None, *, since: float = 0.0, limit: int | None = None
    ) -> list[Job]:
        """Return jobs, newest change first, filtered by state and by `updated >= since`."""
        return self.look(queries.jobs, states, since, limit)

    def get(self, job_id: JobId) -> Job | None:
        """Return the job as recorded."""
        return self.look(queries.get, job_id)

    def journal(self, job_id: JobId) -> list[JournalEntry]:
        """Return the job's history, oldest first."""
        return self.look(queries.journal, job_id)

    def waiting(self) -> list[Waiting]:
        """Return what is shown as waiting, all watches."""
        return self.look(status.waiting)

    def blocks(self) -> list[Block]:
        """Return why queued jobs are not submitted, as the daemon put it down."""
        return self.look(status.blocks)

    def health(self) -> list[Health]:
        """Return how the looks at the inboxes go, as the daemon put it down."""
        return self.look(status.health)

    def transfers(self) -> list[Transfer]:
        """Return how far the files under way have gone, as the daemon put it down."""
        return self.look(status.transfers)

    def elsewhere(self, name: str, inbox: str, outbox: str) -> tuple[str, str] | None:
        """Return the folders in which a watch has unfinished jobs, None where it has none but in these."""
        return self.look(folders.elsewhere, name, inbox, outbox)

    def paused(self) -> float | None:
        """Return since when (s since the epoch) a person has paused the submits, None: nobody has."""
        return self.look(orders.paused)

    def spent(self, days: int) -> list[DaySpent]:
        """Return what was spent on the last `days` days on which anything was, newest first."""
        return self.look(ledger.spent, days)

    def overview(self, limits: Limits, now: float, days: int) -> Overview:
        """Return how things stand at `now`, with what was spent on the last `days` days."""
        return self.look(overview, limits, now, days)

    def look(
        self,
        query: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what a function finds that only looks."""
        try:
            self._connection.execute("BEGIN")
            try:
                return query(self._connection, *args, **kwargs)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise translated(error, self._path) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def open_reader(settings: "StoreSettings") -> StoreReader:
    """Open the store for looking only, whether or not a daemon runs.

    Raises:
        SettingsError: another program's database, or one of a newer Reeldrop.
        StartupError: there is none yet, it is damaged, or cannot be opened.
    """
    return StoreReader(settings.sqlite_path)
