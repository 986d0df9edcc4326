"""`status`: how things stand and what it cost, beside a daemon and without one."""

import asyncio
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.shell import COMMAND, Shell
from reeldrop.domain.job import Claim, Cost, GenerationId, Job, JobId, RelPath, Waiting
from reeldrop.domain.lifecycle import Event
from reeldrop.host.clock import SystemClock
from reeldrop.host.lock import hold_state_folder
from reeldrop.ports import Block, Health, JobStore, Mode, Scope
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store

KEYS = {"node", "daemon", "updated", "counts", "blocked", "paused", "limits", "spent", "uncertain"}
AGE = 10_000
"""Seconds; what is told as 3 h."""
HELD = "The provider's log does not show this submit."


def job(letter: str, path: str, **fields: Any) -> Job:
    now = SystemClock().now()
    told: dict[str, Any] = {
        "id": JobId(letter * 32),
        "watch": "main",
        "path": RelPath(path),
        "folder": RelPath(path.removesuffix(".mp4")),
        "model": "a/model",
        "params": {"prompt": "p"},
        "claim": Claim(RelPath(f".reeldrop/claims/{letter}"), ()),
        "source_key": path,
        "claimed": True,
        # So long ago that it is told alike, however slow this host is.
        "created": now - AGE,
        "updated": now - AGE,
    }
    return Job(**told | fields)


async def submitted(memory: JobStore, one: Job) -> Job:
    await memory.add([one])
    taken = await memory.claim_next(SystemClock().now())
    assert taken
    ids = {"request_ids": (taken.request_id,), "submitted": SystemClock().now()}
    return await memory.move(taken.evolve(**ids), Event.DECLARED)


async def fill(path: Path) -> None:
    """One job generating, one held, one looked for, one queued; a drop that waits; two blocks."""
    memory = await open_store(
        StoreSettings(url=f"sqlite:///{path}"),
        LimitSettings(in_flight=10),
        reconcile_window=1800,
        clock=SystemClock(),
    )
    await memory.enrol_watch("main", "/in", "/out")
    made = await submitted(memory, job("a", "a.mp4"))
    made = made.evolve(generation_id=GenerationId("g:1"), cost=Cost(usd=1.95))
    await memory.move(made, Event.ACCEPTED)
    for letter, held in (("b", True), ("c", False)):
        one = await submitted(memory, job(letter, f"{letter}\udcff\x1b[2J.mp4"))
        one = await memory.move(one.evolve(reason="504"), Event.OUTCOME_UNKNOWN)
        if held:
            await memory.update(one.evolve(held=True, reason=HELD), "held")
    await memory.add([job("d", "d.mp4")])
    await memory.set_waiting("main", [Waiting("main", RelPath("w.mp4"), "waits", 0.0)])
    outage = Block("the account is empty")
    await memory.set_blocks([outage, Block("refused here", Scope.MODEL, "a/model")])
    modes = (Mode(RelPath(""), "polling", "nfs is not a local file system"),)
    looked = Health("main", SystemClock().now() - AGE, "The inbox has gone.", modes)
    await memory.set_health([looked, Health("of other settings")])
    await memory.close()


@pytest.fixture
def store(reeldrop: Shell) -> Shell:
    asyncio.run(fill(reeldrop.home / "r.db"))
    url = f"sqlite:///{reeldrop.home / 'r.db'}"
    variables = {"REELDROP_STORE__URL": url, "REELDROP_NODE": "nas"}
    return replace(reeldrop, variables=variables | {"REELDROP_LIMITS__DAILY_USD": "9.5"})


def test_json_is_one_object_that_programs_can_follow(store: Shell) -> None:
    told = store("status", "--json").json()
    assert set(told) >= KEYS
    assert (told["node"], told["daemon"]) == ("nas", {"running": False, "holder": ""})
    counts = {state: number for state, number in told["counts"].items() if number}
    assert counts == {"waiting": 1, "generating": 1, "uncertain": 2, "queued": 1}
    assert told["blocked"] == "the account is empty"
    assert [(each["scope"], each["of"]) for each in told["blocks"]] == [
        ("all", ""),
        ("model", "a/model"),
    ]
    assert told["in_flight"] == 3
    assert told["limits"] == {"in_flight": 10, "submits_per_minute": 60, "daily_usd": 9.5}
    assert AGE <= told["queued_for"] < 1.2 * AGE
    held, sought = sorted(told["uncertain"], key=lambda each: each["id"])
    assert (held["path"], held["held"], held["reason"]) == ("b\udcff\x1b[2J.mp4", True, HELD)
    assert (sought["held"], sought["state"]) == (False, "uncertain")
    today = time.strftime("%Y-%m-%d")
    assert told["spent"] == [{"day": today, "submits": 3, "unpriced": 2, "usd": 1.95}]
    # Two that may have been paid for are reserved at the price of the one that is known.
    assert told["today"] == {"day": today, "committed_usd": pytest.approx(5.85)}


def test_how_the_watches_are_is_told(store: Shell) -> None:
    """An inbox that nobody looks at takes nothing, and says nothing."""
    folders = ("--inbox", str(store.home / "in"), "--outbox", str(store.home / "out"))
    (told,) = store("status", "--json", *folders).json()["watches"]
    assert (told["watch"], told["ok"], told["trouble"]) == ("main", False, "The inbox has gone.")
    assert AGE <= told["age"] < 1.2 * AGE
    line = store("status", *folders).out.splitlines()[3]
    assert line.startswith("main: last looked at 3 h ago, which is too long, polling (nfs is not")
    assert line.endswith(". The inbox has gone.")


def test_people_read_what_is_in_the_way_and_what_to_type(store: Shell) -> None:
    done = store("status")
    assert done.code == 0
    first, second, third, *rest = done.out.splitlines()
    assert first == "nas: no daemon runs"
    assert second == "Nothing is submitted now: the account is empty"
    assert third == "Nothing of model a/model is submitted now: refused here"
    text = "\n".join(rest)
    assert "1 waiting, 1 queued, 1 generating, 2 uncertain" in text
    assert "in flight: 3 of 10; the oldest queued job has waited 3 h" in text
    assert f": {HELD}\n    reeldrop resolve bbbbbbbb --generation-id ID" in text
    assert "reeldrop resolve bbbbbbbb --not-submitted" in text
    assert "resolve cccccccc" not in text
    assert "job cccccccc is still being looked for" in text
    today = time.strftime("%Y-%m-%d")
    assert f"budget of {today}: $5.85 of $9.50 are spent or reserved" in text
    assert f"{today}: $1.95 for 3 submits, 2 of them not priced yet" in text
    assert "\x1b" not in text, "a file's name must not command a terminal"


def test_without_a_budget_and_a_job_there_is_little_to_say(reeldrop: Shell, inbox: Path) -> None:
    path = inbox.parent / "state" / "r.db"

    async def empty() -> None:
        settings = StoreSettings(url=f"sqlite:///{path}")
        clock = SystemClock()
        await (
            await open_store(settings, LimitSettings(), reconcile_window=1.0, clock=clock)
        ).close()

    asyncio.run(empty())
    shell = replace(reeldrop, variables={"REELDROP_STORE__URL": f"sqlite:///{path}"})
    lines = shell("status").out.splitlines()
    assert lines[1:] == ["", "Nothing here yet.", "in flight: 0 of 10"]


def test_a_pause_is_told(store: Shell) -> None:
    async def pause() -> None:
        memory = await open_store(
            StoreSettings(url=store.variables["REELDROP_STORE__URL"]),
            LimitSettings(),
            reconcile_window=1.0,
            clock=SystemClock(),
        )
        await memory.set_paused(1_790_000_000.0)
        await memory.close()

    asyncio.run(pause())
    told = store("status", "--json").json()
    assert told["paused"] == "2026-09-21T14:13:20.000Z"
    assert told["blocked"].startswith("paused by a person")


@pytest.mark.slow
def test_it_knows_whether_a_daemon_runs(
    reeldrop: Shell, inbox: Path, outbox: Path, tmp_path: Path
) -> None:
    """Asked while it starts, too: whoever only looks must not keep it from starting."""
    variables = {"REELDROP_STORE__URL": f"sqlite:///{tmp_path}/state/reeldrop.db"}
    shell = replace(reeldrop, variables=variables | {"REELDROP_LIMITS__MIN_FREE_DISK": "0"})
    folders = ("--inbox", inbox, "--outbox", outbox)
    daemon = shell.start("run", "--simulate", *folders)
    told = eventually(lambda: running(shell("status", "--json")))
    assert told["daemon"]["holder"].startswith(f"pid {daemon.pid} on ")
    assert f"the daemon runs (pid {daemon.pid} on " in shell("status").out
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 0
    daemon.communicate()
    assert shell("status").out.splitlines()[0].endswith(": no daemon runs")


def running(ended: Any) -> Any:
    if ended.code == 75:
        return None
    told = ended.json()
    return told if told["daemon"]["running"] else None


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
    return found


def test_a_command_that_holds_the_folder_is_no_daemon(store: Shell) -> None:
    with hold_state_folder(store.home, "a command"):
        assert store("status", "--json").json()["daemon"] == {"running": False, "holder": ""}


@pytest.mark.slow
def test_many_who_look_do_not_keep_a_daemon_from_starting(store: Shell) -> None:
    """The lock is shared for an instant by each of them."""
    look = (
        "import sys, pathlib\nfrom reeldrop.host.lock import holder_of\nprint('on', flush=True)\n"
        "while True: holder_of(pathlib.Path(sys.argv[1]))"
    )
    (store.home / "lock").touch()
    lookers = [
        subprocess.Popen([sys.executable, "-c", look, store.home], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        for looker in lookers:
            assert looker.stdout
            assert looker.stdout.readline() == b"on\n"
        for _ in range(20):
            with hold_state_folder(store.home):
                pass
    finally:
        for looker in lookers:
            looker.kill()
            looker.communicate()


def test_watch_goes_on_until_it_is_interrupted(store: Shell) -> None:
    """Into a pipe it is one JSON object a line, and nothing of a terminal's."""
    process = store.start("status", "--watch", "--json")
    assert process.stdout
    seen = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err, "\x1b" in out) == (130, False, False)
    assert seen[0]["counts"] == seen[1]["counts"]
    assert seen[0]["updated"] < seen[1]["updated"]


def test_watch_draws_a_terminal_anew(store: Shell) -> None:
    here, there = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "status", "--watch"],
        cwd=store.home,
        env={"HOME": str(store.home), "PATH": os.defpath, "TERM": "xterm"} | store.variables,
        stdin=subprocess.DEVNULL,
        stdout=there,
        stderr=there,
    )
    os.close(there)
    screen = b""
    while screen.count(b"no daemon runs") < 2:
        screen += os.read(here, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    os.close(here)
    assert screen.count(b"\x1b[2J") >= 2


def test_without_a_store_it_ends_with_75(reeldrop: Shell) -> None:
    variables = {"REELDROP_STORE__URL": f"sqlite:///{reeldrop.home}/none/r.db"}
    done = replace(reeldrop, variables=variables)("status")
    assert done.code == 75
    assert "no job store" in done.err
    assert not (reeldrop.home / "none").exists()


@pytest.mark.parametrize("command", [("status",), ("jobs",), ("show", "a"), ("check",)])
def test_before_an_older_store_is_upgraded_each_command_says_what_to_do(
    reeldrop: Shell, command: tuple[str, ...]
) -> None:
    """The daemon upgrades it; those that look wait for that and say so."""
    path = reeldrop.home / "r.db"
    dump = Path(__file__).parents[1] / "store" / "version_1.sql"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(dump.read_text("utf-8"))
        db.execute("PRAGMA application_id=0x5265656C")
    variables = {"REELDROP_STORE__URL": f"sqlite:///{path}", "AIMLAPI_API_KEY": "k"}
    variables["REELDROP_API__BASE_URL"] = "http://127.0.0.1:9"
    done = replace(reeldrop, variables=variables)(*command)
    assert done.code in (75, 78)
    assert (done.code == 75) or command == ("check",)
    assert "older Reeldrop" in done.out + done.err
    assert "reeldrop run" in done.out + done.err
