"""How far the receivers of notices have been told: the journal is the list of what there is to tell.

Its rows are numbered in the order of their transactions, and the last one is never removed (see
`repeats.py`), so a number is used once and what comes later has a higher one.
"""

import sqlite3
from collections.abc import Collection, Mapping

from reeldrop.domain.job import JobId
from reeldrop.ports import Happening
from reeldrop.store import meta

STRETCH = 5000
"""Rows of the journal that are read at once."""
_KEY = "told"
_END = "SELECT coalesce(max(n), 0) FROM journal"


def happenings(
    db: sqlite3.Connection, after: int, events: Collection[str]
) -> tuple[list[Happening], int]:
    """Return the rows of `events` in the next stretch of the journal, and where that ends."""
    upto = min(after + STRETCH, db.execute(_END).fetchone()[0])
    wanted = ", ".join("?" * len(events))
    rows = db.execute(
        f"SELECT n, job, at, event FROM journal WHERE n > ? AND n <= ? AND event IN ({wanted}) ORDER BY n",  # noqa: S608 - only question marks are put in
        (after, upto, *events),
    )
    found = [Happening(row["n"], JobId(row["job"]), row["at"], row["event"]) for row in rows]
    return found, max(after, upto)


def open_cursors(db: sqlite3.Connection, receivers: Collection[str]) -> Mapping[str, int]:
    """Forget who is not among `receivers`, and let who is new begin at the journal's end."""
    known, end = _cursors(db), db.execute(_END).fetchone()[0]
    told = {name: min(known.get(name, end), end) for name in sorted(receivers)}
    if told != known:
        meta.write(db, _KEY, told)
    return told


def set_cursor(db: sqlite3.Connection, receiver: str, n: int | None) -> None:
    """Put down up to which row `receiver` has been told, or forget it."""
    told = {name: row for name, row in _cursors(db).items() if name != receiver}
    meta.write(db, _KEY, told if n is None else {**told, receiver: n})


def _cursors(db: sqlite3.Connection) -> dict[str, int]:
    return meta.read(db, _KEY) or {}
