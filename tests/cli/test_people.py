"""Orders where nobody can take them: what is said, and that nothing is left behind."""

import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from cli.shell import Shell
from reeldrop.host.lock import hold_state_folder

COMMANDS = (("pause",), ("resume",), ("retry", "a"), ("cancel", "a"))


def orders(database: Path) -> list[tuple[str, str | None]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute("SELECT kind, answer FROM orders").fetchall()


@pytest.fixture
def state(reeldrop: Shell, inbox: Path, outbox: Path) -> Path:
    """The state folder of a daemon that has run, and ended."""
    state = reeldrop.home / "state"
    reeldrop.variables["REELDROP_STORE__URL"] = f"sqlite:///{state}/reeldrop.db"
    reeldrop.variables["REELDROP_INBOX"] = str(inbox)
    reeldrop.variables["REELDROP_OUTBOX"] = str(outbox)
    ended = reeldrop("run", "--simulate", "--once")
    assert ended.code == 0, ended.err
    return state


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_without_a_store_there_is_nobody_to_ask(words: tuple[str, ...], reeldrop: Shell) -> None:
    """75: the place is not there. Nothing is made by asking."""
    ended = reeldrop(*words)
    assert ended.code == 75
    assert "There is no job store" in ended.err
    assert not list(reeldrop.home.rglob("*.db"))


def test_an_older_store_waits_for_its_daemon(reeldrop: Shell, state: Path) -> None:
    """A command must not bring up to date what a daemon of the old version may still use."""
    with closing(sqlite3.connect(state / "reeldrop.db")) as db:
        db.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
        db.commit()
    ended = reeldrop("pause")
    assert ended.code == 75
    assert "older Reeldrop" in ended.err


def test_each_says_what_is_so(reeldrop: Shell, state: Path) -> None:
    """Both are idempotent."""
    assert reeldrop("pause").out.startswith("Paused")
    assert reeldrop("pause").out.startswith("Already paused, since ")
    assert reeldrop("resume").out.startswith("Resumed")
    assert reeldrop("resume").out.startswith("Nothing was paused")
    assert all(answer for _, answer in orders(state / "reeldrop.db"))


def test_a_place_that_is_not_there_takes_the_order_back(
    reeldrop: Shell, state: Path, outbox: Path
) -> None:
    """It must not be carried out behind the back of who was told that it was not."""
    known = _one_job(reeldrop, state)
    shutil.rmtree(outbox)
    ended = reeldrop("retry", known)
    assert ended.code == 75
    assert "outbox" in ended.err
    assert orders(state / "reeldrop.db") == []


def _one_job(reeldrop: Shell, state: Path) -> str:
    """Return the id of a job that has failed."""
    spec = '{"promt": "x", "video_url": "https://example.com/a.mp4"}'
    Path(reeldrop.variables["REELDROP_INBOX"], "a.json").write_text(spec)
    variables = {"REELDROP_WATCH__SETTLE_POLLING": "0.2", "REELDROP_WATCH__SETTLE": "0.1"}
    reeldrop.variables.update(variables)
    assert reeldrop("run", "--simulate", "--once").code == 1
    [job] = reeldrop("jobs", "--json").json()
    return job["id"]


def test_ctrl_c_takes_the_order_back(reeldrop: Shell, state: Path) -> None:
    """Whoever holds the folder does not answer; nobody waits any more."""
    with hold_state_folder(state):
        asking = reeldrop.start("pause")
        deadline = time.monotonic() + 20
        while not orders(state / "reeldrop.db"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(asking.pid, signal.SIGINT)
        _, errors = asking.communicate(timeout=20)
        assert asking.returncode == 130, errors
        assert orders(state / "reeldrop.db") == []
