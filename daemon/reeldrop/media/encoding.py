"""Pictures into H.264, and a clip or its numbered frames into an mp4. One frame at a time."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from av import error as av_error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reeldrop.media.colours import Colours, colours
from reeldrop.media.facts import is_interlaced, undecodable
from reeldrop.media.film import Film, PictureDecoder, check, film
from reeldrop.media.frames import decoded
from reeldrop.media.graphs import over_black, picture_graph
from reeldrop.media.opening import THREADS, first_frame
from reeldrop.media.sound import open_sound
from reeldrop.media.writing import Writing, written

_QUALITY = {"preset": "superfast", "crf": "17", "profile": "high"}
"""Of film grain in 1080p: nearer to the source than `veryfast` at 16, in half the time, half as large again."""
_LIMITED = 1
_APART = 2.0
"""Seconds by which sound may lie behind its pictures in a file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made: even sides in pixels, a constant rate, at most so many frames and seconds."""

    width: int
    height: int
    rate: Fraction
    seconds: float | None = None
    length: float | None = None
    """Of the source, in seconds, where it is known."""
    picture_bits: int | None = None
    """Per second, at most; None is no limit."""
    sound_bits: int = 192_000

    @property
    def frames(self) -> int | None:
        """How many frames end before the cut."""
        return None if self.seconds is None else max(1, int(self.seconds * self.rate + 1e-6))

    @property
    def is_cut(self) -> bool:
        """Say whether something of the source is left away."""
        return self.seconds is not None and (self.length is None or self.seconds < self.length)

    @property
    def sound_seconds(self) -> float | None:
        """The sound of a cut ends with the last frame; what coders put behind its end is no sound."""
        if self.is_cut and self.frames:
            return float(self.frames / self.rate)
        return self.length


def encode_film(file: Path, to: Path, plan: Plan, stop: threading.Event) -> float | None:
    """Write the clip `file` to `to` as `plan` says.

    Returns when, in seconds, the last of what was taken over of it ends, by the clip's own word; None
    where it does not say.

    Raises:
        ClipUnreadable: it does not decode to its end.
        FileBusy, DiskFull: as `written`.
        Stopping: `stop` was set.
    """
    with film(file, stop) as source:
        template, fields = _template(source)
    # What was read of a share that failed is given up, not finished.
    with written(to) as out, film(file, stop) as source:
        pictures = _Pictures(out, template, plan, stop, fields=fields)
        sound = open_sound(
            source, out, plan.sound_bits, plan.sound_seconds, may_copy=not plan.is_cut
        )
        decoder = PictureDecoder(source)
        for packet in source.packets():
            if packet.stream is not source.picture:
                sound.add(packet)
            elif not pictures.full:
                pictures.add(decoder.decode(packet))
            elif _is_past(packet, source, plan):
                break
        if not pictures.full:
            decoder.check_end()
        pictures.end()
        sound.end()
        return source.end


def encode_frames(files: Sequence[Path], to: Path, plan: Plan, stop: threading.Event) -> None:
    """Write numbered frames, in order, to `to`. Raises as `encode_film`."""
    frames = _numbered(files, plan.rate, stop)
    first = next(frames)
    with written(to) as out:
        pictures = _Pictures(out, first, plan, stop, constant=True)
        pictures.add(chain([first], frames))
        pictures.end()


def _numbered(files: Sequence[Path], rate: Fraction, stop: threading.Event) -> Iterator[VideoFrame]:
    for number, frame in enumerate(_flat(decoded(files))):
        check(stop)
        frame.pts, frame.time_base = number, 1 / rate
        yield frame


def _flat(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Lay what can be seen through on black; the colours of EXR have been there from the start."""
    for frame in frames:
        if _has_alpha(frame) and not frame.format.name.startswith("gbr"):
            frame.pts, frame.time_base = 0, Fraction(1, 1000)
            graph = over_black(frame)
            graph.vpush(frame)
            yield graph.vpull()
        else:
            yield frame


def _has_alpha(frame: VideoFrame) -> bool:
    pixels = frame.format
    return pixels.has_palette or any(component.is_alpha for component in pixels.components)


def _template(source: Film) -> tuple[VideoFrame, bool]:
    """Return the first frame, and whether frames of the clip are made of fields."""
    frame = first_frame(source.container, source.picture)
    if frame is None:
        raise undecodable(source.file, "no frame of it could be made")
    return frame, is_interlaced(source.picture, frame)


def _is_past(packet: "Packet[Any]", source: Film, plan: Plan) -> bool:
    """Say whether nothing behind `packet` belongs to what is wanted, pictures or sound."""
    base = source.picture.time_base
    if packet.dts is None or plan.seconds is None or base is None:
        return False
    return float((packet.dts - source.shift(base)) * base) > plan.seconds + _APART


class _Pictures:
    """The way of the frames through the graph and the encoder into the file."""

    def __init__(
        self,
        out: Writing,
        template: VideoFrame,
        plan: Plan,
        stop: threading.Event,
        *,
        fields: bool = False,
        constant: bool = False,
    ) -> None:
        self.full = False
        self._out, self._plan, self._stop = out, plan, stop
        self._shape = (template.width, template.height, template.format.name)
        look = colours(template, plan.width, plan.height)
        self._graph = picture_graph(
            template,
            (plan.width, plan.height),
            look,
            rate=None if constant else plan.rate,
            fields=fields,
        )
        self._stream = _stream(out, plan, look)
        self._number = 0

    def add(self, frames: Iterable[VideoFrame]) -> None:
        """Encode what the graph makes of `frames`, until the cut is reached."""
        for frame in frames:
            self._graph.vpush(self._alike(frame))
            self._pull()
            if self.full:
                return

    def _alike(self, frame: VideoFrame) -> VideoFrame:
        """A graph takes frames of one kind alone."""
        if (frame.width, frame.height, frame.format.name) == self._shape:
            return frame
        return frame.reformat(*self._shape)

    def end(self) -> None:
        """Encode what the graph and the encoder hold."""
        if not self.full:
            self._graph.vpush(None)
            self._pull()
        self._put(None)

    def _pull(self) -> None:
        while not self.full:
            check(self._stop)
            try:
                frame = self._graph.vpull()
            except (av_error.BlockingIOError, av_error.EOFError):
                return
            # The source's choice of key frames is none of the encoder's business.
            frame.pict_type = 0
            frame.pts, frame.time_base = self._number, 1 / self._plan.rate
            self._number += 1
            self._put(frame)
            self.full = self._number == self._plan.frames

    def _put(self, frame: VideoFrame | None) -> None:
        for packet in self._stream.encode_lazy(frame):
            check(self._stop)
            self._out.put([packet])


def _stream(out: Writing, plan: Plan, look: Colours) -> VideoStream:
    options = dict(_QUALITY)
    if plan.picture_bits is not None:
        buffer = min(1.0, (plan.seconds or 1.0) / 4)
        options["maxrate"] = str(plan.picture_bits)
        options["bufsize"] = str(int(plan.picture_bits * buffer))
    stream = out.container.add_stream("libx264", rate=plan.rate, options=options)
    assert isinstance(stream, VideoStream)  # noqa: S101 - that codec is video
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = plan.width, plan.height, "yuv420p"
    context.time_base = 1 / plan.rate
    context.colorspace, context.color_primaries = look.matrix, look.primaries
    context.color_trc, context.color_range = look.curve, _LIMITED
    context.thread_count = THREADS
    return stream
