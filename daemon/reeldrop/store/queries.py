"""The statements that only look. Each function takes a connection and sees one moment."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from reeldrop.domain.job import Job, JobId, JournalEntry, RelPath, Waiting
from reeldrop.domain.lifecycle import State
from reeldrop.domain.limits import RATE_WINDOW, Limits, Usage, room_at, standing
from reeldrop.domain.retry import LONGEST_WAIT
from reeldrop.ports import KeptFile
from reeldrop.store.rows import entry_of, job_of, kept_of, text_of, waiting_of

# The oldest due job of every priority there is: among them stands the one whose turn it is,
# because within one priority waiting changes no order. The index is walked, never the queue.
_HEADS = """
    WITH RECURSIVE steps (priority) AS (
        SELECT min(priority) FROM jobs WHERE state = 'queued' AND claimed = 1
        UNION ALL
        SELECT (SELECT min(priority) FROM jobs
                WHERE state = 'queued' AND claimed = 1 AND priority > steps.priority)
        FROM steps WHERE steps.priority IS NOT NULL
    )
    SELECT n, priority, created FROM jobs WHERE n IN (
        SELECT (SELECT n FROM jobs
                WHERE state = 'queued' AND claimed = 1 AND priority = steps.priority
                  AND watch IN (SELECT value FROM json_each(:watches))
                  AND (not_before <= :now OR not_before > :unbelievable)
                ORDER BY created, n LIMIT 1)
        FROM steps)
"""
_DUE = """
    SELECT min(CASE WHEN not_before > :unbelievable THEN :now ELSE not_before END) AS due
    FROM jobs WHERE state = 'queued' AND claimed = 1
        AND watch IN (SELECT value FROM json_each(:watches))
"""
_KEPT = "SELECT path, key, sha256, job FROM kept WHERE watch = ? ORDER BY rowid"
_OCCUPIED = """
    SELECT state, count(*) FROM jobs
    WHERE state IN ('uploading', 'submitting', 'generating') AND late = 0 GROUP BY state
"""
# As many of the newest as the limit allows decide when there is room again.
_UNCERTAIN = """
    SELECT uncertain_since FROM jobs WHERE uncertain_since BETWEEN ? AND ?
    ORDER BY uncertain_since DESC LIMIT ?
"""
_DECLARED = """
    SELECT at FROM journal WHERE event = 'declared' AND at BETWEEN ? AND ? ORDER BY at DESC LIMIT ?
"""


def store_id(db: sqlite3.Connection) -> str:
    """Return the store's own random name."""
    return _value(db, "SELECT value FROM meta WHERE key = 'store_id'", ())


def first_in_line(db: sqlite3.Connection, watches: Collection[str], now: float) -> Job | None:
    """Return the due queued job of `watches` whose turn it is."""
    heads = db.execute(_HEADS, _due(watches, now)).fetchall()
    if not heads:
        return None
    first = min(heads, key=lambda row: (*standing(row["priority"], row["created"], now), row["n"]))
    return job_of(db.execute("SELECT * FROM jobs WHERE n = ?", (first["n"],)).fetchone())


def usage_at(db: sqlite3.Connection, limits: Limits, now: float) -> Usage:
    """Return what counts against the limits; of what time frees, only what decides."""
    states = dict(db.execute(_OCCUPIED).fetchall())
    window = limits.reconcile_window
    uncertain = db.execute(_UNCERTAIN, (now - window, now + window, limits.in_flight))
    declared = db.execute(
        _DECLARED, (now - RATE_WINDOW, now + RATE_WINDOW, limits.submits_per_minute)
    )
    return Usage(
        sum(states.values()),
        states.get("uploading", 0),
        tuple(row[0] for row in uncertain),
        tuple(row[0] for row in declared),
    )


def next_due(
    db: sqlite3.Connection, limits: Limits, watches: Collection[str], now: float
) -> float | None:
    """Return when `claim` may find a job by time alone; `now` or earlier where it may at once."""
    opens = room_at(limits, usage_at(db, limits, now), now)
    if opens is None:
        return None
    due = _value(db, _DUE, _due(watches, now))
    return None if due is None else max(due, opens)


def _due(watches: Collection[str], now: float) -> dict[str, Any]:
    return {
        "now": now,
        "unbelievable": now + LONGEST_WAIT,
        "watches": json.dumps(sorted(watches)),
    }


def blocked(db: sqlite3.Connection) -> str:
    """Return why no queued job is submitted, as the daemon put it down; "" where one may be."""
    row = db.execute("SELECT value FROM meta WHERE key = 'blocked'").fetchone()
    return json.loads(row[0]) if row else ""


def get(db: sqlite3.Connection, job_id: JobId) -> Job | None:
    """Return the job as recorded."""
    row = db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else job_of(row)


def jobs(
    db: sqlite3.Connection, states: Sequence[State] | None, since: float, limit: int | None
) -> list[Job]:
    """Return jobs, newest change first; an empty `states` finds none."""
    where, values = "updated >= ?", [since]
    if states is not None:
        where += f" AND state IN ({', '.join('?' * len(states))})"
        values += [state.value for state in states]
    rows = db.execute(
        f"SELECT * FROM jobs WHERE {where} ORDER BY updated DESC, n DESC LIMIT ?",  # noqa: S608 - only question marks are put in
        (*values, -1 if limit is None else limit),
    )
    return [job_of(row) for row in rows]


def journal(db: sqlite3.Connection, job_id: JobId) -> list[JournalEntry]:
    """Return the job's history, oldest first."""
    rows = db.execute("SELECT * FROM journal WHERE job = ? ORDER BY n", (job_id,))
    return [entry_of(row) for row in rows]


def jobs_of_claim(db: sqlite3.Connection, folder: RelPath, watch: str) -> list[Job]:
    """Return the jobs that share a claim's folder, oldest first."""
    rows = db.execute(
        "SELECT * FROM jobs WHERE claim_folder = ? AND watch = ? ORDER BY n",
        (text_of(folder), watch),
    )
    return [job_of(row) for row in rows]


def waiting(db: sqlite3.Connection) -> list[Waiting]:
    """Return what is shown as waiting, watch by watch."""
    return [waiting_of(row) for row in db.execute("SELECT * FROM waiting ORDER BY watch, n")]


def known_kept(db: sqlite3.Connection, watch: str) -> list[KeptFile]:
    """Return the files that were taken of a kept watch, in the order they were."""
    return [kept_of(row) for row in db.execute(_KEPT, (watch,))]


def _value(db: sqlite3.Connection, query: str, values: Any) -> Any:
    return db.execute(query, values).fetchone()[0]
