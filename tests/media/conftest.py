"""Clips for the media room's tests, made once for all of them."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import pytest
from tests.media.drawn import KEEP, Made

from reeldrop.domain.fit import Fit
from reeldrop.media.facts import probe
from reeldrop.media.fitting import fit
from reeldrop.simulator.footage import make_clip

Remux = Callable[..., Path]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a two-second clip of each container; nobody may change them."""
    folder = tmp_path_factory.mktemp("clips")
    make = partial(make_clip, seconds=2.0, width=320, height=180)
    make(folder / "clip.mp4")
    make(folder / "clip.mkv")
    make(folder / "clip.webm", codec="libvpx-vp9")
    make(folder / "clip.mov", codec="prores_ks")
    make(folder / "clip.avi", codec="mpeg4")
    make(folder / "clip.mxf", codec="mpeg2video")
    make(folder / "noise.mp4", pattern="noise")
    return folder


@pytest.fixture
def remux(clips: Path, tmp_path: Path) -> Remux:
    """Return what writes the packets of a clip into another container, with the muxer's `options`."""

    def write(name: str, source: str = "noise.mp4", **options: str) -> Path:
        to = tmp_path / name
        with (
            av.open(str(clips / source)) as old,
            av.open(str(to), "w", format=options.pop("format", None), options=options) as new,
        ):
            streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
            for packet in old.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    new.mux(packet)
        return to

    return write


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip of one second of each kind; nobody may change them."""
    folder = tmp_path_factory.mktemp("sources")
    make = partial(make_clip, seconds=1.0, width=160, height=90)
    make(folder / "clip.mp4")
    make(folder / "clip.mkv")
    make(folder / "clip.ts")
    make(folder / "silent.mp4", audio=False)
    make(folder / "prores.mov", codec="prores_ks")
    make(folder / "dnxhd.mxf", codec="dnxhd", width=320, height=180)
    make(folder / "hevc.mp4", codec="libx265")
    make(folder / "vp9.webm", codec="libvpx-vp9")
    make(folder / "slow.avi", codec="mpeg4", fps=12)
    make(folder / "noise.mp4", pattern="noise", width=320, height=180)
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Return what makes a clip fit and says where it lies."""

    def make(source: Path, how: Fit = KEEP) -> Path:
        to = tmp_path / "made.mp4"
        facts = fit([source], to, how, threading.Event())
        assert probe(to).facts == facts
        return to

    return make
