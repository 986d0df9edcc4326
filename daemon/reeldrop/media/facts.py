"""What is known of a clip: the facts that its record shows and that a model's limits speak of."""

from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reeldrop.domain.errors import ClipUnreadable, StepError
from reeldrop.domain.footage import Footage
from reeldrop.domain.job import MediaFacts
from reeldrop.media.containers.ebml import doc_type
from reeldrop.media.containers.layout import Layout
from reeldrop.media.opening import VIDEO_FORMATS, first_frame, opened, pictures
from reeldrop.media.source import open_source
from reeldrop.media.wholeness import check_whole

_ROUNDING = 0.02
_PLAIN_PIXELS = frozenset({"yuv420p", "yuvj420p"})
_FIELDS = frozenset({2, 3, 4, 5})
"""FFmpeg's field orders but "unknown" (0) and "progressive" (1)."""


def probe(file: Path) -> Footage:
    """Return what a whole clip is, without its SHA-256.

    `width` and `height` are those of the picture as it is shown: pixels that are not square are
    stretched to square ones in width, and a clip that says "turn me" counts as turned. `seconds` is the
    container's length, `fps` the average over the clip. One frame is decoded.

    Raises:
        NotWhole: part of the file is missing, as far as can be seen.
        ClipUnreadable: it opens as no video, or its pictures do not decode.
        FileBusy: it cannot be read now.
    """
    layout = check_whole(file)
    with opened(file, VIDEO_FORMATS, lambda reason: undecodable(file, reason)) as container:
        stream = pictures(container)
        if stream is not None:
            # For a single frame, starting threads takes longer than decoding.
            stream.codec_context.thread_count = 1
        frame = first_frame(container, stream) if stream else None
        if stream is None or frame is None:
            raise undecodable(file, "no frame of it could be made")
        width, height = shown_size(stream, frame)
        facts = MediaFacts(
            name=file.name,
            bytes=container.size,
            seconds=_seconds(container, stream) or layout.reached,
            width=width,
            height=height,
            fps=round(float(rate), 3) if (rate := frame_rate(stream, layout)) else None,
            codec=stream.codec_context.codec.canonical_name,
        )
        return Footage(
            facts,
            container=_container_name(file, container),
            sound=_sound(container),
            plain=_is_plain(stream, frame, layout),
        )


def _container_name(file: Path, container: InputContainer) -> str:
    name = container.format.name
    if name.startswith("mov"):
        # QuickTime files from before there were brands name none.
        return "mov" if container.metadata.get("major_brand", "qt  ") == "qt  " else "mp4"
    if name.startswith("matroska"):
        with open_source(file) as source:
            return "webm" if doc_type(source) == "webm" else "mkv"
    return name.partition(",")[0]


def _sound(container: InputContainer) -> str | None:
    """Return the codec of the first sound; one that FFmpeg cannot decode has no name."""
    for stream in container.streams.audio:
        context = getattr(stream, "codec_context", None)
        return context.codec.canonical_name if context else "unknown"
    return None


def _is_plain(stream: VideoStream, frame: VideoFrame, layout: Layout) -> bool:
    return (
        turns(frame) == 0
        and (stream.sample_aspect_ratio or 1) == 1
        and not is_interlaced(stream, frame)
        and frame.format.name in _PLAIN_PIXELS
        and _is_constant(stream, layout)
    )


def is_interlaced(stream: VideoStream, frame: VideoFrame) -> bool:
    """Say whether the clip is made of fields, by its first frame or by what its container says."""
    return frame.interlaced_frame or stream.codec_context.field_order in _FIELDS


def _is_constant(stream: VideoStream, layout: Layout) -> bool:
    """Two rates that differ mean frames of different lengths; without both nobody can tell."""
    average, nominal = stream.average_rate, stream.base_rate
    if not average or not nominal or layout.fragmented:
        return True
    return abs(average / nominal - 1) < _ROUNDING


def undecodable(file: Path, reason: str) -> StepError:
    """Return the error for a clip whose pictures cannot be had."""
    return ClipUnreadable(
        f"{file.name} opens as a video, but its pictures do not decode: {reason}",
        hint="Play the clip; export it again where it does not play.",
    )


def shown_size(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """Return width and height of the picture as a player shows it, in square pixels."""
    width, height = frame.width, frame.height
    if aspect := stream.sample_aspect_ratio:
        width = max(1, round(width * _sane(aspect)))
    return (height, width) if turns(frame) % 2 else (width, height)


def turns(frame: VideoFrame) -> int:
    """Return by how many right angles a player turns the frame anticlockwise."""
    return round(frame.rotation / 90) % 4


def _sane(aspect: Fraction) -> Fraction:
    """Pixels wider or higher than 8:1 are a mistake of whoever wrote them."""
    return aspect if Fraction(1, 8) <= aspect <= 8 else Fraction(1)


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if container.duration:
        return round(container.duration / 1_000_000, 3)
    if stream.duration and stream.time_base:
        return round(float(stream.duration * stream.time_base), 3)
    return None


def frame_rate(stream: VideoStream, layout: Layout) -> Fraction | None:
    """Return the average over the clip, or the nominal rate where that is what it comes to.

    A length that is a little off would make 23.8 of 24. Of fragments, the average is a guess from
    the first of them.
    """
    average, nominal = stream.average_rate, stream.base_rate
    if average and nominal and (layout.fragmented or abs(average / nominal - 1) < _ROUNDING):
        average = nominal
    return average or nominal or stream.guessed_rate or None
