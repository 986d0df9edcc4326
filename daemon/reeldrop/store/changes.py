"""The statements that change jobs. Each function runs inside a transaction it does not end.

Nothing outside this file writes to `jobs`.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reeldrop.domain.errors import Lost
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import AFTER_CRASH, FINAL, Event, State, advance
from reeldrop.domain.retry import LONGEST_WAIT
from reeldrop.domain.sameness import joined
from reeldrop.ports import KeptFile
from reeldrop.store import intake, ledger, repeats
from reeldrop.store.queries import get, obstacle, siblings
from reeldrop.store.rows import columns_of, job_of
from reeldrop.store.turns import Line, next_follower, next_in_line

UNOWNED = FINAL | {State.QUEUED, State.UNCERTAIN}
"""The states in which no daemon works on a job."""
UNKNOWN_AFTER_STOP = "The daemon stopped while this was being submitted; it may have been paid for."

_INSERT = """
    INSERT INTO jobs (id, source_key, watch, claim_folder, state, owner, token, priority, late, claimed,
                      joined, not_before, created, updated, model, generation, ticket, spec_key,
                      origin_key, leader, record, files)
    VALUES (:id, :source_key, :watch, :claim_folder, :state, :owner, :token, :priority, :late, :claimed,
            :joined, :not_before, :created, :updated, :model, :generation, :ticket, :spec_key,
            :origin_key, :leader, :record, :files)
"""
_UPDATE = """
    UPDATE jobs SET source_key = :source_key, watch = :watch, claim_folder = :claim_folder,
        state = :state, owner = :owner, token = :token, priority = :priority, late = :late,
        claimed = :claimed, joined = :joined, model = :model, generation = :generation,
        ticket = :ticket, spec_key = :spec_key, origin_key = :origin_key, leader = :leader,
        not_before = :not_before, created = :created, updated = :updated, record = :record, files = :files,
        uncertain_since = CASE WHEN :state = 'uncertain' THEN coalesce(uncertain_since, :updated) END
    WHERE id = :id AND owner IS :old_owner AND token = :old_token AND state = :old_state
"""
# The states are named in the statements below because the index begins with them.
_BROKEN_OFF = """
    SELECT * FROM jobs WHERE owner <> ? AND state IN ('uploading', 'submitting') ORDER BY n
"""
_OWNED = """
    SELECT * FROM jobs WHERE owner = ? AND state IN ('generating', 'downloading', 'delivering')
    ORDER BY n
"""
_JOURNAL_TAKEOVER = """
    INSERT INTO journal (job, at, event, state, token, host, note)
    SELECT id, :at, :event, state, token + 1, :host, '{"from": "' || owner || '"}' FROM jobs
    WHERE owner <> :host AND state IN ('generating', 'downloading', 'delivering') ORDER BY n
"""
# A time that was kept by a wrong clock must not hold a job up for years.
_TAKE_OVER = """
    UPDATE jobs SET owner = :host, token = token + 1, updated = :at,
        not_before = CASE WHEN not_before > :unbelievable THEN :at ELSE not_before END
    WHERE owner <> :host AND state IN ('generating', 'downloading', 'delivering')
"""
_JOURNAL = """
    INSERT INTO journal (job, at, event, state, token, host, note)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_TAKEN = "UPDATE jobs SET taken = (SELECT max(taken) + 1 FROM jobs) WHERE id = ?"
_WITHDRAW = """
    DELETE FROM jobs
    WHERE id = ? AND token = ? AND owner IS NULL AND state = 'queued' AND claimed = 0
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the journal gets: when (s since the epoch), by whom, what and why."""

    at: float
    host: str
    event: str
    note: Mapping[str, Any] | None = None


def enrol(db: sqlite3.Connection, host: str, now: float) -> None:
    """Record that a daemon has started."""
    db.execute("INSERT INTO hosts (id, started) VALUES (?, ?)", (host, now))


def add(
    db: sqlite3.Connection, jobs: Sequence[Job], kept: Sequence[KeptFile], entry: Entry
) -> bool:
    """Record the jobs of one drop and the files of a kept claim; False when one is under way."""
    for job in jobs:
        first = {file.origin for file in job.claim.source[:1]}
        if job.claim.kept and not first <= {file.path for file in kept}:
            raise AssertionError("a kept file that is not remembered would be run at every scan")
    if any(obstacle(db, job) for job in jobs):
        return False
    for job in jobs:
        _add(db, job, entry)
        for file in kept:
            intake.remember_kept(db, job.watch, file)
    return True


def _add(db: sqlite3.Connection, job: Job, entry: Entry) -> None:
    if job.state is not State.QUEUED or job.owner is not None:
        raise AssertionError("a new job is queued and nobody's")
    db.execute(_INSERT, columns_of(job))
    _write_journal(db, job, entry)


def withdraw(db: sqlite3.Connection, job: Job, entry: Entry) -> None:
    """Forget a job that was never claimed, and the kept files it took. Raises Lost."""
    if db.execute(_WITHDRAW, (job.id, job.token)).rowcount == 0:
        raise Lost(f"Job {job.id} is no longer one that awaits its claim.")
    _forget_kept(db, job)
    _write_journal(db, job, entry)


def _forget_kept(db: sqlite3.Connection, job: Job) -> None:
    db.execute("DELETE FROM kept WHERE job = ?", (job.id,))


def claim(db: sqlite3.Connection, line: Line, entry: Entry) -> Job | None:
    """Take the job whose turn it is, where the limits leave room."""
    while follower := next_follower(db, line):
        if joined := _join(db, follower, entry):
            return joined
    job, _ = next_in_line(db, line)
    if job is None:
        return None
    taken = move(db, replace(job, reason="", leader=None), Event.TAKEN, entry)
    db.execute(_TAKEN, (taken.id,))
    return taken


def _join(db: sqlite3.Connection, follower: Job, entry: Entry) -> Job | None:
    """Let a job take part in the generation of its leader.

    None where another variant of its drop has that generation already: then it follows nobody.
    """
    leader = get(db, follower.leader or JobId(""))
    if leader is None or leader.generation_id is None:
        raise AssertionError("a follower joins a leader that has a generation")
    if any(each.generation_id == leader.generation_id for each in siblings(db, follower)):
        alone = follower.evolve(leader=None, reason="")
        update(db, alone, replace(entry, event="left_leader", note={"leader": leader.id}))
        return None
    note = {"leader": leader.id, "generation_id": leader.generation_id}
    entry = replace(entry, event=Event.JOINED.value, note=note)
    return move(db, joined(follower, leader), Event.JOINED, entry)


def move(db: sqlite3.Connection, job: Job, event: Event, entry: Entry) -> Job:
    """Take the arrow `event`. Raises Lost, IllegalTransition.

    What is refused without any file has not been run: the kept files it would have taken are forgotten.
    """
    state = advance(job.state, event)
    if event is Event.REFUSED and not job.claim.source:
        _forget_kept(db, job)
    if state in UNOWNED:
        moved = replace(job, state=state, owner=None)
    elif job.owner is None:
        moved = replace(job, state=state, owner=entry.host, token=job.token + 1)
    else:
        moved = replace(job, state=state)
    if event in (Event.AGAIN, Event.REVIVED):
        db.execute("UPDATE jobs SET cancel = 0 WHERE id = ?", (job.id,))
        moved = replace(moved, cancel_asked=False)
    if event is Event.AGAIN:
        # What became of these is decided; the log shows them all the same.
        moved = replace(moved, settled=len(job.request_ids))
    written = _write(db, job, moved, _counted(db, job, event, entry))
    ledger.note(db, job, written, event)
    return written


def _counted(db: sqlite3.Connection, job: Job, event: Event, entry: Entry) -> Entry:
    """Note how often in a row a try has ended like this one, and leave out those in between."""
    code = (entry.note or {}).get("code")
    if event not in repeats.TURNED_BACK or not code:
        return entry
    times = repeats.thin_out(db, job.id, code, entry.at)
    return replace(entry, note={**(entry.note or {}), "times": times}) if times > 1 else entry


def update(db: sqlite3.Connection, job: Job, entry: Entry) -> Job:
    """Write the fields of `job`. Raises Lost."""
    written = _write(db, job, job, entry)
    ledger.note(db, job, written, entry.event)
    return written


def ask_cancel(db: sqlite3.Connection, job: Job, entry: Entry) -> None:
    """Note that a person wants the job no more. Raises Lost when it has ended."""
    found = get(db, job.id)
    if found is None or found.state in FINAL:
        raise Lost(f"Job {job.id} has ended.")
    if not found.cancel_asked:
        db.execute("UPDATE jobs SET cancel = 1 WHERE id = ?", (job.id,))
        _write_journal(db, found, entry)


def release_queue(db: sqlite3.Connection) -> None:
    """Make every claimed queued job due at once."""
    db.execute("UPDATE jobs SET not_before = 0 WHERE state = 'queued' AND claimed = 1")


def adopt(db: sqlite3.Connection, entry: Entry) -> list[Job]:
    """Take over what earlier daemons of this store left owned; they are dead.

    Returns the jobs that `entry.host` owns by it.
    """
    for row in db.execute(_BROKEN_OFF, (entry.host,)).fetchall():
        _resolve_crash(db, job_of(row), entry)
    taken = {
        "host": entry.host,
        "at": entry.at,
        "event": entry.event,
        "unbelievable": entry.at + LONGEST_WAIT,
    }
    db.execute(_JOURNAL_TAKEOVER, taken)
    db.execute(_TAKE_OVER, taken)
    return [job_of(row) for row in db.execute(_OWNED, (entry.host,))]


def _resolve_crash(db: sqlite3.Connection, job: Job, entry: Entry) -> None:
    event = AFTER_CRASH[job.state]
    state = advance(job.state, event)
    unknown = state is State.UNCERTAIN
    after = replace(
        job,
        state=state,
        owner=None,
        token=job.token + 1,
        reason=UNKNOWN_AFTER_STOP if unknown else job.reason,
    )
    _write(db, job, after, replace(entry, event=event.value, note={"from": job.owner}))


def _write(db: sqlite3.Connection, old: Job, new: Job, entry: Entry) -> Job:
    new = replace(new, updated=entry.at)
    guard = {"old_owner": old.owner, "old_token": old.token, "old_state": old.state.value}
    if db.execute(_UPDATE, columns_of(new) | guard).rowcount == 0:
        raise Lost(f"Job {old.id} is no longer {old.state} under token {old.token}.")
    _write_journal(db, new, entry)
    return new


def _write_journal(db: sqlite3.Connection, job: Job, entry: Entry) -> None:
    note = json.dumps(dict(entry.note or {}))
    db.execute(
        _JOURNAL, (job.id, entry.at, entry.event, job.state.value, job.token, entry.host, note)
    )
