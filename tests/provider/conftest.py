"""A real HTTP server on a socket that behaves as badly as a test asks for."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from reeldrop.domain.errors import StepError
from reeldrop.provider.client import HttpProvider
from reeldrop.provider.clients import Timeouts

SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Received:
    """One request as it came over the socket."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", "0"))


@dataclass
class Wire:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: Received

    async def read_body(self, count: int | None = None) -> None:
        """Read `count` bytes of the body, or all of it."""
        wanted = self.request.length if count is None else count
        while len(self.request.body) < wanted:
            chunk = await self.reader.read(min(65536, wanted - len(self.request.body)))
            if not chunk:
                return
            self.request.body += chunk

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Said"]
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given.setdefault("Content-Length", str(len(body)))
        lines += [f"{name}: {value}" for name, value in given.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def cut(self) -> None:
        """Drop the connection at once."""
        self.writer.transport.abort()


Handler = Callable[[Wire], Awaitable[None]]


class CruelServer:
    """Serves every request by `handler` and remembers what came."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Received] = []
        self.connections = 0
        self.port = 0
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await _head(reader):
                method, target, *_ = head[0].split(" ")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head[1:])
                }
                request = Received(method, target, headers)
                self.requests.append(request)
                await self.handler(Wire(reader, writer, request))
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> list[str]:
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return []
    return data.decode("latin-1").strip().split("\r\n")


Serve = Callable[..., Any]


@pytest.fixture
def serve() -> Serve:
    """Return a context manager that runs a CruelServer with a handler."""

    @asynccontextmanager
    async def run(
        handler: Handler, context: ssl.SSLContext | None = None
    ) -> AsyncGenerator[CruelServer, None]:
        server = CruelServer(handler)
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
        server.port = listener.sockets[0].getsockname()[1]
        server.scheme = "https" if context else "http"
        try:
            yield server
        finally:
            listener.close()

    return run


class WallClock:
    """The `Clock` port on the host's own clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def connect() -> Callable[..., HttpProvider]:
    """Return a function that makes a provider whose time-outs end no test but those that give them."""

    def make(url: str, **seconds: float) -> HttpProvider:
        limits = dict.fromkeys(("connect", "write", "answer", "late", "poll", "fetch"), 30.0)
        timeouts = Timeouts(**{**limits, **seconds})
        return HttpProvider(url, SECRET, "reeldrop/9.9", WallClock(), timeouts)

    return make


@pytest.fixture
def allow() -> Callable[[], Awaitable[None]]:
    """Return a permission to send the last bytes that is given at once."""

    async def permission() -> None:
        return

    return permission


async def in_time(error: StepError) -> None:
    """What a submit calls when its answer takes too long, for tests in which none does."""
    raise AssertionError("the answer came in time") from error
