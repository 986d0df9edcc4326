"""A clip into an mp4 as it is coded: only the container changes."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from av.packet import Packet

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.media.film import Film, film
from reeldrop.media.sound import MOST, open_sound
from reeldrop.media.writing import Writing, written

_MAX_HELD = 64
"""Packets that are held back until one says when it is decoded; no decoder reorders as many."""


def copy_film(file: Path, to: Path, seconds: float | None, stop: threading.Event) -> None:
    """Write the packets of `file` to `to`; sound that is not AAC is encoded, up to `seconds`.

    Raises:
        ClipUnreadable: mp4 cannot hold its pictures as they are.
        FileBusy, DiskFull: as `written`.
        Stopping: `stop` was set.
    """
    # What was read of a share that failed is given up, not finished.
    with written(to) as out, film(file, stop) as source:
        pictures = _Pictures(source, out)
        sound = open_sound(source, out, MOST, seconds)
        for packet in source.packets():
            (pictures if packet.stream is source.picture else sound).add(packet)
        pictures.end()
        sound.end()


class _Pictures:
    """Packets of pictures on their way, with times from nought on."""

    def __init__(self, source: Film, out: Writing) -> None:
        self._name, self._out = source.file.name, out
        self._shift = source.shift(source.picture.time_base)
        self._held: list[Packet[Any]] | None = []
        try:
            self._stream = out.container.add_stream_from_template(source.picture)
        except ValueError as exc:
            raise self._unfit(str(exc)) from exc

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
            packet.stream = self._stream
            self._out.put([packet])

    def _unfit(self, why: str) -> ClipUnreadable:
        return ClipUnreadable(f"{self._name} cannot lie in an mp4 as it is: {why}")


def _dated(packets: "list[Packet[Any]]") -> "Iterator[Packet[Any]]":
    """Yield `packets`, of which the last alone says when it is decoded: Matroska does not tell it
    of those before the first that is reordered. They follow one another at its pace.
    """
    last = packets[-1].dts or 0
    pace = packets[-1].duration or 1
    for before, packet in zip(range(len(packets) - 1, -1, -1), packets, strict=True):
        packet.dts = last - before * pace
        yield packet
