"""Numbered frames made into a clip, looked at by decoding it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.media.drawn import (
    COLOUR,
    NEAR,
    colour_of,
    frames_of,
    is_near,
    png,
)
from tests.media.openexr import write_exr

from reeldrop.domain.errors import ClipUnreadable, FileBusy
from reeldrop.domain.fit import Fit
from reeldrop.domain.job import MediaFacts
from reeldrop.media.facts import probe
from reeldrop.media.fitting import fit


def stills(folder: Path, write: Callable[[Path], Path], count: int = 12) -> list[Path]:
    return [write(folder / f"{number:04}.img") for number in range(count)]


def from_frames(files: list[Path], to: Path, how: Fit | None = None) -> MediaFacts:
    how = how or Fit(fps=24.0, frames=len(files))
    return fit(files, to, how, threading.Event())


@pytest.mark.parametrize(
    ("pixels", "colour", "seen"),
    [
        ("rgb24", "0xcc4c33", COLOUR),
        ("rgb48be", "0xcc4c33", COLOUR),
        ("gray", "0x808080", (128, 128, 128)),
        ("rgba", "0xcc4c33@0.5", (102, 38, 25)),
        ("rgba64be", "0xcc4c33@0.5", (102, 38, 25)),
        ("ya8", "0x808080@0.25", (32, 32, 32)),
    ],
)
def test_png_frames_look_as_in_a_viewer(
    tmp_path: Path, pixels: str, colour: str, seen: tuple[int, ...]
) -> None:
    """What can be seen through lies on black."""
    files = stills(tmp_path, lambda to: png(to, pixels, colour))
    facts = from_frames(files, tmp_path / "made.mp4")
    assert (facts.seconds, facts.fps, facts.width, facts.height) == (0.5, 24.0, 64, 48)
    (frame, *rest) = frames_of(tmp_path / "made.mp4")
    assert len(rest) == 11
    assert is_near(colour_of(frame), seen)
    assert (frame.colorspace, frame.color_range) == (1, 1)
    assert probe(tmp_path / "made.mp4").plain


@pytest.mark.parametrize("layer", ["", "beauty."])
def test_exr_frames_look_as_in_a_viewer(tmp_path: Path, layer: str) -> None:
    """They hold linear light: 0.216 of it is a middling grey, and more than 1 is white."""
    files = stills(tmp_path, lambda to: write_exr(to, 0.216, 0.0, 4.0, layer=layer))
    from_frames(files, tmp_path / "made.mp4")
    assert is_near(colour_of(frames_of(tmp_path / "made.mp4")[0]), (128, 0, 255))


def test_frames_follow_in_the_order_given(tmp_path: Path) -> None:
    """Numbers have been counted by then; the encoder asks nobody."""
    files = [
        png(tmp_path / f"{n}.png", "rgb24", f"0x{n:02x}{n:02x}{n:02x}") for n in (200, 20, 110)
    ]
    from_frames(files, tmp_path / "made.mp4", Fit(fps=12.5, frames=3, width=160, height=120))
    shown = [colour_of(frame)[0] for frame in frames_of(tmp_path / "made.mp4")]
    assert shown == pytest.approx([200, 20, 110], abs=NEAR)


def test_frames_are_cut_as_a_clip_is(tmp_path: Path) -> None:
    """A render may be longer than what the model takes."""
    files = stills(tmp_path, lambda to: png(to, "rgb24", "red"))
    how = Fit(fps=24.0, frames=12, seconds=0.25)
    assert from_frames(files, tmp_path / "made.mp4", how).seconds == 0.25


def test_a_frame_that_does_not_decode_is_named(tmp_path: Path) -> None:
    """One of hundreds is to be rendered again; the artist must know which."""
    files = stills(tmp_path, lambda to: png(to, "rgb24", "red"))
    data = files[4].read_bytes()
    at = data.index(b"IDAT")
    files[4].write_bytes(data[: at + 4] + b"\xa5" * (len(data) - at - 24) + data[-20:])
    with pytest.raises(ClipUnreadable, match=r"0004\.img does not decode"):
        from_frames(files, tmp_path / "made.mp4")
    assert not (tmp_path / "made.mp4").exists()


def test_a_frame_torn_since_it_was_looked_at_is_waited_for(tmp_path: Path) -> None:
    """Somebody renders it anew at this moment."""
    files = stills(tmp_path, lambda to: png(to, "rgb24", "red"))
    files[4].write_bytes(files[4].read_bytes()[:-30])
    with pytest.raises(FileBusy, match=r"0004\.img"):
        from_frames(files, tmp_path / "made.mp4")
