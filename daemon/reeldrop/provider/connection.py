"""The connection of a submit: fresh, for one request, and listening while it sends.

A server may refuse (401, 413 …) and close before it has read the body. httpx's own connections
read only after they have written; their unread answer is lost with the connection. This one keeps
what arrives in the meantime and stops sending as soon as an answer has begun. It also says when an
answer takes long without giving it up.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from reeldrop.domain.errors import SettingsError

PIECE = 1024 * 1024
"""Bytes between two looks whether the server has answered already."""
UNSENT_MAX = 64 * 1024
UNREAD_MAX = 256 * 1024
KEEP_ALIVE = 30.0
"""s of silence after which the kernel asks whether the peer is there; routers forget after minutes."""


class Patience:
    """Awaits `overdue` once, when no answer has begun `seconds` after `begin`; nothing is given up.

    What arrives while `overdue` runs is kept, so that no task is needed to read meanwhile.
    """

    def __init__(self, seconds: float, overdue: Callable[[], Awaitable[None]]) -> None:
        self._seconds = seconds
        self._overdue = overdue
        self._until: float | None = None
        self.begun = False
        """From here on the time-outs of single reads no longer hold."""

    def begin(self) -> None:
        """Count from now: the whole request is about to have left."""
        self.begun = True
        self._until = asyncio.get_running_loop().time() + self._seconds

    def end(self) -> None:
        """Stop counting: an answer has begun."""
        self._until = None

    async def wait(self, news: asyncio.Event) -> None:
        """Wait for news, or until `overdue` was awaited. Raises what that raises."""
        try:
            async with asyncio.timeout_at(self._until):
                await news.wait()
        except TimeoutError:
            self._until = None
        else:
            return
        await self._overdue()


class _Line(asyncio.Protocol):
    """Keeps what the peer sends, whether or not anybody is reading."""

    def __init__(self, unread_max: int) -> None:
        self._unread_max = unread_max
        self.transport: asyncio.Transport | None = None
        self.received = bytearray()
        self.ended = False
        self.failure: Exception | None = None
        self.news = asyncio.Event()
        self.room = asyncio.Event()
        self.gone = asyncio.Event()
        self.room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.carry(cast("asyncio.Transport", transport))

    def carry(self, transport: asyncio.Transport) -> None:
        """Use `transport` from now on."""
        # Not 0: asyncio's TLS transport would then pause for ever.
        transport.set_write_buffer_limits(high=UNSENT_MAX, low=0)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        if len(self.received) > self._unread_max and self.transport is not None:
            self.transport.pause_reading()
        self.news.set()

    def eof_received(self) -> None:
        self.ended = True
        self.news.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended, self.failure = True, exc
        for event in (self.news, self.room, self.gone):
            event.set()

    @property
    def answered(self) -> bool:
        """Say whether a final answer has begun; interim answers (1xx) change nothing."""
        return bool(self.received) and not self.received.startswith(b"HTTP/1.1 1")


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, line: _Line, patience: Patience | None, widest: int) -> None:
        self._line = line
        self._patience = patience
        self._widest = widest

    @property
    def _transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self._line.transport)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        line = self._line
        while not line.received and not line.ended:
            line.news.clear()
            if self._patience is not None and self._patience.begun:
                await self._patience.wait(line.news)
            else:
                await _within(timeout, line.news.wait(), httpcore.ReadTimeout)
        if not line.received and line.failure is not None:
            raise httpcore.ReadError("connection lost") from line.failure
        if len(line.received) <= max(max_bytes, self._widest):
            # All of it, as it is: nothing is copied.
            chunk, line.received = cast("bytes", line.received), bytearray()
        else:
            chunk = bytes(line.received[:max_bytes])
            del line.received[:max_bytes]
        if not line.ended:
            self._transport.resume_reading()
        return chunk

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), PIECE):
            await self._write_piece(view[start : start + PIECE], timeout)

    async def _write_piece(self, piece: memoryview, timeout: float | None) -> None:
        line = self._line
        # Two turns of the loop: the first polls the socket, the second takes in what it had. A
        # send on a reset connection would throw away what is still unread.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if line.answered or line.ended:
            # httpcore stops sending on a WriteError, and reads the answer.
            raise httpcore.WriteError("the server answered or closed before the request's end")
        self._transport.write(piece)
        while not line.room.is_set():
            unsent = self._transport.get_write_buffer_size()
            try:
                await _within(timeout, line.room.wait(), httpcore.WriteTimeout)
            except httpcore.WriteTimeout:
                # Eight clips on one slow line are slow; as long as bytes get away, they get away.
                if self._transport.get_write_buffer_size() >= unsent:
                    raise
        if line.ended:
            raise httpcore.WriteError("connection lost") from line.failure

    async def aclose(self) -> None:
        # abort: what has not left by now must not leave later.
        self._transport.abort()
        await _within(1.0, self._line.gone.wait(), None)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                transport = await loop.start_tls(
                    self._transport, self._line, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout("TLS handshake") from exc
        except OSError as exc:
            raise httpcore.ConnectError(str(exc)) from exc
        if transport is None:
            raise httpcore.ConnectError("the server closed during the TLS handshake")
        self._line.carry(transport)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._transport.get_extra_info(info)


async def _within(
    seconds: float | None, condition: Any, error: type[httpcore.TimeoutException] | None
) -> None:
    try:
        async with asyncio.timeout(seconds):
            await condition
    except TimeoutError as exc:
        if error is not None:
            raise error(f"nothing happened for {seconds} s") from exc


def _keep_alive(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, name):  # elsewhere the system's own times hold
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), int(KEEP_ALIVE))


class Network(httpcore.AsyncNetworkBackend):
    """Connections that keep what arrives, whether or not anybody is reading."""

    def __init__(self, patience: Patience | None = None, widest: int = 0) -> None:
        """`widest`: bytes that a read may return though fewer were asked for, and that wait unread."""
        self._patience = patience
        self._widest = widest

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 -- the base class's; never set here
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 -- likewise
    ) -> httpcore.AsyncNetworkStream:
        """Connect; whichever of the host's addresses answers first."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                transport, line = await loop.create_connection(
                    lambda: _Line(max(UNREAD_MAX, self._widest)),
                    host,
                    port,
                    happy_eyeballs_delay=0.25,
                )
        except TimeoutError as exc:
            raise httpcore.ConnectTimeout("connecting") from exc
        except OSError as exc:
            raise httpcore.ConnectError(str(exc)) from exc
        _keep_alive(transport)
        return _Stream(line, self._patience, self._widest)

    async def sleep(self, seconds: float) -> None:
        """Wait between two tries."""
        await asyncio.sleep(seconds)


class PoolTransport(httpx.AsyncHTTPTransport):
    """An httpx transport over a network of ours, with a fresh connection for each request."""

    def __init__(self, context: ssl.SSLContext, proxy: str | None, network: Network) -> None:
        # In place of httpx's own pool, because httpx has no argument for the network beneath it.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            proxy=_proxy(proxy) if proxy else None,
            max_connections=1,
            max_keepalive_connections=0,
            http1=True,
            http2=False,
            network_backend=network,
        )


class OneRequest(PoolTransport):
    """An httpx transport for one request on a connection of its own."""

    def __init__(self, context: ssl.SSLContext, proxy: str | None, patience: Patience) -> None:
        super().__init__(context, proxy, Network(patience))


def _proxy(address: str) -> httpcore.Proxy:
    proxy = httpx.Proxy(address)
    url = proxy.url
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/")
    return httpcore.Proxy(target, auth=proxy.raw_auth)


def environment_proxy(base_url: str) -> str | None:
    """Return the proxy that the system's settings (`HTTPS_PROXY`, `NO_PROXY`) name for `base_url`.

    Plain http, which only this host itself may speak, never goes through one: it would read the key.

    Raises:
        SettingsError: the proxy is not an HTTP proxy, or its address cannot be read.
    """
    url = httpx.URL(base_url)
    if url.scheme != "https" or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if proxy is None:
        return None
    address = proxy if "://" in proxy else f"http://{proxy}"
    if not address.startswith(("http://", "https://")):
        raise SettingsError(
            "HTTPS_PROXY names no HTTP proxy; only http:// and https:// proxies work"
        )
    try:
        httpx.URL(address)
    except httpx.InvalidURL as exc:
        raise SettingsError("HTTPS_PROXY holds an address that cannot be read") from exc
    return address
