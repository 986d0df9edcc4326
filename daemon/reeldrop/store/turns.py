"""Whose turn it is: the queue under its limits. Each function looks, and sees one moment."""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Self

from reeldrop.domain.job import Job
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
from reeldrop.ports import Barred
from reeldrop.store import ledger
from reeldrop.store.rows import job_of, text_of

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
    due = db.execute(_DUE.format(free=_FREE), line.values).fetchone()[0]
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
