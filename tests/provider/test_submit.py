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
from tests.provider.conftest import SECRET, Serve, WallClock, Wire

from reeldrop.domain.errors import (
    ClipRejected,
    FileBusy,
    NotAuthorised,
    ProviderUnavailable,
    RateLimited,
    SettingsError,
    UnknownOutcome,
)
from reeldrop.ports import Progress, SubmitRequest
from reeldrop.provider.client import HttpProvider, open_provider
from reeldrop.settings import ApiSettings, UploadSettings
from reeldrop.upload.choose import open_uploads

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
        generation = await provider.submit(REQUEST, allow)

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
        await provider.submit(REQUEST, allow)
        await provider.submit(REQUEST, allow)

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

        await provider.submit(REQUEST, permission)

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
                await provider.submit(REQUEST, permission)
            await asyncio.wait_for(received.wait(), 2)
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

    value, _ = await open_uploads(UploadSettings()).prepare(clip, "auto")
    request = SubmitRequest("m/x", {"video_url": value, "image_list": [value]}, "r")
    async with serve(handler) as server, connect(server.url) as provider:
        await provider.submit(request, allow)

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
            await provider.submit(REQUEST, allow)

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
            await provider.submit(BIG, allow)


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
            await provider.submit(REQUEST, allow)


async def test_silence_after_the_end_is_unknown(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """A time-out says nothing about what the server did."""
    done = asyncio.Event()

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        await done.wait()

    async with serve(handler) as server, connect(server.url, answer=0.2) as provider:
        with pytest.raises(UnknownOutcome):
            await provider.submit(REQUEST, allow)
        done.set()


async def test_a_trickled_answer_does_not_hold_us_for_ever(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """A byte now and then resets every time-out of a socket, but not ours."""

    async def handler(wire: Wire) -> None:
        await wire.read_body()
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500:
            await wire.send(bytes([byte]))
            await asyncio.sleep(0.05)

    async with serve(handler) as server, connect(server.url, answer=0.3) as provider:
        with pytest.raises(UnknownOutcome):
            await asyncio.wait_for(provider.submit(REQUEST, allow), 5)


async def test_a_server_that_stops_reading_is_definite(
    serve: Serve, connect: Connect, allow: Allow
) -> None:
    """The end cannot have left while what stands before it has not."""
    done = asyncio.Event()

    async def handler(wire: Wire) -> None:
        await done.wait()

    async with serve(handler) as server, connect(server.url, write=0.3) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.submit(BIG, allow)
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
            await provider.submit(BIG, permission)
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
        assert (await provider.submit(BIG, allow)).id == "gen-1"


async def test_nobody_listening_is_definite(connect: Connect, allow: Allow) -> None:
    """A refused connection is the plainest proof that nothing was made."""
    async with connect("http://127.0.0.1:1") as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.submit(REQUEST, allow)


async def test_a_host_without_tls_is_definite(serve: Serve, connect: Connect, allow: Allow) -> None:
    """A failed handshake comes before the first byte of the request."""

    async def handler(wire: Wire) -> None:
        wire.cut()

    async with serve(handler) as server:
        url = server.url.replace("http:", "https:")
        async with connect(url, connect=0.3) as provider:
            with pytest.raises(ProviderUnavailable):
                await provider.submit(REQUEST, allow)


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
            submit = group.create_task(provider.submit(REQUEST, permission))
            await asked.wait()
            submit.cancel()
        await asyncio.wait_for(ended.wait(), 2)

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
from reeldrop.settings import UploadSettings
from reeldrop.upload.choose import open_uploads

async def sink(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    left = int(re.search(rb"(?i)content-length: (\\d+)", head)[1])
    while left:
        left -= len(await reader.read(65536))
    writer.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\n{"id":"a"}')
    await writer.drain()
    writer.close()

async def allowed():
    pass

async def main():
    server = await asyncio.start_server(sink, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    value, _ = await open_uploads(UploadSettings()).prepare(Path(sys.argv[1]), "auto")
    async with HttpProvider(url, "", "x", None, Timeouts()) as provider:
        await provider.submit(SubmitRequest("m", {"video_url": value}, "r"), allowed)

asyncio.run(main())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """A clip of 200 MB needs little more than one of 5 MB; the host may be a small NAS."""

    def peak(size: int) -> int:
        with (file := tmp_path / f"{size}.mp4").open("wb") as opened:
            opened.truncate(size)
        run = subprocess.run([sys.executable, "-c", MEASURE, str(file)], stdout=-1, check=True)
        return int(run.stdout)

    assert peak(200_000_000) < 1.15 * peak(5_000_000)
