"""Nothing outside the inbox can be reached through a name or a link."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.errors import FileBusy, FolderOffline
from reeldrop.domain.job import RelPath
from reeldrop.files.confined import parts_of
from reeldrop.files.faults import Refused
from reeldrop.files.inbox import FolderInbox


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "absolute"), ("../a.png", "leads out"), ("a/../../b.png", "leads out"),
        ("", "no path"), ("a\0.png", "no path"), (".", "names no file"), ("a/..", "names no file"),
        ("..\\..\\a.png", "relative path"), ("C:\\a.png", "relative path"), ("C:/a.png", "relative"),
        ("\\\\server\\a.png", "relative path"), ("refs\\..\\..\\a.png", "relative path"),
        (".reeldrop/claims/x/a.mov", "hidden"), ("~/a.png", "hidden"), ("a.png.part", "unfinished"),
    ],
)  # fmt: skip
async def test_a_path_out_of_the_inbox_is_refused_with_the_reason(
    inbox: FolderInbox, path: str, reason: str
) -> None:
    """A sidecar must not be able to make the daemon upload the host's files."""
    assert reason in await inbox.check_inside(RelPath(path))


async def test_a_file_inside_may_be_used(inbox: FolderInbox, drops: Path) -> None:
    """`..` that stays inside is how people write paths by hand."""
    (drops / "refs").mkdir()
    (drops / "refs" / "a.png").write_bytes(b"x")
    for path in ("refs/a.png", "./refs//a.png", "plates/../refs/a.png"):
        assert await inbox.check_inside(RelPath(path)) == ""


@pytest.mark.parametrize("path", ["a.png", "refs/a.png", "a.mov/a.png"])
async def test_what_has_not_arrived_is_missing(inbox: FolderInbox, drops: Path, path: str) -> None:
    """A missing reference is waited for, not refused."""
    (drops / "a.mov").write_bytes(b"x")
    assert await inbox.check_inside(RelPath(path)) == "missing"


async def test_links_folders_and_special_files_must_not_be_used(
    inbox: FolderInbox, drops: Path, elsewhere: Path
) -> None:
    """Not as the file, and not on the way to it."""
    (elsewhere / "a.png").write_bytes(b"secret")
    (drops / "folder").mkdir()
    (drops / "link.png").symlink_to(elsewhere / "a.png")
    (drops / "linked").symlink_to(elsewhere)
    os.mkfifo(drops / "pipe.png")
    assert "symbolic link" in await inbox.check_inside(RelPath("link.png"))
    assert "symbolic link" in await inbox.check_inside(RelPath("linked/a.png"))
    assert "is a folder" in await inbox.check_inside(RelPath("folder"))
    assert "not a regular file" in await inbox.check_inside(RelPath("pipe.png"))
    for path in ("link.png", "linked/a.png", "pipe.png"):
        with pytest.raises(FileBusy):
            await inbox.read(RelPath(path), 10)


async def test_a_read_is_bounded(inbox: FolderInbox, drops: Path) -> None:
    """One byte more than allowed tells that there is more; the rest is never in memory."""
    (drops / "a.json").write_bytes(b"x" * 100)
    assert await inbox.read(RelPath("a.json"), 10) == b"x" * 11


async def test_a_read_tells_a_missing_file_from_a_missing_inbox(
    inbox: FolderInbox, drops: Path
) -> None:
    """One drop that is gone concerns that drop; a share that is gone concerns them all."""
    with pytest.raises(FileBusy):
        await inbox.read(RelPath("a.json"), 10)
    drops.rmdir()
    with pytest.raises(FolderOffline):
        await inbox.read(RelPath("a.json"), 10)
    with pytest.raises(FolderOffline):
        await inbox.check_inside(RelPath("a.json"))


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b.png", "..."]), min_size=1).map("/".join))
def test_worked_out_parts_never_climb(path: str) -> None:
    """Whatever the text, what is left are plain names that stay below."""
    try:
        parts = parts_of(path)
    except Refused:
        return
    assert parts
    assert not {"..", ".", ""} & set(parts)
    assert os.path.normpath(path) == "/".join(parts)
