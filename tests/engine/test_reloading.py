"""A reload reaches every room, in one turn of the loop, and disturbs no job."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reeldrop import app
from reeldrop.domain.lifecycle import State
from reeldrop.engine.rooms import Rooms
from reeldrop.host.notify import Notifier
from reeldrop.ports import Direction
from reeldrop.settings import Loaded, LogSettings, NotifySettings, Settings


@dataclass
class Daemon:
    """A daemon at work, and the file of its settings."""

    rooms: Rooms
    file: Settings
    reloads: app.Reloads

    async def reload(self, **sections: dict[str, Any]) -> dict[str, Any]:
        """Change the file and ask for a reload; return what the log says of it."""
        for name, changes in sections.items():
            if name == "watch":
                value: Any = (self.file.watch[0].model_copy(update=changes),)
            else:
                value = getattr(self.file, name).model_copy(update=changes)
            self.file = self.file.model_copy(update={name: value})
        with capture_logs() as logs:
            self.reloads.asked.set()
            while not (told := [log for log in logs if log["event"].startswith("settings.")]):
                await asyncio.sleep(0.01)
        return dict(told[0])

    async def until(self, true: Callable[[], Any]) -> None:
        while not await true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(
    settings: Settings, stop: asyncio.Event | None = None, outside: app.Outside | None = None
) -> AsyncGenerator[Daemon]:
    stop = stop or asyncio.Event()
    outside = outside or app.Outside(reloads=app.Reloads(lambda: Loaded(daemon.file, None)))
    async with (
        asyncio.timeout(50),
        app.opened(settings, app.Options(), stop, outside) as rooms,
        asyncio.TaskGroup() as group,
    ):
        daemon = Daemon(rooms, settings, outside.reloads)
        group.create_task(app.work(settings, rooms, stop, outside, once=False))
        yield daemon
        stop.set()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "0123456789abcdef")


async def test_every_room_goes_by_the_new_values(settings: Settings) -> None:
    """Each key that a reload takes is one that somebody goes by."""
    async with working(settings) as daemon:
        told = await daemon.reload(
            api={"poll_interval": 7.0, "generation_timeout": 8.0, "reconcile_window": 9.0},
            limits={"upload_bandwidth": 5_000, "download_bandwidth": 6_000},
            watch={"duplicates": "never", "poll_interval": 0.7},
        )
        assert told["log_level"] == "info", told
        rooms = daemon.rooms
        policy, place = rooms.policy, rooms.places["main"]
        assert (policy.poll_interval, policy.generation_timeout) == (7.0, 8.0)
        assert policy.reconcile_window == 9.0
        assert place.duplicates == "never"
        paces = rooms.transfers._paces
        assert [paces[each].rate for each in (Direction.UPLOAD, Direction.DOWNLOAD)] == [5000, 6000]


async def test_a_full_disk_by_a_new_measure_stops_and_a_smaller_one_lets_go_on(
    settings: Settings,
) -> None:
    """What is queued waits and says why; nothing is lost."""
    full = settings.limits.model_copy(update={"min_free_disk": 10**18})
    async with working(settings.model_copy(update={"limits": full})) as daemon:

        async def blocked() -> bool:
            return any("min_free_disk" in each.reason for each in await daemon.rooms.store.blocks())

        async def delivered() -> bool:
            return bool(await daemon.rooms.store.jobs([State.DELIVERED]))

        await daemon.until(blocked)
        await daemon.reload(limits={"min_free_disk": 0})
        await daemon.until(delivered)


async def test_a_drop_that_waits_is_judged_by_the_new_defaults(
    settings: Settings, tmp_path: Any
) -> None:
    """A clip that nobody wrote a sidecar for is taken once the watch says what to do with it."""
    (tmp_path / "inbox" / "a.json").unlink()
    async with working(settings) as daemon:

        async def waits() -> bool:
            return bool(await daemon.rooms.store.waiting())

        async def delivered() -> bool:
            return bool(await daemon.rooms.store.jobs([State.DELIVERED]))

        await daemon.until(waits)
        told = await daemon.reload(watch={"defaults": {"prompt": "by default"}})
        assert told["changed"] == ["watch.main.defaults"]
        await daemon.until(delivered)


async def test_one_wrong_value_keeps_all_the_others_out(settings: Settings) -> None:
    """Half of a file that somebody is editing must not hold."""
    async with working(settings) as daemon:
        told = await daemon.reload(
            api={"poll_interval": 7.0}, watch={"defaults": {"promt": "typing"}}
        )
        assert (told["event"], told["log_level"]) == ("settings.refused", "warning")
        assert "promt" in told["error"]
        assert daemon.rooms.policy.poll_interval == settings.api.poll_interval
        told = await daemon.reload(watch={"defaults": {"prompt": "typed"}})
        assert told["changed"] == ["api.poll_interval", "watch.main.defaults"]


@pytest.mark.parametrize("where", ["checking", "opening"])
async def test_what_nobody_foresaw_refuses_a_reload_and_ends_nothing(
    settings: Settings, where: str
) -> None:
    """A library that cannot bear a value, or a bug: whoever reloads a daemon that works keeps it."""
    meets = True

    def stumble(_: Settings) -> None:
        if meets:
            raise ZeroDivisionError

    async def opening(new: Settings) -> None:
        stumble(new)

    async with working(settings) as daemon:
        if where == "checking":
            daemon.reloads.check(stumble)
        else:
            daemon.reloads.open_receivers(opening)
        told = await daemon.reload(api={"poll_interval": 7.0})
        assert (told["event"], told["log_level"]) == ("settings.refused", "error")
        assert told["error"] == "an internal error (ZeroDivisionError)."
        assert daemon.rooms.policy.poll_interval == settings.api.poll_interval
        meets = False
        assert (await daemon.reload())["changed"] == ["api.poll_interval"]
        assert daemon.rooms.policy.poll_interval == 7.0


class Manager:
    """A service manager's end of its socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._words: list[str] = []

    def words(self) -> list[str]:
        with suppress(BlockingIOError):
            while True:
                self._words.append(self._socket.recv(9999).decode())
        return self._words

    async def hears(self, word: str) -> None:
        while not any(each.startswith(word) for each in self.words()):
            await asyncio.sleep(0.01)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def hooked(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a command that makes the file `began` and ends when there is a file `go`."""
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncd {tmp_path}; touch began; until test -e go; do sleep 0.02; done")
    hook.chmod(0o755)
    return settings.model_copy(update={"notify": NotifySettings(command=(str(hook),))})


@pytest.mark.parametrize("asked", ["before the stop", "after the stop"])
async def test_a_daemon_that_stops_takes_no_other_settings(
    hooked: Settings, tmp_path: Path, asked: str
) -> None:
    """READY after STOPPING would tell a service manager that it works; its last word is that it stops."""
    stop, held, read = asyncio.Event(), threading.Event(), threading.Event()
    debug = hooked.model_copy(update={"log": LogSettings(level="debug")})

    def slow_read() -> Loaded:
        read.set()
        assert held.wait(30)
        return Loaded(debug, None)

    async def telling() -> bool:
        return (tmp_path / "began").exists()

    reloads = app.Reloads(slow_read)
    with closing(Manager(tmp_path / "notify")) as manager, capture_logs() as logs:
        outside = app.Outside(Notifier(str(tmp_path / "notify")), reloads)
        async with working(hooked, stop, outside) as daemon:
            # What is being told keeps the stop waiting.
            await daemon.until(telling)
            if asked == "before the stop":
                reloads.asked.set()
                await manager.hears("RELOADING=1")
            stop.set()
            await manager.hears("STOPPING=1")
            reloads.asked.set()
            held.set()
            # Longer than any of it would take.
            for _ in range(30):
                await asyncio.sleep(0.01)
            (tmp_path / "go").touch()
        words = manager.words()
    assert read.is_set() == (asked == "before the stop")
    assert words[words.index("STOPPING=1") :] == ["STOPPING=1", "STATUS=Stopping."]
    assert not [log for log in logs if log["event"].startswith("settings.")]
