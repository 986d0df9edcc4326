"""The machine's time."""

import asyncio
import time


class SystemClock:
    """`ports.Clock` on this machine."""

    def now(self) -> float:
        """Return wall-clock seconds since the epoch."""
        return time.time()  # noqa: TID251 - this is the Clock port

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)
