"""What only sockets show: order of bytes, cuts, many clients, and a clean end."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reeldrop.simulator import Simulator, serve_forever
from reeldrop.simulator.faults import Fault, Route

SERVE = """
import asyncio, sys
from pathlib import Path
from reeldrop.simulator import Simulator, serve_forever
simulator = Simulator(Path(sys.argv[1]), result=Path(sys.argv[2]), generation_seconds=0.0)
asyncio.run(serve_forever(simulator, lambda it: print(it.base_url, flush=True)))
"""


async def connect(desk: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(desk.simulator.base_url.split(":")[-1]))


def head(length: int, extra: str = "") -> bytes:
    return (
        f"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{extra}\r\n"
    ).encode()


async def test_an_early_answer_comes_before_the_body_does(desk: Any) -> None:
    """A client that only reads when it has written everything would hang or lose the answer."""
    desk.faults.add(Fault(Route.SUBMIT, answer="unauthorised", early=True))
    reader, writer = await connect(desk)
    writer.write(head(1_000_000))
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer
    writer.write(b"x" * 100)
    rest = await reader.read()
    assert json.loads(rest)["statusCode"] == 401
    writer.close()
    await writer.wait_closed()
    assert desk.ledger.requests[0].received == 0


async def test_nothing_is_accepted_before_the_last_byte(desk: Any) -> None:
    """A submit whose last byte never left is definite: the daemon's promise stands on this."""
    body = json.dumps(desk.body()).encode()
    reader, writer = await connect(desk)
    writer.write(head(len(body)) + body[:-1])
    await writer.drain()
    assert (await desk.client.get("/v2/billing")).status_code == 200
    assert desk.ledger.accepted == []
    writer.write(body[-1:])
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert len(desk.ledger.accepted) == 1
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_in_its_body_makes_nothing(desk: Any, tmp_path: Path) -> None:
    body = json.dumps(desk.body()).encode()
    reader, writer = await connect(desk)
    writer.write(head(len(body)) + body[:-1])
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert desk.ledger.accepted == []
    assert list((tmp_path / "desk").iterdir()) == []


async def test_a_client_that_waits_for_100_is_told_to_go_on(desk: Any) -> None:
    body = json.dumps(desk.body()).encode()
    reader, writer = await connect(desk)
    writer.write(head(len(body), "Expect: 100-continue\r\n"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


async def test_what_is_no_http_is_refused(desk: Any) -> None:
    reader, writer = await connect(desk)
    writer.write(b"hello\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


async def test_one_connection_serves_many_requests(desk: Any) -> None:
    reader, writer = await connect(desk)
    for _ in range(50):
        writer.write(b"GET /v2/billing HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert json.loads(await reader.readexactly(length))["currency"] == "USD"
    writer.close()
    await writer.wait_closed()


async def test_300_polls_at_once_are_answered(desk: Any) -> None:
    generation_id = (await desk.submit()).json()["id"]

    async def poll() -> bytes:
        reader, writer = await connect(desk)
        writer.write(
            f"GET /v2/video/generations?generation_id={generation_id} HTTP/1.1\r\n"
            "Host: x\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    answers = await asyncio.gather(*(poll() for _ in range(300)))
    assert sum(b'"completed"' in answer for answer in answers) == 300
    assert desk.ledger.accepted[0].polls == 300


async def test_closing_ends_idle_and_busy_connections(tmp_path: Path, result: Path) -> None:
    """Nothing may keep a program from ending that has the stand-in inside."""
    simulator = Simulator(tmp_path / "desk", result=result)
    tasks = asyncio.all_tasks()
    async with simulator, httpx.AsyncClient(base_url=simulator.base_url) as client:
        simulator.faults.add(Fault(Route.BILLING, delay=3600))
        assert (await client.get("/v2/logs?period=1h")).status_code == 200
        stuck = asyncio.ensure_future(client.get("/v2/billing"))
        while not any(seen.target == "/v2/billing" for seen in simulator.ledger.requests):
            await asyncio.sleep(0.005)
        await simulator.__aexit__(None, None, None)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await stuck
    assert asyncio.all_tasks() == tasks


async def test_a_taken_port_is_told(desk: Any, tmp_path: Path) -> None:
    port = int(desk.simulator.base_url.split(":")[-1])
    with pytest.raises(OSError, match="address already in use"):
        await Simulator(tmp_path / "second", port=port).__aenter__()


async def test_serving_for_ever_returns_when_cancelled(tmp_path: Path, result: Path) -> None:
    opened = asyncio.get_running_loop().create_future()
    simulator = Simulator(tmp_path / "desk", result=result)
    task = asyncio.ensure_future(serve_forever(simulator, opened.set_result))
    assert await opened is simulator
    task.cancel()
    assert await task is None
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(simulator.base_url)


def peak_kib(pid: int) -> int:
    """Return the most memory that a process ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def big_body(megabytes: int) -> AsyncIterator[bytes]:
    yield b'{"model":"klingai/video-o1-video-to-video-reference","prompt":"x","video_url":"data:video/mp4;base64,'
    piece = base64.b64encode(os.urandom(786_432))
    for _ in range(megabytes):
        yield piece
    yield b'"}'


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
async def test_memory_stays_flat_under_a_200_mb_body(tmp_path: Path, result: Path) -> None:
    """A request may be as big as a clip; the stand-in sits in the daemon's own process at times."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(tmp_path / "desk"), str(result),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    try:
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            peaks: list[int] = []
            for megabytes in (2, 200):
                answer = await client.post("/v2/video/generations", content=big_body(megabytes))
                assert answer.status_code == 200
                peaks.append(peak_kib(process.pid))
            accepted = (await client.get("/_simulator/ledger")).json()["accepted"]
        assert accepted[1]["params"]["video_url"]["bytes"] == 200 * 786_432
        assert peaks[1] - peaks[0] < 20 * 1024
    finally:
        process.terminate()
        await process.wait()
