"""The stand-in of the API as one thing to open and close: two ports, a folder, a ledger, faults."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from reeldrop.serving.listener import Listener
from reeldrop.simulator.api import Api
from reeldrop.simulator.catalogue import Catalogue
from reeldrop.simulator.faults import Faults
from reeldrop.simulator.filehost import FileHost
from reeldrop.simulator.http import Desk
from reeldrop.simulator.ledger import Ledger
from reeldrop.simulator.making import Workshop
from reeldrop.simulator.terms import Parts, Terms


class Simulator:
    """`async with Simulator(folder) as simulator:` answers at `simulator.base_url` until the end.

    Uploads and results are written into `folder`, which is made where it is missing and not cleaned.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        key: str | None = None,
        generation_seconds: float = 2.0,
        result: Path | None = None,
        terms: Terms | None = None,
    ) -> None:
        """Say how it shall be; nothing is opened yet.

        Args:
            folder: where it writes.
            port: of the API on 127.0.0.1; 0 = any free one. The file host always takes a free one.
            key: what clients must show; None lets everybody in.
            generation_seconds: how long a generation takes at least.
            result: a file that is every result; None makes one from each clip.
            terms: what is not documented of the API.
        """
        self.ledger = Ledger()
        self.faults = Faults()
        self._folder, self._port, self._key = folder, port, key
        self._generation_seconds = generation_seconds
        self._result, self._terms = result, terms or Terms()
        self._files_port = 0
        self._open = AsyncExitStack()

    @property
    def base_url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def files_url(self) -> str:
        """Where results lie: another port, as the provider's file host is another host."""
        return f"http://127.0.0.1:{self._files_port}"

    async def __aenter__(self) -> Self:
        """Open both ports. Raises OSError when the port is taken or the folder cannot be made."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        catalogue = await asyncio.to_thread(Catalogue, self._terms.catalogue_dir)
        async with AsyncExitStack() as stack:
            workshop = Workshop(self._folder, self._result)
            stack.push_async_callback(asyncio.to_thread, workshop.close)
            api = Api(self._parts(catalogue, workshop))
            host = FileHost(self.ledger, self.faults, workshop, api.now)
            files = Listener(lambda reader, writer: Desk(reader, writer, host, api.now))
            front = Listener(lambda reader, writer: Desk(reader, writer, api, api.now))
            self._files_port = await self._listen(stack, files, 0)
            self._port = await self._listen(stack, front, self._port)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut all connections and stop all work."""
        await self._open.aclose()

    def _parts(self, catalogue: Catalogue, workshop: Workshop) -> Parts:
        return Parts(
            folder=self._folder,
            key=self._key,
            generation_seconds=self._generation_seconds,
            terms=self._terms,
            catalogue=catalogue,
            ledger=self.ledger,
            faults=self.faults,
            workshop=workshop,
            files_url=lambda: self.files_url,
        )

    async def _listen(self, stack: AsyncExitStack, listener: Listener, port: int) -> int:
        stack.push_async_callback(listener.close)
        return await listener.open("127.0.0.1", port)


async def serve_forever(simulator: Simulator, ready: Callable[[Simulator], None]) -> None:
    """Open `simulator`, call `ready` with it, and answer until this task is cancelled; then return."""
    try:
        async with simulator:
            ready(simulator)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        # To be cancelled is how this ends, not a failure.
        return
