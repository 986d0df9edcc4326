"""The stand-in's results: of the shape and length that were asked for, and made from the clip."""

from functools import partial
from pathlib import Path

import av
import pytest

from reeldrop.simulator.footage import make_clip
from reeldrop.simulator.restyle import before_after, restyle


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("footage") / "clip.mp4"
    make_clip(to, seconds=1.0, width=320, height=180)
    return to


def lengths(video: Path) -> dict[str, float]:
    with av.open(str(video)) as container:
        return {s.type: float((s.duration or 0) * (s.time_base or 0)) for s in container.streams}


def frames(video: Path) -> list[av.VideoFrame]:
    with av.open(str(video)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("16:9", (320, 180)),
        ("9:16", (180, 320)),
        ("1:1", (180, 180)),
        ("4:3", (240, 180)),
        ("auto", (320, 180)),
        ("1000:1", (540, 180)),
        ("0:0", (320, 180)),
    ],
)
def test_a_result_has_the_shape_that_was_asked_for(
    clip: Path, tmp_path: Path, ratio: str, size: tuple[int, int]
) -> None:
    """A test of the daemon sees by the result that its parameters arrived."""
    to = tmp_path / "result.mp4"
    restyle(clip, to, seconds=0.5, aspect_ratio=ratio, keep_audio=False)
    frame = frames(to)[0]
    assert (frame.width, frame.height, frame.format.name) == (*size, "yuv420p")


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.5])
def test_a_result_has_the_length_that_was_asked_for(
    clip: Path, tmp_path: Path, seconds: float
) -> None:
    """Shorter than the source, as long, and longer; the sound with it."""
    to = tmp_path / "result.mp4"
    restyle(clip, to, seconds=seconds, aspect_ratio="auto", keep_audio=True)
    assert lengths(to) == pytest.approx({"video": seconds, "audio": seconds}, abs=0.03)
    assert len(frames(to)) == round(seconds * 24)


def test_sound_is_kept_only_when_asked_for_and_there(clip: Path, tmp_path: Path) -> None:
    """`keep_audio` is a parameter that people pay for."""
    mute, to = tmp_path / "mute.mp4", tmp_path / "result.mp4"
    make_clip(mute, seconds=0.5, width=64, height=64, audio=False)
    heard = []
    for source, keep in ((clip, True), (clip, False), (mute, True)):
        restyle(source, to, seconds=0.5, aspect_ratio="auto", keep_audio=keep)
        heard.append("audio" in lengths(to))
    assert heard == [True, False, False]


def test_a_result_is_made_from_its_clip(clip: Path, tmp_path: Path) -> None:
    """Two clips give two results, one clip the same bytes twice, and none of them is the clip."""
    other = tmp_path / "other.mp4"
    make_clip(other, seconds=1.0, width=320, height=180, pattern="noise")
    results = []
    for number, source in enumerate((clip, clip, other)):
        to = tmp_path / f"result{number}.mp4"
        restyle(source, to, seconds=1.0, aspect_ratio="auto", keep_audio=False)
        results.append(to.read_bytes())
    assert results[0] == results[1] != results[2]
    before, after = frames(clip)[5], frames(tmp_path / "result0.mp4")[5]
    change = zip(
        bytes(before.reformat(format="rgb24").planes[0]),
        bytes(after.reformat(format="rgb24").planes[0]),
        strict=True,
    )
    assert sum(abs(a - b) for a, b in change) / (320 * 180 * 3) > 20


def test_a_result_plays_while_it_is_fetched(clip: Path, tmp_path: Path) -> None:
    """Its index comes first, as that of the real service's results does."""
    to = tmp_path / "result.mp4"
    restyle(clip, to, seconds=0.5, aspect_ratio="auto", keep_audio=True)
    content = to.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_odd_sources_give_results(tmp_path: Path) -> None:
    """One frame, odd rates, ten-bit colours, a sound that starts alone: whatever is dropped."""
    to = tmp_path / "result.mp4"
    make = partial(make_clip, width=64, height=48)
    make(tmp_path / "one.mp4", seconds=0.01)
    make(tmp_path / "ten.mov", seconds=0.3, codec="prores_ks")
    make(tmp_path / "fast.mp4", seconds=0.2, fps=120)
    make(tmp_path / "old.mxf", seconds=0.5, codec="mpeg2video")
    for name in ("one.mp4", "ten.mov", "fast.mp4", "old.mxf"):
        restyle(tmp_path / name, to, seconds=0.5, aspect_ratio="auto", keep_audio=True)
        assert lengths(to)["video"] == pytest.approx(0.5, abs=0.03)
        with av.open(str(to)) as container:
            rate = container.streams.video[0].average_rate
            assert rate is not None
            assert rate <= 60


@pytest.mark.parametrize("content", [None, b"", b"not a clip", "torn"])
def test_without_a_clip_there_is_still_a_result(
    clip: Path, tmp_path: Path, content: bytes | str | None
) -> None:
    """A stand-in that fails where the service would not is no stand-in."""
    source, to = tmp_path / "source.mp4", tmp_path / "result.mp4"
    if isinstance(content, bytes):
        source.write_bytes(content)
    elif content:
        source.write_bytes(clip.read_bytes()[:4000])
    restyle(
        source if content is not None else None,
        to,
        seconds=0.2,
        aspect_ratio="9:16",
        keep_audio=True,
    )
    assert lengths(to)["video"] == pytest.approx(0.2, abs=0.05)
    assert frames(to)[0].height > frames(to)[0].width


@pytest.mark.parametrize(("suffix", "codec"), [("png", "png"), ("jpg", "mjpeg")])
def test_before_and_after_stand_side_by_side(
    clip: Path, tmp_path: Path, suffix: str, codec: str
) -> None:
    """It is the picture that the demonstration ends with."""
    after, to = tmp_path / "after.mp4", tmp_path / f"both.{suffix}"
    restyle(clip, after, seconds=1.0, aspect_ratio="9:16", keep_audio=False)
    before_after(clip, after, to)
    with av.open(str(to)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec
        assert stream.width > 320 + 100
