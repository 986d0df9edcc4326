"""The scan: what it shows, what it leaves out, and what it must survive."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reeldrop.domain.errors import FolderOffline
from reeldrop.files.inbox import FolderInbox
from reeldrop.files.scan import MAX_DEPTH, sweep
from reeldrop.ports import Scan

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")


def paths(scan: Scan) -> set[str]:
    return {entry.path for entry in scan.entries}


async def test_regular_files_of_all_folders_are_entries(inbox: FolderInbox, drops: Path) -> None:
    """References and sidecars are files of a drop too, so every kind is in the scan."""
    (drops / "showA" / "plates").mkdir(parents=True)
    for name in ("a.mov", "a.json", "showA/b.MP4", "showA/plates/ref.png"):
        (drops / name).write_bytes(name.encode())
    scan = await inbox.scan()
    assert paths(scan) == {"a.mov", "a.json", "showA/b.MP4", "showA/plates/ref.png"}
    entry = next(entry for entry in scan.entries if entry.path == "showA/b.MP4")
    found = (drops / "showA/b.MP4").stat()
    assert (entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode, entry.device) == (
        found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev,
    )  # fmt: skip


async def test_litter_is_neither_listed_nor_entered(inbox: FolderInbox, drops: Path) -> None:
    """NAS boxes keep thumbnails of every clip in folders beside it."""
    for folder in ("@eaDir", ".reeldrop", "__MACOSX", "copying.part"):
        (drops / folder / "deep").mkdir(parents=True)
        (drops / folder / "deep" / "clip.mov").write_bytes(b"x")
    (drops / "clip.mov.part").write_bytes(b"x")
    scan = await inbox.scan()
    assert (paths(scan), dict(scan.unreadable)) == (set(), {})


async def test_links_and_special_files_are_never_followed_or_opened(
    inbox: FolderInbox, drops: Path, elsewhere: Path
) -> None:
    """A link could make the daemon upload the host's files; a FIFO would hang whoever opens it."""
    (elsewhere / "secret.mov").write_bytes(b"secret")
    (drops / "real").mkdir()
    (drops / "real" / "a.mov").write_bytes(b"a")
    (drops / "link.mov").symlink_to(elsewhere / "secret.mov")
    (drops / "dangling.mov").symlink_to(drops / "nowhere")
    (drops / "linked").symlink_to(elsewhere)
    (drops / "loop1").symlink_to(drops)
    (drops / "real" / "loop2").symlink_to(drops)
    os.mkfifo(drops / "pipe.mov")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(drops / "socket.mov"))
        scan = await inbox.scan()
    assert paths(scan) == {"real/a.mov"}
    links = {"link.mov", "dangling.mov", "linked", "loop1", "real/loop2"}
    assert set(scan.unreadable) == links | {"pipe.mov", "socket.mov"}
    assert "symbolic link" in scan.unreadable["link.mov"]  # pyright: ignore[reportArgumentType] - a literal RelPath


@pytest.mark.parametrize(
    "name",
    [
        b"line\nbreak.mov", b"tab\t.mov", b"quote\".mov", "🎬.mov".encode(), "\u202eright.mov".encode(),
        b"-leading.mov", b"trailing. ", b"\xff\xfe-latin\xe9.mov", b"a" * 251 + b".mov", b"back\\slash.mov",
    ],
)  # fmt: skip
async def test_names_of_any_kind_are_listed_and_read(
    inbox: FolderInbox, drops: Path, name: bytes
) -> None:
    """Names come from every system and camera; none may stop the others or be lost."""
    (drops / os.fsdecode(name)).write_bytes(b"content")
    (entry,) = (await inbox.scan()).entries
    assert os.fsencode(entry.path) == name
    assert await inbox.read(entry.path, 100) == b"content"


async def test_a_folder_called_like_a_clip_is_a_folder(inbox: FolderInbox, drops: Path) -> None:
    """Some cameras write a folder per clip, with the clip's name."""
    (drops / "clip.mov").mkdir()
    (drops / "clip.mov" / "a.mov").write_bytes(b"x")
    assert paths(await inbox.scan()) == {"clip.mov/a.mov"}


async def test_one_unreadable_folder_does_not_stop_the_others(drops: Path, tmp_path: Path) -> None:
    """Somebody's private folder must not hold up everybody's drops; the reason names the user."""
    (drops / "open").mkdir()
    (drops / "open" / "a.mov").write_bytes(b"x")
    (drops / "closed").mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    report = _scan_as_nobody(drops)
    assert "paths ['open/a.mov']" in report
    assert "permission denied for uid 65534 gid" in report
    assert "mode 0700, owner 0:0" in report


def _scan_as_nobody(folder: Path) -> str:
    """Scan in a child that has given up root; root is stopped by no permission bits."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can make a folder that another user owns")
    for parent in folder.parents[:4]:
        if parent != Path("/tmp") and parent.stat().st_uid == 0:
            parent.chmod(0o755)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            found = sweep(str(folder), {}, lambda _: None)
            text = f"paths {sorted(found.entries)} {found.unreadable}"
        except OSError as error:
            text = repr(error)
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        report = pipe.read()
    os.waitpid(child, 0)
    return report


async def test_an_inbox_that_is_gone_is_offline_and_comes_back(
    inbox: FolderInbox, drops: Path
) -> None:
    """A missing folder says nothing about its drops: none of them counts as deleted."""
    (drops / "a.mov").write_bytes(b"x")
    assert paths(await inbox.scan()) == {"a.mov"}
    away = drops.rename(drops.with_name("away"))
    with pytest.raises(FolderOffline, match="does not answer"):
        await inbox.scan()
    away.rename(drops)
    assert paths(await inbox.scan()) == {"a.mov"}


async def test_folders_too_deep_are_reported_and_the_rest_is_found(
    inbox: FolderInbox, drops: Path
) -> None:
    """Whoever can write to the inbox must not be able to exhaust the daemon's descriptors."""
    at = os.open(drops, os.O_RDONLY)
    for _ in range(MAX_DEPTH + 10):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    (drops / "a.mov").write_bytes(b"x")
    scan = await inbox.scan()
    assert paths(scan) == {"a.mov"}
    assert list(scan.unreadable.values()) == [f"it lies more than {MAX_DEPTH} folders deep"]


async def test_a_changed_file_is_a_new_entry(inbox: FolderInbox, drops: Path) -> None:
    """Unchanged entries are kept from scan to scan; a changed one must never be among them."""
    (drops / "a.mov").write_bytes(b"x")
    (drops / "b.mov").write_bytes(b"x")
    before = {entry.path: entry for entry in (await inbox.scan()).entries}
    (drops / "a.mov").write_bytes(b"xy")
    after = {entry.path: entry for entry in (await inbox.scan()).entries}
    assert [path for path in after if after[path] != before[path]] == ["a.mov"]


@pytest.mark.slow
async def test_a_scan_of_many_kept_files_is_cheap(
    drops: Path, open_watch: Callable[..., FolderInbox]
) -> None:
    """Kept inboxes hold tens of thousands of files and are scanned every minute."""
    for folder in range(20):
        (drops / f"f{folder}").mkdir()
        for number in range(1000):
            os.close(os.open(drops / f"f{folder}" / f"{number}.mov", os.O_CREAT))
    inbox = open_watch()
    assert len((await inbox.scan()).entries) == 20_000
    began = time.process_time()
    await inbox.scan()
    # Ten times what it takes: this catches a second stat per file or worse, not a busy machine.
    assert time.process_time() - began < 1.0
