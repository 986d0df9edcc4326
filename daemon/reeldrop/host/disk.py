"""Room on the disks."""

import asyncio
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ASK_AGAIN = 5.0
"""Seconds for which an answer about free space is believed."""
PATIENCE = 2.0
"""Seconds that a disk gets to answer: its own watch will meet one that hangs."""


class Disk:
    """The disk of one folder, asked by a thread of its own: one that hangs holds up nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asking: asyncio.Future[int | None] | None = None

    async def free(self) -> int | None:
        """Return the bytes this user may still write, None where the disk does not answer.

        It gets PATIENCE to answer each question; while one is open nobody waits for it again.
        """
        patience = 0.0
        if self._asking is None or self._asking.done():
            self._asking, patience = self._ask(), PATIENCE
        done, _ = await asyncio.wait([self._asking], timeout=patience)
        return self._asking.result() if done else None

    def _ask(self) -> asyncio.Future[int | None]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int | None] = loop.create_future()

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
    """Which of the folders that are written to have too little room for more work."""

    def __init__(self, folders: Sequence[Path], reserve: int) -> None:
        """`reserve` is in bytes, for each folder."""
        self._disks = {folder: Disk(folder) for folder in folders}
        self._reserve = reserve
        self._asked = -ASK_AGAIN
        self._short: dict[Path, str] = {}

    async def shortage(self) -> dict[Path, str]:
        """Return the folders whose disk has less than the reserve, and a sentence for each.

        Asked anew every few seconds. A folder that does not answer is not among them: its own
        watch will meet that, and the others have nothing to do with it.
        """
        if time.monotonic() - self._asked < ASK_AGAIN:
            return self._short
        free = await asyncio.gather(*(disk.free() for disk in self._disks.values()))
        self._short = {
            folder: (
                f"The disk of {folder} has {left / 1e6:.0f} MB free; "
                f"{self._reserve / 1e6:.0f} MB are kept free (limits.min_free_disk)."
            )
            for folder, left in zip(self._disks, free, strict=True)
            if left is not None and left < self._reserve
        }
        self._asked = time.monotonic()
        return self._short
