"""The one door to PyAV: opens files that nobody vouches for, and turns its errors into ours."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reeldrop.domain.errors import StepError
from reeldrop.media.source import busy

MAX_PIXELS = 8192 * 8192
"""The largest picture that is decoded; a file of a few bytes may claim one that fills the memory."""
MAX_TRIES = 300
"""How many packets are tried for the frame that is wanted."""
_PATIENCE = 60.0
"""Seconds after which a file that is still being opened is given up."""
_OPTIONS = {
    "protocol_whitelist": "file",
    "max_pixels": str(MAX_PIXELS),
    "max_streams": "64",
}
VIDEO_FORMATS = "mov,matroska,avi,mxf,mpegts,mpeg,mpegvideo,flv,asf,ogg"
"""Playlists are not among them: they would have other files, or other hosts, read."""


@contextmanager
def opened(
    file: Path, formats: str, failure: Callable[[str], StepError], **options: str
) -> Generator[InputContainer]:
    """Open `file` as one of `formats`, FFmpeg's names with commas between them.

    Raises:
        StepError: what `failure` makes of FFmpeg's reason, where it cannot be opened or where the
            body of the `with` meets an error of FFmpeg.
        FileBusy: it is gone or closed to us.
    """
    settings = {**_OPTIONS, "format_whitelist": formats, **options}
    try:
        with av.open(
            f"file:{file}", "r", options=settings, metadata_errors="replace", timeout=_PATIENCE
        ) as container:
            yield container
    except (FileNotFoundError, PermissionError) as exc:
        raise busy(file.name, exc) from exc
    except (FFmpegError, ValueError, OverflowError, MemoryError) as exc:
        raise failure(str(getattr(exc, "strerror", None) or exc)) from exc


def pictures(container: InputContainer) -> VideoStream | None:
    """Return the stream that holds the film; the cover picture of a sound file is none."""
    for stream in container.streams.video:
        decodable = getattr(stream, "codec_context", None) is not None
        cover = Disposition.attached_pic in Disposition(stream.disposition)
        if decodable and not cover and stream.width and stream.height:
            return stream
    return None


def first_frame(
    container: InputContainer, stream: VideoStream, from_seconds: float = -inf
) -> VideoFrame | None:
    """Decode from where the container stands to the first frame at or after `from_seconds`.

    Returns the last frame before it where too many packets lie between; None where none decodes.
    """
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    latest = None
    for tries, packet in enumerate(container.demux(stream)):
        for latest in _decoded(packet):
            if latest.time is None or latest.time >= from_seconds:
                return latest
        if tries >= MAX_TRIES:
            break
    return latest


def _decoded(packet: "Packet[Any]") -> list[VideoFrame]:
    """A packet that does not decode is passed over: a film cut from another may begin with some."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except FFmpegError:
        return []
