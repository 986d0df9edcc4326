"""The HTTP server towards strangers: what one client can hold, and for how long."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from reeldrop.serving.http import Answer, Connection, Hangup, Patience, Request, Stream
from reeldrop.serving.listener import Listener

BIG = 20_000_000
PIECE = os.urandom(250_000)
LUMP = os.urandom(6_000_000)


async def of(length: int, *, breaks_at: int = BIG) -> AsyncGenerator[bytes, None]:
    """Yield `length` bytes; at `breaks_at` there are no more."""
    for start in range(0, length, len(PIECE)):
        if start >= breaks_at:
            raise Hangup
        yield PIECE[: length - start]


async def answer(request: Request) -> Answer:
    """Answer by the name of what is asked for."""
    match request.target:
        case "/big":
            return Answer(200, Stream(BIG, lambda: of(BIG)))
        case "/lump":
            return Answer(200, LUMP)
        case "/breaks":
            return Answer(200, Stream(BIG, lambda: of(BIG, breaks_at=1_000_000)))
        case "/short":
            return Answer(200, Stream(BIG, lambda: of(BIG - 1)))
        case "/long":
            return Answer(200, Stream(10, lambda: of(BIG)))
        case "/same":
            return Answer(304, b"", {"etag": '"a"'})
        case _:
            return Answer(200, b"hello")


@asynccontextmanager
async def served(patience: Patience, most: int = 9) -> AsyncGenerator[int, None]:
    listener = Listener(lambda r, w: Connection(r, w, answer, lambda: 0.0, patience), most)
    port = await listener.open("127.0.0.1", 0)
    try:
        yield port
    finally:
        # Nobody's patience is waited for.
        async with asyncio.timeout(5):
            await listener.close()


async def asked(port: int, target: str, lines: str = "Connection: close\r\n") -> bytes:
    """Return everything that comes for one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def silent_client(port: int, target: str = "/big") -> socket.socket:
    """Ask for a large answer and take nothing of it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


async def test_who_takes_nothing_gives_the_place_back() -> None:
    """A few of them, each as patient as can be, would else keep everybody out for ever."""
    async with served(Patience(idle=0.2, head=0.2, piece=0.2), most=1) as port:
        client = await asyncio.to_thread(silent_client, port)
        try:
            async with asyncio.timeout(30):
                while not (await asked(port, "/")).endswith(b"hello"):
                    await asyncio.sleep(0.05)
        finally:
            client.close()


@pytest.mark.slow
async def test_who_asks_for_nothing_gives_his_place_to_who_does() -> None:
    """A few that only connect must not keep anybody out; the one that came first goes first."""
    patience = Patience(idle=60, head=60, piece=60)
    async with served(patience, most=3) as port, asyncio.timeout(20):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        silent[1][1].write(b"GET /half HTTP/1.1\r\nHo")
        with ExitStack() as busy:

            async def one_more() -> bytes:
                """Let one be busy, and return what another is answered."""
                client = busy.enter_context(silent_client(port))
                await asyncio.to_thread(client.recv, 1)  # its request has been read
                return await asked(port, "/")

            for reader, writer in silent:
                assert (await one_more()).endswith(b"hello")
                assert await reader.read() == b""
                writer.close()
            assert b" 503 " in await one_more()


async def test_who_does_not_take_his_answer_gives_his_place_to_who_asks() -> None:
    """Nor do a few that ask and never read keep anybody out, however much each has asked for."""
    patience = Patience(idle=60, head=60, piece=60)
    async with served(patience, most=2) as port, asyncio.timeout(20):
        with ExitStack() as deaf:
            for _ in range(2):
                client = deaf.enter_context(silent_client(port, "/lump"))
                await asyncio.to_thread(client.recv, 1)  # its answer is on its way
            for _ in range(3):
                assert (await asked(port, "/")).endswith(b"hello")


async def test_who_comes_while_all_are_being_answered_waits_a_moment_for_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that ask again and again are being answered most of the time, and never for long."""
    monkeypatch.setattr("reeldrop.serving.listener.MOMENT", 20.0)
    asked_for, go_on = list[str](), asyncio.Event()

    async def held(request: Request) -> Answer:
        asked_for.append(request.target)
        await go_on.wait()
        return Answer(200, b"hello")

    listener = Listener(lambda r, w: Connection(r, w, held, lambda: 0.0, Patience()), 1)
    port = await listener.open("127.0.0.1", 0)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        # The first keeps its connection.
        first = await asyncio.open_connection("127.0.0.1", port)
        first[1].write(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n")
        while not asked_for:
            await asyncio.sleep(0)
        second = group.create_task(asked(port, "/second"))
        while len(listener._tasks) < 2:
            await asyncio.sleep(0)
        go_on.set()
        assert (await second).endswith(b"hello")
    first[1].close()
    await listener.close()


async def test_who_asks_without_end_lets_others_be_answered_in_between() -> None:
    """All of one client's requests lie here already: nothing makes the loop wait between them."""
    asked_for = list[str]()

    async def noted(request: Request) -> Answer:
        asked_for.append(request.target)
        return Answer(200)

    listener = Listener(lambda r, w: Connection(r, w, noted, lambda: 0.0, Patience()))
    port = await listener.open("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", port)) as pushing:
        pushing.sendall(b"GET /push HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert b" 200 " in await asked(port, "/other")
    await listener.close()
    assert 0 < asked_for.index("/other") < 100


async def test_one_connection_is_good_for_so_many_requests() -> None:
    """Its client is told at the last one, and those that it has sent besides are not answered."""
    async with served(Patience(requests=3)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        answers = (await reader.read()).lower().split(b"http/1.1 200 ")[1:]
        writer.close()
    assert [b"connection: close" in each for each in answers] == [False, False, True]


@pytest.mark.slow
async def test_who_takes_little_at_a_time_gets_all_of_it() -> None:
    """A slow line is no attack: only where nothing moves a connection is given up."""
    async with served(Patience(idle=1.0, head=1.0, piece=1.0)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**14)
        writer.write(b"GET /lump HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        got = b""
        while len(got) < len(LUMP):
            got += await reader.readexactly(min(len(LUMP) - len(got), 40_000))
            await asyncio.sleep(0.01)
        assert got == LUMP
        writer.close()


@pytest.mark.parametrize("target", ["/breaks", "/short", "/long"])
async def test_a_body_that_is_not_as_long_as_told_ends_the_connection(target: str) -> None:
    """Nobody takes a part for the whole, nor what follows for the next answer."""
    async with served(Patience()) as port:
        head, _, body = (await asked(port, target, "")).partition(b"\r\n\r\n")
    told = 10 if target == "/long" else BIG
    assert not head or f"content-length: {told}".encode() in head
    assert len(body) < told


async def test_not_modified_tells_no_length() -> None:
    """A 0 there would be taken for that of the file."""
    async with served(Patience()) as port:
        received = await asked(port, "/same")
    assert received.startswith(b"HTTP/1.1 304 ")
    assert b"content-length" not in received.lower()


async def test_a_body_that_nobody_reads_ends_the_connection() -> None:
    """What follows it may be meant for somebody else: a proxy would mix up its clients."""
    async with served(Patience()) as port:
        hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
        received = await asked(port, "/", f"Content-Length: {len(hidden)}\r\n\r\n{hidden}")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in received.lower()


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this host has no IPv6")
async def test_it_listens_on_ipv6_as_well() -> None:
    """`web.listen = "[::1]:8585"` is one of the addresses that the settings take."""
    listener = Listener(lambda r, w: Connection(r, w, answer, lambda: 0.0, Patience()))
    port = await listener.open("::1", 0)
    reader, writer = await asyncio.open_connection("::1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"hello")
    writer.close()
    await listener.close()


@pytest.mark.parametrize("words", [b"GET /me", b"\x16\x03\x01nonsense\r\n\r\n"])
async def test_who_leaves_in_mid_word_is_no_error_of_ours(words: bytes) -> None:
    """A scan of ports must not fill the log."""
    loop, seen = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _, context: seen.append(context))
    try:
        async with served(Patience(), most=64) as port:
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(words)
                # One turn of the loop hears of the connection, others of its words and its end.
                for _ in range(5):
                    await asyncio.sleep(0)
            assert b"hello" in await asked(port, "/")
    finally:
        loop.set_exception_handler(None)
    assert seen == []
