"""The installed daemon under a service manager: a datagram socket that hears what it tells."""

import asyncio
import json
import os
import pty
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from acceptance.stalling import share
from acceptance.world import KEY, REELDROP, Site, arrive, eventually
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

pytestmark = pytest.mark.timeout(120)
GOOD = {"prompt": "x"}
WATCHDOG = 3.0
"""Seconds within which a sign of life is wanted: much less than any time-out of the daemon's own."""


class Manager:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.heard: list[str] = []
        # The kernel holds a few words for who does not listen, and the daemon drops the rest.
        asyncio.get_running_loop().add_reader(self._socket, self.listen)

    def listen(self) -> list[str]:
        """Return all that was told so far, in order."""
        with suppress(BlockingIOError):
            while True:
                self.heard.append(self._socket.recv(9999).decode())
        return list(self.heard)

    def told(self, word: str) -> Callable[[], bool]:
        return lambda: any(word in words for words in self.listen())

    def forget(self) -> None:
        self.listen()
        self.heard.clear()

    async def feeds(self, seconds: float) -> None:
        """See that the watchdog is fed in time for so long."""
        self.forget()
        last, until = time.monotonic(), time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            if "WATCHDOG=1" in self.listen():
                last = now
                self.heard.clear()
            assert now - last < WATCHDOG, "the service manager would have killed it"
            await asyncio.sleep(0.02)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


@pytest.fixture
async def manager(site: Site, tmp_path: Path) -> AsyncIterator[Manager]:
    path = tmp_path / "notify"
    manager = Manager(path)
    site.environment |= {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(int(WATCHDOG * 1e6))}
    yield manager
    manager.close()


def events(site: Site, name: str) -> list[dict[str, object]]:
    """Return the lines of the log of one event."""
    lines = (line for line in site.log.splitlines() if line.startswith("{"))
    return [found for line in lines if (found := json.loads(line))["event"] == name]


async def reloaded(site: Site, event: str = "settings.reloaded") -> dict[str, object]:
    """Send SIGHUP, and return what the log says of it."""
    assert site.process is not None
    before = len(events(site, event))
    site.process.send_signal(signal.SIGHUP)
    await eventually(lambda: len(events(site, event)) > before)
    return events(site, event)[-1]


async def test_it_says_that_it_is_ready_how_it_is_and_that_it_stops(
    site: Site, api: Simulator, manager: Manager
) -> None:
    """READY only after what was begun has been taken over; the status line tells of jobs while they are there."""
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=0))
    await site.start()
    await eventually(manager.told("READY=1"))
    words = manager.listen()
    before = words[: words.index("READY=1")]
    assert [word.partition("=")[0] for word in before[:2]] == ["EXTEND_TIMEOUT_USEC", "STATUS"]
    assert "WATCHDOG=1" not in before, "nobody feeds a watchdog for what has not begun"
    await eventually(manager.told("STATUS=Nothing to do."))
    site.drop("a.mov", GOOD)
    await eventually(manager.told("STATUS=Jobs: 1 generating."))
    manager.forget()
    api.faults.clear()
    await site.finished("a")
    await eventually(manager.told("STATUS=Nothing to do."))
    assert await site.stop() == 0
    assert "STOPPING=1" in manager.listen()


async def test_a_start_that_waits_for_a_slow_share_asks_for_time(
    site: Site, manager: Manager
) -> None:
    """It is not ready, and it is not hung: it says so again and again."""

    def asked() -> int:
        return sum(words.startswith("EXTEND_TIMEOUT_USEC=") for words in manager.listen())

    async with share(site.inbox) as inbox:
        with inbox.stalled():
            start = asyncio.ensure_future(site.start())
            await eventually(lambda: asked() >= 2)
            assert "READY=1" not in manager.listen()
        await start
        await eventually(manager.told("READY=1"))
        await site.stop()


@pytest.mark.parametrize("wrong", ["settings", "folder", "key"])
async def test_what_cannot_work_is_never_ready(site: Site, manager: Manager, wrong: str) -> None:
    """78 or 75, and a service manager that waits for READY sees a start that failed."""
    code = 78
    if wrong == "settings":
        site.configure(limits={"in_flight": 0})
    elif wrong == "folder":
        site.configure(watch={"inbox": str(site.inbox / "not-there")})
        code = 75
    else:
        del site.environment["AIMLAPI_API_KEY"]
    assert (await site.command("run"))[0] == code
    assert "READY=1" not in manager.listen()


async def test_the_line_says_why_nothing_is_submitted(
    site: Site, api: Simulator, manager: Manager
) -> None:
    """Whoever asks `systemctl status` sees what `reeldrop status` says."""
    api.faults.add(Fault(Route.SUBMIT, answer="out_of_credits", times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: any("1 queued" in w and len(w) > 40 for w in manager.listen()))
    assert (await site.command("pause"))[0] == 0
    await eventually(manager.told("paused by a person"))


async def test_the_watchdog_is_fed_though_a_share_hangs(
    site: Site, api: Simulator, manager: Manager
) -> None:
    """An inbox that hangs in the kernel is a paused watch, not a dead daemon."""
    async with share(site.inbox) as inbox:
        await site.start()
        await manager.feeds(WATCHDOG)
        with inbox.stalled():
            arrive(b"{}", inbox.backing / "a.json")
            await manager.feeds(2 * WATCHDOG)
        await site.stop(signal.SIGKILL)


async def test_the_watchdog_is_not_fed_by_a_loop_that_stands_still(
    site: Site, manager: Manager
) -> None:
    """A stopped process tells nothing; systemd kills it, and the next one goes on."""
    await site.start()
    await manager.feeds(WATCHDOG)
    assert site.process is not None
    site.process.send_signal(signal.SIGSTOP)
    with pytest.raises(AssertionError, match="would have killed"):
        await manager.feeds(2 * WATCHDOG)
    site.process.send_signal(signal.SIGCONT)
    await manager.feeds(WATCHDOG)


# ---------------------------------------------------------------------------- SIGHUP


async def test_a_reload_says_what_it_applies_and_what_wants_a_restart(
    site: Site, manager: Manager
) -> None:
    """In one line of the log, and in the status line until there is a restart."""
    await site.start()
    site.configure(
        limits={"in_flight": 3, "daily_usd": 5.0}, log={"level": "debug"}, web={"listen": "127.0.0.1:1"},
        watch={"settle": 0.2, "archive": "delete"},
        **{"watch.defaults": {"prompt": "from the defaults"}},
    )  # fmt: skip
    manager.forget()
    told = await reloaded(site)
    assert told["changed"] == [
        "limits.daily_usd", "limits.in_flight", "log.level", "watch.main.defaults",
        "watch.main.settle",
    ]  # fmt: skip
    assert told["kept"] == ["watch.main.archive", "web.listen"]
    await eventually(manager.told("Wait for a restart: watch.main.archive, web.listen."))
    words = [w for w in manager.listen() if "WATCHDOG" not in w and "STATUS" not in w]
    assert words[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert words[1] == "READY=1"

    arrive(site.clip.read_bytes(), site.inbox / "lone.mov")
    record = await site.finished("lone")
    assert record["params"]["prompt"] == "from the defaults"
    assert (site.outbox / "lone/source/lone.mov").exists(), "archive stays as it was"


@pytest.mark.parametrize(
    ("section", "wrong", "said"),
    [
        ("limits", {"in_flight": 0}, "in_flight"),
        ("watch.defaults", {"promt": "x"}, "promt"),
        ("api", {"key_file": "/not/there"}, "/not/there"),
        ("upload", {"mode": "signed_url"}, "object_store"),
    ],
)
async def test_wrong_settings_at_a_reload_change_nothing(
    site: Site, manager: Manager, section: str, wrong: dict[str, object], said: str
) -> None:
    """The old ones hold, all of them; the log and the status line say what is wrong."""
    keys = site.config.with_name("key")
    keys.write_text(KEY)
    del site.environment["AIMLAPI_API_KEY"]
    site.configure(api={"key_file": str(keys)})
    await site.start()
    site.configure(log={"level": "debug"}, **{section: wrong})
    told = await reloaded(site, "settings.refused")
    assert said in str(told["error"])
    await eventually(manager.told("The last reload was refused: "))
    site.drop("a.mov", GOOD)
    assert (await site.finished("a"))["state"] == "delivered"
    assert '"level": "debug"' not in site.log


async def test_a_limit_that_is_raised_lets_the_queue_go_on_at_once(
    site: Site, api: Simulator
) -> None:
    """And nothing that is under way is disturbed: each is paid for once."""
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=0))
    site.configure(limits={"in_flight": 1})
    await site.start()
    for name in ("a", "b", "c"):
        site.drop(f"{name}.mov", {"prompt": name})
    await eventually(lambda: len(api.ledger.accepted) == 1)
    site.configure(limits={"in_flight": 3})
    await reloaded(site)
    await eventually(lambda: len(api.ledger.accepted) == 3)
    api.faults.clear()
    assert site.process is not None
    for _ in range(50):
        site.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(0.01)
    for name in ("a", "b", "c"):
        assert (await site.finished(name))["attempts"] == 1
    assert len(api.ledger.accepted) == 3


async def refused_key(site: Site) -> Path:
    """Start with a key that the API does not take any more, and a drop; return its file."""
    keys = site.config.with_name("key")
    keys.write_text("f" * 32)
    del site.environment["AIMLAPI_API_KEY"]
    site.configure(api={"key_file": str(keys)})
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: "queue.blocked" in site.log)
    return keys


async def test_a_key_that_was_changed_is_used_and_never_logged(site: Site, api: Simulator) -> None:
    """The old one was revoked: the queue waits, and goes on with the new one."""
    keys = await refused_key(site)
    keys.write_text(KEY)
    assert (await reloaded(site))["changed"] == ["api key"]
    # At once, and not at the next of the tries that come each half a minute.
    assert (await site.finished("a", 15))["state"] == "delivered"
    assert KEY not in site.log


async def test_a_key_that_is_changed_in_a_pause_lets_nothing_through(
    site: Site, api: Simulator
) -> None:
    """Who has paused it has a reason; another key is none to go on."""
    keys = await refused_key(site)
    assert (await site.command("pause"))[0] == 0
    keys.write_text(KEY)
    assert (await reloaded(site))["changed"] == ["api key"]
    site.drop("b.mov", {"prompt": "y"})
    await eventually(lambda: len(json.loads(site.status_path.read_text())["jobs"]) == 2)
    assert api.ledger.accepted == []
    assert (await site.command("resume"))[0] == 0
    for name in ("a", "b"):
        assert (await site.finished(name))["state"] == "delivered"


async def test_a_terminal_that_closes_stops_it(site: Site) -> None:
    """With a terminal as standard error SIGHUP means that this has gone."""
    ours, theirs = pty.openpty()
    site.process = await asyncio.create_subprocess_exec(
        REELDROP, "run", "--config", site.config,
        env=site.environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    await eventually(site.status_path.exists)
    assert await site.stop(signal.SIGHUP) == 0
    (log,) = (site.outbox / "_logs").glob("*.jsonl")
    assert "daemon.stopped" in log.read_text()
    os.close(ours)
