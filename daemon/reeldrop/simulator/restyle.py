"""The stand-in's art: a clip made into a screen print, at the length and the shape that were asked for.

The same clip always gives the same result. What cannot be read becomes a picture of its own, as a
model would make something of anything.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

from av import error as av_error
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from reeldrop.domain.errors import ClipUnreadable, StepError
from reeldrop.media.facts import shown_size, turns
from reeldrop.media.opening import VIDEO_FORMATS, opened, pictures
from reeldrop.media.pictures import TURNS, still
from reeldrop.simulator.footage import SAMPLE_RATE, finished, landscape, pulled, write_clip

_SHORT_SIDE = 720
_FASTEST, _USUAL = Fraction(60), Fraction(24)
_WIDE = Fraction(16, 9)
_NARROWEST, _WIDEST = Fraction(1, 3), Fraction(3)
_ENCODER = {"preset": "ultrafast", "crf": "20", "threads": "1", "tune": "fastdecode"}
_INKS = "y='clip(round((val-9)/27)*30,0,255)'"
"""Brightness in nine steps, as a printer with nine inks would have it."""
_GUTTER = 24
_STILL_HEIGHT = 540
_MOMENT = 1.0
"""Seconds into both clips: a result of another length shows the same scene there."""


def restyle(
    source: Path | None, to: Path, *, seconds: float, aspect_ratio: str, keep_audio: bool
) -> None:
    """Write an mp4 of `seconds` made from `source` to `to`; the last frame is held where it is shorter.

    `aspect_ratio` is like "9:16", or "auto" for that of the source; what does not fit is cropped.
    The sound is kept if asked for and there; otherwise the result has none.
    """
    if source is not None:
        try:
            _print(source, to, seconds, aspect_ratio, keep_audio=keep_audio)
        except StepError:
            pass  # a stand-in makes something of everything: what follows replaces it
        else:
            return
    width, height = _canvas(1280, 720, aspect_ratio)
    count = max(1, round(seconds * _USUAL))
    scene = islice(pulled(landscape(width, height, int(_USUAL), seconds)), count)
    frames = _styled(scene, (width, height), (width, height), _USUAL)
    write_clip(to, islice(frames, count), None, fps=_USUAL, options=_ENCODER)


def before_after(before: Path, after: Path, to: Path) -> None:
    """Write one picture of a frame of each, side by side, to `to` (PNG or JPEG by its suffix).

    Raises:
        ClipUnreadable: one of them has no frame that decodes.
    """
    stills = [still(video, 4 * _STILL_HEIGHT, _STILL_HEIGHT, _MOMENT) for video in (before, after)]
    graph = Graph()
    row = graph.add("hstack", "inputs=2")
    for place, frame in enumerate(stills):
        frame.pts = 0
        left = _GUTTER if place == 0 else _GUTTER // 2
        box = f"iw+{_GUTTER * 3 // 2}:{_STILL_HEIGHT + 2 * _GUTTER}:{left}:(oh-ih)/2:color=0x14161c"
        framed = graph.add("pad", box)
        graph.link_nodes(_entrance(graph, frame), framed)
        framed.link_to(row, 0, place)
    finished(graph, row, "yuvj420p")
    for place, frame in enumerate(stills):
        graph.vpush(frame, at=place)
    graph.vpull().save(to)


def _print(source: Path, to: Path, seconds: float, aspect_ratio: str, *, keep_audio: bool) -> None:
    """Raises StepError where `source` is no video that decodes."""

    def failure(reason: str) -> StepError:
        return ClipUnreadable(f"{source.name} cannot be restyled: {reason}")

    with opened(source, VIDEO_FORMATS, failure) as container:
        stream = pictures(container)
        if stream is None:
            raise failure("it has no pictures")
        rate = min(stream.average_rate or _USUAL, _FASTEST)
        decoded = container.decode(stream)
        first = next(decoded, None)
        if not isinstance(first, VideoFrame):
            raise failure("no frame of it decodes")
        shown = shown_size(stream, first)
        frames = _styled(chain([first], decoded), shown, _canvas(*shown, aspect_ratio), rate)
        wanted = islice(frames, max(1, round(seconds * rate)))
        if not keep_audio:
            write_clip(to, wanted, None, fps=rate, options=_ENCODER)
            return
        with opened(source, VIDEO_FORMATS, failure) as voice:
            sound = _sound(voice, seconds) if voice.streams.audio else None
            write_clip(to, wanted, sound, fps=rate, options=_ENCODER)


def _canvas(width: int, height: int, aspect_ratio: str) -> tuple[int, int]:
    """Return the size of a result: even, of the ratio asked for, no short side over the source's."""
    try:
        across, up = (int(part) for part in aspect_ratio.split(":"))
        ratio = Fraction(across, up)
    except (ValueError, ZeroDivisionError):
        ratio = Fraction(width, height)
    ratio = min(max(ratio, _NARROWEST), _WIDEST)
    short = max(2, min(width, height, _SHORT_SIDE))
    sides = (short * ratio, short) if ratio >= 1 else (short, short / ratio)
    return max(2, round(sides[0] / 2) * 2), max(2, round(sides[1] / 2) * 2)


def _styled(
    frames: Iterator[VideoFrame], shown: tuple[int, int], size: tuple[int, int], rate: Fraction
) -> Iterator[VideoFrame]:
    """Yield `frames` as prints of `size` at `rate`, the last one for ever."""
    first = next(frames)
    graph = _press(first, shown, size, rate)
    for frame in chain([first], frames):
        graph.vpush(frame)
        yield from pulled(graph)
    graph.vpush(None)
    yield from pulled(graph)


def _press(
    frame: VideoFrame, shown: tuple[int, int], size: tuple[int, int], rate: Fraction
) -> Graph:
    """Build what makes prints: the shape first, then flat inks by brightness, then bright outlines."""
    graph = Graph()
    turn = TURNS.get(turns(frame))
    cover = max(Fraction(size[0], shown[0]), Fraction(size[1], shown[1]))
    scaled = [max(side, round(full * cover)) for side, full in zip(size, shown, strict=True)]
    parts = graph.add("split")
    graph.link_nodes(
        _entrance(graph, frame),
        *([graph.add(*turn)] if turn else []),
        graph.add("scale", f"{scaled[0]}:{scaled[1]}:flags=bilinear"),
        graph.add("crop", f"{size[0]}:{size[1]}"),
        graph.add("setsar", "1"),
        graph.add("fps", f"{rate}"),
        graph.add("tpad", "stop=-1:stop_mode=clone"),
        graph.add("format", "pix_fmts=yuv420p"),
        parts,
    )
    inks = [
        ("format", "gray"),
        ("avgblur", "2"),
        ("lut", _INKS),
        ("format", "gbrp"),
        ("pseudocolor", "preset=magma"),
    ]
    lines = [("format", "gray"), ("edgedetect", "low=0.05:high=0.12")]
    together = graph.add("blend", "c0_mode=screen:c1_mode=normal:c2_mode=normal")
    for place, way in enumerate((inks, lines)):
        nodes = [graph.add(name, options) for name, options in (*way, ("format", "yuv420p"))]
        parts.link_to(nodes[0], place, 0)
        graph.link_nodes(*nodes)
        nodes[-1].link_to(together, 0, place)
    return finished(graph, together)


def _entrance(graph: Graph, frame: VideoFrame) -> FilterContext:
    return graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )


def _sound(container: InputContainer, seconds: float) -> Iterator[AudioFrame]:
    """Yield the first sound of `container`, cut or filled with silence to `seconds`."""
    stream = container.streams.audio[0]
    graph = Graph()
    graph.link_nodes(
        graph.add_abuffer(template=stream),
        graph.add("aresample", f"{SAMPLE_RATE}:first_pts=0"),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
        graph.add("apad", f"whole_dur={seconds}"),
        graph.add("atrim", f"end={seconds}"),
        graph.add("abuffersink"),
    ).configure()
    for frame in chain(container.decode(stream), [None]):
        graph.push(frame)
        yield from _heard(graph)


def _heard(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av_error.EOFError, av_error.BlockingIOError):
            return
        if isinstance(frame, AudioFrame):
            yield frame
