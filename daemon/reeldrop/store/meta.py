"""Plain values under a name, for what is one value and no table."""

import json
import sqlite3
from typing import Any


def read(db: sqlite3.Connection, key: str) -> Any:
    """Return what `write` put down under `key` as plain JSON values; None where nothing was."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return json.loads(row[0]) if row else None


def write(db: sqlite3.Connection, key: str, value: object) -> None:
    """Put down a plain JSON value under `key`."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))
