"""The room's front: the port, in threads."""

import asyncio
import threading
from pathlib import Path

import pytest
from tests.acceptance.world import eventually

from reeldrop.domain.errors import NotWhole, Stopping
from reeldrop.domain.fit import Fit
from reeldrop.domain.footage import Footage
from reeldrop.domain.references import Kind
from reeldrop.media import open_media
from reeldrop.ports import Media
from reeldrop.simulator.footage import make_clip

LARGE = Fit(width=3840, height=2160, fps=60.0)


async def test_the_room_is_the_port(clips: Path, tmp_path: Path) -> None:
    """The engine knows nothing but the port."""
    room = open_media()
    media: Media = room
    facts = (await media.probe(clips / "clip.mp4")).facts
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
    names = [a.facts.name if isinstance(a, Footage) else type(a) for a in answers]
    assert names == ["clip.mp4", NotWhole] * 20


async def test_a_closed_room_takes_no_work(clips: Path) -> None:
    """What is asked after the end would never be answered."""
    room = open_media()
    await room.aclose()
    with pytest.raises(RuntimeError):
        await room.probe(clips / "clip.mp4")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that takes minutes to encode as LARGE."""
    clip = tmp_path_factory.mktemp("long") / "long.mp4"
    make_clip(clip, seconds=20, fps=1, width=320, height=180, audio=False, pattern="noise")
    return clip


def is_encoding() -> bool:
    return any(thread.name.startswith("encoding") for thread in threading.enumerate())


async def test_threads_begin_with_the_first_call(clips: Path) -> None:
    """There is a room for each watch; most of them never encode."""
    before = threading.active_count()
    rooms = [open_media() for _ in range(20)]
    await rooms[0].probe(clips / "clip.mp4")
    begun = threading.active_count() - before
    for room in rooms:
        await room.aclose()
    assert begun <= 1


async def test_a_look_does_not_wait_behind_an_encoder(
    long_clip: Path, clips: Path, tmp_path: Path
) -> None:
    """A folder must be seen while a clip of minutes is made."""
    room = open_media(workers=1)
    work = asyncio.ensure_future(room.fit([long_clip], tmp_path / "made.mp4", LARGE))
    await eventually((tmp_path / "made.mp4").exists)
    await room.probe(clips / "clip.mp4")
    assert not work.done()
    work.cancel()
    await room.aclose()


async def test_cancelled_work_stops_at_once(long_clip: Path, clips: Path, tmp_path: Path) -> None:
    """Nobody wants it any more, and what is asked next waits for the same thread."""
    room = open_media()
    work = asyncio.ensure_future(room.fit([long_clip], tmp_path / "made.mp4", LARGE))
    await eventually((tmp_path / "made.mp4").exists)
    work.cancel()
    async with asyncio.timeout(30):
        await room.fit([clips / "clip.mp4"], tmp_path / "next.mp4", Fit(copy=True))
    await room.aclose()
    assert not (tmp_path / "made.mp4").exists()


async def test_a_room_that_closes_stops_its_encoder(long_clip: Path, tmp_path: Path) -> None:
    """SIGTERM does not wait for minutes of encoding."""
    room = open_media()
    work = asyncio.ensure_future(room.fit([long_clip], tmp_path / "made.mp4", LARGE))
    await eventually((tmp_path / "made.mp4").exists)
    await room.aclose()
    with pytest.raises(Stopping):
        async with asyncio.timeout(30):
            await work
    await eventually(lambda: not is_encoding())
