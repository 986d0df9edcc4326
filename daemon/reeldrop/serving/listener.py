"""A port, and the connections made to it."""

import asyncio
import contextlib
from collections.abc import Callable

from reeldrop.serving.http import READ_SIZE, Connection

Connect = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Connection]
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


MOMENT = 1.0
"""Seconds that one more waits for a place, and that who is turned away gets to read it."""
LOOK_AGAIN = 0.05
"""Seconds between two looks for a place."""


class Listener:
    """One port and its connections."""

    def __init__(
        self, connect: Connect, most: int | None = None, full: Callable[[], None] = lambda: None
    ) -> None:
        """`most` connections at once are served, as many again wait a moment; None: as many as come.

        Where there is no place, whoever asks for nothing, or does not take his answer, gives his to the next.
        `full` hears of each one that finds none.
        """
        self._connect = connect
        self._most = most
        self._full = full
        self._tasks: set[asyncio.Task[None]] = set()
        self._served: dict[asyncio.Task[None], Connection] = {}
        """Those of them that have a place, the oldest first."""
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen on `host`:`port` (0 = any free one) and return the port. Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=READ_SIZE, backlog=1024
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Close the port and cut every connection."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next round

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs every connection in a task
        self._tasks.add(task)
        # Nobody awaits this task; `close` alone cancels it, and a client may leave at any time.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                if self._has_place() or await self._gets_place():
                    connection = self._served[task] = self._connect(reader, writer)
                    await connection.serve()
                else:
                    self._full()
                    if self._may_wait():
                        await _turn_away(reader, writer)
            finally:
                # Not closed and waited for: who takes nothing would be waited for without end.
                writer.transport.abort()
                self._tasks.discard(task)
                self._served.pop(task, None)

    def _has_place(self) -> bool:
        """Say whether one more can be served, be it in the place of one that only its client holds up."""
        if self._most is None or len(self._served) < self._most:
            return True
        waits = next((task for task, each in self._served.items() if each.waits), None)
        if waits is None:
            return False
        del self._served[waits]
        waits.cancel()
        return True

    async def _gets_place(self) -> bool:
        """Wait for a place: where all are being answered, most have their answers soon."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MOMENT):
                while self._may_wait():
                    await asyncio.sleep(LOOK_AGAIN)
                    if self._has_place():
                        return True
        return False

    def _may_wait(self) -> bool:
        return len(self._tasks) <= 2 * (self._most or 0)


async def _turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(BUSY)
    writer.write_eof()
    # Closing with unread bytes would send RST, which may destroy the answer on its way.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            while await reader.read(READ_SIZE):
                pass
