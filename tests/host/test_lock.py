"""One daemon to a state folder."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reeldrop.domain.errors import StartupError
from reeldrop.host.lock import Held, hold_state_folder

HOLD = """
import sys, pathlib
from reeldrop.host.lock import hold_state_folder
with hold_state_folder(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_daemon_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    """Two daemons on one store would both pay."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Held) as told, hold_state_folder(tmp_path, patience=0.1):
            pytest.fail("two hold one folder")
        assert f"pid {other.pid} on {socket.gethostname()}" in told.value.message
        assert str(tmp_path) in told.value.message
        other.kill()
        other.wait()
    with hold_state_folder(tmp_path):
        """A killed daemon's lock is no obstacle."""


def test_two_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    with (
        hold_state_folder(tmp_path),
        pytest.raises(Held),
        hold_state_folder(tmp_path, patience=0.0),
    ):
        pytest.fail("two hold one folder")


def test_a_holder_that_ends_soon_is_waited_for(tmp_path: Path) -> None:
    """A command that changes something while no daemon runs must not keep one from starting."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdin
        assert other.stdout.readline() == b"held\n"
        threading.Timer(0.1, other.stdin.close).start()
        with hold_state_folder(tmp_path, patience=30.0):
            assert other.wait() == 0


def test_what_an_old_holder_left_is_no_obstacle(tmp_path: Path) -> None:
    """The file says something to people only; the kernel knows whether the holder lives."""
    (tmp_path / "lock").write_text("pid 1 on elsewhere, and a long story about it\n")
    with hold_state_folder(tmp_path):
        note = (tmp_path / "lock").read_text()
    assert note == f"pid {os.getpid()} on {socket.gethostname()}, a daemon\n"


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "state"
    with hold_state_folder(folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="file"), hold_state_folder(tmp_path / "file"):
        pytest.fail("a file is no folder")


def test_a_link_in_the_locks_place_is_not_followed(tmp_path: Path) -> None:
    """The lock's file is written to; a link could make that any file."""
    (tmp_path / "other").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with pytest.raises(StartupError), hold_state_folder(tmp_path):
        pytest.fail("a link was followed")
    assert (tmp_path / "other").read_text() == "precious"
