"""Clips out of nothing: a small landscape in motion, for the demonstration and the tests.

Drawn by FFmpeg's own filters, the same at every run; nothing is read.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from math import inf
from pathlib import Path
from typing import Literal, NamedTuple

import av
from av import error as av_error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.subtitles.stream import SubtitleStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

SAMPLE_RATE = 48_000
Pattern = Literal["landscape", "noise"]

_PIXELS = {"prores_ks": "yuv422p10le", "dnxhd": "yuv422p", "mjpeg": "yuvj420p", "ffv1": "yuv420p"}
_ENCODING: dict[str, dict[str, str]] = {
    "libx264": {"preset": "veryfast", "crf": "20", "threads": "2"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "2000000"},
    "mpeg4": {"q": "4", "b": "4000000"},
    "mpeg2video": {"b": "8000000"},
    "dnxhd": {"profile": "dnxhr_sq"},
}
_SOUND = {".webm": "libopus", ".avi": "pcm_s16le", ".mxf": "pcm_s16le", ".mov": "pcm_s16le"}
_FORMATS = {".m4v": "mp4", ".mkv": "matroska"}
_FASTSTART = {".mp4", ".m4v", ".mov"}

# The pictures' parts, as filters: size, colours and the curves of their outlines.
_SKY = (
    "r='40+205*min(1,pow(Y/(0.66*H),1.5))'"
    ":g='62+112*min(1,pow(Y/(0.66*H),1.3))':b='132-42*min(1,Y/(0.66*H))'"
)
_SUN = (
    "r=255:g='232-34*Y/H':b='150-62*Y/H'"
    ":a='max(255*clip((W*0.45-hypot(X-W/2,Y-H/2))/2,0,1)"
    ",90*clip((W*0.5-hypot(X-W/2,Y-H/2))/(W*0.05),0,1))'"
)
_BALL = (
    "r='238-90*hypot(X-W*0.36,Y-H*0.32)/W':g='76-50*hypot(X-W*0.36,Y-H*0.32)/W':b=62"
    ":a='255*clip((W*0.48-hypot(X-W/2,Y-H/2))/2,0,1)'"
)
_HILLS = (
    "r='{0.red}+30*Y/H':g='{0.green}+22*Y/H':b={0.blue}:a='255*clip((Y-H*(0.28+{0.swing}"
    "*(sin(4*PI*X/W+{0.phase})+0.5*sin(10*PI*X/W))))/2,0,1)'"
)


class _Hills(NamedTuple):
    """A row of hills; `speed` is the part of the width that passes in a second."""

    red: int
    green: int
    blue: int
    swing: float
    phase: float
    speed: float


_FAR = _Hills(84, 62, 112, 0.1, 0.0, 0.03)
_NEAR = _Hills(24, 62, 72, 0.07, 1.3, 0.1)


def make_clip(  # noqa: PLR0913 - what a clip may be, each with its default
    to: Path,
    *,
    seconds: float = 3.0,
    width: int = 1280,
    height: int = 720,
    fps: int = 24,
    audio: bool = True,
    codec: str = "libx264",
    pattern: Pattern = "landscape",
) -> None:
    """Write a clip to `to`, in the container of its suffix (mp4, mov, m4v, mkv, webm, avi, mxf).

    Sizes are made even. `noise` compresses badly, for clips that shall be large.
    """
    width, height = max(2, width // 2 * 2), max(2, height // 2 * 2)
    graph = (
        landscape(width, height, fps, seconds)
        if pattern == "landscape"
        else _noise(width, height, fps)
    )
    frames = islice(pulled(graph), max(1, round(seconds * fps)))
    write_clip(to, frames, chord(seconds) if audio else None, fps=Fraction(fps), codec=codec)


def write_clip(
    to: Path,
    frames: Iterable[VideoFrame],
    sound: Iterator[AudioFrame] | None,
    *,
    fps: Fraction,
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
) -> None:
    """Encode `frames`, one after the other at `fps`, and `sound` into `to`.

    `options` are the encoder's and replace the usual ones.
    """
    suffix = to.suffix.lower()
    settings = {"movflags": "+faststart"} if suffix in _FASTSTART else {}
    with av.open(str(to), "w", format=_FORMATS.get(suffix), options=settings) as container:
        picture = container.add_stream(
            codec, rate=fps, options=dict(_ENCODING.get(codec, {}) if options is None else options)
        )
        assert isinstance(picture, VideoStream)  # noqa: S101 - which codecs are video, we know
        picture.pix_fmt = _PIXELS.get(codec, "yuv420p")
        voice = container.add_stream(_SOUND.get(suffix, "aac"), rate=SAMPLE_RATE) if sound else None
        assert not isinstance(voice, VideoStream | SubtitleStream)  # noqa: S101 - likewise
        for number, frame in enumerate(frames):
            if number == 0:
                picture.width, picture.height = frame.width, frame.height
            frame.pts, frame.time_base, frame.pict_type = number, 1 / fps, 0
            container.mux(picture.encode(frame))
            if voice and sound:
                _mux_sound(container, voice, sound, until=float((number + 1) / fps))
        container.mux(picture.encode(None))
        if voice and sound:
            _mux_sound(container, voice, sound, until=inf)
            container.mux(voice.encode(None))


def _mux_sound(
    container: OutputContainer, voice: AudioStream, sound: Iterator[AudioFrame], until: float
) -> None:
    """Add sound up to `until` seconds, so that neither stream waits in memory for the other."""
    for piece in sound:
        container.mux(voice.encode(piece))
        if piece.time is not None and piece.time >= until:
            return


def landscape(width: int, height: int, fps: int, seconds: float) -> Graph:
    """Return a graph without end: a sun that crosses the sky over `seconds`, hills, a ball."""
    graph, unit, rate = Graph(), min(width, height), f"r={fps}"
    sun, ball = max(2, round(unit * 0.3)), max(2, round(unit * 0.18))
    ground, bar = max(2, round(height * 0.55)), max(1, round(height / 60))
    picture = _still(graph, f"s=16x{height}:{rate}", _SKY, f"{width}:{height}")
    for layer, x, y in (
        (
            _still(graph, f"s={sun}x{sun}:{rate}", _SUN),
            f"W*(0.1+0.62*t/{seconds})-w/4",
            f"H*(0.36-0.3*sin(PI*(0.15+0.7*t/{seconds})))",
        ),
        (_row(graph, _FAR, f"s={width}x{ground}:{rate}"), "0", "H-h"),
        (_row(graph, _NEAR, f"s={width}x{ground}:{rate}"), "0", "H-h*0.62"),
        (
            _still(graph, f"s={ball}x{ball}:{rate}", _BALL),
            f"W*(0.06+0.76*t/{seconds})",
            "H*0.76-H*0.42*abs(sin(4.6*t))",
        ),
        (
            graph.add("color", f"c=0xffe9c0:s={width}x{bar}:{rate}"),
            f"W*(t+1/{fps})/{seconds}-W",
            "H-h",
        ),
    ):
        over = graph.add("overlay", f"x='{x}':y='{y}':eval=frame")
        picture.link_to(over, 0, 0)
        layer.link_to(over, 0, 1)
        picture = over
    return finished(graph, picture)


def pulled(graph: Graph) -> Iterator[VideoFrame]:
    """Yield what a graph of sources makes, to its end if it has one."""
    while True:
        try:
            yield graph.vpull()
        except (av_error.EOFError, av_error.BlockingIOError):
            return


def finished(graph: Graph, last: FilterContext, pixels: str = "yuv420p") -> Graph:
    """Close a graph behind `last`."""
    graph.link_nodes(last, graph.add("format", f"pix_fmts={pixels}"), graph.add("buffersink"))
    graph.configure()
    return graph


def chord(seconds: float) -> Iterator[AudioFrame]:
    """Yield a quiet chord."""
    graph = Graph()
    voices = "+".join(f"0.06*sin(2*PI*{pitch}*t)" for pitch in (220.0, 277.18, 329.63))
    graph.link_nodes(
        graph.add("aevalsrc", f"exprs='{voices}':s={SAMPLE_RATE}:c=mono:d={seconds}"),
        graph.add("aformat", "sample_fmts=s16:channel_layouts=stereo"),
        graph.add("abuffersink"),
    ).configure()
    while True:
        try:
            frame = graph.pull()
        except av_error.EOFError:
            return
        if isinstance(frame, AudioFrame):
            yield frame


def _row(graph: Graph, hills: _Hills, size: str) -> FilterContext:
    speed = hills.speed / float(size.rsplit("=", 1)[1])
    moving = graph.add("scroll", f"horizontal={speed}")
    _still(graph, size, _HILLS.format(hills)).link_to(moving)
    return moving


def _still(graph: Graph, size: str, paint: str, scale: str = "") -> FilterContext:
    """Paint one picture and hold it: an expression for every pixel is too slow for every frame."""
    nodes = [
        graph.add("color", f"c=black:{size}:d=0.001"),
        graph.add("format", "pix_fmts=gbrap"),
        graph.add("geq", paint),
        *([graph.add("scale", scale)] if scale else []),
        graph.add("loop", "loop=-1:size=1"),
        graph.add("setpts", f"N/({size.rsplit('=', 1)[1]}*TB)"),
    ]
    graph.link_nodes(*nodes)
    return nodes[-1]


def _noise(width: int, height: int, fps: int) -> Graph:
    graph = Graph()
    noise = graph.add("noise", "alls=100:allf=t:all_seed=1")
    graph.add("testsrc2", f"s={width}x{height}:r={fps}").link_to(noise)
    return finished(graph, noise)
