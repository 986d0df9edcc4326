"""What a service manager hears of the daemon."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reeldrop.host.notify import LONGEST_STATUS, Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_it_hears_what_is_told(manager: socket.socket) -> None:
    """`Type=notify` waits for READY=1, `WatchdogSec=` for WATCHDOG=1."""
    notifier = Notifier(manager.getsockname(), watchdog=30.0)

    notifier.ready()
    notifier.alive()
    notifier.stopping()

    assert [manager.recv(999) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_a_watchdog_no_sign_of_life_is_sent(manager: socket.socket) -> None:
    """Nobody waits for one."""
    notifier = Notifier(manager.getsockname())

    notifier.alive()
    notifier.ready()

    assert manager.recv(999) == b"READY=1"


def test_a_start_that_comes_on_asks_for_time_now_and_then(manager: socket.socket) -> None:
    """It may take over thousands of jobs; its loop says so five times a second."""
    notifier = Notifier(manager.getsockname())

    for _ in range(100):
        notifier.starting()
    notifier.ready()

    assert manager.recv(999) == b"EXTEND_TIMEOUT_USEC=60000000"
    assert manager.recv(999).startswith(b"STATUS=Starting: ")
    assert manager.recv(999) == b"READY=1"


def test_a_reload_names_its_moment(manager: socket.socket) -> None:
    """systemd wants to know that the answer belongs to this reload."""
    Notifier(manager.getsockname()).reloading()

    told = dict(line.split(b"=") for line in manager.recv(999).splitlines())
    assert told[b"RELOADING"] == b"1"
    assert int(told[b"MONOTONIC_USEC"]) > 0


def test_a_status_is_one_bounded_line_and_told_once(manager: socket.socket) -> None:
    """A reason may be long, and may hold a file's name with a line break."""
    notifier = Notifier(manager.getsockname())

    notifier.status("a\nREADY=1 " + "b" * 2 * LONGEST_STATUS)
    notifier.status("a\nREADY=1 " + "b" * 2 * LONGEST_STATUS)
    notifier.ready()

    status = manager.recv(9999)
    assert status.startswith(b"STATUS=a READY=1 b")
    assert status.count(b"\n") == 0
    assert len(status) <= LONGEST_STATUS + len("STATUS=")
    assert manager.recv(999) == b"READY=1"


def test_a_status_that_nobody_took_is_told_again(manager: socket.socket) -> None:
    """A service manager that is busy has a full socket; the line may not change for days."""
    notifier = Notifier(manager.getsockname())
    queued = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(BlockingIOError):
        sender.setblocking(False)
        while True:
            sender.sendto(b"x", manager.getsockname())
            queued += 1

    notifier.status("idle")
    for _ in range(queued):
        assert manager.recv(999) == b"x"
    notifier.status("idle")
    notifier.status("idle")
    notifier.ready()

    assert [manager.recv(999) for _ in range(2)] == [b"STATUS=idle", b"READY=1"]


def test_an_abstract_socket_is_reached() -> None:
    """systemd in a container may name one with an @."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        # Such a name is the host's: no two runs of this may meet at one.
        name = f"reeldrop-test-{secrets.token_hex(8)}"
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        Notifier(f"@{name}").ready()
        assert listening.recv(99) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "/" + "x" * 300])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    """In a terminal and in a container there is no service manager."""
    notifier = Notifier(address)
    notifier.ready()
    notifier.status("idle")
