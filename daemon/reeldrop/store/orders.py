"""What people ask of the daemon, on its way through the store: asked by a command, answered by who holds the lock."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reeldrop.ports import Order
from reeldrop.store import meta
from reeldrop.store.database import connect_asker
from reeldrop.store.failures import translated

if TYPE_CHECKING:  # a command that only asks must not wait for pydantic
    from reeldrop.settings import StoreSettings

KEPT = 86_400.0
"""Seconds after which an order is forgotten."""
_OPEN = "SELECT n, at, kind, args FROM orders WHERE answer IS NULL ORDER BY n"


def open_orders(db: sqlite3.Connection) -> list[Order]:
    """Return the orders that nobody has begun yet, oldest first."""
    return [
        Order(row["n"], row["at"], row["kind"], json.loads(row["args"]))
        for row in db.execute(_OPEN)
    ]


def begin(db: sqlite3.Connection, order: Order) -> bool:
    """Put down that an order is being carried out; False where it was taken back, or is begun."""
    begun = db.execute("UPDATE orders SET answer = '{}' WHERE n = ? AND answer IS NULL", (order.n,))
    return begun.rowcount == 1


def answer(db: sqlite3.Connection, order: Order, told: Mapping[str, Any]) -> None:
    """Put down what became of an order."""
    db.execute("UPDATE orders SET answer = ? WHERE n = ?", (json.dumps(dict(told)), order.n))


def set_paused(db: sqlite3.Connection, since: float | None) -> None:
    """Put down that a person has paused the submits, or None: no longer."""
    meta.write(db, "paused", since)


def paused(db: sqlite3.Connection) -> float | None:
    """Return since when a person has paused the submits, None where nobody has."""
    return meta.read(db, "paused")


class OrderDesk:
    """Where a command leaves an order and finds its answer; beside the daemon, or while it is stopped.

    Each method raises StartupError or StoreUnavailable when the file cannot be written or read.
    """

    def __init__(self, path: Path) -> None:
        """Open the database at `path`. Raises SettingsError, StartupError."""
        self._path = path
        self._connection = connect_asker(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def place(self, kind: str, args: Mapping[str, Any], at: float) -> int:
        """Leave an order, durably; return its number. Those of yesterday are swept away."""
        self._run("DELETE FROM orders WHERE abs(at - ?) > ?", (at, KEPT))
        placed = self._run(
            "INSERT INTO orders (at, kind, args) VALUES (?, ?, ?) RETURNING n",
            (at, kind, json.dumps(dict(args))),
        )
        return placed[0]["n"]

    def answer(self, number: int) -> dict[str, Any] | None:
        """Return the answer to an order; empty while it is carried out, None before that."""
        found = self._run("SELECT answer FROM orders WHERE n = ?", (number,))
        return json.loads(found[0]["answer"]) if found and found[0]["answer"] else None

    def take_back(self, number: int) -> bool:
        """Remove an order that nobody has begun; False where somebody has."""
        return bool(
            self._run("DELETE FROM orders WHERE n = ? AND answer IS NULL RETURNING n", (number,))
        )

    def take_back_placed(self) -> None:
        """Remove the order that was placed last from here, if nobody has begun it.

        It is found without its number, which an interrupt may have kept from whoever placed it.
        """
        # Where none was placed the file is not waited for once more.
        if number := self._run("SELECT last_insert_rowid()", ())[0][0]:
            self.take_back(number)

    def _run(self, statement: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise translated(error, self._path) from error


def open_desk(settings: "StoreSettings") -> OrderDesk:
    """Open the store for asking. Raises SettingsError, StartupError."""
    return OrderDesk(settings.sqlite_path)
