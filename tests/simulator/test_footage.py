"""The clips that the demonstration and the tests are made of."""

from pathlib import Path

import av
import pytest

from reeldrop.simulator.footage import make_clip


def streams(clip: Path) -> dict[str, float]:
    """The last moment of each kind of stream."""
    with av.open(str(clip)) as container:
        ends: dict[str, float] = {}
        for packet in container.demux():
            if packet.pts is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                ends[packet.stream.type] = max(end, ends.get(packet.stream.type, 0.0))
        return ends


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("c.mp4", "libx264"),
        ("c.mov", "prores_ks"),
        ("c.webm", "libvpx-vp9"),
        ("c.mxf", "mpeg2video"),
    ],
)
def test_a_clip_has_what_was_asked_for(tmp_path: Path, name: str, codec: str) -> None:
    """Tests of limits rest on it."""
    make_clip(tmp_path / name, seconds=1.0, width=321, height=181, fps=30, codec=codec)
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (320, 180, 30)
    assert streams(tmp_path / name) == pytest.approx({"video": 1.0, "audio": 1.0}, abs=0.05)


def test_a_clip_without_sound_has_none(tmp_path: Path) -> None:
    """Sound may be refused or kept; both need a clip."""
    make_clip(tmp_path / "c.mp4", seconds=0.5, width=160, height=90, audio=False)
    assert list(streams(tmp_path / "c.mp4")) == ["video"]


def test_a_clip_moves(tmp_path: Path) -> None:
    """A still picture would hide a result that has lost its frames."""
    make_clip(tmp_path / "c.mp4", seconds=1.0, width=160, height=90, audio=False)
    with av.open(str(tmp_path / "c.mp4")) as container:
        frames = [bytes(frame.planes[0]) for frame in container.decode(video=0)]
    assert len(set(frames)) == len(frames) == 24


def test_noise_is_large(tmp_path: Path) -> None:
    """Clips above a limit on bytes must not take minutes to make."""
    make_clip(tmp_path / "n.mp4", seconds=0.5, width=320, height=180, pattern="noise")
    make_clip(tmp_path / "c.mp4", seconds=0.5, width=320, height=180)
    assert (tmp_path / "n.mp4").stat().st_size > 10 * (tmp_path / "c.mp4").stat().st_size
