"""Clips for the media room's tests, made once for all of them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import pytest

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
