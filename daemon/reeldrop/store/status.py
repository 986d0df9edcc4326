"""How things stand, as the daemon put it down for whoever looks or asks."""

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

from reeldrop.domain.job import Waiting
from reeldrop.domain.lifecycle import State
from reeldrop.ports import Block, Counts, Direction, Health, Mode, Scope, Transfer
from reeldrop.store import meta
from reeldrop.store.rows import text_of, waiting_of


def set_blocks(db: sqlite3.Connection, blocks: Sequence[Block]) -> None:
    """Put down why queued jobs are not submitted."""
    meta.write(db, "blocks", [asdict(each) for each in blocks])


def blocks(db: sqlite3.Connection) -> list[Block]:
    """Return why queued jobs are not submitted, as the daemon put it down."""
    return [
        Block(told["reason"], Scope(told["scope"]), told["of"], told["passing"])
        for told in meta.read(db, "blocks") or []
    ]


def set_health(db: sqlite3.Connection, health: Sequence[Health]) -> None:
    """Put down how the looks at the inboxes go."""
    meta.write(db, "health", [asdict(each) for each in health])


def health(db: sqlite3.Connection) -> list[Health]:
    """Return how the looks at the inboxes go, as the daemon put it down."""
    return [
        Health(
            told["watch"],
            told["scanned"],
            told["trouble"],
            tuple(Mode(**mode) for mode in told["modes"]),
        )
        for told in meta.read(db, "health") or []
    ]


def set_transfers(db: sqlite3.Connection, transfers: Sequence[Transfer]) -> None:
    """Put down how far the files under way have gone."""
    meta.write(db, "transfers", [asdict(each) for each in transfers])


def transfers(db: sqlite3.Connection) -> list[Transfer]:
    """Return how far the files under way have gone, as the daemon put it down."""
    return [
        Transfer(**told | {"direction": Direction(told["direction"])})
        for told in meta.read(db, "transfers") or []
    ]


def set_waiting(db: sqlite3.Connection, watch: str, waiting: Sequence[Waiting]) -> None:
    """Replace what is shown as waiting in `watch`; writes nothing where nothing has changed."""
    rows = db.execute("SELECT * FROM waiting WHERE watch = ? ORDER BY n", (watch,))
    if [waiting_of(row) for row in rows] == list(waiting):
        return
    db.execute("DELETE FROM waiting WHERE watch = ?", (watch,))
    db.executemany(
        "INSERT INTO waiting (watch, path, reason, since) VALUES (?, ?, ?, ?)",
        [(watch, text_of(drop.path), text_of(drop.reason), drop.since) for drop in waiting],
    )


def waiting(db: sqlite3.Connection) -> list[Waiting]:
    """Return what is shown as waiting, watch by watch."""
    return [waiting_of(row) for row in db.execute("SELECT * FROM waiting ORDER BY watch, n")]


def counts(db: sqlite3.Connection, states: Sequence[State]) -> Counts:
    """Count the jobs in each of `states`, from the index alone, and the drops that are no job yet."""
    marks = ", ".join("?" * len(states))
    found = dict(
        db.execute(
            f"SELECT state, count(*) FROM jobs WHERE state IN ({marks}) GROUP BY state",  # noqa: S608 - only question marks are put in
            states,
        ).fetchall()
    )
    waiting = db.execute("SELECT count(*) FROM waiting").fetchone()[0]
    return Counts({state: found.get(state.value, 0) for state in states}, waiting)
