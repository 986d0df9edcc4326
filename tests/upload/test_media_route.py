"""Files of this host as the media route gives them out: never a wrong byte, whatever happens to them."""

import hashlib
import os
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from reeldrop.domain.errors import FileBusy
from reeldrop.domain.job import JobId
from reeldrop.upload.local import LocalFile
from reeldrop.upload.media_route import PIECE, OfferedFile

CONTENT = bytes(range(256)) * (4 * PIECE // 256)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (path := tmp_path / "a.mp4").write_bytes(CONTENT)
    os.utime(path, ns=(1, 1))
    return path


async def offered(clip: Path) -> OfferedFile:
    file = await LocalFile.of(clip)
    digest = hashlib.sha256(CONTENT).hexdigest()
    return OfferedFile(
        clip, str(file.identity), file.size, file.media_type, f'"{digest}"', [JobId("a" * 32)]
    )


@pytest.mark.parametrize(("start", "length"), [(0, len(CONTENT)), (PIECE - 1, 2), (7, 0)])
async def test_any_part_is_that_part(clip: Path, start: int, length: int) -> None:
    """Also across the edges of what is read at once."""
    pieces = [piece async for piece in (await offered(clip)).pieces(start, length)]
    assert b"".join(pieces) == CONTENT[start : start + length]


def overwrite(clip: Path) -> None:
    with clip.open("r+b") as file:
        file.write(CONTENT[::-1])


def empty(clip: Path) -> None:
    os.truncate(clip, 0)


@pytest.mark.parametrize("change", [overwrite, empty])
async def test_a_file_that_changes_in_mid_fetch_gives_no_other_byte(
    clip: Path, change: Callable[[Path], None]
) -> None:
    """Its size may stay the same: half of one clip and half of another would be paid for."""
    got: list[bytes] = []

    async def fetch() -> None:
        async with aclosing((await offered(clip)).pieces(0, len(CONTENT))) as pieces:
            async for piece in pieces:
                got.append(piece)
                change(clip)

    with pytest.raises(FileBusy, match="no longer the file"):
        await fetch()
    assert got == [CONTENT[:PIECE]]


async def test_a_file_that_is_replaced_in_mid_fetch_is_given_out_to_its_end(clip: Path) -> None:
    """What was opened is the right one, and stays there until it is closed."""
    got = b""
    async for piece in (await offered(clip)).pieces(0, len(CONTENT)):
        got += piece
        (new := clip.with_name("new")).write_bytes(b"another")
        new.rename(clip)
    assert got == CONTENT
