"""Numbered frames as renderers write them: whole, torn, reserved, mixed up."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import pytest
from tests.media.openexr import write_exr

from reeldrop.domain.errors import ClipUnreadable, FileBusy, NotWhole
from reeldrop.domain.footage import Footage
from reeldrop.domain.job import MediaFacts
from reeldrop.media.frames import probe_frames

COUNT = 7


def still(
    to: Path, codec: str = "png", pixels: str = "rgb24", size: tuple[int, int] = (64, 48)
) -> Path:
    """Write a frame that does not compress to nothing."""
    with av.open(str(to), "w", format="image2pipe") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        frame = av.VideoFrame(*size, "rgb24")
        for plane in frame.planes:
            plane.update(bytes(n * n % 251 for n in range(plane.buffer_size)))
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return to


KINDS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "png": ("png", still),
    "png of 16 bits": ("png", lambda to: still(to, pixels="rgba64be")),
    "jpeg": ("mjpeg", lambda to: still(to, "mjpeg", "yuvj444p")),
    "exr": ("exr", lambda to: write_exr(to, 0.2, 0.4, 0.6)),
    "exr with a layer": ("exr", lambda to: write_exr(to, 0.2, 0.4, 0.6, layer="beauty.")),
    "exr, compressed": ("exr", lambda to: still(to, "exr", "gbrpf32le")),
}


def sequence(folder: Path, write: Callable[[Path], Path]) -> list[Path]:
    return [write(folder / f"frame.{number:04}.img") for number in range(COUNT)]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_a_clip_whatever_they_are_called(tmp_path: Path, kind: str) -> None:
    """Their length is their number at the rate that the sidecar gives."""
    codec, write = KINDS[kind]
    files = sequence(tmp_path, write)
    facts = MediaFacts(
        "frame.0000.img", sum(f.stat().st_size for f in files), None, 0.28, 64, 48, 25.0, codec
    )
    expected = Footage(facts, container="frames", sound=None, plain=False)
    assert expected == probe_frames(files, 25.0)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.995])
@pytest.mark.parametrize("kind", KINDS)
def test_a_torn_frame_is_named(tmp_path: Path, kind: str, share: float) -> None:
    """A farm writes many at once; each may be the one that is not there yet."""
    files = sequence(tmp_path, KINDS[kind][1])
    data = files[3].read_bytes()
    files[3].write_bytes(data[: int(len(data) * share)])
    with pytest.raises(NotWhole, match=r"frame\.0003\.img"):
        probe_frames(files, 25.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("written", [0.0, 0.3, 0.9])
def test_a_reserved_frame_is_not_whole(tmp_path: Path, kind: str, written: float) -> None:
    """A share gives a file its final size with the first byte."""
    files = sequence(tmp_path, KINDS[kind][1])
    data = files[5].read_bytes()
    with files[5].open("wb") as file:
        file.write(data[: int(len(data) * written)])
        file.truncate(len(data))
    with pytest.raises(NotWhole, match=r"frame\.0005\.img"):
        probe_frames(files, 25.0)


def test_an_exr_whose_table_is_not_written_yet_is_not_whole(tmp_path: Path) -> None:
    """Renderers write the table of offsets last; every other byte is there by then."""
    files = sequence(tmp_path, KINDS["exr"][1])
    data = bytearray(files[2].read_bytes())
    table = data.index(b"screenWindowWidth") + len("screenWindowWidth\0float\0") + 4 + 4 + 1
    data[table + 80 : table + 96] = bytes(16)
    files[2].write_bytes(data)
    with pytest.raises(NotWhole, match=r"frame\.0002\.img.*table"):
        probe_frames(files, 25.0)


def test_a_thumbnail_is_not_the_end_of_a_jpeg(tmp_path: Path) -> None:
    """A picture within the header ends as the picture itself does."""
    whole = still(tmp_path / "a.jpg", "mjpeg", "yuvj444p").read_bytes()
    thumbnail = b"\xff\xe1" + (2 + len(whole)).to_bytes(2, "big") + whole
    (tmp_path / "a.jpg").write_bytes(whole[:2] + thumbnail + whole[2:])
    probe_frames([tmp_path / "a.jpg"], 25.0)
    (tmp_path / "a.jpg").write_bytes(whole[:2] + thumbnail + whole[2 : len(whole) // 2])
    with pytest.raises(NotWhole, match=r"a\.jpg"):
        probe_frames([tmp_path / "a.jpg"], 25.0)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (partial(still, size=(32, 48)), "is PNG of 32x48, but 0.png is PNG of 64x48"),
        (partial(write_exr, red=0, green=0, blue=0), "is EXR of 64x48, but 0.png is PNG of 64x48"),
    ],
)
def test_a_frame_of_another_kind_is_refused(
    tmp_path: Path, other: Callable[[Path], Path], told: str
) -> None:
    """Somebody has mixed two renders; nobody can tell which of them is meant."""
    files = [still(tmp_path / "0.png"), other(tmp_path / "1.png"), still(tmp_path / "2.png")]
    with pytest.raises(ClipUnreadable) as refused:
        probe_frames(files, 25.0)
    assert refused.value.message == f"1.png {told}"


def test_what_is_no_frame_is_refused(tmp_path: Path) -> None:
    """The extension says nothing; the message says what lies there instead."""
    (tmp_path / "1.png").write_bytes(b"%PDF-1.4 ...............")
    with pytest.raises(ClipUnreadable, match=r"1\.png looks like a PDF"):
        probe_frames([still(tmp_path / "0.png"), tmp_path / "1.png"], 25.0)


def test_a_frame_that_does_not_decode_is_named(tmp_path: Path) -> None:
    """Its ends are where they belong; what lies between them is not."""
    files = sequence(tmp_path, still)
    data = files[-1].read_bytes()
    at = data.index(b"IDAT")
    files[-1].write_bytes(data[: at + 4] + b"\xa5" * (len(data) - at - 24) + data[-20:])
    with pytest.raises(ClipUnreadable, match=r"frame\.0006\.img does not decode"):
        probe_frames(files, 25.0)


def test_a_frame_that_has_gone_may_come_back(tmp_path: Path) -> None:
    """A share that is away is no fault of the render."""
    with pytest.raises(FileBusy, match=r"1\.png"):
        probe_frames([still(tmp_path / "0.png"), tmp_path / "1.png"], 25.0)


def test_many_frames_are_not_all_decoded(tmp_path: Path) -> None:
    """Hundreds of 4K frames must not take minutes: here, all but three could not be decoded at all."""
    still(tmp_path / "good.png")
    data = (tmp_path / "good.png").read_bytes()
    at = data.index(b"IDAT")
    bad = tmp_path / "bad.png"
    bad.write_bytes(data[: at + 4] + b"\xa5" * (len(data) - at - 24) + data[-20:])
    files = [bad] * 601
    for place in (0, 300, 600):
        files[place] = tmp_path / "good.png"
    assert probe_frames(files, 24.0).facts.seconds == 25.042


def test_a_frame_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """It is decoded in one piece."""
    whole = still(tmp_path / "0.png").read_bytes()
    huge = tmp_path / "1.png"
    with huge.open("wb") as file:
        file.write(whole[:-12])
        for _ in range(257):
            file.write(b"\xa5" * 1_000_000)
        file.write(whole[-12:])
    try:
        with pytest.raises(ClipUnreadable, match=r"1\.png is too large for a frame: 257"):
            probe_frames([tmp_path / "0.png", huge], 25.0)
    finally:
        huge.unlink()
