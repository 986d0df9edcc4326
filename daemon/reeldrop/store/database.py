"""Opening the database file: created whole or not at all, known by its version, never overwritten."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path

from reeldrop.domain.errors import ReeldropError, SettingsError, StartupError
from reeldrop.store.failures import damaged, translated

SCHEMA_VERSION = 4
APPLICATION_ID = 0x5265656C
"""The bytes "Reel" in the file's header: how our database is told from another program's."""
BUSY_TIMEOUT = 10.0
"""Seconds to wait for a command that writes at the same moment."""
NOT_YET = "It is made by the first `reeldrop run`."


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the database for writing; make it, and its folder, where there is none.

    Raises:
        SettingsError: another program's database, or one of a newer Reeldrop.
        StartupError: it is damaged, or cannot be opened.
    """
    try:
        _make_folder(path.parent)
    except OSError as error:
        raise StartupError(
            f"The job store's folder {path.parent} cannot be made: {error.strerror}."
        ) from error
    _check_with_its_log(path)
    return _connect(path, str(path), _prepare_writer)


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the database for looking only; it may be in use, and is never made.

    Raises:
        SettingsError, StartupError: as for `connect_writer`; StartupError where there is none yet.
    """
    _check_there(path)
    return _connect(path, _to_look(path), _prepare_reader)


def connect_asker(path: Path) -> sqlite3.Connection:
    """Open the database for leaving orders; it may be in use, and is never made or upgraded.

    Raises:
        SettingsError, StartupError: as for `connect_reader`.
    """
    _check_there(path)
    _check_with_its_log(path)
    return _connect(path, f"{path.absolute().as_uri()}?mode=rw", _prepare_asker)


def _to_look(path: Path) -> str:
    """Return the address under which SQLite writes nothing into the database."""
    return f"{path.absolute().as_uri()}?mode=ro"


def _check_there(path: Path) -> None:
    try:
        there = path.exists()
    except OSError as error:
        raise StartupError(
            f"The job store {path} cannot be looked at: {error.strerror}.",
            hint="Ask as the user that the daemon runs as.",
        ) from error
    if not there:
        raise StartupError(f"There is no job store at {path}.", hint=NOT_YET)


def _connect(
    path: Path, address: str, prepare: Callable[[sqlite3.Connection, Path], None]
) -> sqlite3.Connection:
    # Before anything opens it: looking alone makes SQLite delete the log of an empty file.
    _check_not_torn(path)
    try:
        connection = sqlite3.connect(
            address,
            BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            uri=address.startswith("file:"),
        )
        connection.row_factory = sqlite3.Row
        try:
            prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _refusal(error, path) from error
    return connection


def _refusal(error: sqlite3.Error, path: Path) -> ReeldropError | AssertionError:
    """Return what ends the start: whatever keeps a store from opening is a place that is not there."""
    told = translated(error, path)
    if isinstance(told, AssertionError | StartupError):
        return told
    return StartupError(told.message, hint=told.hint)


def _prepare_writer(connection: sqlite3.Connection, path: Path) -> None:
    if _is_empty(connection):
        _create(connection)
    version = _check_ours(connection, path)
    _check_whole(connection, path)
    if version < SCHEMA_VERSION:
        _back_up(connection, path, version)
        _upgrade(connection, version)
    if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
        raise StartupError(
            f"The file system of {path} cannot hold a job store.", hint="Put it on a local disk."
        )
    # With anything less a power cut could undo the intent to submit after the request has left,
    # and the clip would be paid for twice.
    connection.execute("PRAGMA synchronous=FULL")
    # On macOS alone these make an fsync reach the disk itself; elsewhere they change nothing.
    connection.execute("PRAGMA fullfsync=1")
    connection.execute("PRAGMA checkpoint_fullfsync=1")


def _prepare_reader(connection: sqlite3.Connection, path: Path) -> None:
    if _is_empty(connection):
        raise StartupError(f"The job store {path} is empty.", hint=NOT_YET)
    if _check_ours(connection, path) < SCHEMA_VERSION:
        raise StartupError(
            f"The job store {path} was made by an older Reeldrop.",
            hint="The next `reeldrop run` brings it up to date and keeps a copy of it.",
        )


def _prepare_asker(connection: sqlite3.Connection, path: Path) -> None:
    _prepare_reader(connection, path)
    # Looking may still tell what is left of a damaged store; writing might spoil more of it.
    _check_whole(connection, path)


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def _create(connection: sqlite3.Connection) -> None:
    """Make all tables in one transaction, so that a kill leaves an empty file or a store."""
    statements = "".join(_step(version) for version in range(1, SCHEMA_VERSION + 1))
    connection.executescript(f"BEGIN IMMEDIATE; {statements}")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    meta = {"schema": str(SCHEMA_VERSION), "store_id": secrets.token_hex(16)}
    connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", meta.items())
    connection.execute("COMMIT")


def _step(version: int) -> str:
    """Return the statements that lead from the version before to `version`."""
    name = "schema.sql" if version == 1 else f"upgrade_{version}.sql"
    return Path(__file__).with_name(name).read_text("utf-8")


def _upgrade(connection: sqlite3.Connection, found: int) -> None:
    """Bring an older store up to date, all of it or nothing."""
    statements = "".join(_step(version) for version in range(found + 1, SCHEMA_VERSION + 1))
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {statements}")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION),))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Put a copy of the store as it is beside it, durably; an older copy is never overwritten."""
    name = f"{path.name}.version-{version}"
    numbered = (f"{name}-{number}" for number in count(2))
    backup = next(
        each for each in map(path.with_name, chain([name], numbered)) if not each.exists()
    )
    part = path.with_name(f"{name}.part")
    try:
        part.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", (str(part),))
        _sync(part)
        part.rename(backup)
        _sync(path.parent)
    except OSError as error:
        raise StartupError(
            f"The job store {path} cannot be copied before its upgrade: {error.strerror}."
        ) from error


def _check_ours(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a store that is ours and not too new."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise SettingsError(
            f"store.url: {path} is the database of another program.",
            hint="Name a file of Reeldrop's own, or one that does not exist yet.",
        )
    found = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if found is None or not found["value"].isdecimal():
        raise damaged(path, "it does not say its version")
    if int(found["value"]) > SCHEMA_VERSION:
        raise SettingsError(
            f"store.url: {path} has version {found['value']}, made by a newer Reeldrop; "
            f"this one knows version {SCHEMA_VERSION}.",
            hint="Install the newer Reeldrop again.",
        )
    return int(found["value"])


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Walk the file's pages: a store that has lost rows could pay for them again."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(path, found)


def _check_not_torn(path: Path) -> None:
    """Refuse a write-ahead log without its database: SQLite would delete it and begin anew."""
    if _holds(path, "-wal") and not _holds(path):
        raise damaged(path, f"only its log {path.name}-wal is there")


def _check_with_its_log(path: Path) -> None:
    """Look at a store that was left in mid-work before anything is opened that may write.

    Closed after a refusal, SQLite would work the log into a file that is damaged, and remove it.
    """
    if _holds(path, "-wal"):
        _connect(path, _to_look(path), _check_ours_and_whole).close()


def _check_ours_and_whole(connection: sqlite3.Connection, path: Path) -> None:
    _check_ours(connection, path)
    _check_whole(connection, path)


def _holds(path: Path, suffix: str = "") -> bool:
    """Say whether the database, or the file beside it with `suffix`, is there and not empty."""
    try:
        file = path.with_name(f"{path.name}{suffix}")
        return file.exists() and file.stat().st_size > 0
    except OSError as error:
        raise StartupError(
            f"The job store {path} cannot be looked at: {error.strerror}."
        ) from error


def _make_folder(folder: Path) -> None:
    """Make `folder` for its owner alone, and every folder above it that is missing, durably."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    """Bring a file or folder to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
