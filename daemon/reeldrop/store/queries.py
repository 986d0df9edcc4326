"""The statements that only look at jobs. Each function takes a connection and sees one moment."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from reeldrop.domain.job import GenerationId, Job, JobId, JournalEntry, RelPath
from reeldrop.domain.lifecycle import State
from reeldrop.domain.sameness import of_one_drop
from reeldrop.store.rows import columns_of, entry_of, job_of, text_of

_RIVALS = """
    SELECT * FROM jobs WHERE spec_key = :spec_key AND id <> :id
        AND state IN ('uploading', 'submitting', 'uncertain', 'generating', 'downloading',
                      'delivering', 'queued', 'delivered')
        AND (state = 'delivered' AND :delivered
             OR state NOT IN ('delivered', 'queued')
                AND taken < (SELECT taken FROM jobs WHERE id = :id))
    ORDER BY generation IS NULL, taken, n
"""
_DROP_SIZE = "SELECT count(*) FROM jobs WHERE watch = ? AND created = ?"
_OBSTACLE = """
    SELECT * FROM jobs
    WHERE source_key = :source_key AND state NOT IN ('delivered', 'failed', 'cancelled')
    UNION ALL
    SELECT * FROM jobs
    WHERE ticket = :ticket AND id <> :id
        AND NOT (watch = :watch AND created = :created)
        AND (state NOT IN ('failed', 'cancelled')
             OR EXISTS (SELECT 1 FROM charges WHERE charges.job = jobs.id))
    LIMIT 1
"""


def store_id(db: sqlite3.Connection) -> str:
    """Return the store's own random name."""
    return _value(db, "SELECT value FROM meta WHERE key = 'store_id'", ())


def rivals(db: sqlite3.Connection, job: Job, *, delivered: bool) -> list[Job]:
    """Return the jobs of the same spec that are ahead of `job`, but those of its own drop."""
    if not job.spec_key:
        return []
    values = {"spec_key": job.spec_key, "id": job.id, "delivered": delivered}
    found = [job_of(row) for row in db.execute(_RIVALS, values)]
    return [each for each in found if not of_one_drop(each, job)]


def siblings(db: sqlite3.Connection, job: Job) -> list[Job]:
    """Return the other jobs of the same drop under the same spec."""
    rows = db.execute("SELECT * FROM jobs WHERE spec_key = ? AND id <> ?", (job.spec_key, job.id))
    found = [job_of(row) for row in rows] if job.spec_key else []
    return [each for each in found if of_one_drop(each, job)]


def drop_size(db: sqlite3.Connection, job: Job) -> int:
    """Return how many jobs there are of the same drop; each drop of a watch has a moment of its own."""
    return db.execute(_DROP_SIZE, (job.watch, job.created)).fetchone()[0]


def obstacle(db: sqlite3.Connection, job: Job) -> Job | None:
    """Return the job that keeps `job` from being added."""
    columns = columns_of(job)
    names = ("source_key", "ticket", "id", "watch", "created")
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


def _value(db: sqlite3.Connection, query: str, values: Any) -> Any:
    return db.execute(query, values).fetchone()[0]
