"""A job store that is damaged, torn or newer: the commands refuse it, and not a byte of it changes."""

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from acceptance.world import Site
from reeldrop.simulator import Simulator

DAMAGED, NEWER = 75, 78
PAGE = 4096


def overwrite_the_middle(store: Path) -> None:
    middle = store.stat().st_size // 2 // PAGE * PAGE
    with store.open("r+b") as file:
        file.seek(middle)
        file.write(os.urandom(PAGE))


def overwrite_the_beginning(store: Path) -> None:
    with store.open("r+b") as file:
        file.write(os.urandom(PAGE))


def cut_in_half(store: Path) -> None:
    os.truncate(store, store.stat().st_size // 2)


def make_zeros(store: Path) -> None:
    store.write_bytes(bytes(store.stat().st_size))


def leave_the_log_alone(store: Path) -> None:
    store.with_name("reeldrop.db-wal").write_bytes(os.urandom(3 * PAGE))
    store.unlink()


def empty_beside_its_log(store: Path) -> None:
    store.with_name("reeldrop.db-wal").write_bytes(os.urandom(3 * PAGE))
    os.truncate(store, 0)


def empty(store: Path) -> None:
    os.truncate(store, 0)


def make_newer(store: Path) -> None:
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")


def bytes_of(store: Path) -> dict[str, bytes]:
    """Return the store and its log; an empty log, which a look leaves behind, means nothing."""
    files = (store, store.with_name("reeldrop.db-wal"))
    return {path.name: path.read_bytes() for path in files if path.exists() and path.stat().st_size}


@pytest.fixture
async def worked(site: Site) -> Site:
    """A site whose store holds a job; its daemon has stopped, and a clip waits for the next one."""
    await site.start()
    site.drop("a.mov", {"prompt": "x"})
    await site.finished("a")
    assert await site.stop() == 0
    site.drop("b.mov", {"prompt": "y"})
    return site


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (overwrite_the_middle, DAMAGED, "damaged"),
        (overwrite_the_beginning, DAMAGED, "damaged"),
        (cut_in_half, DAMAGED, "damaged"),
        (make_zeros, DAMAGED, "damaged"),
        (leave_the_log_alone, DAMAGED, "reeldrop.db-wal"),
        (empty_beside_its_log, DAMAGED, "reeldrop.db-wal"),
        (make_newer, NEWER, "newer"),
    ],
)
async def test_a_store_that_is_not_whole_and_ours_is_refused_and_left_as_it_is(
    worked: Site, api: Simulator, spoil: Callable[[Path], None], code: int, words: str
) -> None:
    """A daemon that began anew would pay again for whatever the lost rows had paid for."""
    store = worked.state / "reeldrop.db"
    spoil(store)
    before = bytes_of(store)
    refused, _, errors = await worked.command("run", "--once")
    assert (refused, words in errors, str(store) in errors) == (code, True, True), errors
    assert bytes_of(store) == before
    assert (worked.inbox / "b.mov").exists()
    assert len(api.ledger.accepted) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (overwrite_the_beginning, DAMAGED),
        (cut_in_half, DAMAGED),
        (make_zeros, DAMAGED),
        (leave_the_log_alone, DAMAGED),
        (empty_beside_its_log, DAMAGED),
        (make_newer, NEWER),
    ],
)
async def test_commands_refuse_it_too(
    worked: Site, spoil: Callable[[Path], None], code: int
) -> None:
    """A mere look once deleted the log of a store that was cut to nothing."""
    store = worked.state / "reeldrop.db"
    spoil(store)
    before = bytes_of(store)
    for command in (("jobs",), ("status",), ("pause",), ("retry", "a")):
        refused, _, errors = await worked.command(*command)
        assert (command, refused) == (command, code), errors
        assert errors.strip()
        assert "Traceback" not in errors
        assert (command, bytes_of(store)) == (command, before)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [cut_in_half, overwrite_the_middle])
async def test_its_log_is_left_beside_it(
    worked: Site, api: Simulator, spoil: Callable[[Path], None]
) -> None:
    """A power cut leaves the last changes in the log alone: whoever mends the store needs it."""
    await worked.start()
    await worked.finished("b")
    await worked.stop(signal.SIGKILL)
    store = worked.state / "reeldrop.db"
    spoil(store)
    before = bytes_of(store)
    assert len(before) == 2
    for command in (("pause",), ("run", "--once")):
        refused, _, errors = await worked.command(*command)
        assert (command, refused) == (command, DAMAGED), errors
        assert (command, bytes_of(store)) == (command, before)
    assert len(api.ledger.accepted) == 2


@pytest.mark.slow
async def test_orders_are_not_written_into_a_damaged_store(worked: Site) -> None:
    """Looking may still work where a page in the middle is lost; writing might lose more."""
    store = worked.state / "reeldrop.db"
    overwrite_the_middle(store)
    before = bytes_of(store)
    refused, _, errors = await worked.command("pause")
    assert refused == DAMAGED, errors
    assert bytes_of(store) == before


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [Path.unlink, empty])
async def test_folders_of_a_store_that_is_gone_are_not_worked_on_by_a_new_one(
    worked: Site, api: Simulator, spoil: Callable[[Path], None]
) -> None:
    """The markers in the folders name the store: without it nobody knows what was paid for."""
    spoil(worked.state / "reeldrop.db")
    refused, _, errors = await worked.command("run", "--once")
    assert (refused, "--take-over" in errors) == (DAMAGED, True), errors
    assert (worked.inbox / "b.mov").exists()
    assert len(api.ledger.accepted) == 1
