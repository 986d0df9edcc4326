"""The media route over real sockets: what is given out, to whom, and what is borne of strangers."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from meters import meter
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event
from reeldrop.host.clock import SystemClock
from reeldrop.ports import JobStore, Meter
from reeldrop.serving.http import Connection, Patience
from reeldrop.serving.listener import Listener
from reeldrop.settings import LimitSettings, StoreSettings, UploadSettings
from reeldrop.store import open_store
from reeldrop.upload import open_uploads
from reeldrop.web.media import MediaPages
from reeldrop.web.refusals import REFUSALS_AT_ONCE, Refusals

CONTENT = bytes(range(256)) * 5000
SHORT = Patience(idle=0.3, head=0.3, piece=0.3)
LONGEST = 20.0
LONG = Patience(LONGEST, LONGEST, LONGEST)
JOB = JobId("0" * 32)


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Desk:
    """A listener, and one file that is offered by it."""

    port: int
    target: str
    file: Path
    store: JobStore

    async def ask(self, head: str, *, method: str = "GET", target: str | None = None) -> Reply:
        """Send one request with the lines of `head`, and read its answer to the connection's end."""
        lines = [f"{method} {self.target if target is None else target} HTTP/1.1", "Host: x"]
        lines += ["Connection: close", *filter(None, [head])]
        return reply_of(await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n"))

    async def raw(self, sent: bytes) -> bytes:
        """Send bytes; return everything that comes until the other side has enough."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        try:
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.close()

    async def is_open(self) -> bool:
        """Say whether a request is answered as one that came in time, and not turned away."""
        try:
            return (await self.ask("", method="HEAD")).status == 200
        except (ConnectionError, IndexError):
            # Cut by a listener that is full, or by the patience of this test's own loop.
            return False


class Still(SystemClock):
    """A clock on which nothing is forgiven: however slow this host, no time passes."""

    def monotonic(self) -> float:
        return 0.0


def reply_of(received: bytes) -> Reply:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]), headers, body)


@asynccontextmanager
async def desk(
    tmp_path: Path, patience: Patience, most: int, content: bytes = CONTENT
) -> AsyncGenerator[Desk]:
    (file := tmp_path / "a.mov").write_bytes(content)
    clock = SystemClock()
    store = await open_store(
        StoreSettings(url=f"sqlite:///{tmp_path}/state/r.db"),
        LimitSettings(),
        reconcile_window=1.0,
        clock=clock,
    )
    path = RelPath("a.mov")
    await store.add([Job(
        id=JOB, watch="main", path=path, folder=RelPath("a"), model="m", params={},
        claim=Claim(RelPath("c"), (ClaimedFile(path, path),)), source_key="a", created=1.0,
        updated=1.0, claimed=True,
    )])  # fmt: skip
    settings = UploadSettings(public_url="https://media.example")
    uploads = open_uploads(settings, store, tmp_path / "state", clock)
    assert uploads.route is not None

    @asynccontextmanager
    async def counted(_: JobId) -> AsyncGenerator[Meter]:
        yield meter()

    refusals = Refusals(Still())
    pages = MediaPages(uploads.route, counted, clock, refusals)
    listener = Listener(
        lambda reader, writer: Connection(reader, writer, pages, clock.now, patience),
        most,
        lambda: refusals.full("connections"),
    )
    port = await listener.open("127.0.0.1", 0)
    sending = await uploads.prepare(file, "signed_url", JOB, meter())
    assert isinstance(sending.value, str)
    target = sending.value.removeprefix("https://media.example")
    try:
        yield Desk(port, target, file, store)
    finally:
        # Nobody's patience is waited for.
        async with asyncio.timeout(LONGEST / 2):
            await listener.close()
        await uploads.aclose()
        await store.close()


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(tmp_path, LONG, 64) as opened:
        yield opened


async def test_all_of_it_comes_with_its_type_and_length(media: Desk) -> None:
    """As any web server would give it out, and nobody keeps it."""
    got = await media.ask("")

    assert (got.status, got.body) == (200, CONTENT)
    assert got.headers["content-type"] == "video/quicktime"
    assert got.headers["content-length"] == str(len(CONTENT))
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["cache-control"] == "private, no-store"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "server" not in got.headers


async def test_head_tells_the_same_without_the_bytes(media: Desk) -> None:
    """A provider may look at the size first."""
    got = await media.ask("", method="HEAD")

    assert (got.status, got.body) == (200, b"")
    assert got.headers["content-length"] == str(len(CONTENT))


SIZE = len(CONTENT)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("0-0", 0, 1),
        ("10-99", 10, 100),
        ("1000-", 1000, SIZE),
        ("-7", SIZE - 7, SIZE),
        (f"-{SIZE + 9}", 0, SIZE),
        (f"{SIZE - 1}-{SIZE + 5}", SIZE - 1, SIZE),
    ],
)
async def test_a_part_is_exactly_that_part(media: Desk, asked: str, start: int, end: int) -> None:
    """A download that broke off goes on where it was."""
    got = await media.ask(f"Range: bytes={asked}")

    assert (got.status, got.body) == (206, CONTENT[start:end])
    assert got.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert got.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", [f"{SIZE}-", f"{SIZE + 1}-{SIZE + 2}", "-0"])
async def test_a_part_that_is_not_there_is_said(media: Desk, asked: str) -> None:
    """With the size that it has."""
    got = await media.ask(f"Range: bytes={asked}")
    assert (got.status, got.body) == (416, b"")
    assert got.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "head",
    [
        "Range: bytes=0-1,5-6",
        "Range: bytes=9-3",
        "Range: bytes=-",
        "Range: seconds=0-1",
        'Range: bytes=0-1\r\nIf-Range: "another"',
    ],
)
async def test_what_is_no_plain_part_is_all_of_it(media: Desk, head: str) -> None:
    """That is always a right answer, and never a wrong byte."""
    got = await media.ask(head)
    assert (got.status, got.body) == (200, CONTENT)


async def test_its_tag_names_its_bytes(media: Desk) -> None:
    """Whoever has them needs no second copy; whoever has a part of them gets the rest."""
    tag = (await media.ask("", method="HEAD")).headers["etag"]

    assert re.fullmatch('"[0-9a-f]{64}"', tag)
    assert (await media.ask(f"If-None-Match: {tag}")).status == 304
    assert (await media.ask('If-None-Match: "another"')).status == 200
    part = await media.ask(f"Range: bytes=5-\r\nIf-Range: {tag}")
    assert (part.status, part.body) == (206, CONTENT[5:])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
async def test_nothing_but_reading_is_allowed(media: Desk, method: str) -> None:
    """It is not a place to put things."""
    got = await media.ask("Content-Length: 0", method=method)
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")


async def test_requests_follow_one_another_on_one_connection(media: Desk) -> None:
    """Also where all of them are sent at once."""
    one = f"GET {media.target} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\n"
    received = await media.raw((one + "\r\n" + one + "Connection: close\r\n\r\n").encode())
    assert received.count(b"HTTP/1.1 206 ") == 2
    assert received.count(CONTENT[:4]) == 2


async def test_what_is_no_http_is_refused(media: Desk) -> None:
    """Scanners speak everything."""
    assert (
        await media.raw(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" * 9 + b"\r\n\r\n")
    ).startswith(b"HTTP/1.1 400 ")
    assert (await media.raw(b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000)).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("change", ["other", "gone", "link", "shorter"])
async def test_a_file_that_is_another_one_now_is_not_given_out(media: Desk, change: str) -> None:
    """The provider must not get what nobody dropped, nor a part of it that looks whole."""
    media.file.rename(kept := media.file.with_name("kept"))
    match change:
        case "other":
            media.file.write_bytes(CONTENT[::-1])
        case "link":
            media.file.symlink_to(kept)
        case "shorter":
            os.truncate(kept, 1000)
            kept.rename(media.file)
        case _:
            pass
    received = await media.raw(f"GET {media.target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert received.partition(b"\r\n\r\n")[2] == b""


async def test_a_token_ends_with_its_job(media: Desk) -> None:
    """However long it would still hold."""
    job = await media.store.get(JOB)
    assert job is not None
    await media.store.move(await media.store.move(job, Event.REFUSED), Event.PLACED_FAILED)
    assert (await media.ask("")).status == 404


async def test_who_guesses_is_told_to_come_later_and_good_tokens_still_work(media: Desk) -> None:
    """Scanners cost little, and keep nobody out."""
    answers = [await media.ask("", target="/media/x") for _ in range(int(REFUSALS_AT_ONCE) + 20)]
    assert {each.status for each in answers} == {404, 429}
    assert answers[0].status == 404
    assert (await media.ask("", method="HEAD")).status == 200


async def test_who_is_refused_must_connect_anew(media: Desk) -> None:
    """What else was asked for in the same breath costs nothing any more."""
    for method, target in (("GET", "/media/x"), ("POST", media.target), ("GET", "/other")):
        received = await media.raw(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 9)
        assert received.count(b"HTTP/1.1 4") == 1
        assert b"\r\nconnection: close\r\n" in received.lower()


async def test_slow_and_silent_clients_are_let_go(tmp_path: Path) -> None:
    """A few that never end a request would else hold every connection."""
    async with desk(tmp_path, SHORT, 64) as media:
        assert await media.raw(b"") == b""
        assert await media.raw(b"GET /media/x HTTP/1.1\r\nHost") == b""


async def test_who_does_not_take_what_was_asked_for_is_let_go(tmp_path: Path) -> None:
    """Its share of memory and its file are given back."""
    async with desk(tmp_path, SHORT, 1) as media:
        reader, writer = await asyncio.open_connection("127.0.0.1", media.port, limit=1024)
        asked = f"GET {media.target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 30
        writer.write(asked)
        async with asyncio.timeout(20):
            while not await media.is_open():
                await asyncio.sleep(0.05)
        writer.close()
        del reader


@pytest.mark.parametrize(
    "most",
    [pytest.param(2, marks=pytest.mark.slow, id="of all"), pytest.param(9, id="of media")],
)
async def test_only_so_many_are_served_at_once(
    tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon has clips to look after, and others ask for its health."""
    monkeypatch.setattr("reeldrop.web.media.AT_ONCE", 2 if most == 9 else 9)
    # More than the system takes in advance: a client that reads nothing holds its place.
    async with desk(tmp_path, LONG, most, CONTENT * 20) as media:
        held = [
            await asyncio.open_connection("127.0.0.1", media.port, limit=1024) for _ in range(2)
        ]
        for reader, writer in held:
            writer.write(f"GET {media.target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        with capture_logs() as logs:
            got, again = await media.ask(""), await media.ask("")
        assert (got.status, again.status) == (503, 503)
        told = [(log["log_level"], log["what"]) for log in logs if log["event"] == "web.full"]
        what = "connections" if most == 2 else "files"
        # One line a minute.
        assert told == [("warning", what), ("debug", what)]
        assert {name.lower(): each for name, each in got.headers.items()}["retry-after"] == "5"
        assert (await media.ask("", method="HEAD")).status == (503 if most == 2 else 200)
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(LONGEST / 2):
            while not await media.is_open():
                await asyncio.sleep(0.01)
