"""Where the folders of each watch lie."""

import json
import sqlite3

from reeldrop.store import meta
from reeldrop.store.rows import text_of

_OPEN = """
    SELECT 1 FROM jobs WHERE watch = ? AND state NOT IN ('delivered', 'failed', 'cancelled') LIMIT 1
"""


def enrol_watch(
    db: sqlite3.Connection, name: str, inbox: str, outbox: str
) -> tuple[str, str] | None:
    """Remember a watch's folders, unless it has unfinished jobs of others; return those then."""
    if others := elsewhere(db, name, inbox, outbox):
        return others
    here = (text_of(inbox), text_of(outbox))
    db.execute("INSERT OR REPLACE INTO watches VALUES (?, ?, ?)", (name, *here))
    return None


def elsewhere(db: sqlite3.Connection, name: str, inbox: str, outbox: str) -> tuple[str, str] | None:
    """Return the folders in which a watch has unfinished jobs, None where it has none but in these."""
    known = db.execute("SELECT inbox, outbox FROM watches WHERE name = ?", (name,)).fetchone()
    here = (text_of(inbox), text_of(outbox))
    if known is None or tuple(known) == here or not db.execute(_OPEN, (name,)).fetchone():
        return None
    return json.loads(known["inbox"]), json.loads(known["outbox"])


def remember(db: sqlite3.Connection, folder: str, place: str) -> None:
    """Put down on which mount a marked folder lies."""
    meta.write(db, "places", {**_places(db), folder: place})


def recall(db: sqlite3.Connection, folder: str) -> str:
    """Return on which mount a marked folder lay, "" where that is not known."""
    return _places(db).get(folder, "")


def _places(db: sqlite3.Connection) -> dict[str, str]:
    return meta.read(db, "places") or {}
