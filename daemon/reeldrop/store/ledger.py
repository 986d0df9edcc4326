"""What was spent: one row for each submit that was paid for or may have been."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from reeldrop.domain.errors import GenerationFailed
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import Event, State
from reeldrop.domain.limits import Spending
from reeldrop.ports import DaySpent
from reeldrop.store.rows import text_of

# SQLite knows the time zone: the day of the daemon's host begins at its own midnight.
_DAY = """
    SELECT strftime('%s', :now, 'unixepoch', 'localtime', 'start of day', 'utc') AS begins,
           strftime('%s', :now, 'unixepoch', 'localtime', 'start of day', '+1 day', 'utc') AS ends
"""
_SPENT = """
    SELECT coalesce(sum(coalesce(usd, price, 0)), 0) FROM charges
    LEFT JOIN (SELECT model AS priced, max(usd) AS price FROM charges GROUP BY model)
        ON priced = model
    WHERE at >= :since
"""
_UPLOADING = """
    SELECT coalesce(sum((SELECT max(usd) FROM charges WHERE charges.model = jobs.model)), 0)
    FROM jobs WHERE state = 'uploading'
"""
_UNPRICED = """
    SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'uploading' AND model = :model)
        OR EXISTS (
            SELECT 1 FROM charges JOIN jobs ON jobs.id = charges.job
            WHERE charges.model = :model AND charges.usd IS NULL AND jobs.late = 0
                AND jobs.state NOT IN ('delivered', 'failed', 'cancelled')
                AND (jobs.uncertain_since IS NULL OR jobs.uncertain_since > :uncertain_from))
"""
_DAYS = """
    SELECT date(at, 'unixepoch', 'localtime') AS day, count(*) AS submits,
        sum(usd IS NULL) AS unpriced, coalesce(sum(usd), 0) AS usd
    FROM charges GROUP BY day ORDER BY day DESC LIMIT ?
"""
_CHARGE = "INSERT OR IGNORE INTO charges (request_id, job, model, at) VALUES (?, ?, ?, ?)"
_VOID = "DELETE FROM charges WHERE request_id = ?"
_PRICE = "UPDATE charges SET usd = ?, credits = ? WHERE request_id = ?"
NOTHING_MADE = frozenset({Event.NOT_ACCEPTED, Event.FREED})


@dataclass(frozen=True, slots=True)
class Day:
    """A local day, in seconds since the epoch."""

    begins: float
    ends: float


def day_of(db: sqlite3.Connection, now: float) -> Day:
    """Return the local day of `now`."""
    row = db.execute(_DAY, {"now": now}).fetchone()
    return Day(float(row["begins"]), float(row["ends"]))


def spending(db: sqlite3.Connection, model: str, since: float, uncertain_from: float) -> Spending:
    """Return what counts against the budget from `since` on, for one more submit of `model`.

    A job that is uncertain since before `uncertain_from` holds nobody up any more.
    """
    named = {"model": text_of(model), "since": since, "uncertain_from": uncertain_from}
    spent = _value(db, _SPENT, named) + _value(db, _UPLOADING, {})
    price = _value(db, "SELECT max(usd) FROM charges WHERE model = :model", named)
    return Spending(spent, price, bool(_value(db, _UNPRICED, named)))


def note(db: sqlite3.Connection, old: Job, new: Job, event: str) -> None:
    """Keep the ledger true to what has just been recorded of a job."""
    if not new.request_ids or new.joined:
        return
    request_id = new.request_ids[-1]
    if event == Event.DECLARED:
        db.execute(_CHARGE, (request_id, new.id, text_of(new.model), new.submitted))
    elif _made_nothing(old, new, event):
        db.execute(_VOID, (request_id,))
    elif new.cost is not None:
        db.execute(_PRICE, (new.cost.dollars, new.cost.credits, request_id))


def _made_nothing(old: Job, new: Job, event: str) -> bool:
    if event in NOTHING_MADE:
        return True
    if event != Event.REFUSED:
        return False
    failed = new.error is not None and new.error.code == GenerationFailed.code
    return failed or old.state in (State.SUBMITTING, State.UNCERTAIN)


def charged(db: sqlite3.Connection, job_id: JobId) -> bool:
    """Say whether a submit of the job's own was paid for, or may have been."""
    return bool(
        _value(db, "SELECT EXISTS (SELECT 1 FROM charges WHERE job = :job)", {"job": job_id})
    )


def spent(db: sqlite3.Connection, days: int) -> list[DaySpent]:
    """Return the sums of the last days on which anything was submitted, newest first."""
    return [
        DaySpent(row["day"], row["submits"], row["unpriced"], row["usd"])
        for row in db.execute(_DAYS, (days,))
    ]


def _value(db: sqlite3.Connection, query: str, values: Mapping[str, object]) -> float:
    return db.execute(query, values).fetchone()[0]
