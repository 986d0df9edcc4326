"""The statements that only look. Each function takes a connection and sees one moment."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from reeldrop.domain.job import GenerationId, Job, JobId, JournalEntry, RelPath, Waiting
from reeldrop.domain.lifecycle import State
from reeldrop.domain.limits import (
    RATE_WINDOW,
    Limits,
    Opening,
    Usage,
    budget_at,
    room_at,
    standing,
)
from reeldrop.domain.retry import LONGEST_WAIT
from reeldrop.ports import Barred, Block, KeptFile, Scope
from reeldrop.store import ledger
from reeldrop.store.rows import columns_of, entry_of, job_of, kept_of, text_of, waiting_of

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
                  AND (not_before <= :now OR not_before > :unbelievable)
                  AND {free}
                ORDER BY created, n LIMIT 1)
        FROM steps)
"""
_DUE = """
    SELECT min(CASE WHEN not_before > :unbelievable THEN :now ELSE not_before END) AS due
    FROM jobs WHERE state = 'queued' AND claimed = 1 AND {free}
"""
# Not barred, and waiting for no other job: a leader that has ended, or is queued in a watch that
# the settings no longer name, leads nobody.
_FREE = """
    watch IN (SELECT value FROM json_each(:watches))
    AND model NOT IN (SELECT value FROM json_each(:models))
    AND (:only_model = '' OR model = :only_model)
    AND id NOT IN (SELECT value FROM json_each(:jobs))
    AND (leader IS NULL OR NOT EXISTS (
        SELECT 1 FROM jobs AS lead WHERE lead.id = jobs.leader
            AND (lead.generation IS NOT NULL
                 OR lead.state NOT IN ('delivered', 'failed', 'cancelled'))
            AND (lead.state <> 'queued' OR lead.watch IN (SELECT value FROM json_each(:served)))))
"""
_FOLLOWER = """
    SELECT jobs.* FROM jobs JOIN jobs AS lead ON lead.id = jobs.leader
    WHERE jobs.leader IS NOT NULL AND jobs.state = 'queued' AND jobs.claimed = 1
        AND lead.generation IS NOT NULL
        AND jobs.watch IN (SELECT value FROM json_each(:watches))
    ORDER BY jobs.created, jobs.n LIMIT 1
"""
_RIVALS = """
    SELECT * FROM jobs WHERE spec_key = :spec_key AND id <> :id
        AND state IN ('uploading', 'submitting', 'uncertain', 'generating', 'downloading',
                      'delivering', 'queued', 'delivered')
        AND (state = 'delivered' AND :delivered
             OR state NOT IN ('delivered', 'queued')
                AND taken < (SELECT taken FROM jobs WHERE id = :id))
    ORDER BY generation IS NULL, taken, n
"""
_OBSTACLE = """
    SELECT * FROM jobs
    WHERE source_key = :source_key AND state NOT IN ('delivered', 'failed', 'cancelled')
    UNION ALL
    SELECT * FROM jobs
    WHERE ticket = :ticket AND id <> :id
        AND NOT (watch = :watch AND claim_folder IS :claim_folder AND created = :created)
        AND (state NOT IN ('failed', 'cancelled')
             OR EXISTS (SELECT 1 FROM charges WHERE charges.job = jobs.id))
    LIMIT 1
"""
_KEPT = "SELECT path, key, sha256, job FROM kept WHERE watch = ? ORDER BY rowid"
_OCCUPIED = """
    SELECT state, count(*) FROM jobs
    WHERE state IN ('uploading', 'submitting', 'generating') AND late = 0 AND joined = 0
    GROUP BY state
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


@dataclass(frozen=True, slots=True)
class Line:
    """What the queue is asked under: its limits, the watches that are served, what is passed over."""

    limits: Limits
    watches: Collection[str]
    barred: Barred
    now: float

    @property
    def values(self) -> dict[str, Any]:
        """The statements' parameters."""
        return {
            "now": self.now,
            "unbelievable": self.now + LONGEST_WAIT,
            "served": json.dumps(sorted(self.watches)),
            "watches": json.dumps(sorted(set(self.watches) - self.barred.watches)),
            "models": json.dumps([text_of(model) for model in sorted(self.barred.models)]),
            "only_model": text_of(self.barred.model) if self.barred.model else "",
            "jobs": json.dumps(sorted(self.barred.jobs)),
        }

    def without(self, model: str) -> Self:
        """Return the same line without the jobs of `model`."""
        barred = replace(self.barred, models=self.barred.models | {model})
        return replace(self, barred=barred)


def next_follower(db: sqlite3.Connection, line: Line) -> Job | None:
    """Return a queued job whose leader has a generation by now."""
    row = db.execute(_FOLLOWER, line.values).fetchone()
    return None if row is None else job_of(row)


def first_in_line(db: sqlite3.Connection, line: Line) -> Job | None:
    """Return the due queued job whose turn it is."""
    heads = db.execute(_HEADS.format(free=_FREE), line.values).fetchall()
    if not heads:
        return None
    first = min(
        heads, key=lambda row: (*standing(row["priority"], row["created"], line.now), row["n"])
    )
    return job_of(db.execute("SELECT * FROM jobs WHERE n = ?", (first["n"],)).fetchone())


def outlook(db: sqlite3.Connection, line: Line) -> Opening:
    """Say when `changes.claim` may find a job by time alone, and what stands in its way now."""
    if next_follower(db, line) is not None:
        return Opening(line.now)
    return next_in_line(db, line)[1]


def next_in_line(db: sqlite3.Connection, line: Line) -> tuple[Job | None, Opening]:
    """Return the job that the limits let through now, or None, and when there may be one.

    What the day's budget has no room for is passed over: a dear model holds up no cheaper one.
    """
    room = room_at(line.limits, usage_at(db, line.limits, line.now), line.now)
    job = first_in_line(db, line)
    shut: Opening | None = None
    while job is not None and not room.reason:
        opening = _budget_at(db, line, job)
        if not opening.reason:
            return job, opening
        shut = shut or opening
        line = line.without(job.model)
        job = first_in_line(db, line)
    if job is not None:
        return None, room
    if room.at is None:
        return None, Opening(None)
    due = _value(db, _DUE.format(free=_FREE), line.values)
    times = [at for at in (due, shut and shut.at) if at is not None]
    at = max(min(times), room.at) if times else None
    return None, replace(shut, at=at) if shut else Opening(at)


def _budget_at(db: sqlite3.Connection, line: Line, job: Job) -> Opening:
    limits = line.limits
    if not limits.daily_usd:
        return Opening(line.now)
    day = ledger.day_of(db, line.now)
    spending = ledger.spending(db, job.model, day, line.now, limits.reconcile_window)
    return budget_at(limits.daily_usd, spending, job.model, line.now, day.ends)


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


def rivals(db: sqlite3.Connection, job: Job, *, delivered: bool) -> list[Job]:
    """Return the jobs of the same spec that are ahead of `job`, but those of its own drop."""
    if not job.spec_key:
        return []
    values = {"spec_key": job.spec_key, "id": job.id, "delivered": delivered}
    found = [job_of(row) for row in db.execute(_RIVALS, values)]
    return [each for each in found if each.claim != job.claim]


def siblings(db: sqlite3.Connection, job: Job) -> list[Job]:
    """Return the other jobs of the same drop under the same spec."""
    rows = db.execute("SELECT * FROM jobs WHERE spec_key = ? AND id <> ?", (job.spec_key, job.id))
    found = [job_of(row) for row in rows] if job.spec_key else []
    return [each for each in found if (each.watch, each.claim) == (job.watch, job.claim)]


def obstacle(db: sqlite3.Connection, job: Job) -> Job | None:
    """Return the job that keeps `job` from being added."""
    columns = columns_of(job)
    names = ("source_key", "ticket", "id", "watch", "claim_folder", "created")
    row = db.execute(_OBSTACLE, {name: columns[name] for name in names}).fetchone()
    return None if row is None else job_of(row)


def delivered_like(db: sqlite3.Connection, job: Job) -> list[Job]:
    """Return the delivered jobs of the same file under the same spec, newest first."""
    rows = db.execute(
        "SELECT * FROM jobs WHERE origin_key = ? AND spec_key = ? AND state = 'delivered' "
        "ORDER BY n DESC",
        (job.origin_key, job.spec_key),
    )
    return [job_of(row) for row in rows]


def job_of_generation(db: sqlite3.Connection, generation_id: GenerationId) -> Job | None:
    """Return the job that a generation was made for."""
    row = db.execute(
        "SELECT * FROM jobs WHERE generation = ? AND joined = 0 ORDER BY n LIMIT 1",
        (text_of(generation_id),),
    ).fetchone()
    return None if row is None else job_of(row)


def blocks(db: sqlite3.Connection) -> list[Block]:
    """Return why queued jobs are not submitted, as the daemon put it down."""
    return [
        Block(told["reason"], Scope(told["scope"]), told["of"], told["passing"])
        for told in _meta(db, "blocks") or []
    ]


def paused(db: sqlite3.Connection) -> float | None:
    """Return since when a person has paused the submits, None where nobody has."""
    return _meta(db, "paused")


def _meta(db: sqlite3.Connection, key: str) -> Any:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return json.loads(row[0]) if row else None


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


def suspects(db: sqlite3.Connection, watch: str, host: str) -> frozenset[tuple[RelPath, str]]:
    """Return the files, path and stat key, that daemons before `host` were looking into to the last."""
    rows = db.execute("SELECT path, key FROM probing WHERE watch = ? AND host <> ?", (watch, host))
    return frozenset((RelPath(json.loads(row["path"])), row["key"]) for row in rows)


def _value(db: sqlite3.Connection, query: str, values: Any) -> Any:
    return db.execute(query, values).fetchone()[0]
