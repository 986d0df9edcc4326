"""Submits over a real socket, against a server that behaves badly."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.provider.conftest import SECRET, Serve, WallClock, Wire, in_time

from meters import meter
from reeldrop.domain.errors import (
    ClipRejected,
    FileBusy,
    Lost,
    NotAuthorised,
    ProviderUnavailable,
    RateLimited,
    SettingsError,
    StepError,
    UnknownOutcome,
)
from reeldrop.ports import Progress, SubmitRequest
from reeldrop.provider.client import HttpProvider, open_provider
from reeldrop.provider.connection import KEEP_ALIVE
from reeldrop.settings import ApiSettings
from reeldrop.upload.data_uri import DataUri
from reeldrop.upload.local import LocalFile

Connect = Callable[..., HttpProvider]
Allow = Callable[[], Awaitable[None]]
QUEUED = b'{"id":"gen-1","status":"queued","meta":{"usage":{"credits_used":7,"usd_spent":0.5}}}'
REQUEST = SubmitRequest("m/x", {"prompt": "p" * 3000}, "job.1")
BIG = SubmitRequest("m/x", {"prompt": "p" * 30_000_000}, "job.1")


async def test_a_submit_is_taken(serve: Serve, connect: Connect, allow: Allow) -> None:
    """The whole way: headers, body, id, cost."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(201, QUEUED, Content_Type="application/json")

    async with serve(handler) as server, connect(server.url) as provider:
        generation = await provider.submit(REQUEST, allow, in_time)

        (request,) = server.requests
        assert (generation.id, generation.progress) == ("gen-1", Progress.RUNNING)
        assert generation.cost is not None
        assert (request.method, request.target) == ("POST", "/v2/video/generations")
        assert json.loads(request.body) == {"model": "m/x", **REQUEST.params}
        assert request.headers["authorization"] == f"Bearer {SECRET}"
        assert request.headers["user-agent"] == "reeldrop/9.9"
        assert request.headers["x-client-request-id"] == "job.1"
        assert request.headers["content-type"] == "application/json"
        assert "transfer-encoding" not in request.headers


async def test_every_submit_has_a_connection_of_its_own(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """On a connection that is being closed a request may or may not have been read."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(200, QUEUED)

    async with serve(handler) as server, connect(server.url) as provider:
        await provider.submit(REQUEST, allow, in_time)
        await provider.submit(REQUEST, allow, in_time)

        assert server.connections == 2


async def test_the_server_never_sees_the_end_before_the_permission(
    serve: Serve, connect: Connect
) -> None:
    """The law that a crash before the recorded intent costs nothing rests on this."""
    seen = asyncio.Event()
    at_permission: list[int] = []

    async def handler(wire: Wire) -> None:
        await wire.read_body(wire.request.length - 16)
        seen.set()
        await wire.read_body()
        await wire.answer(200, QUEUED)

    async with serve(handler) as server, connect(server.url) as provider:

        async def permission() -> None:
            await seen.wait()
            # Give a wrong byte time to arrive.
            await asyncio.sleep(0.05)
            at_permission.append(len(server.requests[0].body))

        await provider.submit(REQUEST, permission, in_time)

        (request,) = server.requests
        assert at_permission == [request.length - 16]
        with pytest.raises(json.JSONDecodeError):
            json.loads(request.body[: at_permission[0]])


async def test_a_refused_permission_ends_the_request_unsent(serve: Serve, connect: Connect) -> None:
    """What the permission raises reaches the caller as it is, and no server gets a request."""
    received = asyncio.Event()

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        received.set()

    class Refused(Exception):
        pass

    for refusal in (Refused(), FileBusy("changed"), OSError("disk"), TimeoutError()):

        async def permission(refusal: Exception = refusal) -> None:
            raise refusal

        async with serve(handler) as server, connect(server.url) as provider:
            with pytest.raises(type(refusal)) as caught:
                await provider.submit(REQUEST, permission, in_time)
            await asyncio.wait_for(received.wait(), 20)
            received.clear()

            assert caught.value is refusal
            assert len(server.requests[0].body) == server.requests[0].length - 16


async def test_a_clip_arrives_byte_for_byte(
    serve: Serve, connect: Connect, allow: Allow, tmp_path: Path
) -> None:
    """What is restyled must be the clip that was dropped."""
    clip = tmp_path / "a.mp4"
    clip.write_bytes(content := os.urandom(2_000_003))

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(200, QUEUED)

    value = DataUri(LocalFile(clip), meter())
    request = SubmitRequest("m/x", {"video_url": value, "image_list": [value]}, "r")
    async with serve(handler) as server, connect(server.url) as provider:
        await provider.submit(request, allow, in_time)

        body = json.loads(server.requests[0].body)
        assert body["image_list"] == [body["video_url"]]
        assert _decoded(body["video_url"]) == content


def _decoded(uri: str) -> bytes:
    head, _, data = uri.partition(",")
    assert head == "data:video/mp4;base64"
    return base64.b64decode(data, validate=True)


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (400, {}, b'{"statusCode":400,"message":"Body validation error!"}', ClipRejected),
        (429, {"Retry_After": "3"}, b"", RateLimited),
        (503, {}, b'{"statusCode":503,"message":"Service unavailable"}', ProviderUnavailable),
        (503, {}, b"<html>", UnknownOutcome),
        (500, {}, b'{"statusCode":500,"message":"Internal server error"}', UnknownOutcome),
        (302, {"Location": "/elsewhere"}, b"", UnknownOutcome),
        (307, {"Location": "/elsewhere"}, b"", UnknownOutcome),
        (408, {}, b"", UnknownOutcome),
        (200, {}, b"", UnknownOutcome),
        (200, {}, b'{"status":"queued"}', UnknownOutcome),
        (200, {}, b'{"id":"x"' + b" " * 2_000_000 + b"}", UnknownOutcome),
        (200, {"Content_Length": "500"}, QUEUED, UnknownOutcome),
        (401, {"Content_Length": "500"}, b'{"sta', NotAuthorised),
        (503, {"Content_Length": "500"}, b'{"statusCode":503,"message":"x"}', UnknownOutcome),
    ],
)
async def test_an_answer_to_a_whole_request(
    serve: Serve,
    connect: Connect,
    allow: Allow,
    *,
    status: int,
    headers: dict[str, str],
    body: bytes,
    kind: type[Exception],
) -> None:
    """One POST, one verdict; redirects are never followed."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(status, body, **headers)
        wire.writer.close()

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(kind) as caught:
            await provider.submit(REQUEST, allow, in_time)

        assert type(caught.value) is kind
        assert len(server.requests) == 1


@pytest.mark.parametrize("count", [0, 1, 1000, 20_000_000])
async def test_a_cut_before_the_end_is_definite(
    serve: Serve, connect: Connect, allow: Allow, count: int
) -> None:
    """Nobody can have made anything of half a request."""

    async def handler(wire: Wire) -> None:
        await wire.read_body(count)
        wire.cut()

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.submit(BIG, allow, in_time)


@pytest.mark.parametrize("half", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 4"])
async def test_a_cut_after_the_end_is_unknown(
    serve: Serve, connect: Connect, allow: Allow, half: bytes
) -> None:
    """The request was whole: it may have been paid for."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.send(half)
        wire.cut()

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(UnknownOutcome):
            await provider.submit(REQUEST, allow, in_time)


class Overdue:
    """What a submit calls when its answer takes too long: remembers it, and lasts until `over`."""

    def __init__(self) -> None:
        self.errors: list[StepError] = []
        self.called, self.over = asyncio.Event(), asyncio.Event()
        self.over.set()

    async def __call__(self, error: StepError) -> None:
        self.errors.append(error)
        self.called.set()
        await self.over.wait()


async def test_silence_after_the_end_is_told_and_in_the_end_unknown(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """A time-out says nothing about what the server did; nobody listens for ever."""
    overdue, ended = Overdue(), asyncio.Event()

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.reader.read(1)
        ended.set()

    async with serve(handler) as server, connect(server.url, answer=0.1, late=0.2) as provider:
        with pytest.raises(UnknownOutcome) as caught:
            await asyncio.wait_for(provider.submit(REQUEST, allow, overdue), 20)
        await asyncio.wait_for(ended.wait(), 20)

        assert [(type(error), str(error)) for error in overdue.errors] == [
            (UnknownOutcome, str(caught.value))
        ]
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, QUEUED, None),
        (400, b'{"statusCode":400,"message":"Body validation error!"}', ClipRejected),
        (401, b"", NotAuthorised),
        (429, b"", RateLimited),
        (503, b'{"statusCode":503,"message":"Service unavailable"}', ProviderUnavailable),
        (503, b"", UnknownOutcome),
        (504, b'{"statusCode":504,"message":"Generation timeout"}', UnknownOutcome),
        (408, b"", UnknownOutcome),
        (200, b"{}", UnknownOutcome),
    ],
)
async def test_a_late_answer_is_still_read(
    serve: Serve,
    connect: Connect,
    allow: Allow,
    *,
    status: int,
    body: bytes,
    kind: type[Exception] | None,
) -> None:
    """It proves as much as one that came in time."""
    overdue = Overdue()

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await overdue.called.wait()
        await wire.answer(status, body)

    async with serve(handler) as server, connect(server.url, answer=0.1) as provider:
        if kind is None:
            assert (await provider.submit(REQUEST, allow, overdue)).id == "gen-1"
        else:
            with pytest.raises(kind) as caught:
                await provider.submit(REQUEST, allow, overdue)
            assert type(caught.value) is kind

        assert (len(overdue.errors), len(server.requests)) == (1, 1)


async def test_an_answer_that_comes_while_its_lateness_is_recorded_is_not_lost(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """Nor is the recording broken off, by the answer or by the second limit: the store may hang."""
    overdue, answered = Overdue(), asyncio.Event()
    overdue.over.clear()

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await overdue.called.wait()
        await wire.answer(200, QUEUED, Connection="close")
        wire.writer.close()
        answered.set()

    limits = {"answer": 0.1, "late": 0.5}
    async with serve(handler) as server, connect(server.url, **limits) as provider:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            submit = group.create_task(provider.submit(REQUEST, allow, overdue))
            await answered.wait()
            done, _ = await asyncio.wait([submit], timeout=0.7)
            assert not done
            overdue.over.set()

        assert (submit.result().id, len(overdue.errors)) == ("gen-1", 1)


async def test_what_the_recording_of_a_late_answer_raises_is_raised(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """Another owner has the job: nobody waits for the answer any more."""

    async def lost(_error: StepError) -> None:
        raise Lost("another owner has it")

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.reader.read(1)

    async with serve(handler) as server, connect(server.url, answer=0.1) as provider:
        with pytest.raises(Lost):
            await asyncio.wait_for(provider.submit(REQUEST, allow, lost), 20)


async def test_no_answer_is_overdue_before_the_request_has_left(
    serve: Serve, connect: Connect
) -> None:
    """While the intent waits for a slow store nothing has been asked for."""

    async def slow() -> None:
        await asyncio.sleep(1.2)

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.answer(200, QUEUED)

    async with serve(handler) as server, connect(server.url, answer=1.0) as provider:
        assert (await provider.submit(REQUEST, slow, in_time)).id == "gen-1"


async def test_a_trickled_answer_does_not_hold_us_for_ever(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """A byte now and then resets every time-out of a socket, but not ours."""
    overdue = Overdue()

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500:
            await wire.send(bytes([byte]))
            await asyncio.sleep(0.05)

    async with serve(handler) as server, connect(server.url, answer=0.2, late=0.2) as provider:
        with pytest.raises(UnknownOutcome):
            await asyncio.wait_for(provider.submit(REQUEST, allow, overdue), 20)
        assert len(overdue.errors) == 1


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_the_body_of_an_answer_has_its_own_time(
    serve: Serve, connect: Connect, allow: Allow, before: bytes
) -> None:
    """An answer that has begun is no longer overdue; where its body never ends the status decides."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await wire.send(before + b"HTTP/1.1 401 No\r\nContent-Length: 500\r\n\r\n{")
        await wire.reader.read(1)

    async with serve(handler) as server, connect(server.url, answer=1.0) as provider:
        with pytest.raises(NotAuthorised):
            await asyncio.wait_for(provider.submit(REQUEST, allow, in_time), 20)


@pytest.mark.skipif(
    not Path("/proc/net/tcp").exists(), reason="the kernel does not show its timers"
)
async def test_a_silent_connection_is_kept_alive(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """A router forgets a connection on which nothing is said for minutes, and its answer with it."""
    timers: list[str] = []

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        port = wire.writer.get_extra_info("peername")[1]
        async with asyncio.timeout(20):
            while not (timer := _timer_of(port)).startswith("02:"):
                await asyncio.sleep(0.01)
        timers.append(timer)
        await wire.answer(200, QUEUED)

    async with serve(handler) as server, connect(server.url) as provider:
        await provider.submit(REQUEST, allow, in_time)
    (timer,) = timers
    assert 0 < int(timer.partition(":")[2], 16) / os.sysconf("SC_CLK_TCK") <= KEEP_ALIVE


def _timer_of(port: int) -> str:
    """Return what the kernel waits for on the connection from `port`: `02:` is its next probe."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return next((row[5] for row in rows if row[1].endswith(f":{port:04X}")), "")


async def test_a_server_that_stops_reading_is_definite(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """The end cannot have left while what stands before it has not."""
    done = asyncio.Event()

    async def handler(wire: Wire) -> None:
        await done.wait()

    limits = {"write": 0.3, "answer": 0.1}
    async with serve(handler) as server, connect(server.url, **limits) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.submit(BIG, allow, in_time)
        done.set()


@pytest.mark.parametrize("closing", ["cut", "close", "linger"])
@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotAuthorised), (413, ClipRejected), (502, ProviderUnavailable)]
)
async def test_an_answer_before_the_end_is_read_and_definite(
    serve: Serve, connect: Connect, closing: str, status: int, kind: type[Exception]
) -> None:
    """Servers refuse big bodies early and close; the reason must not be lost with the connection."""
    done = asyncio.Event()
    asked: list[str] = []

    async def permission() -> None:
        asked.append("asked")

    async def handler(wire: Wire) -> None:
        await wire.read_body(500_000)
        await wire.answer(status, b'{"statusCode":%d,"message":"early"}' % status)
        if closing == "linger":
            await done.wait()
        if closing == "cut":
            wire.cut()
        wire.writer.close()

    async with serve(handler) as server, connect(server.url) as provider:
        with pytest.raises(kind) as caught:
            await provider.submit(BIG, permission, in_time)
        done.set()

        assert type(caught.value) is kind
        assert "early" in str(caught.value)
        assert not asked


async def test_interim_answers_change_nothing(serve: Serve, connect: Connect, allow: Allow) -> None:
    """A 103 in mid-request must not be taken for the refusal that it is not."""

    async def handler(wire: Wire) -> None:
        await wire.read_body(100_000)
        await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await wire.read_body()
        await wire.answer(200, QUEUED)

    async with serve(handler) as server, connect(server.url) as provider:
        assert (await provider.submit(BIG, allow, in_time)).id == "gen-1"


async def test_nobody_listening_is_definite(connect: Connect, allow: Allow) -> None:
    """A refused connection is the plainest proof that nothing was made."""
    async with connect("http://127.0.0.1:1") as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.submit(REQUEST, allow, in_time)


async def test_a_host_without_tls_is_definite(serve: Serve, connect: Connect, allow: Allow) -> None:
    """A failed handshake comes before the first byte of the request."""

    async def handler(wire: Wire) -> None:
        wire.cut()

    async with serve(handler) as server:
        url = server.url.replace("http:", "https:")
        async with connect(url, connect=0.3) as provider:
            with pytest.raises(ProviderUnavailable):
                await provider.submit(REQUEST, allow, in_time)


async def test_a_cancelled_submit_sends_nothing_more(serve: Serve, connect: Connect) -> None:
    """On SIGTERM a submit that waits for its permission must not leave behind our back."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def permission() -> None:
        asked.set()
        await asyncio.Event().wait()

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        ended.set()

    async with serve(handler) as server, connect(server.url) as provider:
        async with asyncio.TaskGroup() as group:
            submit = group.create_task(provider.submit(REQUEST, permission, in_time))
            await asked.wait()
            submit.cancel()
        await asyncio.wait_for(ended.wait(), 20)

        assert submit.cancelled()
        assert len(server.requests[0].body) == server.requests[0].length - 16


@pytest.mark.parametrize("key", ["a\nb", "clé", "a b", "a\x00"])
def test_a_key_that_cannot_be_one_is_refused_at_once(key: str) -> None:
    """Later it would fail every submit, with the key in the message of the HTTP library."""
    with pytest.raises(SettingsError) as caught:
        open_provider(ApiSettings(), SecretStr(key), "1", WallClock())
    assert key not in str(caught.value)


MEASURE = """
import asyncio, re, resource, sys
from pathlib import Path
from reeldrop.ports import SubmitRequest
from reeldrop.provider.client import HttpProvider
from reeldrop.provider.clients import Timeouts
from reeldrop.upload.data_uri import DataUri
from reeldrop.upload.local import LocalFile
from meters import meter

async def sink(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    left = int(re.search(rb"(?i)content-length: (\\d+)", head)[1])
    while left:
        left -= len(await reader.read(65536))
    writer.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\n{"id":"a"}')
    await writer.drain()
    writer.close()

async def allowed(*_):
    pass

async def main():
    server = await asyncio.start_server(sink, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    value = DataUri(LocalFile(Path(sys.argv[1])), meter())
    async with HttpProvider(url, "", "x", None, Timeouts()) as provider:
        await provider.submit(SubmitRequest("m", {"video_url": value}, "r"), allowed, allowed)

asyncio.run(main())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """A clip of 200 MB needs little more than one of 5 MB; the host may be a small NAS."""

    def peak(size: int) -> int:
        with (file := tmp_path / f"{size}.mp4").open("wb") as opened:
            opened.truncate(size)
        run = subprocess.run(
            [sys.executable, "-c", MEASURE, str(file)],
            stdout=-1,
            check=True,
            cwd=Path(__file__).parents[1],
        )
        return int(run.stdout)

    assert peak(200_000_000) < 1.15 * peak(5_000_000)
