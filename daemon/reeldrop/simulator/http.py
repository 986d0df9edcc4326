"""HTTP with a hand on every byte: an answer may be late, slow or cut where one likes, and what was seen of
each request is kept. Knows nothing of the API that is spoken over it.
"""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reeldrop.serving import http
from reeldrop.serving.http import READ_SIZE, Connection, Patience

TRICKLE_STEP = 0.05  # s between two pieces of a slow answer


def host_time() -> float:
    """Return seconds since the epoch."""
    return time.time()  # noqa: TID251 - the stand-in is another machine, with a clock of its own


@dataclass(slots=True)
class Seen:
    """What was seen of one request, and what it was answered; times in seconds since the epoch."""

    method: str
    target: str
    headers: Mapping[str, str]
    first_byte: float
    last_byte: float | None = None
    """None while the request has not come whole."""
    received: int = 0
    """Bytes of its body."""
    status: int | None = None
    answered: float | None = None
    """When the last byte of the answer was handed to the socket; None for an answer that was cut."""


@dataclass(frozen=True, slots=True)
class Request(http.Request):
    """One request, and what was seen of it."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a file as the body of an answer."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer is sent."""

    delay: float = 0.0
    """Seconds before its first byte."""
    rate: float = 0.0
    """Bytes of the body a second; 0 = as fast as it goes."""
    cut_after: int | None = None
    """Bytes of the body after which the connection ends."""
    reset: bool = False
    """Cut by RST rather than FIN; what was sent last may then be lost."""
    until: Callable[[], Awaitable[Any]] | None = None
    """What is waited for before its first byte, after the delay."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `content-length` and `date` are added when it is sent."""

    status: int
    body: bytes | Slice = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    manner: Manner = field(default_factory=Manner)

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.body.length if isinstance(self.body, Slice) else len(self.body)


class Hangup(http.Hangup):
    """The connection ends here, without a further byte."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


Handler = Callable[[Request], Awaitable[Answer]]


class Desk(Connection):
    """One client of the stand-in: its requests one after another, answered in the manner that was asked for."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handle: Handler,
        now: Callable[[], float],
    ) -> None:
        """`now` tells the seconds since the epoch that the Date header shows."""
        super().__init__(reader, writer, self._answer, now, Patience())
        self._stand_in = handle
        self._first_byte = 0.0

    def begun(self) -> None:
        """Note when a request began."""
        self._first_byte = host_time()

    async def _answer(self, asked: http.Request) -> http.Answer:
        request = self._seen(asked)
        try:
            answer = await self._stand_in(request)
        except Hangup as hangup:
            if hangup.reset:
                self._reset()
            raise
        manner = answer.manner
        await asyncio.sleep(manner.delay)
        if manner.until is not None:
            await manner.until()
        request.seen.status = answer.status
        if not answer.length or asked.method == "HEAD":
            request.seen.answered = host_time()
        body = http.Stream(answer.length, lambda: self._pieces(answer, request.seen))
        return http.Answer(answer.status, body, answer.headers)

    def _seen(self, asked: http.Request) -> Request:
        seen = Seen(asked.method, asked.target, asked.headers, self._first_byte)

        async def read() -> bytes:
            data = await asked.read()
            seen.received += len(data)
            if not data and seen.last_byte is None:
                seen.last_byte = host_time()
            return data

        return Request(asked.method, asked.target, asked.headers, read, seen)

    async def _pieces(self, answer: Answer, seen: Seen) -> AsyncGenerator[bytes, None]:
        manner = answer.manner
        left = answer.length if manner.cut_after is None else min(answer.length, manner.cut_after)
        step = max(1, int(manner.rate * TRICKLE_STEP)) if manner.rate else READ_SIZE
        yield b""  # the head leaves, also where nothing follows
        async for piece in _slices(answer.body, left, step):
            yield piece
            if manner.rate:
                await asyncio.sleep(len(piece) / manner.rate)
        if manner.cut_after is not None:
            if manner.reset:
                self._reset()
            raise Hangup
        seen.answered = host_time()

    def _reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def _slices(body: bytes | Slice, length: int, step: int) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        for start in range(0, length, step):
            yield body[start : min(start + step, length)]
        return
    with await asyncio.to_thread(body.path.open, "rb") as file:
        file.seek(body.start)
        while length and (piece := await asyncio.to_thread(file.read, min(step, length))):
            length -= len(piece)
            yield piece
