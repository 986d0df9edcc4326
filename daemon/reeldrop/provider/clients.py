"""HTTP clients for many small requests at once, and the time-outs of all calls.

httpcore's pool looks through all its connections for every request and for every one that waits:
its cost grows with the square of their number, and beyond ten or so the rate collapses. So there
are several clients with few connections each, and no request ever waits inside a pool.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

CONNECTIONS = 8
CLIENTS = 8
KEEP_ALIVE = 60.0
"""s; longer than the usual distance of two polls."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `write`: for 256 KiB to get away. The others: for an answer to arrive whole."""

    connect: float = 10.0
    write: float = 60.0
    answer: float = 120.0
    """For a submit's answer to begin, before people are told. The gateways in front of such APIs give
    up after 60 to 100 s: whoever is silent for longer is out of the ordinary."""
    late: float = 600.0
    """For it to begin after that. Its submit keeps one of few places meanwhile, and what takes longer
    than a clip takes to be made will not be answered any more."""
    poll: float = 30.0
    fetch: float = 60.0
    """Longest silence of a result's server; 1 MiB may take ten times as long."""


@dataclass(slots=True)
class _Member:
    client: httpx.AsyncClient
    busy: int = 0


class Clients:
    """Lends httpx clients, none of them to more than CONNECTIONS requests at once."""

    def __init__(self, make: Callable[[httpx.Limits], httpx.AsyncClient]) -> None:
        self._make = make
        self._members: list[_Member] = []
        self._places = asyncio.Semaphore(CLIENTS * CONNECTIONS)

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        """Lend a client for one request; waits while all are busy."""
        async with self._places:
            member = self._least_busy()
            member.busy += 1
            try:
                yield member.client
            finally:
                member.busy -= 1

    def _least_busy(self) -> _Member:
        free = next((member for member in self._members if member.busy < CONNECTIONS), None)
        if free is None:
            limits = httpx.Limits(
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS,
                keepalive_expiry=KEEP_ALIVE,
            )
            free = _Member(self._make(limits))
            self._members.append(free)
        return free

    async def aclose(self) -> None:
        """Close all connections."""
        while self._members:
            await self._members.pop().client.aclose()
