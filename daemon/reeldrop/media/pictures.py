"""Pictures: a poster frame of a clip, and what may serve as a reference."""

import errno
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reeldrop.domain.errors import ClipUnreadable, DiskFull, FileBusy, StepError
from reeldrop.domain.footage import Picture
from reeldrop.domain.references import Kind
from reeldrop.media.containers.signature import HEAD, describe
from reeldrop.media.containers.stills import breaks_off
from reeldrop.media.facts import shown_size, turns, undecodable
from reeldrop.media.opening import VIDEO_FORMATS, first_frame, opened, pictures
from reeldrop.media.source import open_source

_WIDEST = 960
_HIGHEST = 1920
_QUALITY = "3"
"""Of JPEG, 2 (best) to 31."""
TURNS = {1: ("transpose", "cclock"), 2: ("rotate", "PI"), 3: ("transpose", "clock")}
_IMAGES = "png_pipe,jpeg_pipe,webp_pipe,webp,gif,bmp_pipe,tiff_pipe,image2,image2pipe"
_SOUNDS = "mp3,wav,w64,aiff,flac,aac,ogg,opus,ac3,caf"
_REFERENCES = f"{_IMAGES},{_SOUNDS},{VIDEO_FORMATS}"
_FORMATS = {"mjpeg": "jpeg"}
_HINTS = {Kind.IMAGE: "Images may be PNG, JPEG, WebP, GIF, BMP or TIFF."}


def check_reference(file: Path, kind: Kind) -> Picture | None:
    """Return what the image `file` is; None for a video or a sound, of which no frame is decoded.

    Raises:
        ClipUnreadable: it is not; the message says what it is and what is allowed.
        FileBusy: it cannot be read now.
    """
    with open_source(file) as source:
        head = source.at(0, HEAD)
        cut = breaks_off(source, head)

    def failure(reason: str) -> StepError:
        looks = f"looks like {describe(head)} and cannot be read ({reason})" if head else "is empty"
        return ClipUnreadable(f"{file.name} {looks}; allowed: {kind}", hint=_HINTS.get(kind, ""))

    if cut:
        raise failure("it breaks off")
    with opened(file, _REFERENCES, failure) as container:
        found, picture = _look(container, failure)
    if kind not in (found, Kind.ANY):
        message = f"{file.name} is {found}; allowed: {kind}"
        raise ClipUnreadable(message, hint=_HINTS.get(kind, ""))
    return picture


def _look(
    container: InputContainer, failure: Callable[[str], StepError]
) -> tuple[Kind, Picture | None]:
    stream = pictures(container)
    if stream is None:
        if not container.streams.audio:
            raise failure("it holds no pictures and no sound")
        return Kind.SOUND, None
    if container.format.name not in _IMAGES.split(","):
        return Kind.VIDEO, None
    if (frame := first_frame(container, stream)) is None:
        raise failure("its picture does not decode")
    codec = stream.codec_context.codec.canonical_name
    size = shown_size(stream, frame)
    return Kind.IMAGE, Picture(_FORMATS.get(codec, codec), container.size, *size)


def poster(video: Path, to: Path) -> None:
    """Write a frame from about a third into `video` to `to`: a JPEG at most 960 pixels wide.

    The file is written in place; who needs it whole or not at all renames it afterwards.

    Raises:
        ClipUnreadable: no frame can be decoded.
        FileBusy: `video` cannot be read, or `to` cannot be written, now.
        DiskFull: there is no room for it.
    """
    content = jpeg(still(video, _WIDEST, _HIGHEST))
    try:
        to.write_bytes(content)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{to.name} cannot be written: {exc.strerror}") from exc
        raise FileBusy(f"{to.name} cannot be written: {exc.strerror}") from exc


def still(video: Path, widest: int, highest: int, moment: float | None = None) -> VideoFrame:
    """Return a frame of `video` as a player shows it, made smaller to fit.

    It is the one at `moment` seconds, or about a third in; else the first that can be had.

    Raises:
        ClipUnreadable: no frame can be decoded.
        FileBusy: `video` cannot be read now.
    """
    with opened(video, VIDEO_FORMATS, lambda reason: undecodable(video, reason)) as container:
        stream = pictures(container)
        frame = _frame_at(container, stream, moment) if stream else None
        if stream is None or frame is None:
            raise undecodable(video, "no frame of it could be made")
        width, height = shown_size(stream, frame)
        scale = min(1.0, widest / width, highest / height)
        return _upright(frame, max(1, round(width * scale)), max(1, round(height * scale)))


def _upright(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """Turn `frame` as its clip asks and scale it, into the full-range 4:2:0 that JPEG wants."""
    graph = Graph()
    nodes = [
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
        )
    ]
    if turn := TURNS.get(turns(frame)):
        nodes.append(graph.add(*turn))
    nodes.append(graph.add("scale", f"{width}:{height}:flags=area:out_range=full"))
    nodes.append(graph.add("format", "pix_fmts=yuvj420p"))
    nodes.append(graph.add("buffersink"))
    graph.link_nodes(*nodes).configure()
    graph.vpush(frame)
    return graph.vpull()


def jpeg(frame: VideoFrame) -> bytes:
    """Return `frame` as a JPEG file."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, frame.format.name
    encoder.time_base = Fraction(1, 1000)
    encoder.options = {"qmin": _QUALITY, "qmax": _QUALITY}
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def _frame_at(
    container: InputContainer, stream: VideoStream, moment: float | None
) -> VideoFrame | None:
    start = container.start_time or 0
    into = (container.duration or 0) // 3 if moment is None else round(moment * 1_000_000)
    if into:
        container.seek(start + into)
        # Decoding can only begin at a key frame, which may lie well before the frame wanted.
        if frame := first_frame(container, stream, from_seconds=(start + into) / 1_000_000):
            return frame
    container.seek(start)
    return first_frame(container, stream)
