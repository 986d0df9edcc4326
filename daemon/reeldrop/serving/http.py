"""HTTP/1.1 over asyncio streams and h11: bodies are read and sent piece by piece, everything is bounded."""

import asyncio
import contextlib
import email.utils
import http
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import h11

READ_SIZE = 256 * 1024
LINGER_SECONDS = 5.0
BODILESS = frozenset({204, 304})
"""Answers whose length would be taken for that of something else."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a client gets: to begin a request, to send its head, and to take or send any bytes.

    And how many requests one connection is good for. None: as long, or as many, as it likes.
    """

    idle: float | None = None
    head: float | None = None
    piece: float | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Its body is read with `read`, once; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
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
class Stream:
    """A body of `length` bytes that is made while it is sent; one that comes out shorter, or fails, cuts the connection."""

    length: int
    pieces: Callable[[], AsyncGenerator[bytes, None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `content-length` and `date` are added when it is sent."""

    status: int
    body: bytes | Stream = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.body.length if isinstance(self.body, Stream) else len(self.body)


class Hangup(Exception):
    """The connection ends here, without a further byte."""


Handler = Callable[[Request], Awaitable[Answer]]


class Connection:
    """One client: its requests one after another."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handle: Handler,
        now: Callable[[], float],
        patience: Patience,
    ) -> None:
        """`now` tells the seconds since the epoch that the Date header shows."""
        self.reader, self.writer = reader, writer
        # Nothing waits here: what was drained is the kernel's, and a connection can be given up at once.
        writer.transport.set_write_buffer_limits(0)
        self.h11 = h11.Connection(h11.SERVER)
        self._handle, self._now = handle, now
        self._patience = patience
        self._answered = 0
        self.waits = True
        """Whether the client alone holds it up: it asks for nothing, or does not take what lies ready for it.

        A body that is made while it is sent is neither, however slowly it goes.
        """

    async def serve(self) -> None:
        """Answer until either side has enough; all that is to arrive has left when this returns."""
        try:
            while request := await self.next_request():
                self.waits = False
                await self.send(request, await self._handle(request))
                self.waits = True
                if self.h11.our_state is not h11.DONE or self.h11.their_state is not h11.DONE:
                    await self._linger()
                    return
                self.h11.start_next_cycle()
                # Where the next request lies here already, and its answer can go at once, nothing else waits.
                await asyncio.sleep(0)
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
        except (Hangup, TimeoutError):
            return

    async def next_request(self) -> Request | None:
        """Return the next request, None where the client has enough. Raises Hangup, TimeoutError."""
        if not self.h11.trailing_data[0]:
            async with asyncio.timeout(self._patience.idle):
                self.h11.receive_data(await self.reader.read(READ_SIZE))
        self.begun()
        async with asyncio.timeout(self._patience.head):
            event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        if not headers.keys() & {"content-length", "transfer-encoding"}:
            # Its end: the connection can be used again, whoever reads no body.
            await self._next_event()
        method, target = event.method.decode("ascii"), event.target.decode("latin-1")
        return Request(method, target, headers, self._next_data)

    def begun(self) -> None:
        """Hear that the first bytes of a request, or the end of all requests, have come."""

    async def _next_event(self) -> h11.Event:
        while not isinstance(event := self.h11.next_event(), h11.Event):
            if self.h11.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                self.writer.write(self.h11.send(go_on) or b"")
            data = await self.reader.read(READ_SIZE)
            if not data and self.h11.their_state is h11.SEND_BODY:
                raise Hangup
            self.h11.receive_data(data)
        return event

    async def _next_data(self) -> bytes:
        if self.h11.their_state is not h11.SEND_BODY:
            return b""
        async with asyncio.timeout(self._patience.piece):
            event = await self._next_event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def send(self, request: Request, answer: Answer) -> None:
        """Send one answer. Raises Hangup where its body breaks off, TimeoutError, ConnectionError."""
        self._answered += 1
        head = self.h11.send(self.head(answer)) or b""
        if request.method == "HEAD" or not answer.length:
            self.waits = True
            self.writer.write(head)
        elif isinstance(answer.body, Stream):
            await self._send_stream(answer.body, head)
        else:
            self.waits = True
            self.writer.write(head + (self.h11.send(h11.Data(data=answer.body)) or b""))
        self.writer.write(self.h11.send(h11.EndOfMessage()) or b"")
        await self.drain()

    def head(self, answer: Answer) -> h11.Response:
        """Return how an answer begins."""
        headers = {
            "date": email.utils.formatdate(self._now(), usegmt=True),
            **({} if answer.status in BODILESS else {"content-length": str(answer.length)}),
            **answer.headers,
        }
        if self.h11.their_state is not h11.DONE or self._answered == self._patience.requests:
            headers["connection"] = "close"
        reason = b""
        with contextlib.suppress(ValueError):
            reason = http.HTTPStatus(answer.status).phrase.encode()
        return h11.Response(status_code=answer.status, headers=list(headers.items()), reason=reason)

    async def _send_stream(self, body: Stream, head: bytes) -> None:
        left = body.length
        async with aclosing(body.pieces()) as pieces:
            async for piece in pieces:
                left -= len(piece)
                if left < 0:
                    raise Hangup
                self.writer.write(head + (self.h11.send(h11.Data(data=piece)) or b""))
                head = b""
                await self.drain()
        if left:
            raise Hangup

    async def drain(self) -> None:
        """Wait until what was written is on its way. Raises TimeoutError where nothing of it goes on."""
        while True:
            unsent = self.writer.transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(self._patience.piece):
                    return await self.writer.drain()
            except TimeoutError:
                if self.writer.transport.get_write_buffer_size() >= unsent:
                    raise

    async def _linger(self) -> None:
        """Let an answer be read that was given before the whole request was.

        Closing with unread bytes would send RST, which may destroy the answer on its way.
        """
        # Who has left already cannot be told that this is all: the system says so by an error.
        with contextlib.suppress(TimeoutError, OSError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
            async with asyncio.timeout(LINGER_SECONDS):
                while await self.reader.read(READ_SIZE):
                    pass

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self.h11.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            status = error.error_status_hint
            self.writer.write(self.h11.send(self.head(Answer(status))) or b"")
            self.writer.write(self.h11.send(h11.EndOfMessage()) or b"")
            await self.drain()
            await self._linger()
