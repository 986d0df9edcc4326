"""The scan: what it shows, what it leaves out, and what it must survive."""

import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    WatchDescriptor,
)

from acceptance.mounts import Share, shared
from acceptance.world import eventually
from reeldrop.domain.errors import FolderOffline
from reeldrop.domain.job import RelPath
from reeldrop.files.confined import folder_in, open_inside, root_of
from reeldrop.files.durable import rename_new
from reeldrop.files.faults import words_of
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


async def test_one_unreadable_folder_does_not_stop_the_others(drops: Path) -> None:
    """Somebody's private folder must not hold up everybody's drops; the reason names the user."""
    (drops / "open").mkdir()
    (drops / "open" / "a.mov").write_bytes(b"x")
    (drops / "closed").mkdir(mode=0o700)
    (drops / "listed").mkdir()
    (drops / "listed" / "a.mov").write_bytes(b"x")
    (drops / "listed").chmod(0o744)
    report = _as_nobody(drops, _scanned)
    assert "['open/a.mov']" in report
    denied = "permission denied for uid 65534 gid 65534"
    assert f"'closed': '{denied} (mode 0700, owner 0:0)'" in report
    assert f"'listed/a.mov': '{denied} (its folder has mode 0744, owner 0:0)'" in report


@pytest.mark.parametrize(
    ("path", "mode", "why"),
    [
        ("show/a.mov", 0o600, "(mode 0600, owner 1000:1000)"),
        ("show", 0o700, "(mode 0700, owner 1000:1000)"),
        ("show", 0o744, "(its folder has mode 0744, owner 1000:1000)"),
    ],
)
async def test_what_cannot_be_read_says_who_stands_in_the_way(
    drops: Path, path: str, mode: int, why: str
) -> None:
    """An artist's umask is the commonest cause, and "permission denied" alone says nothing of it."""
    (drops / "show").mkdir()
    (drops / "show" / "a.mov").write_bytes(b"x")
    os.chown(drops / path, 1000, 1000)
    (drops / path).chmod(mode)
    report = _as_nobody(drops, lambda root: _read(root, "show/a.mov"))
    assert report == f"permission denied for uid 65534 gid 65534 {why}"


async def test_what_cannot_be_moved_says_which_folder_stands_in_the_way(drops: Path) -> None:
    """A clip may be everybody's to read in a folder that is nobody's to write to."""
    (drops / "show").mkdir(mode=0o755)
    (drops / "show" / "a.mov").write_bytes(b"x")
    (drops / "claims").mkdir()
    (drops / "claims").chmod(0o777)

    def move(root: int) -> str:
        with folder_in(root, ("show",)) as show, folder_in(root, ("claims",)) as to:
            rename_new(show, "a.mov", to, "a.mov")
        return "moved"

    report = _as_nobody(drops, move)
    assert report.endswith("uid 65534 gid 65534 (its folder has mode 0755, owner 0:0)")


def _scanned(root: int) -> str:
    found = sweep(root, {}, lambda _: None)
    return f"{sorted(found.entries)} {found.unreadable}"


def _read(root: int, path: str) -> str:
    with open_inside(root, path) as fd:
        return f"read {os.read(fd, 1)}"


def _as_nobody(folder: Path, act: Callable[[int], str]) -> str:
    """Act on the open folder in a child that has given up root; root is stopped by no permission bits."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: only root can make a folder that another user owns")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # Opened as root: the folders above it are nobody's business, and others use them too.
            with root_of(str(folder)) as root:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                text = act(root)
        except OSError as error:
            text = words_of(error)
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        report = pipe.read()
    os.waitpid(child, 0)
    return report


# ------------------------------------------------------------------ shares


@pytest_asyncio.fixture
async def share(drops: Path, tmp_path: Path) -> AsyncIterator[Share]:
    """A share inside the inbox."""
    async with shared(drops / "nas", tmp_path / "served") as mounted:
        yield mounted


async def test_a_share_that_fails_inside_the_inbox_does_not_stop_the_others(
    inbox: FolderInbox, drops: Path, share: Share
) -> None:
    """Its server has died; the folder is listed, and comes back by itself."""
    (drops / "a.mov").write_bytes(b"x")
    (share.served / "b.mov").write_bytes(b"x")
    assert paths(await inbox.scan()) == {"a.mov", "nas/b.mov"}
    await share.kill()
    scan = await inbox.scan()
    assert paths(scan) == {"a.mov"}
    assert dict(scan.unreadable) == {"nas": "Transport endpoint is not connected"}
    share.unmount()
    assert paths(await inbox.scan()) == {"a.mov"}
    await share.mount()
    assert paths(await inbox.scan()) == {"a.mov", "nas/b.mov"}


async def test_what_matters_of_a_share_is_opened_to_be_looked_at(
    inbox: FolderInbox, drops: Path, share: Share
) -> None:
    """Attributes that a client remembers may be minutes old; only an open asks the server."""
    for name in ("old.mov", "new.mov"):
        (share.served / name).write_bytes(b"x")
    (drops / "local.mov").write_bytes(b"x")
    new = {RelPath("nas/new.mov"), RelPath("local.mov"), RelPath("nas/gone.mov")}
    opened: set[str] = set()
    watched = InotifyFD()
    watched.start()

    class Listener:
        def on_event(self, event: InotifyEvent) -> None:
            opened.add(os.fsdecode(event.name))

        def on_watch_deleted(self, wd: WatchDescriptor) -> None: ...

        def on_queue_overflow(self) -> None: ...

    mask = InotifyConstants.IN_OPEN
    watched.add_callback(os.fsencode(share.served), mask, Listener(), CallbackId(1))
    watched.add_callback(os.fsencode(drops), mask, Listener(), CallbackId(1))
    try:
        scan = await inbox.scan(new)
        assert len(scan.entries) == 3
        (share.served / "last").open("w").close()
        await eventually(lambda: "last" in opened)
    finally:
        watched.stop()
        watched.join()
    assert {name for name in opened if name.endswith(".mov")} == {"new.mov"}


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
    memory: Path, open_watch: Callable[..., FolderInbox]
) -> None:
    """Kept inboxes hold tens of thousands of files and are scanned every minute."""
    for folder in range(20):
        (memory / f"f{folder}").mkdir()
        for number in range(250):
            os.close(os.open(memory / f"f{folder}" / f"{number}.mov", os.O_CREAT))
    inbox = open_watch(inbox=str(memory))
    assert len((await inbox.scan()).entries) == 5_000
    began = time.process_time()
    await inbox.scan()
    # Ten times what it takes: this catches a second stat per file or worse, not a busy machine.
    assert time.process_time() - began < 0.25
