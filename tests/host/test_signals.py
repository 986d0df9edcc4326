"""Signals, sent to a real process."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from reeldrop.engine.supervisor import GRACE
from reeldrop.host.signals import LONGEST_STOP

WAIT = """
import asyncio, sys, time
from reeldrop.host import signals
from reeldrop.host.signals import stop_on_signals
if sys.argv[1] == "hangs":
    signals.LONGEST_STOP = 0.1
async def main():
    stop = stop_on_signals()
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    if sys.argv[1] == "slow":
        await asyncio.Event().wait()
    if sys.argv[1] == "hangs":
        time.sleep(600)
asyncio.run(main())
"""
Child = subprocess.Popen[bytes]


@pytest.fixture
def child(request: pytest.FixtureRequest) -> Iterator[Child]:
    with subprocess.Popen(
        [sys.executable, "-c", WAIT, request.param], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


@pytest.mark.parametrize("child", ["quick"], indirect=True)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_asks_for_an_orderly_stop(child: Child, name: str) -> None:
    child.send_signal(signal.Signals[name])
    assert child.stdout
    assert child.stdout.read() == b"stopping\n"
    assert child.wait() == 0


@pytest.mark.parametrize("child", ["hangs"], indirect=True)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_that_hangs_is_ended(child: Child, name: str) -> None:
    """Not even the loop goes on: only a thread can end it. What is under way goes on at the next start."""
    child.send_signal(signal.Signals[name])
    assert child.wait(60) == 0
    assert child.stdout
    assert child.stdout.read() == b"stopping\n"


def test_the_longest_stop_is_shorter_than_what_is_promised() -> None:
    """`run` says 10 s, and so do the service and the container; an orderly stop needs less by itself."""
    assert GRACE < LONGEST_STOP <= 9.5


@pytest.mark.parametrize("child", ["slow"], indirect=True)
def test_a_second_interrupt_ends_it_at_once(child: Child) -> None:
    """Whoever presses Ctrl-C again does not want to wait; the store is the memory."""
    child.send_signal(signal.SIGINT)
    assert child.stdout
    assert child.stdout.readline() == b"stopping\n"
    child.send_signal(signal.SIGINT)
    assert child.wait() == -signal.SIGINT


@pytest.mark.parametrize("child", ["quick"], indirect=True)
def test_a_broken_file_lease_does_not_end_it(child: Child) -> None:
    """A file lease that another process breaks sends SIGIO, whose default is to kill."""
    child.send_signal(signal.SIGIO)
    child.send_signal(signal.SIGTERM)
    assert child.wait() == 0
