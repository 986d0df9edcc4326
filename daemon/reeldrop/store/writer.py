"""The one thread that writes. It knows nothing of jobs: it runs operations, many to a transaction.

Rule 1: an operation is answered only after the COMMIT that holds it: what was told is on disk.
Rule 2: an operation that fails takes back its own changes alone.
Rule 3: a failure of the file itself takes back the whole transaction and is told to all in it.
Rule 4: what was asked for is done, even where its caller no longer waits for the answer.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reeldrop.store.failures import spoils_transaction, translated

LARGEST_BATCH = 128

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]
"""What is done inside a transaction; it may be undone and must have no effect elsewhere."""


@dataclass(slots=True)
class _Asked:
    operation: Operation[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs operations in their order in a thread of its own; owns `connection`.

    Made and used in one event loop, which goes on while the disk is slow.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        # A daemon thread: a process that dies without `close` must not wait for it.
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, operation: Operation[T]) -> T:
        """Return what `operation` returns, once it is durable.

        Raises what `operation` raises, StoreUnavailable or StartupError when the file failed,
        RuntimeError after `close`.
        """
        if self._closing:
            raise RuntimeError("the job store is closed")
        asked = _Asked(operation, self._loop.create_future())
        self._queue.put(asked)
        return await asked.future

    async def close(self) -> None:
        """Do what was asked for so far, then close the connection."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._next_batch()
            if batch:
                self._commit(batch)
                self._call(_answer, batch)
        self._connection.close()
        self._call(self._ended.set_result, None)

    def _next_batch(self) -> tuple[list[_Asked], bool]:
        """Return what is asked for now, at least one, and whether more may come."""
        batch: list[_Asked] = []
        asked = self._queue.get()
        while asked is not None:
            batch.append(asked)
            if len(batch) == LARGEST_BATCH or self._queue.empty():
                return batch, True
            asked = self._queue.get()
        return batch, False

    def _commit(self, batch: Sequence[_Asked]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for asked in batch:
                self._attempt(asked)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            for asked in batch:
                asked.error = translated(error, self._path)
                asked.error.__cause__ = error

    def _attempt(self, asked: _Asked) -> None:
        """Run one operation in a savepoint. Raises sqlite3.Error when the transaction is in doubt."""
        self._connection.execute("SAVEPOINT operation")
        try:
            asked.result = asked.operation(self._connection)
        except sqlite3.Error as error:
            if spoils_transaction(error):
                raise
            asked.error = translated(error, self._path)
            asked.error.__cause__ = error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's to handle
            asked.error = error
        if asked.error is not None:
            self._connection.execute("ROLLBACK TO operation")
        self._connection.execute("RELEASE operation")

    def _roll_back(self) -> None:
        # Some failures have ended the transaction already, and where this fails too the next
        # BEGIN tells its callers.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _call(self, function: Callable[[Any], object], argument: object) -> None:
        # The loop may be gone already: then nobody waits for the answer.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, argument)


def _answer(batch: Sequence[_Asked]) -> None:
    for asked in batch:
        if asked.future.done():
            continue
        if asked.error is not None:
            asked.future.set_exception(asked.error)
        else:
            asked.future.set_result(asked.result)
