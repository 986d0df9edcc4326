"""Who writes to a file: asked of the kernel on local file systems."""

import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reeldrop.domain.job import RelPath
from reeldrop.files.inbox import FolderInbox

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


async def test_an_open_writer_is_seen_and_a_reader_is_not(inbox: FolderInbox, drops: Path) -> None:
    """A recorder keeps its file open for hours without writing a byte."""
    path = drops / "a.mov"
    with path.open("wb"):
        assert await inbox.written_by_another(RelPath("a.mov")) is True
    with path.open("rb"):
        assert await inbox.written_by_another(RelPath("a.mov")) is False


async def test_a_writer_by_memory_map_is_seen(inbox: FolderInbox, drops: Path) -> None:
    """A mapped file can be written after its descriptor was closed."""
    path = drops / "a.mov"
    path.write_bytes(b"x" * 4096)
    fd = os.open(path, os.O_RDWR)
    with mmap.mmap(fd, 4096):
        os.close(fd)
        assert await inbox.written_by_another(RelPath("a.mov")) is True
    assert await inbox.written_by_another(RelPath("a.mov")) is False


async def test_writers_that_come_while_we_ask_do_no_harm(inbox: FolderInbox, drops: Path) -> None:
    """Breaking a lease sends us a signal whose default would end the process."""
    path = drops / "a.mov"
    path.write_bytes(b"x")
    child = os.fork()
    if child == 0:
        for _ in range(3000):
            os.close(os.open(path, os.O_WRONLY))
        os._exit(0)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert await inbox.written_by_another(RelPath("a.mov")) in (True, False)


async def test_tmpfs_is_local(
    inbox: FolderInbox, drops: Path, other_disk: Callable[..., Path]
) -> None:
    """Each file is judged by the file system it lies on, not by the inbox's."""
    (other_disk(drops / "disk") / "a.mov").write_bytes(b"x")
    assert await inbox.written_by_another(RelPath("disk/a.mov")) is False
