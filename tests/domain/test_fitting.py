"""What a model takes, and how a clip is made to fit: by the numbers of Kling O1."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.domain.fit import ClipLimits, Fit, ImageLimits
from reeldrop.domain.fitting import Unfit, decide, image_misses, misses
from reeldrop.domain.footage import Footage, Picture
from reeldrop.domain.job import MediaFacts

O1 = ClipLimits((3, 10.05), (720, 2160), (24, 60), 200_000_000, ("mp4", "mov"))
IMAGE = ImageLimits((300, None), (0.4, 2.5), 10_000_000, ("png", "jpeg"))
GOOD = MediaFacts("a.mov", 1000, None, 5.0, 1280, 720, 24.0, "h264")


def film(
    container: str = "mp4", sound: str | None = "aac", *, plain: bool = True, **facts: Any
) -> Footage:
    return Footage(replace(GOOD, **facts), container, sound, plain)


def unfit(footage: Footage, conform: str, limits: ClipLimits = O1) -> Unfit:
    decided = decide(footage, limits, conform)
    assert isinstance(decided, Unfit)
    return decided


def fit(footage: Footage, conform: str = "auto", limits: ClipLimits = O1) -> Fit:
    decided = decide(footage, limits, conform)
    assert isinstance(decided, Fit)
    return decided


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"seconds": 2.4}, "is 2.4 s long; allowed: 3 to 10.05 s"),
        ({"seconds": 10.051}, "is 10.051 s long; allowed: 3 to 10.05 s"),
        ({"width": 640, "height": 360}, "has 640 x 360 pixels; allowed: 720 to 2160 pixels a side"),
        ({"width": 3840, "height": 2160}, "has 3840 x 2160 pixels; allowed: 720 to 2160 pixels a side"),
        ({"fps": 23.976}, "has 23.976 frames per second; allowed: 24 to 60"),
        ({"fps": 120.0}, "has 120 frames per second; allowed: 24 to 60"),
        ({"bytes": 200_000_001}, "has 200.001 MB; allowed: up to 200 MB"),
        ({"container": "mkv"}, "is a file of the kind mkv; allowed: mp4, mov"),
    ],
)  # fmt: skip
def test_what_is_outside_is_told_with_its_number_and_what_is_allowed(
    facts: dict[str, Any], said: str
) -> None:
    """One look at the message must be enough to mend the clip."""
    assert [said] == [miss.text for miss in unfit(film(**facts), "off").misses]


def test_every_number_is_told_at_once() -> None:
    """Nobody wants to learn of the next fault by the next drop."""
    small = film("avi", seconds=1.0, width=100, height=50, fps=10.0, bytes=300_000_000)
    assert len(unfit(small, "off").misses) == 5


@pytest.mark.parametrize("seconds", [3.0, 10.05])
def test_the_limits_themselves_are_inside(seconds: float) -> None:
    """3 s and 10.05 s are what the model takes."""
    assert decide(film(seconds=seconds, width=720, height=2160, fps=60.0), O1, "off") is None


def test_what_nobody_knows_is_not_held_against_a_clip() -> None:
    """A container may tell no rate."""
    assert decide(film(seconds=None, fps=None, width=None), O1, "off") is None


@pytest.mark.parametrize(
    ("facts", "hint"),
    [
        ({"fps": 12.0}, 'conform = "auto"'),
        ({"seconds": 12.0}, 'conform = "trim"'),
        ({"seconds": 12.0, "fps": 12.0}, 'conform = "trim"'),
        ({"seconds": 2.0, "fps": 12.0}, ""),
        ({"width": 4000, "height": 700}, ""),
    ],
)
def test_the_hint_names_the_setting_that_would_help_and_none_where_none_would(
    facts: dict[str, Any], hint: str
) -> None:
    """Too short stays too short."""
    told = unfit(film(**facts), "off").hint
    assert hint in told
    assert bool(hint) == bool(told)


def test_auto_tells_only_what_it_cannot_mend() -> None:
    """The rate is not in the way there."""
    assert [miss.text for miss in unfit(film(seconds=12.0, fps=12.0), "auto").misses] == [
        "is 12 s long; allowed: 3 to 10.05 s"
    ]


# ---------------------------------------------------------------- made to fit


@pytest.mark.parametrize("conform", ["off", "auto", "trim"])
def test_a_clip_inside_the_limits_is_sent_as_it_is(conform: str) -> None:
    """Also one that is turned or interlaced: nothing is known to be wrong with it."""
    assert decide(film("mov", "pcm_s16le", plain=False), O1, conform) is None


@pytest.mark.parametrize("codec", ["prores", "dnxhd", "hevc", "vp9"])
def test_what_is_not_h264_is_made_anew_even_in_an_allowed_container(codec: str) -> None:
    """An upstream that opens an mp4 may still not decode ProRes."""
    assert fit(film("mov", codec=codec)) == Fit(bytes=O1.bytes)


def test_only_the_container_changes_where_only_that_is_wrong() -> None:
    """Nothing is lost that way; where a copy fails, what is made instead knows its limit."""
    assert fit(film("mkv")) == Fit(copy=True, bytes=O1.bytes)
    assert fit(film("mkv", None)) == Fit(copy=True, bytes=O1.bytes)


@pytest.mark.parametrize(
    "footage",
    [
        film("mkv", plain=False),
        film("avi", "pcm_s16le"),
        film("webm", "opus", codec="vp9"),
        film("mkv", fps=12.0),
        film("mkv", bytes=300_000_000),
    ],
)
def test_a_clip_with_anything_else_wrong_is_made_anew(footage: Footage) -> None:
    """A copy would carry it along."""
    assert not fit(footage).copy
    assert O1.bytes == fit(footage).bytes


@pytest.mark.parametrize(
    ("fps", "made"),
    [
        (12.0, 24.0), (15.0, 30.0), (10.0, 30.0), (8.0, 24.0), (1.0, 24.0), (23.976, 24.0), (23.0, 46.0),
        (120.0, 60.0), (119.88, 59.94), (100.0, 50.0), (240.0, 60.0), (60.1, 60.0), (1000.0, 1000 / 17),
    ],
)  # fmt: skip
def test_every_picture_is_shown_equally_often_where_a_rate_allows_it(
    fps: float, made: float
) -> None:
    """23.976 is 24 spelt otherwise: doubling it would make a soap of a film."""
    assert fit(film(fps=fps)).fps == pytest.approx(made)


def test_a_narrow_range_of_rates_takes_the_nearest() -> None:
    """No multiple of 20 lies there."""
    narrow = replace(O1, fps=(24, 25))
    assert fit(film(fps=20.0), limits=narrow).fps == 24
    assert fit(film(fps=47.0), limits=narrow).fps == 25


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ((640, 360), (1280, 720)),
        ((3840, 2160), (2160, 1214)),
        ((1920, 800), None),
        ((360, 640), (720, 1280)),
        ((4096, 1716), (2160, 904)),
    ],
)
def test_sides_are_scaled_in_proportion_and_even(
    size: tuple[int, int], made: tuple[int, int] | None
) -> None:
    """H.264 of 4:2:0 has no odd sides."""
    decided = decide(film(width=size[0], height=size[1]), O1, "auto")
    assert made == (
        (decided and not isinstance(decided, Unfit) and (decided.width, decided.height)) or None
    )


def test_odd_sides_become_even_where_the_clip_is_made_anew() -> None:
    """The encoder would not take them."""
    made = fit(film(width=1281, height=721, codec="prores"))
    assert (made.width, made.height) == (1280, 720)


def test_a_shape_that_cannot_be_inside_is_refused() -> None:
    """One side would be too long, or the other too short."""
    assert len(unfit(film(width=4000, height=1000), "trim").misses) == 1


@given(
    width=st.integers(2, 9000),
    height=st.integers(2, 9000),
    fps=st.floats(0.5, 1000),
    seconds=st.floats(3, 4000),
)
def test_what_is_decided_is_inside_the_limits(
    width: int, height: int, fps: float, seconds: float
) -> None:
    """Whatever comes: the plan itself must not miss what it is made for."""
    footage = film(width=width, height=height, fps=fps, seconds=seconds, codec="hevc")
    decided = decide(footage, O1, "trim")
    assert decided is not None
    if isinstance(decided, Unfit):
        assert max(width, height) / min(width, height) > 2.99
        return
    after = film(
        width=decided.width or width,
        height=decided.height or height,
        fps=decided.fps or fps,
        seconds=decided.seconds or seconds,
    )
    assert misses(after, O1) == ()
    if decided.width and decided.height:
        assert decided.width % 2 == decided.height % 2 == 0
        assert abs(decided.width / width - decided.height / height) * min(width, height) < 4


@pytest.mark.parametrize(
    ("fps", "seconds"), [(24.0, 10.0), (12.0, 10.0), (60.0, 601 / 60), (25.0, 10.0)]
)
def test_trim_cuts_at_a_whole_frame_below_the_most(fps: float, seconds: float) -> None:
    """10.05 s is the most, sound included."""
    assert fit(film(seconds=12.0, fps=fps), "trim").seconds == pytest.approx(seconds)


def test_a_model_without_limits_gets_the_clip_as_it_is() -> None:
    """Nothing is known to be wrong with it."""
    assert decide(film("mxf", codec="dnxhd", seconds=1000.0), ClipLimits(), "trim") is None


@pytest.mark.parametrize("conform", ["off", "auto"])
def test_numbered_frames_are_always_made_into_a_film(conform: str) -> None:
    """Their files are no clip that any model takes; the rate is theirs."""
    frames = film("frames", None, codec="exr", bytes=900_000_000)
    assert fit(frames, conform) == Fit(fps=24.0, bytes=O1.bytes)
    assert fit(frames, conform, ClipLimits()) == Fit(fps=24.0)
    assert unfit(film("frames", None, fps=12.0), "auto").hint == ""


def test_frames_at_the_broadcasters_24_are_shown_at_24() -> None:
    """A film of 23.976 is refused with conform off; frames have no sound that would drift apart."""
    assert fit(film("frames", None, fps=23.976), "off").fps == 24
    assert fit(film("frames", None, fps=23.976), "off", ClipLimits()).fps == 23.976


# ---------------------------------------------------------------- images


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Picture("webp", 1000, 400, 400), "is an image of the kind webp; allowed: png, jpeg"),
        (Picture("png", 12_345_678, 400, 400), "has 12.346 MB; allowed: up to 10 MB"),
        (Picture("png", 1000, 400, 299), "has 400 x 299 pixels; allowed: 300 or more pixels a side"),
        (Picture("png", 1000, 1000, 300), "is 3.33333 times as wide as high (1000 x 300); allowed: 0.4 to 2.5"),
    ],
)  # fmt: skip
def test_an_image_outside_its_limits_is_told_with_the_numbers(picture: Picture, said: str) -> None:
    """As with clips."""
    assert (said,) == image_misses(picture, IMAGE)


def test_an_image_inside_its_limits_passes() -> None:
    """At the limits too."""
    assert image_misses(Picture("jpeg", 10_000_000, 750, 300), IMAGE) == ()
    assert image_misses(Picture("gif", 99_000_000, 1, 9), ImageLimits()) == ()
