"""HTTP/1.1 over asyncio streams and h11, with a hand on every byte: bodies are read as they come, an
answer may be late, slow or cut where one likes. Knows nothing of the API that is spoken over it.
"""

import asyncio
import contextlib
import email.utils
import http
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import h11

READ_SIZE = 256 * 1024
LINGER_SECONDS = 5.0
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
class Request:
    """One request. Its body is read with `read`, once; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    seen: Seen
    read: Callable[[], Awaitable[bytes]]
    """Return the next bytes of the body, b"" at its end. Raises Hangup when the client is gone."""

    @property
    def path(self) -> str:
        """The decoded path, without the query."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's values by name."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    async def discard(self) -> None:
        """Read the body to its end and forget it."""
        while await self.read():
            pass


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


class Hangup(Exception):
    """The connection ends here, without a further byte."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


Handler = Callable[[Request], Awaitable[Answer]]


class Connection:
    """One client: its requests one after another."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handle: Handler,
        now: Callable[[], float],
    ) -> None:
        """`now` tells the seconds since the epoch that the Date header shows."""
        self._reader, self._writer = reader, writer
        self._handle, self._now = handle, now
        self._h11 = h11.Connection(h11.SERVER)
        self._first_byte = 0.0

    async def serve(self) -> None:
        """Answer until either side has enough."""
        try:
            while request := await self._next_request():
                await self._send(request, await self._handle(request))
                if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
                    await self._linger()
                    return
                self._h11.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
        except Hangup as hangup:
            if hangup.reset:
                self._reset()

    async def _next_event(self) -> h11.Event:
        while not isinstance(event := self._h11.next_event(), h11.Event):
            if self._h11.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                self._writer.write(self._h11.send(go_on) or b"")
            data = await self._reader.read(READ_SIZE)
            if self._h11.their_state is h11.IDLE and not self._h11.trailing_data[0]:
                self._first_byte = host_time()
            if not data and self._h11.their_state is h11.SEND_BODY:
                raise Hangup
            self._h11.receive_data(data)
        return event

    async def _next_request(self) -> Request | None:
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        method, target = event.method.decode("ascii"), event.target.decode("latin-1")
        seen = Seen(method, target, headers, self._first_byte or host_time())

        async def read() -> bytes:
            data = await self._next_data()
            seen.received += len(data)
            if not data and seen.last_byte is None:
                seen.last_byte = host_time()
            return data

        return Request(method, target, headers, seen, read)

    async def _next_data(self) -> bytes:
        if self._h11.their_state is not h11.SEND_BODY:
            return b""
        event = await self._next_event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def _send(self, request: Request, answer: Answer) -> None:
        manner = answer.manner
        if manner.delay:
            await asyncio.sleep(manner.delay)
        request.seen.status = answer.status
        head = self._h11.send(self._head(answer)) or b""
        if manner.cut_after is not None or manner.reset:
            # A cut must not outrun the bytes before it: nothing stays in the transport's buffer.
            self._writer.transport.set_write_buffer_limits(0)
        if request.method == "HEAD" or not answer.length:
            self._writer.write(head)
        else:
            await self._send_body(answer, head)
        if manner.cut_after is not None:
            await self._writer.drain()
            raise Hangup(reset=manner.reset)
        self._writer.write(self._h11.send(h11.EndOfMessage()) or b"")
        await self._writer.drain()
        request.seen.answered = host_time()

    def _head(self, answer: Answer) -> h11.Response:
        headers = {
            "date": email.utils.formatdate(self._now(), usegmt=True),
            "content-length": str(answer.length),
            **answer.headers,
        }
        if self._h11.their_state is not h11.DONE:
            headers["connection"] = "close"
        with contextlib.suppress(ValueError):
            reason = http.HTTPStatus(answer.status).phrase
            return h11.Response(
                status_code=answer.status, headers=list(headers.items()), reason=reason.encode()
            )
        return h11.Response(status_code=answer.status, headers=list(headers.items()), reason=b"")

    async def _send_body(self, answer: Answer, head: bytes) -> None:
        manner = answer.manner
        left = answer.length if manner.cut_after is None else min(answer.length, manner.cut_after)
        step = max(1, int(manner.rate * TRICKLE_STEP)) if manner.rate else READ_SIZE
        async for piece in _pieces(answer.body, left, step):
            self._writer.write(head + (self._h11.send(h11.Data(data=piece)) or b""))
            head = b""
            await self._writer.drain()
            if manner.rate:
                await asyncio.sleep(len(piece) / manner.rate)
        self._writer.write(head)

    async def _linger(self) -> None:
        """Let an answer be read that was given before the whole request was.

        Closing with unread bytes would send RST, which may destroy the answer on its way.
        """
        if self._writer.can_write_eof():
            self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(READ_SIZE):
                    pass

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._h11.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            status = error.error_status_hint
            self._writer.write(self._h11.send(self._head(Answer(status))) or b"")
            self._writer.write(self._h11.send(h11.EndOfMessage()) or b"")
            await self._linger()

    def _reset(self) -> None:
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


async def _pieces(body: bytes | Slice, length: int, step: int) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        for start in range(0, length, step):
            yield body[start : min(start + step, length)]
        return
    with await asyncio.to_thread(body.path.open, "rb") as file:
        file.seek(body.start)
        while length and (piece := await asyncio.to_thread(file.read, min(step, length))):
            length -= len(piece)
            yield piece
