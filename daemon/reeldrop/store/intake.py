"""What is remembered of an inbox: the files that were taken, and those that a decoder looks into."""

import json
import sqlite3

from reeldrop.domain.job import RelPath
from reeldrop.ports import KeptFile, Taken
from reeldrop.store.rows import kept_of, taken_of, text_of

# A file that an earlier job took stays that job's: withdrawing the later one must not forget it. Unless
# the earlier one is not sent yet: of the two it is the one that will be withdrawn, its clip was replaced.
_REMEMBER = """
    INSERT INTO kept (watch, path, key, sha256, job) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (watch, path, key) DO UPDATE SET sha256 = excluded.sha256, job = CASE
        WHEN (SELECT state FROM jobs WHERE id = kept.job) IN ('queued', 'uploading')
        THEN excluded.job ELSE kept.job END
"""
_KNOWN = "SELECT path, key, sha256, job FROM kept WHERE watch = ? ORDER BY rowid"
_TAKEN = """
    SELECT id, record -> '$.path' AS path, record -> '$.references' AS refs FROM jobs
    WHERE watch = ? ORDER BY updated DESC, n DESC LIMIT ?
"""


def remember_kept(db: sqlite3.Connection, watch: str, file: KeptFile) -> None:
    """Remember a file of a kept drop under its stat key."""
    db.execute(_REMEMBER, (watch, text_of(file.path), file.key, file.sha256, file.job))


def known_kept(db: sqlite3.Connection, watch: str) -> list[KeptFile]:
    """Return the files that were taken of a kept watch, in the order they were."""
    return [kept_of(row) for row in db.execute(_KNOWN, (watch,))]


def taken(db: sqlite3.Connection, watch: str, limit: int) -> list[Taken]:
    """Return what the last jobs of a watch took of its inbox, the newest change first."""
    return [taken_of(row) for row in db.execute(_TAKEN, (watch, limit))]


def suspects(db: sqlite3.Connection, watch: str, host: str) -> frozenset[tuple[RelPath, str]]:
    """Return the files, path and stat key, that daemons before `host` were looking into to the last."""
    rows = db.execute("SELECT path, key FROM probing WHERE watch = ? AND host <> ?", (watch, host))
    return frozenset((RelPath(json.loads(row["path"])), row["key"]) for row in rows)


def begin_probe(db: sqlite3.Connection, watch: str, path: RelPath, key: str, host: str) -> int:
    """Put down that a decoder looks into a file; return at how many crashes one was doing so."""
    place = (watch, text_of(path), key)
    row = db.execute(
        "SELECT host, crashes FROM probing WHERE watch = ? AND path = ? AND key = ?", place
    ).fetchone()
    crashes = 0 if row is None else row["crashes"] + (row["host"] != host)
    db.execute("INSERT OR REPLACE INTO probing VALUES (?, ?, ?, ?, ?)", (*place, host, crashes))
    return crashes


def end_probe(db: sqlite3.Connection, watch: str, path: RelPath, key: str) -> None:
    """Forget that a decoder looks into a file."""
    db.execute(
        "DELETE FROM probing WHERE watch = ? AND path = ? AND key = ?",
        (watch, text_of(path), key),
    )
