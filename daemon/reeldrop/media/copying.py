"""A clip into an mp4 as it is coded: only the container changes."""

import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.packet import Packet

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.media.film import Film, film
from reeldrop.media.sound import MOST, open_sound
from reeldrop.media.writing import Writing, written

_MAX_HELD = 64
"""Packets that are held back until one says when it is decoded; no decoder reorders as many."""


def copy_film(
    file: Path, to: Path, seconds: float | None, rate: Fraction | None, stop: threading.Event
) -> None:
    """Write the packets of `file` to `to`; sound that is not AAC is encoded, up to `seconds`.

    Pictures are shown at `rate` (per second; None: nobody knows it) where their container rounds its times.

    Raises:
        ClipUnreadable: mp4 cannot hold its pictures as they are, or they do not keep to `rate`.
        FileBusy, DiskFull: as `written`.
        Stopping: `stop` was set.
    """
    # What was read of a share that failed is given up, not finished.
    with written(to) as out, film(file, stop) as source:
        pictures = _Pictures(source, out, rate)
        sound = open_sound(source, out, MOST, seconds)
        for packet in source.packets():
            (pictures if packet.stream is source.picture else sound).add(packet)
        pictures.end()
        sound.end()


class _Pictures:
    """Packets of pictures on their way, with times from nought on."""

    def __init__(self, source: Film, out: Writing, rate: Fraction | None) -> None:
        self._name, self._out = source.file.name, out
        self._pace = _pace(source, rate)
        self._decoded: int | None = None
        self._shift = source.shift(source.picture.time_base)
        self._held: list[Packet[Any]] | None = []
        try:
            self._stream = out.container.add_stream_from_template(source.picture)
        except ValueError as exc:
            raise self._unfit(str(exc)) from exc
        if self._pace:
            self._stream.time_base = self._pace

    def add(self, packet: "Packet[Any]") -> None:
        """Write a packet; the first ones wait until it is known when they are decoded."""
        if not packet.size:
            return
        if packet.pts is None:
            raise self._unfit("it does not say when its pictures are shown")
        if self._held is None:
            self._put([packet])
            return
        self._held.append(packet)
        if packet.dts is not None:
            self._put(_dated(self._held))
            self._held = None
        elif len(self._held) > _MAX_HELD:
            raise self._unfit("it does not say when its pictures are decoded")

    def end(self) -> None:
        """Raise where no packet ever told its time."""
        if self._held is not None:
            raise self._unfit("it does not say when its pictures are decoded")

    def _put(self, packets: "Iterable[Packet[Any]]") -> None:
        for packet in packets:
            if packet.pts is None or packet.dts is None:
                raise self._unfit("a picture in it has no time")
            packet.pts, packet.dts = packet.pts - self._shift, packet.dts - self._shift
            if self._pace:
                self._keep(self._pace, packet)
            packet.stream = self._stream
            self._out.put([packet])

    def _keep(self, pace: Fraction, packet: "Packet[Any]") -> None:
        """Say the times of a picture in pictures. Raises ClipUnreadable where it comes at another time."""
        base, shown, decoded = packet.time_base, packet.pts or 0, packet.dts or 0
        pts, dts = round(shown * base / pace), round(decoded * base / pace)
        early = self._decoded is not None and dts <= self._decoded
        if early or dts > pts or abs(pts * pace - shown * base) > base:
            raise self._unfit("its pictures do not come at a steady pace")
        self._decoded = dts
        packet.time_base, packet.pts, packet.dts, packet.duration = pace, pts, dts, 1

    def _unfit(self, why: str) -> ClipUnreadable:
        return ClipUnreadable(f"{self._name} cannot lie in an mp4 as it is: {why}")


def _pace(source: Film, rate: Fraction | None) -> Fraction | None:
    """Return how long a picture is shown, in seconds, where the ticks of the container cannot say it.

    Matroska rounds to 1 ms: three seconds at 24 pictures per second come to 2.999 s, which a limit may refuse.
    """
    base = source.picture.time_base
    if not rate or base is None or (1 / (rate * base)).denominator == 1:
        return None
    begins = source.picture.start_time
    return 1 / rate if begins is None or begins == source.shift(base) else None


def _dated(packets: "list[Packet[Any]]") -> "Iterator[Packet[Any]]":
    """Yield `packets`, of which the last alone says when it is decoded: Matroska does not tell it
    of those before the first that is reordered. They follow one another at its pace.
    """
    last = packets[-1].dts or 0
    pace = packets[-1].duration or 1
    for before, packet in zip(range(len(packets) - 1, -1, -1), packets, strict=True):
        packet.dts = last - before * pace
        yield packet
