"""What was spent: one row for each submit that was paid for or may have been."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from reeldrop.domain.errors import GenerationFailed
from reeldrop.domain.job import Cost, Job, JobId
from reeldrop.domain.lifecycle import Event, State
from reeldrop.domain.limits import Spending
from reeldrop.ports import DaySpent
from reeldrop.store.rows import text_of

# SQLite knows the time zone: the day of the daemon's host begins at its own midnight.
_DAY = """
    SELECT date(:now, 'unixepoch', 'localtime') AS name,
           strftime('%s', :now, 'unixepoch', 'localtime', 'start of day', 'utc') AS begins,
           strftime('%s', :now, 'unixepoch', 'localtime', 'start of day', '+1 day', 'utc') AS ends
"""
# What is not priced yet is reserved at the highest cost that its model is known to have had.
_SPENT = """
    SELECT coalesce(sum(coalesce(charges.usd, prices.usd, 0)), 0)
    FROM charges LEFT JOIN prices USING (model) WHERE at >= :begins AND at < :ends
"""
_UPLOADING = """
    SELECT coalesce(sum(prices.usd), 0) FROM jobs JOIN prices USING (model)
    WHERE state = 'uploading'
"""
_PRICE_OF = "SELECT max(usd) FROM prices WHERE model = :model"
# A generation that is complete, late, or uncertain for too long will hardly tell its price any more.
_UNPRICED = """
    SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'uploading' AND model = :model)
        OR EXISTS (
            SELECT 1 FROM jobs JOIN charges ON charges.job = jobs.id
            WHERE jobs.state IN ('submitting', 'uncertain', 'generating') AND jobs.late = 0
                AND charges.model = :model AND charges.usd IS NULL
                AND (jobs.uncertain_since IS NULL
                     OR jobs.uncertain_since BETWEEN :now - :window AND :now + :window))
"""
_SUMS = """
    SELECT count(*) AS submits, coalesce(sum(usd IS NULL), 0) AS unpriced,
        coalesce(sum(usd), 0) AS usd
    FROM charges WHERE at >= ? AND at < ?
"""
_PRICED = """
    SELECT model, sum(usd) FROM charges
    WHERE at >= :begins AND at < :ends AND usd IS NOT NULL GROUP BY model
"""
_LAST_BEFORE = "SELECT max(at) FROM charges WHERE at < :before"
_CHARGED = "SELECT EXISTS (SELECT 1 FROM charges WHERE job = :job)"
_CHARGE = """
    INSERT INTO charges (request_id, job, model, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (request_id) DO NOTHING
"""
_VOID = "DELETE FROM charges WHERE request_id = ?"
_PRICE = "UPDATE charges SET usd = ?, credits = ? WHERE request_id = ?"
_KNOWN = """
    INSERT INTO prices (model, usd) VALUES (?, ?)
    ON CONFLICT (model) DO UPDATE SET usd = max(usd, excluded.usd)
"""
MADE = frozenset({Event.DECLARED, Event.ACCEPTED, Event.REVIVED})
"""The events after which something was made, or may have been."""
NOTHING_MADE = frozenset({Event.NOT_ACCEPTED, Event.FREED})
UNDER_WAY = frozenset({State.SUBMITTING, State.UNCERTAIN, State.GENERATING})


@dataclass(frozen=True, slots=True)
class Day:
    """A local day: its name as YYYY-MM-DD, and its bounds in seconds since the epoch."""

    name: str
    begins: float
    ends: float


def day_of(db: sqlite3.Connection, now: float) -> Day:
    """Return the local day of `now`."""
    row = db.execute(_DAY, {"now": now}).fetchone()
    return Day(row["name"], float(row["begins"]), float(row["ends"]))


def spending(db: sqlite3.Connection, model: str, day: Day, now: float, window: float) -> Spending:
    """Return what counts against the budget of `day`, for one more submit of `model`.

    A job that has been uncertain for longer than `window` (s) holds nobody up any more.
    """
    named = {"model": text_of(model), "now": now, "window": window}
    price = _value(db, _PRICE_OF, named)
    unpriced = price is None and bool(_value(db, _UNPRICED, named))
    return Spending(committed(db, day), price, unpriced)


def committed(db: sqlite3.Connection, day: Day) -> float:
    """Return what was charged on `day`, and what is reserved for what has no price yet, in USD."""
    spent = _value(db, _SPENT, {"begins": day.begins, "ends": day.ends})
    return spent + _value(db, _UPLOADING, {})


def priced(db: sqlite3.Connection, day: Day) -> dict[str, float]:
    """Return what the provider has named of the submits of `day`, in USD by model."""
    rows = db.execute(_PRICED, {"begins": day.begins, "ends": day.ends}).fetchall()
    return {json.loads(model): usd for model, usd in rows}


def note(db: sqlite3.Connection, old: Job, new: Job, event: str) -> None:
    """Keep the ledger true to what has just been recorded of a job."""
    if not new.request_ids or new.joined:
        return
    request_id = new.request_ids[-1]
    if _made_nothing(old, new, event):
        db.execute(_VOID, (request_id,))
        return
    if event in MADE:
        at = new.updated if new.submitted is None else new.submitted
        db.execute(_CHARGE, (request_id, new.id, text_of(new.model), at))
    if event == Event.DECLARED or new.cost is None:
        return
    usd = _price(new.state, new.cost)
    db.execute(_PRICE, (usd, new.cost.credits, request_id))
    if usd is not None:
        db.execute(_KNOWN, (text_of(new.model), usd))


def _price(state: State, cost: Cost) -> float | None:
    """Return what was charged in USD; nothing charged yet is not yet the price."""
    return None if state in UNDER_WAY and not cost.dollars else cost.dollars


def _made_nothing(old: Job, new: Job, event: str) -> bool:
    if event in NOTHING_MADE:
        return True
    if event != Event.REFUSED:
        return False
    failed = new.error is not None and new.error.code == GenerationFailed.code
    return failed or old.state in (State.SUBMITTING, State.UNCERTAIN)


def charged(db: sqlite3.Connection, job_id: JobId) -> bool:
    """Say whether a submit of the job's own was paid for, or may have been."""
    return bool(_value(db, _CHARGED, {"job": job_id}))


def spent(db: sqlite3.Connection, days: int) -> list[DaySpent]:
    """Return the sums of the last days on which anything was submitted, newest first."""
    found: list[DaySpent] = []
    before = inf
    while len(found) < days:
        last = _value(db, _LAST_BEFORE, {"before": before})
        if last is None:
            break
        day = day_of(db, last)
        row = db.execute(_SUMS, (day.begins, before)).fetchone()
        found.append(DaySpent(day.name, row["submits"], row["unpriced"], row["usd"]))
        before = min(day.begins, last)
    return found


def _value(db: sqlite3.Connection, query: str, values: Mapping[str, object]) -> Any:
    return db.execute(query, values).fetchone()[0]
