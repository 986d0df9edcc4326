"""A port of the loopback interface, and the connections made to it. Never listens on any other."""

import asyncio
import contextlib
from collections.abc import Callable

from reeldrop.simulator.http import READ_SIZE, Connection, Handler


class Listener:
    """One port and its connections."""

    def __init__(self, handle: Handler, now: Callable[[], float]) -> None:
        self._handle, self._now = handle, now
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> int:
        """Listen on 127.0.0.1:`port` (0 = any free one) and return the port. Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", port, limit=READ_SIZE, backlog=1024
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
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            try:
                await Connection(reader, writer, self._handle, self._now).serve()
                writer.close()
                await writer.wait_closed()
            finally:
                writer.transport.abort()
                self._tasks.discard(task)
