"""What SQLite's failures mean to us: the one place where its exceptions end."""

import sqlite3
from pathlib import Path

from reeldrop.domain.errors import ReeldropError, StartupError, StoreUnavailable

DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
FULL = {sqlite3.SQLITE_FULL}
BUG = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)


def spoils_transaction(error: sqlite3.Error) -> bool:
    """Say whether more than the failing statement is in doubt."""
    return not isinstance(error, BUG)


def translated(error: sqlite3.Error, path: Path) -> ReeldropError | AssertionError:
    """Return what the engine shall be told of `error`, met in the database at `path`."""
    # The low byte is the primary code; SQLite's extended codes tell finer kinds of it.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in DAMAGED:
        return damaged(path, error)
    if code in FULL:
        return StoreUnavailable(
            f"The job store {path} cannot grow: its disk is full.", hint="Make room on that disk."
        )
    if isinstance(error, BUG):
        return AssertionError(f"the job store's statements and tables do not agree: {error}")
    return StoreUnavailable(
        f"The job store {path} does not answer: {error}.",
        hint="Look at the disk and the permissions of its folder.",
    )


def damaged(path: Path, error: object) -> StartupError:
    """Return the error for a file that cannot be read as a database; nothing writes to it."""
    return StartupError(
        f"The job store {path} is damaged ({error}). It was left as it is.",
        hint="Put a backup in its place, or move it away to begin with an empty store; "
        "an empty store does not know what was already paid for.",
    )
