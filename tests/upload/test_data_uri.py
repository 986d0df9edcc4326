"""A file as a data URI, made while it is sent."""

import asyncio
import base64
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeldrop.domain.errors import FileBusy, Unsendable
from reeldrop.ports import Streamed
from reeldrop.settings import UploadSettings
from reeldrop.upload.choose import open_uploads
from reeldrop.upload.data_uri import PIECE, DataUri, mime_type


@pytest.fixture(scope="module")
def readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2)


async def all_of(uri: DataUri) -> bytes:
    return b"".join([chunk async for chunk in uri.chunks()])


@pytest.mark.parametrize("size", [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2])
async def test_the_uri_is_the_file(tmp_path: Path, readers: ThreadPoolExecutor, size: int) -> None:
    """Byte for byte, at every edge of the pieces, with the length known before."""
    file = tmp_path / "a.MP4"
    file.write_bytes(content := os.urandom(size))
    uri = DataUri(file, readers)

    sent = await all_of(uri)

    head, _, data = sent.partition(b",")
    assert head == b"data:video/mp4;base64"
    assert base64.b64decode(data, validate=True) == content
    assert uri.length == len(sent)
    assert uri.facts().bytes == size
    assert uri.facts().sha256 == hashlib.sha256(content).hexdigest()
    await uri.verify()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.binary(max_size=100))
async def test_the_uri_needs_no_json_escape(
    tmp_path: Path, readers: ThreadPoolExecutor, content: bytes
) -> None:
    """It is put between quotes as it is."""
    file = tmp_path / "a.mp4"
    file.write_bytes(content)

    sent = await all_of(DataUri(file, readers))

    assert sent.isascii()
    assert not set(sent) & set(b'"\\\n\r')


async def test_it_can_be_sent_again(tmp_path: Path, readers: ThreadPoolExecutor) -> None:
    """A definite refusal is followed by another try with the same value."""
    file = tmp_path / "a.mp4"
    file.write_bytes(os.urandom(1000))
    uri = DataUri(file, readers)

    assert await all_of(uri) == await all_of(uri)


async def test_a_changed_file_is_found_by_the_verification(
    tmp_path: Path, readers: ThreadPoolExecutor
) -> None:
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
        uri = DataUri(file, readers)
        await all_of(uri)
        await uri.verify()

        change()

        with pytest.raises(FileBusy):
            await uri.verify()


async def test_a_link_made_to_the_file_is_no_change(
    tmp_path: Path, readers: ThreadPoolExecutor
) -> None:
    """Deliveries of other jobs link the same clip while it is sent."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * 1000)
    uri = DataUri(file, readers)

    os.link(file, tmp_path / "b.mp4")

    await all_of(uri)
    await uri.verify()


async def test_a_file_that_is_cut_while_it_is_read_ends_the_stream(
    tmp_path: Path, readers: ThreadPoolExecutor
) -> None:
    """Nothing is padded and nobody waits for bytes that do not come."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * (6 * PIECE))
    chunks = DataUri(file, readers).chunks()
    await anext(chunks)
    await anext(chunks)

    os.truncate(file, 100)

    with pytest.raises(FileBusy):
        async for _ in chunks:
            pass


async def test_a_replaced_file_is_not_read(tmp_path: Path, readers: ThreadPoolExecutor) -> None:
    """Its length would not be the one that was announced."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * 1000)
    uri = DataUri(file, readers)
    file.write_bytes(b"b" * 2000)

    with pytest.raises(FileBusy):
        await all_of(uri)


def test_only_regular_files_are_opened(tmp_path: Path, readers: ThreadPoolExecutor) -> None:
    """A link leaves the inbox, a pipe would hang, a folder is no clip."""
    (tmp_path / "real.mp4").write_bytes(b"a")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "real.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")

    for name in ("link.mp4", "folder.mp4", "pipe.mp4", "none.mp4"):
        with pytest.raises(FileBusy, match=name):
            DataUri(tmp_path / name, readers)


async def test_a_stream_that_is_given_up_leaves_no_open_file(
    tmp_path: Path, readers: ThreadPoolExecutor
) -> None:
    """A daemon runs for years; descriptors are few."""
    file = tmp_path / "a.mp4"
    file.write_bytes(b"a" * (6 * PIECE))

    def still_open() -> bool:
        links = Path("/proc/self/fd").iterdir()
        return any(link.is_symlink() and link.readlink() == file for link in links)

    chunks = DataUri(file, readers).chunks()
    await anext(chunks)
    await anext(chunks)
    assert still_open()
    await chunks.aclose()  # pyright: ignore[reportAttributeAccessIssue] -- a generator has it

    async with asyncio.timeout(5):
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
    assert mime_type(Path(name)) == kind


async def test_auto_and_data_uri_are_data_uris(tmp_path: Path) -> None:
    """What cannot be had yet is not chosen."""
    (file := tmp_path / "a.mp4").write_bytes(b"a")
    uploads = open_uploads(UploadSettings())

    for mode in ("auto", "data_uri"):
        value, taken = await uploads.prepare(file, mode)
        streamed: Streamed | str = value
        assert isinstance(streamed, DataUri)
        assert taken == "data_uri"
    uploads.close()


@pytest.mark.parametrize("by_settings", [True, False])
async def test_what_cannot_be_had_is_refused_with_the_reason(
    tmp_path: Path, *, by_settings: bool
) -> None:
    """Nobody asked for a signed URL to get something else silently."""
    (file := tmp_path / "a.mp4").write_bytes(b"a")
    uploads = open_uploads(UploadSettings(mode="signed_url" if by_settings else "auto"))

    with pytest.raises(Unsendable, match=r"a\.mp4 cannot be sent as a signed URL"):
        await uploads.prepare(file, "auto" if by_settings else "signed_url")
