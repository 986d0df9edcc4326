"""The disks: do they answer, and is there room on them."""

import asyncio
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from pathlib import Path

ASK_AGAIN = 5.0
"""Seconds for which an answer about free space is believed."""
PATIENCE = 2.0
"""Seconds that a disk is waited for; one that takes longer is asked no more until it has answered."""
SILENT = 15.0
"""Seconds without an answer after which a disk counts as not there: one that has to spin up is quicker."""


class Disk:
    """The disk of one folder, asked by a thread of its own: one that hangs holds up nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asking: asyncio.Future[int | None] | None = None
        self._asked = 0.0

    @property
    def silent_for(self) -> float:
        """For how many seconds it has owed an answer; 0 where it owes none."""
        waits = self._asking is not None and not self._asking.done()
        return time.monotonic() - self._asked if waits else 0.0

    async def answered(self) -> None:
        """Return once it has answered, with whatever; one that hangs never does."""
        await asyncio.shield(self._asking or self._ask())

    async def free(self) -> int | None:
        """Return the bytes this user may still write, None where the disk does not answer.

        It gets PATIENCE to answer each question; who comes later waits for it no more.
        """
        asking = self._asking
        if asking is None or asking.done():
            asking = self._ask()
        patience = max(0.0, PATIENCE - self.silent_for)
        done, _ = await asyncio.wait([asking], timeout=patience)
        return asking.result() if done else None

    def _ask(self) -> asyncio.Future[int | None]:
        loop = asyncio.get_running_loop()
        answer = self._asking = loop.create_future()
        self._asked = time.monotonic()

        def ask() -> None:
            try:
                free = shutil.disk_usage(self._folder).free
            except OSError:
                free = None
            # Where the answer comes too late nobody asks any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(answer.set_result, free)

        # A daemon thread: a kernel that never answers must not keep the process from ending.
        threading.Thread(target=ask, name="disk", daemon=True).start()
        return answer


class Room:
    """Which of the folders do not answer, or have too little room for more work."""

    def __init__(self, folders: Sequence[Path], reserve: int) -> None:
        """`reserve` is in bytes, for each folder."""
        self._disks = {folder: Disk(folder) for folder in folders}
        self.reserve = reserve
        self._asked = -inf
        self._looking = asyncio.Lock()
        self._short: dict[Path, str] = {}

    def keep(self, reserve: int) -> None:
        """Want `reserve` bytes free from now on; what was asked before is believed no more."""
        self.reserve = reserve
        self._asked = -inf

    async def shortage(self) -> dict[Path, str]:
        """Return the folders whose disk has less than the reserve, and a sentence for each.

        A folder that does not answer is not among them; it is among the `silent`.
        """
        await self._look()
        return self._short

    async def silent(self) -> list[Path]:
        """Return the folders that have not answered for SILENT seconds."""
        await self._look()
        return [folder for folder, disk in self._disks.items() if disk.silent_for >= SILENT]

    async def answered(self) -> None:
        """Return once every folder has answered, be it that it is not there."""
        await asyncio.gather(*(disk.answered() for disk in self._disks.values()))

    async def _look(self) -> None:
        """Ask every disk, if that was not done within the last few seconds."""
        async with self._looking:
            if time.monotonic() - self._asked >= ASK_AGAIN:
                await self._ask()
                self._asked = time.monotonic()

    async def _ask(self) -> None:
        free = await asyncio.gather(*(disk.free() for disk in self._disks.values()))
        self._short = {
            folder: (
                f"The disk of {folder} has {left / 1e6:.0f} MB free; "
                f"{self.reserve / 1e6:.0f} MB are kept free (limits.min_free_disk)."
            )
            for folder, left in zip(self._disks, free, strict=True)
            if left is not None and left < self.reserve
        }
