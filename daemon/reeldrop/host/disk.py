"""Room on the disks."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from reeldrop.domain.errors import FolderOffline

ASK_AGAIN = 5.0
"""Seconds for which an answer about free space is believed."""


async def free_bytes(folder: Path) -> int:
    """Return how many bytes this user may still write to the disk of `folder`.

    Asked in a thread, because a share may not answer for minutes. Raises FolderOffline.
    """
    try:
        return (await asyncio.to_thread(shutil.disk_usage, folder)).free
    except OSError as error:
        raise FolderOffline(f"The folder {folder} does not answer: {error.strerror}.") from error


class Room:
    """Whether all folders that are written to have room for more work."""

    def __init__(self, folders: Sequence[Path], reserve: int) -> None:
        """`reserve` is in bytes, for each folder."""
        self._folders = folders
        self._reserve = reserve
        self._asked = -ASK_AGAIN

    async def shortage(self) -> str:
        """Return which folder's disk has less than the reserve, or ""; asked anew every few seconds."""
        if time.monotonic() - self._asked < ASK_AGAIN:
            return ""
        for folder in self._folders:
            try:
                free = await free_bytes(folder)
            except FolderOffline:
                # Its own watch will meet that; the others have nothing to do with it.
                continue
            if free < self._reserve:
                return (
                    f"The disk of {folder} has {free / 1e6:.0f} MB free; "
                    f"{self._reserve / 1e6:.0f} MB are kept free (limits.min_free_disk)."
                )
        self._asked = time.monotonic()
        return ""
