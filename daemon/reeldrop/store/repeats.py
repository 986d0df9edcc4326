"""A block may last a weekend: of the tries that end alike, a job's journal keeps the first and the last ones.

Rule: what counts against the rate stays for as long as it counts.
"""

import sqlite3

from reeldrop.domain.job import JobId
from reeldrop.domain.lifecycle import Event
from reeldrop.domain.limits import RATE_WINDOW

TURNED_BACK = (Event.RETURNED, Event.NOT_ACCEPTED)
_TRY = (Event.TAKEN, Event.DECLARED, *TURNED_BACK)
_ROWS = """
    SELECT n, event, json_extract(note, '$.code') AS code, json_extract(note, '$.times') AS times
    FROM journal WHERE job = ? ORDER BY n DESC
"""
_FORGET = "DELETE FROM journal WHERE job = ? AND n > ? AND n <= ? AND at < ?"


def thin_out(db: sqlite3.Connection, job: JobId, code: str, now: float) -> int:
    """Forget the tries between the first that ended with `code` and the last ones; call it as one more ends.

    Returns how many have ended so in a row, this one included.
    """
    first = last = times = 0
    for row in db.execute(_ROWS, (job,)):
        if row["event"] not in _TRY:
            break
        if row["event"] in TURNED_BACK:
            if row["code"] != code:
                break
            first = row["n"]
            if not last:
                last, times = row["n"], row["times"] or 1
    db.execute(_FORGET, (job, first, last, now - RATE_WINDOW))
    return times + 1
