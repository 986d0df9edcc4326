"""A shell, two folders and a clip."""

from pathlib import Path

import pytest

from cli.shell import Shell


@pytest.fixture
def reeldrop(tmp_path: Path) -> Shell:
    home = tmp_path / "home"
    home.mkdir()
    return Shell(home)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    (tmp_path / "outbox").mkdir()
    return tmp_path / "outbox"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "shot.mp4"
    path.write_bytes(b"clip" * 1000)
    return path
