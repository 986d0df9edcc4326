"""Real folders, opened as the daemon opens them."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import pytest
import pytest_asyncio

from reeldrop.files import mark_of, open_inbox, open_outbox
from reeldrop.files.inbox import FolderInbox
from reeldrop.files.publish import FolderOutbox
from reeldrop.ports import Scan
from reeldrop.settings import OutputSettings, WatchSettings


class RealClock:
    """The host's time."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def drops(tmp_path: Path) -> Path:
    """The inbox's folder."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The outbox's folder."""
    folder = tmp_path / "outbox"
    folder.mkdir()
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the same file system that nobody watches."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest_asyncio.fixture
async def open_watch(drops: Path, tmp_path: Path) -> AsyncIterator[Callable[..., FolderInbox]]:
    """A function that opens the inbox with other settings."""
    opened: list[FolderInbox] = []

    def opener(**settings: Any) -> FolderInbox:
        values = {"inbox": str(drops), "outbox": str(tmp_path / "outbox"), **settings}
        watch = WatchSettings.model_validate(values)
        opened.append(open_inbox(watch, RealClock(), mark_of(watch.inbox)))
        return opened[-1]

    yield opener
    for inbox in opened:
        await inbox.aclose()


@pytest.fixture
def inbox(open_watch: Callable[..., FolderInbox]) -> FolderInbox:
    return open_watch()


@pytest_asyncio.fixture
async def outbox(results: Path) -> AsyncIterator[FolderOutbox]:
    opened = open_outbox(str(results), OutputSettings())
    yield opened
    await opened.aclose()


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A function that mounts a small tmpfs on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path, options: str = "size=4m") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        done = run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"NOT TESTED, mounting is not permitted here: {done.stderr.decode()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in reversed(mounted):
        run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk where an fsync costs nothing, for tests that make hundreds."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


async def scan_until(inbox: FolderInbox, seen: Callable[[Scan], bool]) -> Scan:
    """Scan after each hint until `seen`; the test's own time-out ends it."""
    async with asyncio.timeout(30):
        while not seen(scan := await inbox.scan()):
            await inbox.changed(0.1)
    return scan


@pytest.fixture
def until(inbox: FolderInbox) -> Callable[[Callable[[Scan], bool]], Awaitable[Scan]]:
    """Scan the inbox after each hint until a condition holds."""
    return lambda seen: scan_until(inbox, seen)


DEADLY = {
    "mkdir", "open", "write", "fsync", "link", "unlink", "rmdir", "rename", "replace", "utime",
    "fchmod", "fchown",
}  # fmt: skip
DONE = 7


def _survives(step: int, act: Callable[[], object]) -> bool:
    """Run `act` in a child that dies right before its `step`-th change; True when it came through."""
    child = os.fork()
    if child == 0:
        _live(step, act)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, DONE), f"the child failed with {code}"
    return code == DONE


def _live(step: int, act: Callable[[], object]) -> None:
    left = step

    def watch(frame: FrameType, event: str, called: Any) -> None:
        nonlocal left
        changes = event == "c_call" and called.__module__ == "posix" and called.__name__ in DEADLY
        # renameat2 is reached through ctypes, which the hook does not see: its caller is seen.
        renames = event in ("call", "return") and frame.f_code.co_name == "_rename"
        if changes or renames:
            left -= 1
            if left == 0:
                os._exit(0)

    try:
        sys.setprofile(watch)
        act()
        sys.setprofile(None)
    except BaseException as error:  # noqa: BLE001 - a child of pytest must not run on into pytest
        os.write(2, repr(error).encode())
        os._exit(1)
    os._exit(DONE)


@pytest.fixture
def survives() -> Callable[[int, Callable[[], object]], bool]:
    """What kill -9 leaves behind: `survives(step, act)`.

    The interpreter's own profiling hook sees every call of the operating system's functions, so
    the code under test needs no hook of its own.
    """
    return _survives
