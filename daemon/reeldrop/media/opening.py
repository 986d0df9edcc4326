"""The one door to PyAV: opens files that nobody vouches for, and turns its errors into ours."""

import os
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

from reeldrop.domain.errors import FileBusy, StepError
from reeldrop.media.source import Source, open_source

MAX_PIXELS = 8192 * 8192
"""The largest picture that is decoded; a file of a few bytes may claim one that fills the memory."""
MAX_TRIES = 300
"""How many packets are tried for the frame that is wanted."""
THREADS = min(8, len(os.sched_getaffinity(0)))
"""Each of a decoder or an encoder holds some pictures."""
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
        ClipUnreadable: it is a folder, a pipe or a device.
        FileBusy: it cannot be read now, or could not be for a moment, whatever came of that.
    """
    settings = {**_OPTIONS, "format_whitelist": formats, **options}
    with open_source(file) as source:
        reading = _Reading(source, f"file:{file}")
        try:
            with av.open(
                reading, "r", options=settings, metadata_errors="replace", timeout=_PATIENCE
            ) as container:
                yield container
        except (FFmpegError, ValueError, OverflowError, MemoryError) as exc:
            reading.check()
            raise failure(str(getattr(exc, "strerror", None) or exc)) from exc
        except StepError:
            reading.check()
            raise
        reading.check()


class _Reading:
    """A file as PyAV reads it. Remembers what FFmpeg forgets: that a share failed on the way.

    To a demuxer that is the end of the file, or damage; which of the two it was, nobody could tell
    afterwards, when the share is there again.
    """

    def __init__(self, source: Source, name: str) -> None:
        self.name = name
        self._source, self._at = source, 0
        self._trouble: FileBusy | None = None

    def read(self, length: int) -> bytes:
        """Return up to `length` bytes; none behind the end, or once the file could not be read."""
        if self._trouble:
            return b""
        try:
            found = self._source.at(self._at, length)
        except FileBusy as exc:
            self._trouble = exc
            return b""
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def check(self) -> None:
        """Raise FileBusy where the file could not be read once."""
        if self._trouble:
            raise self._trouble


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
