"""A port, and the connections made to it."""

import asyncio
import contextlib
from collections.abc import Callable

from reeldrop.serving.http import READ_SIZE, Connection

Connect = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Connection]
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Listener:
    """One port and its connections."""

    def __init__(self, connect: Connect, most: int | None = None) -> None:
        """`most` connections at once are served; None: as many as come."""
        self._connect = connect
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
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
        if self._most is not None and len(self._tasks) >= self._most:
            writer.write(BUSY)
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs every connection in a task
        self._tasks.add(task)
        # Nobody awaits this task; `close` alone cancels it, and a client may leave at any time.
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            try:
                await self._connect(reader, writer).serve()
                writer.close()
                await writer.wait_closed()
            finally:
                writer.transport.abort()
                self._tasks.discard(task)
