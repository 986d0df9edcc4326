"""What the record says of a clip, and what odd but sound clips come to."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import pytest
from av.filter import Graph
from av.video.frame import VideoFrame

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.domain.job import MediaFacts
from reeldrop.media.facts import probe
from reeldrop.simulator.footage import chord, make_clip, pulled, write_clip

CODECS = {
    "clip.mp4": "h264",
    "clip.mov": "prores",
    "clip.mkv": "h264",
    "clip.webm": "vp9",
    "clip.avi": "mpeg4",
    "clip.mxf": "mpeg2video",
}
FPS = Fraction(24)


def frames(count: int, *filters: tuple[str, str], size: str = "160x90") -> Iterator[VideoFrame]:
    graph = Graph()
    nodes = [graph.add("testsrc2", f"s={size}:r=24"), *(graph.add(*each) for each in filters)]
    graph.link_nodes(*nodes, graph.add("format", "yuv420p"), graph.add("buffersink")).configure()
    return islice(pulled(graph), count)


def encode(
    to: Path, pts: list[int], prepare: Callable[[av.VideoStream], None] | None = None
) -> Path:
    """Write a clip of 160x90 with a frame at each of `pts`, in 24ths of a second."""
    with av.open(str(to), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        if prepare:
            prepare(stream)
        for at, frame in zip(pts, frames(len(pts)), strict=True):
            frame.pts, frame.time_base = at, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return to


@pytest.mark.parametrize("name", CODECS)
def test_the_facts_are_those_of_the_clip(clips: Path, name: str) -> None:
    """They are held against the model's limits before anything is paid."""
    clip = clips / name
    facts = probe(clip).facts
    assert facts.seconds == pytest.approx(2.0, abs=0.03)
    expected = MediaFacts(
        name, clip.stat().st_size, None, facts.seconds, 320, 180, 24.0, CODECS[name]
    )
    assert expected == facts


@pytest.mark.parametrize(
    ("name", "container", "sound", "plain"),
    [
        ("clip.mp4", "mp4", "aac", True),
        ("clip.mkv", "mkv", "aac", True),
        ("clip.webm", "webm", "opus", True),
        ("clip.mov", "mov", "pcm_s16le", False),
        ("clip.avi", "avi", "pcm_s16le", True),
        ("clip.mxf", "mxf", "pcm_s16le", True),
    ],
)
def test_what_a_clip_is_is_told_by_its_content(
    clips: Path, tmp_path: Path, name: str, container: str, sound: str, plain: bool
) -> None:
    """Names come from everywhere; ten bits of 4:2:2 (ProRes) are not what a model takes."""
    renamed = tmp_path / "whatever.mp4"
    renamed.write_bytes((clips / name).read_bytes())
    footage = probe(renamed)
    assert (footage.container, footage.sound, footage.plain) == (container, sound, plain)


def test_a_clip_without_a_brand_is_quicktime(clips: Path, tmp_path: Path) -> None:
    """Brands came with MP4; cameras and editors write without them to this day."""
    data = bytearray((clips / "clip.mov").read_bytes())
    data[4:8] = b"free"
    (tmp_path / "old.mov").write_bytes(data)
    assert probe(tmp_path / "old.mov").container == "mov"


def test_uneven_frames_are_not_plain(tmp_path: Path) -> None:
    """A model that takes 24 frames a second means each of them."""
    footage = probe(encode(tmp_path / "odd.mp4", [0, 1, 2, 30, 31, 70]))
    assert (footage.sound, footage.plain) == (None, False)


@pytest.mark.parametrize(
    "flags", ["faststart", "frag_keyframe+empty_moov", "frag_every_frame+empty_moov"]
)
def test_the_frame_rate_of_fragments_is_that_of_the_clip(
    remux: Callable[..., Path], flags: str
) -> None:
    """A guess of 23.8 would have a clip refused by a model that wants 24."""
    assert probe(remux("a.mp4", movflags=flags)).facts.fps == 24.0


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize("pts", [[0], [0, 1, 2, 30, 31, 70], [0, 48]])
def test_few_and_uneven_frames_are_whole(tmp_path: Path, suffix: str, pts: list[int]) -> None:
    """Screen recordings hold a frame for seconds; a still exported as a clip has only one."""
    facts = probe(encode(tmp_path / f"odd.{suffix}", pts)).facts
    assert (facts.width, facts.height) == (160, 90)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "avi", "mxf"])
def test_sound_longer_than_the_pictures_is_whole(tmp_path: Path, suffix: str) -> None:
    """The pictures end where they end; the container claims the longer of the two."""
    clip = tmp_path / f"long.{suffix}"
    codec = {"avi": "mpeg4", "mxf": "mpeg2video"}.get(suffix, "libx264")
    write_clip(clip, frames(24), chord(3.0), fps=FPS, codec=codec)
    seconds = probe(clip).facts.seconds
    assert seconds is not None
    assert seconds > (0.9 if suffix in ("mxf", "avi") else 2.5)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
def test_a_clip_of_which_an_edit_list_hides_a_part_is_whole(
    clips: Path, tmp_path: Path, name: str
) -> None:
    """Trimmed exports hide samples instead of removing them; what is shown is what counts."""
    clip, options = tmp_path / name, {"avoid_negative_ts": "disabled"}
    with av.open(str(clips / name)) as old, av.open(str(clip), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                shift = round(0.5 / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = stream
                new.mux(packet)
    assert probe(clip).facts.seconds == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_a_turned_clip_has_the_size_that_is_shown(tmp_path: Path, degrees: int) -> None:
    """Phones film sideways and say so; a limit on the sides means the picture as it is seen."""
    clip = encode(tmp_path / "turned.mp4", [0, 1, 2], lambda s: s.set_display_rotation(degrees))
    footage = probe(clip)
    shown = (footage.facts.width, footage.facts.height)
    assert ((90, 160) if abs(degrees) == 90 else (160, 90)) == shown
    assert not footage.plain


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    """Anamorphic footage is shown wider than it is stored."""

    def stretch(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    footage = probe(encode(tmp_path / "wide.mp4", [0, 1, 2], stretch))
    assert (footage.facts.width, footage.facts.height, footage.plain) == (320, 90, False)


def test_pictures_that_do_not_decode_are_refused(clips: Path, tmp_path: Path) -> None:
    """A reserved file may show what the disk held before; a broken export looks whole too."""
    data = bytearray((clips / "clip.mp4").read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = b"\xa5" * (len(data) - start)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(data)
    with pytest.raises(ClipUnreadable, match=r"clip\.mp4.*decode"):
        probe(clip)


def test_a_picture_too_large_to_decode_is_refused(clips: Path, tmp_path: Path) -> None:
    """A few bytes may claim a picture that fills the memory."""
    parts = (clips / "clip.mov").read_bytes().split(b"icpf")
    huge = b"\xff\xf0\xff\xf0"
    clip = tmp_path / "clip.mov"
    clip.write_bytes(b"icpf".join([parts[0], *(p[:8] + huge + p[12:] for p in parts[1:])]))
    with pytest.raises(ClipUnreadable):
        probe(clip)


def test_a_large_clip_is_probed_by_its_index(tmp_path: Path) -> None:
    """Half a gigabyte on a share must not be read through to see that it is there."""
    make_clip(tmp_path / "seed.mp4", seconds=1, pattern="noise", width=320, height=180)
    clip = tmp_path / "large.mkv"
    with av.open(str(tmp_path / "seed.mp4")) as seed, av.open(str(clip), "w") as out:
        stream = out.add_stream_from_template(seed.streams.video[0])
        packets = [(bytes(p), p.is_keyframe) for p in seed.demux(video=0) if p.size]
        for number, (content, is_key) in enumerate(chain.from_iterable([packets] * 100)):
            packet = av.Packet(content)
            packet.stream, packet.is_keyframe = stream, is_key
            packet.pts = packet.dts = number
            packet.time_base, packet.duration = Fraction(1, 24), 1
            out.mux(packet)
    assert probe(clip).facts.seconds == pytest.approx(100.0, abs=0.1)
