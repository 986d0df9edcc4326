"""Sees to it that what was uploaded does not outlive its jobs."""

import asyncio
from contextlib import suppress

from reeldrop.ports import Uploads

INTERVAL = 600.0
"""Seconds after which what could not be removed is tried again."""


class Tidying:
    """Has uploads tidied up after jobs have ended, at the start, and again where that failed."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._busy = False

    def job_ended(self) -> None:
        """Hear that a job needs its uploads no more."""
        self._wanted.set()

    @property
    def idle(self) -> bool:
        """Say whether nothing is to be done now."""
        return not self._wanted.is_set() and not self._busy

    async def lane(self) -> None:
        """Tidy up for ever."""
        while True:
            self._busy = True
            self._wanted.clear()
            await self._uploads.tidy()
            self._busy = False
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._wanted.wait()
