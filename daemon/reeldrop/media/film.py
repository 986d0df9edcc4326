"""A clip read from its beginning to its end: pictures and sound with times that begin at nought."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from reeldrop.domain.errors import ClipUnreadable, Stopping
from reeldrop.media.facts import undecodable
from reeldrop.media.opening import MAX_PIXELS, MAX_TRIES, THREADS, VIDEO_FORMATS, opened, pictures

_TOLERANCE = 0.5
"""Seconds of pictures at the beginning, and at the end, that may not come out of the decoder."""


@dataclass(frozen=True, slots=True)
class Film:
    """An open clip. Times are in seconds from where the container begins."""

    file: Path
    container: InputContainer
    picture: VideoStream
    sound: AudioStream | None
    stop: threading.Event

    def packets(self) -> "Iterator[Packet[Any]]":
        """Yield the packets of pictures and sound in the order of the file."""
        streams = [self.picture, *([self.sound] if self.sound else [])]
        for packet in self.container.demux(streams):
            check(self.stop)
            yield packet

    @property
    def end(self) -> float | None:
        """When the later of pictures and sound ends; other tracks of the file may last longer."""
        ends: list[float] = []
        for stream in (self.picture, self.sound):
            if stream is None:
                continue
            if stream.duration is None or stream.time_base is None:
                return None
            end = (stream.start_time or 0) - self.shift(stream.time_base) + stream.duration
            ends.append(float(end * stream.time_base))
        return max(ends)

    def shift(self, base: Fraction | None) -> int:
        """Return how much later than nought the container begins, in ticks of `base`."""
        return round(Fraction(self.container.start_time or 0, 1_000_000) / base) if base else 0


def check(stop: threading.Event) -> None:
    """Raise Stopping where nobody waits for the work any more."""
    if stop.is_set():
        raise Stopping("the work on it was given up")


@contextmanager
def film(file: Path, stop: threading.Event) -> Generator[Film]:
    """Open `file` to be read through.

    Raises:
        ClipUnreadable: it opens as no video.
        FileBusy: it cannot be read now.
    """
    with opened(file, VIDEO_FORMATS, lambda reason: undecodable(file, reason)) as container:
        picture = pictures(container)
        if picture is None:
            raise undecodable(file, "it holds no pictures")
        picture.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        picture.thread_type, picture.thread_count = "AUTO", THREADS
        yield Film(file, container, picture, _sound(container), stop)


def _sound(container: InputContainer) -> AudioStream | None:
    """Return the first sound, unless no decoder is there for it."""
    for stream in container.streams.audio:
        return stream if getattr(stream, "codec_context", None) else None
    return None


class PictureDecoder:
    """Makes frames of packets, and notices where that ends before the clip does."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._base = film.picture.time_base or Fraction(1, 1000)
        self._shift = film.shift(self._base)
        self._tries = 0
        self._reached: float | None = None
        self._begins: float | None = None
        self._promised = 0.0

    def decode(self, packet: "Packet[Any]") -> Iterator[VideoFrame]:
        """Yield the frames of `packet`, their times from nought; raises ClipUnreadable."""
        self._tries += 1
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and not packet.is_discard:
            shown = float((stamp - self._shift) * self._base)
            self._begins = shown if self._begins is None else self._begins
            self._promised = max(self._promised, shown)
        try:
            frames = packet.decode()
        except FFmpegError as exc:
            # A film cut from another may begin with packets that need some of the other.
            if self._reached is None and self._tries < MAX_TRIES:
                return
            raise self._stops(str(exc.strerror)) from exc
        for frame in frames:
            if isinstance(frame, VideoFrame):
                yield self._timed(frame)

    def _timed(self, frame: VideoFrame) -> VideoFrame:
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is not None:
            frame.pts = stamp - self._shift
            frame.time_base = self._base
            at = float(frame.pts * self._base)
            if self._reached is None:
                self._check_beginning(at)
            self._reached = max(self._reached or 0.0, at)
        return frame

    def _check_beginning(self, at: float) -> None:
        """Raise ClipUnreadable where a still would have to stand for the beginning."""
        if self._begins is not None and at - self._begins > _TOLERANCE:
            raise ClipUnreadable(
                f"{self._film.file.name} begins at {self._begins:.2f} s, but its first picture that"
                f" decodes is at {at:.2f} s",
                hint="Play the clip from its beginning; export it again from where it shows a picture.",
            )

    def check_end(self) -> None:
        """Raise ClipUnreadable where the last packets made no frames."""
        if self._reached is None:
            raise undecodable(self._film.file, "no frame of it could be made")
        if self._promised - self._reached > _TOLERANCE:
            raise self._stops("no more frames come out of it")

    def _stops(self, why: str) -> ClipUnreadable:
        at = 0.0 if self._reached is None else self._reached
        return ClipUnreadable(
            f"{self._film.file.name} stops decoding at {at:.2f} s: {why}",
            hint="Play the clip to its end; export it again where it stops.",
        )
