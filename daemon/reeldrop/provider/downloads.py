"""The connections of downloads: they read as much as has come, where httpcore's own take 64 KiB at a time."""

import ssl

import httpx

from reeldrop.provider.connection import Network, PoolTransport, environment_proxy

READ = 1024 * 1024
"""Bytes that are handed on at once, and the most that wait in memory."""


class Downloads(httpx.AsyncBaseTransport):
    """An httpx transport for one client; each request goes by the proxy of the environment, if any."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._pools: dict[str | None, PoolTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        proxy = environment_proxy(str(request.url))
        if proxy not in self._pools:
            self._pools[proxy] = PoolTransport(self._context, proxy, Network(widest=READ))
        return await self._pools[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()
