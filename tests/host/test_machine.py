"""The clock and the disks of this machine."""

import asyncio
import os
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from reeldrop.host import disk
from reeldrop.host.clock import SystemClock
from reeldrop.host.disk import Room


async def test_the_clock_tells_the_machines_time() -> None:
    clock = SystemClock()
    before, began = clock.now(), clock.monotonic()
    await clock.sleep(0.01)
    assert before <= clock.now() <= time.time()
    assert began + 0.009 < clock.monotonic() <= time.monotonic()


async def test_free_room_is_what_this_user_may_still_write(tmp_path: Path) -> None:
    """What is kept for root alone is no room for us."""
    found = os.statvfs(tmp_path)
    free = found.f_bavail * found.f_frsize
    assert await Room([tmp_path], reserve=int(free * 0.9)).shortage() == {}
    assert list(await Room([tmp_path], reserve=int(free * 1.1)).shortage()) == [tmp_path]


async def test_with_room_for_the_reserve_there_is_no_shortage(tmp_path: Path) -> None:
    room = Room([tmp_path], reserve=0)
    assert await room.shortage() == {}
    room.keep(10**18)
    assert list(await room.shortage()) == [tmp_path], "what was asked before was of another reserve"


async def test_a_shortage_names_the_folder_and_the_key_that_sets_the_reserve(
    tmp_path: Path,
) -> None:
    """Whoever reads why the queue waits shall know which disk to clear, or what to set."""
    shortage = await Room([tmp_path], reserve=10**18).shortage()
    assert list(shortage) == [tmp_path]
    assert str(tmp_path) in shortage[tmp_path]
    assert "limits.min_free_disk" in shortage[tmp_path]


async def test_a_folder_that_does_not_answer_is_no_shortage_of_the_others(tmp_path: Path) -> None:
    """One share that is away must not stop the watches of other disks."""
    short = await Room([tmp_path / "gone", tmp_path], reserve=10**18).shortage()
    assert list(short) == [tmp_path]


async def test_a_disk_that_hangs_holds_up_neither_the_others_nor_the_next_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead NFS server keeps `statvfs` in the kernel for minutes; threads must not pile up there."""
    hangs, asked = threading.Event(), []
    usage = shutil.disk_usage

    def disk_usage(folder: Path) -> object:
        asked.append(folder)
        if folder.name == "hangs":
            hangs.wait(30)
        return usage(tmp_path)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(disk, "PATIENCE", 0.1)
    monkeypatch.setattr(disk, "ASK_AGAIN", 0.0)
    room = Room([tmp_path / "hangs", tmp_path], reserve=10**18)
    try:
        async with asyncio.timeout(20):
            while list(await room.shortage()) != [tmp_path]:
                pass
            # Whoever waited anew for the disk that hangs would wait for longer than this test.
            monkeypatch.setattr(disk, "PATIENCE", 600.0)
            later = SimpleNamespace(monotonic=lambda: time.monotonic() + 600.0)
            monkeypatch.setattr(disk, "time", later)
            for _ in range(3):
                assert list(await room.shortage()) == [tmp_path]
        assert asked.count(tmp_path / "hangs") == 1
    finally:
        hangs.set()


async def test_a_disk_that_owes_an_answer_for_long_is_silent_until_it_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs, and goes on by itself; one that is not there has answered."""
    hangs, usage = threading.Event(), shutil.disk_usage

    def disk_usage(folder: Path) -> object:
        if folder.name == "hangs":
            hangs.wait(30)
        return usage(tmp_path)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(disk, "PATIENCE", 0.0)
    monkeypatch.setattr(disk, "ASK_AGAIN", 0.0)
    room = Room([tmp_path / "hangs", tmp_path / "gone", tmp_path], reserve=0)
    try:
        assert await room.silent() == []
        monkeypatch.setattr(disk, "SILENT", 0.2)
        async with asyncio.timeout(20):
            while await room.silent() != [tmp_path / "hangs"]:
                await asyncio.sleep(0.01)
    finally:
        hangs.set()
    async with asyncio.timeout(20):
        await room.answered()
        while await room.silent():
            await asyncio.sleep(0.01)
