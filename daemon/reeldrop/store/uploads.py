"""What is remembered of files that lie where the provider can fetch them.

Each function runs inside a transaction it does not end.
"""

import json
import sqlite3
from collections.abc import Collection

from reeldrop.domain.job import JobId
from reeldrop.ports import Upload
from reeldrop.store.rows import Row, text_of

_BEGIN = """
    INSERT INTO uploads (id, place, file, identity, bytes, media_type, sha256, leaving)
    VALUES (?, ?, ?, ?, ?, ?, ?, 0)
"""
_USE = "INSERT OR IGNORE INTO upload_jobs (upload, job) VALUES (?, ?)"
_WHOLE = "SELECT * FROM uploads WHERE id = ? AND sha256 <> '' AND leaving = 0"
_LIKE = """
    SELECT * FROM uploads
    WHERE place = ? AND bytes = ? AND sha256 <> '' AND leaving = 0 ORDER BY id
"""
_JOBS = """
    SELECT job FROM upload_jobs JOIN jobs ON jobs.id = upload_jobs.job
    WHERE upload = ? AND state NOT IN ('delivered', 'failed', 'cancelled') ORDER BY job
"""
_LEAVE = """
    UPDATE uploads SET leaving = 1
    WHERE id NOT IN (SELECT value FROM json_each(?)) AND (sha256 = '' OR NOT EXISTS (
        SELECT 1 FROM upload_jobs JOIN jobs ON jobs.id = upload_jobs.job
        WHERE upload = uploads.id AND state NOT IN ('delivered', 'failed', 'cancelled')))
"""


def begin(db: sqlite3.Connection, upload: Upload, job: JobId) -> None:
    """Put down that an upload is about to be made."""
    values = (
        *(upload.id, text_of(upload.place), text_of(upload.file), upload.identity),
        *(upload.bytes, upload.media_type, upload.sha256),
    )
    db.execute(_BEGIN, values)
    db.execute(_USE, (upload.id, job))


def end(db: sqlite3.Connection, upload_id: str, sha256: str) -> None:
    """Put down that all of it is there."""
    db.execute("UPDATE uploads SET sha256 = ? WHERE id = ?", (sha256, upload_id))


def like(db: sqlite3.Connection, place: str, size: int) -> list[Upload]:
    """Return what may be shared."""
    found = db.execute(_LIKE, (text_of(place), size))
    return [_upload_of(row) for row in found]


def share(db: sqlite3.Connection, upload_id: str, job: JobId) -> bool:
    """Let a job use an upload as well, unless it is being removed."""
    there = db.execute(_WHOLE, (upload_id,)).fetchone()
    if there is not None:
        db.execute(_USE, (upload_id, job))
    return there is not None


def find(db: sqlite3.Connection, upload_id: str) -> tuple[Upload, list[JobId]] | None:
    """Return an upload that an unfinished job wants, with all of these."""
    row = db.execute(_WHOLE, (upload_id,)).fetchone()
    jobs = db.execute(_JOBS, (upload_id,)).fetchall()
    return (_upload_of(row), [JobId(each["job"]) for each in jobs]) if row and jobs else None


def unwanted(db: sqlite3.Connection, busy: Collection[str]) -> list[Upload]:
    """Let nobody share what is to be removed, and return it."""
    db.execute(_LEAVE, (json.dumps(sorted(busy)),))
    found = db.execute("SELECT * FROM uploads WHERE leaving = 1 ORDER BY id")
    return [_upload_of(row) for row in found]


def forget(db: sqlite3.Connection, upload_id: str) -> None:
    """Forget an upload."""
    db.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
    db.execute("DELETE FROM upload_jobs WHERE upload = ?", (upload_id,))


def _upload_of(row: Row) -> Upload:
    return Upload(
        row["id"],
        json.loads(row["place"]),
        json.loads(row["file"]),
        *(row[name] for name in ("identity", "bytes", "media_type", "sha256")),
    )
