"""A file as a data URI, made while it is sent."""

import asyncio
import base64
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meters import meter
from reeldrop.domain.errors import FileBusy, FolderOffline
from reeldrop.upload.data_uri import DataUri
from reeldrop.upload.local import PIECE, LocalFile
from reeldrop.upload.media_type import media_type


async def all_of(uri: DataUri) -> bytes:
    return b"".join([chunk async for chunk in uri.chunks()])


@pytest.mark.parametrize("size", [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2])
async def test_the_uri_is_the_file(tmp_path: Path, size: int) -> None:
    """Byte for byte, at every edge of the pieces, with the length known before."""
    file = tmp_path / "a.MP4"
    file.write_bytes(content := os.urandom(size))
    uri = DataUri(LocalFile(file), meter())

    sent = await all_of(uri)

    head, _, data = sent.partition(b",")
    assert head == b"data:video/mp4;base64"
    assert base64.b64decode(data, validate=True) == content
    assert uri.length == len(sent)
    assert uri.facts().bytes == size
    assert uri.facts().sha256 == hashlib.sha256(content).hexdigest()
    await uri.verify()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=30,
)
@given(st.binary(max_size=100))
async def test_the_uri_needs_no_json_escape(tmp_path: Path, content: bytes) -> None:
    """It is put between quotes as it is."""
    file = tmp_path / "a.mp4"
    file.write_bytes(content)

    sent = await all_of(DataUri(LocalFile(file), meter()))

    assert sent.isascii()
    assert not set(sent) & set(b'"\\\n\r')


async def test_it_can_be_sent_again(tmp_path: Path) -> None:
    """A definite refusal is followed by another try with the same value."""
    file = tmp_path / "a.mp4"
    file.write_bytes(os.urandom(1000))
    uri = DataUri(LocalFile(file), meter())

    assert await all_of(uri) == await all_of(uri)


async def test_a_changed_file_is_found_by_the_verification(tmp_path: Path) -> None:
    """Appended, rewritten, replaced, removed: none of them is the clip that was hashed."""
    file = tmp_path / "a.mp4"

    def append() -> None:
        with file.open("ab") as opened:
            opened.write(b"x")

    def rewrite() -> None:
        file.write_bytes(b"b" * 1000)
        os.utime(file, ns=(1, 1))

    def replace() -> None:
        stat = file.stat()
        (other := tmp_path / "other").write_bytes(b"b" * 1000)
        os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        other.replace(file)

    def link() -> None:
        file.rename(moved := tmp_path / "moved")
        file.symlink_to(moved)

    for change in (append, rewrite, replace, link, file.unlink):
        file.unlink(missing_ok=True)
        file.write_bytes(b"a" * 1000)
        uri = DataUri(LocalFile(file), meter())
        await all_of(uri)
        await uri.verify()

        change()

        with pytest.raises(FileBusy):
            await uri.verify()


async def test_a_link_made_to_the_file_is_no_change(tmp_path: Path) -> None:
    """Deliveries of other jobs link the same clip while it is sent."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * 1000)
    uri = DataUri(LocalFile(file), meter())

    os.link(file, tmp_path / "b.mp4")

    await all_of(uri)
    await uri.verify()


async def test_a_file_that_is_cut_while_it_is_read_ends_the_stream(tmp_path: Path) -> None:
    """Nothing is padded and nobody waits for bytes that do not come."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * (6 * PIECE))
    chunks = DataUri(LocalFile(file), meter()).chunks()
    await anext(chunks)
    await anext(chunks)

    os.truncate(file, 100)

    with pytest.raises(FileBusy):
        async for _ in chunks:
            pass


async def test_a_replaced_file_is_not_read(tmp_path: Path) -> None:
    """Its length would not be the one that was announced."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * 1000)
    uri = DataUri(LocalFile(file), meter())
    file.write_bytes(b"b" * 2000)

    with pytest.raises(FileBusy):
        await all_of(uri)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """A link leaves the inbox, a pipe would hang, a folder is no clip."""
    (tmp_path / "real.mp4").write_bytes(b"a")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "real.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")

    for name in ("link.mp4", "folder.mp4", "pipe.mp4", "none.mp4"):
        with pytest.raises(FileBusy, match=name):
            DataUri(LocalFile(tmp_path / name), meter())


async def test_a_stream_that_is_given_up_leaves_no_open_file(tmp_path: Path) -> None:
    """A daemon runs for years; descriptors are few."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * (6 * PIECE))

    def still_open() -> bool:
        # What other threads close meanwhile is passed over.
        return any(os.path.realpath(fd) == str(file) for fd in Path("/proc/self/fd").iterdir())

    chunks = DataUri(LocalFile(file), meter()).chunks()
    await anext(chunks)
    await anext(chunks)
    assert still_open()
    await chunks.aclose()  # pyright: ignore[reportAttributeAccessIssue] -- a generator has it

    async with asyncio.timeout(20):
        while still_open():
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mp4", "video/mp4"),
        ("a.MOV", "video/quicktime"),
        ("a.tar.png", "image/png"),
        ("a.jpeg", "image/jpeg"),
        ("a", "application/octet-stream"),
        ("a.exe", "application/octet-stream"),
    ],
)
def test_the_type_follows_the_extension(name: str, kind: str) -> None:
    """The API reads it from the URI."""
    assert media_type(Path(name), b"") == kind


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.mp4", b"\0\0\0\x14ftypqt  \0\0\2\0", "video/quicktime"),
        ("a.mov", b"\0\0\0\x18ftypisom\0\0\2\0", "video/mp4"),
        ("a.m4v", b"\0\0\0\x18ftypmp42\0\0\2\0", "video/x-m4v"),
        ("a.jpg", b"\x89PNG\r\n\x1a\n\0\0\0\x0d", "image/png"),
        ("a.png", b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        ("a.jpg", b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        ("a.avi", b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
    ],
)
async def test_what_the_content_shows_stands_over_the_name(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    """A renamed file is refused by whoever believes its type."""
    (tmp_path / name).write_bytes(content)
    assert (await all_of(DataUri(LocalFile(tmp_path / name), meter()))).startswith(
        f"data:{kind};base64,".encode()
    )


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let a call of the system that names or reads the file called hung.mp4 never return; or rather late."""
    released = threading.Event()

    def hang(call: str) -> None:
        real = getattr(os, call)

        def stuck(first: Any, *rest: Any, **named: Any) -> Any:
            name = str(
                Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else first
            )
            if name.endswith("hung.mp4"):
                released.wait(30)
            return real(first, *rest, **named)

        monkeypatch.setattr(os, call, stuck)

    monkeypatch.setattr("reeldrop.upload.local.PATIENCE", 0.3)
    yield hang
    released.set()


@pytest.mark.parametrize("call", ["open", "readv"])
async def test_a_share_that_hangs_is_given_up_and_others_are_read(
    tmp_path: Path, hung: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """However many of its files are being sent: each reading has a thread of its own."""
    for name in ("hung.mp4", "fine.mp4"):
        (tmp_path / name).write_bytes(b"a" * (2 * PIECE))
    stuck = [DataUri(LocalFile(tmp_path / "hung.mp4"), meter()) for _ in range(20)]
    hung(call)

    async def is_given_up(uri: DataUri) -> None:
        with pytest.raises(FolderOffline, match=r"hung\.mp4 cannot be read"):
            await all_of(uri)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for uri in stuck:
            group.create_task(is_given_up(uri))
    # All of their threads hang still; a busy machine gets the time that a real share gets.
    monkeypatch.setattr("reeldrop.upload.local.PATIENCE", 30.0)
    fine = DataUri(await LocalFile.of(tmp_path / "fine.mp4"), meter())
    assert len(await all_of(fine)) == fine.length


async def test_neither_the_first_look_nor_the_last_waits_for_ever(
    tmp_path: Path, hung: Callable[[str], None]
) -> None:
    """The last one comes while the body's end is held back: nothing can have been made."""
    (tmp_path / "hung.mp4").write_bytes(b"a")
    uri = DataUri(LocalFile(tmp_path / "hung.mp4"), meter())
    hung("open")
    with pytest.raises(FolderOffline):
        await uri.verify()
    with pytest.raises(FolderOffline):
        await LocalFile.of(tmp_path / "hung.mp4")
