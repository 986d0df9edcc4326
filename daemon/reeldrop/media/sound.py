"""The sound of a clip that is made: copied where it is AAC already, else encoded."""

from contextlib import suppress
from typing import Any, Protocol

from av import error as av_error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.filter import Graph
from av.packet import Packet

from reeldrop.media.film import Film
from reeldrop.media.graphs import sound_graph
from reeldrop.media.writing import Writing

_RATES = (44_100, 48_000)
_LEAST, MOST = 32_000, 192_000
"""Bits per second of what is encoded."""


class Sound(Protocol):
    """Where packets of sound go."""

    def add(self, packet: "Packet[Any]") -> None:
        """Take the next packet."""
        ...

    def end(self) -> None:
        """Write what is still held back."""
        ...


class Silence:
    """Of a clip without sound."""

    def add(self, packet: "Packet[Any]") -> None:
        """Nothing comes."""

    def end(self) -> None:
        """Nothing is held back."""


class Copied:
    """Packets as they are, from nought on."""

    def __init__(self, film: Film, sound: AudioStream, out: Writing) -> None:
        self._shift = film.shift(sound.time_base)
        self._stream = out.container.add_stream_from_template(sound)
        self._out = out

    def add(self, packet: "Packet[Any]") -> None:
        """Write a packet; one without a time ends the stream."""
        if packet.pts is None or packet.dts is None:
            return
        packet.pts, packet.dts = packet.pts - self._shift, packet.dts - self._shift
        packet.stream = self._stream
        self._out.put([packet])

    def end(self) -> None:
        """Nothing is held back."""


class Encoded:
    """AAC of one or two channels."""

    def __init__(
        self, film: Film, sound: AudioStream, out: Writing, bits: int, seconds: float | None
    ) -> None:
        rate = sound.rate if sound.rate in _RATES else 48_000
        self._layout = "mono" if sound.channels == 1 else "stereo"
        self._rate, self._seconds, self._out = rate, seconds, out
        self._shift = film.shift(sound.time_base)
        self._base = sound.time_base
        self._graph: Graph | None = None
        self._shape = (0, "", "")
        self._stream = out.container.add_stream("aac", rate=rate)
        self._stream.bit_rate = max(_LEAST, min(MOST, bits))
        self._stream.layout = self._layout

    def add(self, packet: "Packet[Any]") -> None:
        """Encode a packet; one that does not decode leaves a silence, not a clip without an end."""
        try:
            frames = packet.decode()
        except FFmpegError:
            return
        for frame in frames:
            if isinstance(frame, AudioFrame):
                self._push(frame)

    def _push(self, frame: AudioFrame) -> None:
        if frame.pts is not None:
            frame.pts, frame.time_base = frame.pts - self._shift, self._base
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        if shape != self._shape:
            first = self._graph is None
            self._flush()
            self._shape = shape
            self._graph = sound_graph(frame, self._rate, self._layout, self._seconds, first=first)
        if self._graph:
            # It takes no more once its end is reached.
            with suppress(av_error.EOFError):
                self._graph.push(frame)
            self._pull()

    def _flush(self) -> None:
        if self._graph:
            self._graph.push(None)
            self._pull()

    def _pull(self) -> None:
        while self._graph:
            try:
                frame = self._graph.pull()
            except (av_error.BlockingIOError, av_error.EOFError):
                return
            if isinstance(frame, AudioFrame):
                self._out.put(self._stream.encode(frame))

    def end(self) -> None:
        """Write what the graph and the encoder hold."""
        self._flush()
        if self._graph:
            self._out.put(self._stream.encode(None))


def open_sound(
    film: Film, out: Writing, bits: int, seconds: float | None, *, may_copy: bool = True
) -> Sound:
    """Return where the sound of `film` goes: as it is where it can be, else encoded at `bits`.

    What is encoded ends after `seconds`.
    """
    sound = film.sound
    if sound is None:
        return Silence()
    if may_copy and _is_plain_aac(sound):
        return Copied(film, sound, out)
    return Encoded(film, sound, out, bits, seconds)


def _is_plain_aac(sound: AudioStream) -> bool:
    """Say whether the packets of `sound` can lie in an mp4 as they are, for everybody to play."""
    context = sound.codec_context
    # Without its header (as in MPEG-TS) each packet brings one, which mp4 does not want.
    return context.codec.canonical_name == "aac" and bool(context.extradata) and sound.channels <= 2
