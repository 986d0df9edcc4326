"""The room's front: the port, in threads."""

import asyncio
from pathlib import Path

import pytest

from reeldrop.domain.errors import NotWhole
from reeldrop.domain.job import MediaFacts
from reeldrop.domain.references import Kind
from reeldrop.media import open_media
from reeldrop.ports import Media


async def test_the_room_is_the_port(clips: Path, tmp_path: Path) -> None:
    """The engine knows nothing but the port."""
    room = open_media()
    media: Media = room
    facts = await media.probe(clips / "clip.mp4")
    await media.check_reference(clips / "clip.mp4", Kind.VIDEO)
    await media.poster(clips / "clip.mp4", tmp_path / "poster.jpg")
    await room.aclose()
    assert (facts.name, (tmp_path / "poster.jpg").read_bytes()[:2]) == ("clip.mp4", b"\xff\xd8")


async def test_many_probes_at_once_all_answer(clips: Path, tmp_path: Path) -> None:
    """A folder of a hundred clips arrives in one breath; errors reach the one who asked."""
    room = open_media(workers=2)
    (tmp_path / "torn.mp4").write_bytes((clips / "clip.mp4").read_bytes()[:9000])
    files = [clips / "clip.mp4", tmp_path / "torn.mp4"] * 20
    answers = await asyncio.gather(*map(room.probe, files), return_exceptions=True)
    await room.aclose()
    names = [a.name if isinstance(a, MediaFacts) else type(a) for a in answers]
    assert names == ["clip.mp4", NotWhole] * 20


async def test_a_closed_room_takes_no_work(clips: Path) -> None:
    """What is asked after the end would never be answered."""
    room = open_media()
    await room.aclose()
    with pytest.raises(RuntimeError):
        await room.probe(clips / "clip.mp4")
