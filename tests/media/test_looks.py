"""Clips made to fit look as they did: colours, shape, no combs."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import pytest
from av.video.frame import VideoFrame
from tests.media.drawn import (
    COLOUR,
    FLAT,
    NEAR,
    Made,
    colour_of,
    frames_of,
    is_near,
    write,
)

from reeldrop.domain.fit import Fit
from reeldrop.media.facts import probe


@pytest.mark.parametrize(
    ("codec", "pixels", "suffix"),
    [
        ("libx264", "yuv420p10le", "mp4"),
        ("libx264", "yuv422p", "mp4"),
        ("libx264", "yuv444p", "mkv"),
        ("libx265", "yuv420p10le", "mp4"),
        ("prores_ks", "yuv444p10le", "mov"),
        ("ffv1", "bgr0", "mkv"),
        ("qtrle", "rgb24", "mov"),
        ("mjpeg", "yuvj422p", "avi"),
    ],
)
def test_colours_stay(tmp_path: Path, made: Made, codec: str, pixels: str, suffix: str) -> None:
    """Ten bits, fine chroma, RGB and full range all become 8 bit 4:2:0 of the same look."""
    clip = write(tmp_path / f"c.{suffix}", codec=codec, pixels=pixels, source=FLAT)
    result = made(clip)
    (frame, *_) = frames_of(result)
    assert frame.format.name == "yuv420p"
    assert is_near(colour_of(frame), COLOUR)


@pytest.mark.parametrize("tags", [(1, 1, 1), (6, 6, 6), (5, 5, 6)])
def test_what_a_clip_says_of_its_colours_is_carried_over(
    tmp_path: Path, made: Made, tags: tuple[int, int, int]
) -> None:
    """A decoder that takes BT.601 for BT.709 shows greens as yellows."""

    def prepare(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = tags
        context.color_range = 1

    clip = write(tmp_path / "tagged.mp4", source=FLAT, prepare=prepare)
    (before, *_), (after, *_) = frames_of(clip), frames_of(made(clip, Fit(width=1280, height=720)))
    assert (after.colorspace, after.color_primaries, after.color_trc) == tags
    assert is_near(colour_of(before), colour_of(after))


def test_a_small_clip_without_tags_looks_the_same_when_it_is_large(
    tmp_path: Path, made: Made
) -> None:
    """Players go by the size where nothing is said."""
    (frame, *_) = frames_of(made(write(tmp_path / "a.mp4"), Fit(width=1280, height=720)))
    assert frame.colorspace == 6


def test_high_dynamic_range_becomes_what_every_screen_shows(tmp_path: Path, made: Made) -> None:
    """HLG of a phone looks washed out where nobody knows it."""

    def prepare(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 9, 9, 18
        context.color_range = 1

    clip = write(
        tmp_path / "hlg.mp4",
        codec="libx265",
        pixels="yuv420p10le",
        source="color=c=0x808080:s=160x90:r=24",
        prepare=prepare,
    )
    (frame, *_) = frames_of(made(clip))
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 1, 1)
    red, green, blue = colour_of(frame)
    assert max(red, green, blue) - min(red, green, blue) <= NEAR
    assert 100 < green < 220


@pytest.mark.parametrize(("degrees", "corner"), [(90, "left below"), (-90, "right above")])
def test_a_turned_clip_stands_upright(
    tmp_path: Path, made: Made, degrees: int, corner: str
) -> None:
    """Models and players that do not look at the mark would see it lying on its side."""
    clip = write(
        tmp_path / "turned.mp4",
        ("drawbox", "0:0:40:40:white:fill"),
        source="color=c=black:s=160x90:r=24",
        prepare=lambda stream: stream.set_display_rotation(degrees),
    )
    (frame, *_) = frames_of(made(clip))
    assert (frame.width, frame.height, frame.rotation) == (90, 160, 0)
    grey = frame.reformat(format="gray").planes[0]
    rows = [bytes(grey)[y * grey.line_size :][: frame.width] for y in range(frame.height)]
    found = {
        "left below": rows[-10][10],
        "right above": rows[10][-10],
        "left above": rows[10][10],
        "right below": rows[-10][-10],
    }
    assert max(found, key=lambda place: found[place]) == corner


def test_pixels_become_square(tmp_path: Path, made: Made) -> None:
    """Anamorphic footage keeps its shape."""

    def stretch(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    result = made(write(tmp_path / "wide.mp4", prepare=stretch))
    after = probe(result)
    # 213 pixels would be the shape to a hair; H.264 wants even sides.
    assert (after.facts.width, after.facts.height, after.plain) == (212, 90, True)


def test_odd_sides_become_even(tmp_path: Path, made: Made) -> None:
    """H.264 of 4:2:0 has no odd sides."""
    clip = write(tmp_path / "odd.mkv", codec="ffv1", source="testsrc2=s=161x91:r=24")
    facts = probe(made(clip)).facts
    assert (facts.width, facts.height) == (160, 90)


def test_fields_become_frames(tmp_path: Path, made: Made) -> None:
    """A model would paint the comb that two fields of a moving picture make."""

    def prepare(stream: av.VideoStream) -> None:
        stream.options = {"flags": "+ildct+ilme", "b": "4000000"}
        stream.codec_context.field_order = 2

    clip = write(
        tmp_path / "fields.mxf",
        ("weave", "first_field=top"),
        ("setfield", "tff"),
        codec="mpeg2video",
        source="testsrc2=s=720x288:r=48",
        prepare=prepare,
    )
    before, after = probe(clip), probe(made(clip))
    assert (before.plain, after.plain) == (False, True)
    (frame, *_) = islice(frames_of(tmp_path / "made.mp4"), 6, None)
    assert not frame.interlaced_frame
    (comb, *_) = islice(frames_of(clip), 6, None)
    assert _combing(frame) < _combing(comb) / 1.5


def _combing(frame: VideoFrame) -> float:
    """How much each line differs from both of its neighbours."""
    plane = frame.planes[0]
    data, step = bytes(plane), plane.line_size
    rows = [data[y * step : y * step + frame.width] for y in range(100, 400)]
    return sum(
        max(0, abs(2 * b - a - c) - abs(a - c))
        for one, two, three in zip(rows, rows[1:], rows[2:], strict=False)
        for a, b, c in zip(one[::4], two[::4], three[::4], strict=True)
    )
