"""A hint that something may have changed, raised by any thread."""

import asyncio
import threading
from contextlib import suppress


class Hint:
    """A flag that any thread raises and one coroutine waits for."""

    def __init__(self) -> None:
        self._raised = threading.Event()
        self._woken: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._raised.set()

    def raise_(self) -> None:
        """Wake who waits; costs nothing while the flag is up."""
        if self._raised.is_set():
            return
        self._raised.set()
        loop, woken = self._loop, self._woken
        if loop is not None and woken is not None:
            # The loop may have ended; then nobody waits any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

    def lower(self) -> None:
        """Begin anew: what is raised from now on counts."""
        self._raised.clear()

    async def wait(self, timeout: float) -> None:
        """Return when the flag is up, or after `timeout` seconds."""
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        if self._raised.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._woken.wait()
