"""The failpoints see every call, and do end a process."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from crash.dying import KILLED, Dying, Fuse, Point
from crash.trial import TESTS


class Streaming:
    """What a port may return: a value that is made while it is sent."""

    length = 2

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"


class Port:
    """Every form that a port's method has."""

    name = "plain"

    def real(self) -> str:
        return "real"

    async def prepare(self) -> tuple[Streaming, str]:
        return Streaming(), "mode"

    async def submit(self, before_last_bytes: Callable[[], Awaitable[None]]) -> None:
        await before_last_bytes()
        raise TimeoutError


async def use(port: Any) -> list[Any]:
    """Call all of it."""

    async def declare() -> None:
        seen.append("declared")

    stream, mode = await port.prepare()
    seen: list[Any] = [port.name, port.real(), mode, stream.length]
    seen += [chunk async for chunk in stream.chunks()]
    with pytest.raises(TimeoutError):
        await port.submit(declare)
    return seen


async def test_what_a_port_does_stays_the_same() -> None:
    """A fuse that changed the rooms would test other rooms."""
    assert await use(Port()) == await use(Dying(Port(), "port", Fuse()))


async def test_every_call_is_seen() -> None:
    """Streams and callbacks are boundaries too: the deadliest one is a callback."""
    fuse = Fuse()
    await use(Dying(Port(), "port", fuse))
    assert dict(fuse.calls) == {
        "port.prepare": 1,
        "port.real": 1,
        "stream.chunks": 3,
        "port.submit": 1,
        "port.submit.declare": 1,
    }


def die_at(point: str) -> None:
    """Use a port with a fuse."""
    asyncio.run(use(Dying(Port(), "port", Fuse(Point.parse(point)))))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "code"),
    [
        ("before port.real #1", KILLED),
        ("after stream.chunks #3", KILLED),
        ("before port.submit.declare #1", KILLED),
        ("after port.submit #1", KILLED),
        ("after port.submit #2", 0),
    ],
)
def test_the_process_ends_at_the_point_and_nowhere_else(point: str, code: int) -> None:
    """At once, without closing anything: as kill -9 ends it."""
    script = f"from crash.test_dying import die_at; die_at({point!r})"
    child = subprocess.run(
        [sys.executable, "-P", "-c", script], env={"PYTHONPATH": str(TESTS)}, check=False
    )
    assert child.returncode == code


def test_a_point_is_repeated_by_its_name() -> None:
    """A failing kill is reported by it."""
    assert str(Point.parse("after store.move #12")) == "after store.move #12"
    with pytest.raises(ValueError, match="during"):
        Point.parse("during store.move #1")
