"""Results over a real socket: whole, resumed, redirected, refused."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.provider.conftest import Serve, Wire

from meters import meter
from reeldrop.domain.errors import (
    DiskFull,
    FolderOffline,
    RateLimited,
    ResultDamaged,
    ResultGone,
    TransientError,
)
from reeldrop.provider.client import HttpProvider

Connect = Callable[..., HttpProvider]
CONTENT = os.urandom(3_000_017)
ELSEWHERE = "http://127.0.0.1:1"


def start_of(wire: Wire) -> int:
    found = re.fullmatch(r"bytes=(\d+)-", wire.request.headers.get("range", ""))
    return int(found[1]) if found else 0


async def with_ranges(wire: Wire, content: bytes = CONTENT, tag: str = '"v1"') -> None:
    """Answer as a good file server does."""
    start = start_of(wire)
    wanted = wire.request.headers.get("if-range", tag)
    headers = {"ETag": tag, "Content_Type": "video/mp4"}
    if not start or wanted != tag:
        await wire.answer(200, content, **headers)
    elif start >= len(content):
        await wire.answer(416, b"", **headers, Content_Range=f"bytes */{len(content)}")
    else:
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        await wire.answer(206, content[start:], **headers, Content_Range=span)


async def test_a_result_is_fetched_whole_and_without_the_key(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """The file server is somebody else's; the key is none of its business."""
    async with serve(with_ranges) as server, connect(ELSEWHERE) as provider:
        await provider.fetch(f"{server.url}/r.mp4", part := tmp_path / "part", meter())

        assert part.read_bytes() == CONTENT
        assert "authorization" not in server.requests[0].headers


async def test_the_key_stays_away_even_from_a_result_beside_the_api(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """Same host or not: results are fetched without it."""
    async with serve(with_ranges) as server, connect(server.url) as provider:
        await provider.fetch(f"{server.url}/r.mp4", tmp_path / "part", meter())

        assert "authorization" not in server.requests[0].headers


async def test_redirects_are_followed(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """The provider's address answers 302 to a signed one."""
    async with serve(with_ranges) as files:

        async def handler(wire: Wire) -> None:
            relative = "/again" if wire.request.target == "/r" else f"{files.url}/x?sig=%2F"
            await wire.answer(302, b"", Location=relative)

        async with serve(handler) as server, connect(ELSEWHERE) as provider:
            await provider.fetch(f"{server.url}/r", part := tmp_path / "part", meter())

            assert part.read_bytes() == CONTENT
            assert files.requests[0].target == "/x?sig=%2F"


@pytest.mark.parametrize(
    "location", ["/r", "http://example.invalid/x", "ftp://127.0.0.1/x", "file:///etc/passwd"]
)
async def test_redirects_to_nowhere_are_refused(
    serve: Serve, connect: Connect, tmp_path: Path, location: str
) -> None:
    """No loop, no plain http to the world, no other scheme."""

    async def handler(wire: Wire) -> None:
        await wire.answer(302, b"", Location=location)

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(TransientError):
            await provider.fetch(f"{server.url}/r", tmp_path / "part", meter())

        assert len(server.requests) <= 6


@pytest.mark.parametrize("url", ["http://example.invalid/x", "", "nonsense", "file:///etc/passwd"])
async def test_an_address_that_is_not_safe_is_not_asked(
    connect: Connect, tmp_path: Path, url: str
) -> None:
    """The address comes from outside."""
    async with connect(ELSEWHERE) as provider:
        with pytest.raises(ResultDamaged):
            await provider.fetch(url, tmp_path / "part", meter())


async def test_a_cut_keeps_what_came_and_the_next_try_goes_on(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """A large result over a bad line must come to an end some day."""
    part = tmp_path / "part"

    async def handler(wire: Wire) -> None:
        if start_of(wire):
            await with_ranges(wire)
            return
        await wire.send(
            b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(CONTENT)
        )
        await wire.send(CONTENT[:2_000_000])
        wire.writer.close()

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(TransientError):
            await provider.fetch(f"{server.url}/r", part, meter())
        assert part.read_bytes() == CONTENT[:2_000_000]

        await provider.fetch(f"{server.url}/r", part, meter())

        assert part.read_bytes() == CONTENT
        assert server.requests[1].headers["if-range"] == '"v1"'


async def test_after_a_restart_a_part_goes_on_without_a_tag(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """The file alone is the memory."""
    (part := tmp_path / "part").write_bytes(CONTENT[:1_000_001])

    async with serve(with_ranges) as server, connect(ELSEWHERE) as provider:
        await provider.fetch(f"{server.url}/r", part, meter())

        assert part.read_bytes() == CONTENT
        assert server.requests[0].headers["range"] == "bytes=1000001-"


async def test_a_part_that_is_whole_is_left_as_it_is(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """The daemon died between the last byte and its record."""
    (part := tmp_path / "part").write_bytes(CONTENT)

    async with serve(with_ranges) as server, connect(ELSEWHERE) as provider:
        await provider.fetch(f"{server.url}/r", part, meter())

        assert part.read_bytes() == CONTENT


async def test_a_part_of_something_else_is_begun_anew(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """Longer than the result: 416, and the next try is clean."""
    (part := tmp_path / "part").write_bytes(CONTENT + b"more")

    async with serve(with_ranges) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(TransientError):
            await provider.fetch(f"{server.url}/r", part, meter())
        await provider.fetch(f"{server.url}/r", part, meter())

        assert part.read_bytes() == CONTENT


async def test_a_server_without_ranges_begins_anew(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """200 to a Range is the whole file; appended it would be rubbish."""
    (part := tmp_path / "part").write_bytes(CONTENT[:1000])

    async def handler(wire: Wire) -> None:
        await wire.answer(200, CONTENT)

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        await provider.fetch(f"{server.url}/r", part, meter())

        assert part.read_bytes() == CONTENT


async def test_another_part_than_asked_for_is_not_appended(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """Content-Range is believed, not hoped for."""
    (part := tmp_path / "part").write_bytes(CONTENT[:1000])

    async def handler(wire: Wire) -> None:
        await wire.answer(206, CONTENT[500:], Content_Range=f"bytes 500-9/{len(CONTENT)}")

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(TransientError):
            await provider.fetch(f"{server.url}/r", part, meter())
        assert not part.read_bytes()


async def test_a_changed_result_is_not_glued_to_the_old_one(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """Half of one file and half of another plays until the middle."""
    part = tmp_path / "part"
    other = bytes(reversed(CONTENT))

    async def handler(wire: Wire) -> None:
        if start_of(wire):
            await with_ranges(wire, other, '"v2"')
            return
        await wire.send(
            b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(CONTENT)
        )
        await wire.send(CONTENT[:2_000_000])
        wire.cut()

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(TransientError):
            await provider.fetch(f"{server.url}/r", part, meter())
        if part.stat().st_size:
            await provider.fetch(f"{server.url}/r", part, meter())
            assert part.read_bytes() == other


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
async def test_a_page_is_no_result(
    serve: Serve, connect: Connect, tmp_path: Path, kind: str
) -> None:
    """A proxy's login page must not be delivered as a clip, nor spoil what has been fetched."""
    (part := tmp_path / "part").write_bytes(CONTENT[:1000])

    async def handler(wire: Wire) -> None:
        await wire.answer(200, b"<html>", Content_Type=kind)

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(ResultDamaged):
            await provider.fetch(f"{server.url}/r", part, meter())
        assert part.read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, ResultGone),
        (404, ResultGone),
        (410, ResultGone),
        (429, RateLimited),
        (500, TransientError),
        (503, TransientError),
    ],
)
async def test_a_refused_result(
    serve: Serve, connect: Connect, tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    """Gone needs a new URL, everything else needs time."""

    async def handler(wire: Wire) -> None:
        await wire.answer(status, b"<Error/>", Content_Type="application/xml")

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(kind) as caught:
            await provider.fetch(f"{server.url}/r", tmp_path / "part", meter())
        assert type(caught.value) is kind


async def test_an_empty_result_is_damaged(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """Nothing at all is not a clip."""

    async def handler(wire: Wire) -> None:
        await wire.answer(200, b"")

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(ResultDamaged):
            await provider.fetch(f"{server.url}/r", tmp_path / "part", meter())


async def test_a_result_beyond_all_bounds_is_refused_by_its_length(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """A wrong server must not be able to fill the disk."""

    async def handler(wire: Wire) -> None:
        await wire.answer(200, b"x", Content_Length=str(10**14))

    async with serve(handler) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(ResultDamaged):
            await provider.fetch(f"{server.url}/r", tmp_path / "part", meter())


async def test_a_silent_server_is_given_up_and_the_part_is_kept(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """The next try goes on from there."""
    part = tmp_path / "part"
    done = asyncio.Event()

    async def handler(wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + CONTENT[:10])
        await done.wait()

    async with serve(handler) as server, connect(ELSEWHERE, fetch=0.2) as provider:
        with pytest.raises(TransientError):
            await provider.fetch(f"{server.url}/r", part, meter())
        done.set()
        assert part.read_bytes() == CONTENT[:10]


async def test_a_trickled_result_is_given_up(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """A byte now and then resets the socket's time-out, but would take a year."""

    async def handler(wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            await wire.send(b"x")
            await asyncio.sleep(0.01)

    async with serve(handler) as server, connect(ELSEWHERE, fetch=0.03) as provider:
        with pytest.raises(TransientError):
            await asyncio.wait_for(provider.fetch(f"{server.url}/r", tmp_path / "part", meter()), 5)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
async def test_a_full_disk_is_told_from_everything_else(serve: Serve, connect: Connect) -> None:
    """Every result would meet it, and the next one too: the queue waits."""
    async with serve(with_ranges) as server, connect(ELSEWHERE) as provider:
        with pytest.raises(DiskFull):
            await provider.fetch(f"{server.url}/r", Path("/dev/full"), meter())


async def test_a_folder_that_is_gone_is_offline(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """The outbox's share may be away; the result can wait."""
    async with connect(ELSEWHERE) as provider:
        with pytest.raises(FolderOffline):
            await provider.fetch("https://127.0.0.1/r", tmp_path / "no" / "part", meter())


async def test_a_link_in_place_of_the_part_is_not_written_through(
    connect: Connect, tmp_path: Path
) -> None:
    """The outbox is a share that others write to."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (part := tmp_path / "part").symlink_to(victim)

    async with connect(ELSEWHERE) as provider:
        with pytest.raises(FolderOffline):
            await provider.fetch("https://127.0.0.1/r", part, meter())
    assert victim.read_bytes() == b"precious"
