"""MP4, QuickTime and their fragments: top-level boxes (ISO/IEC 14496-12, 4.2). Samples are the index's."""

from collections.abc import Iterator
from dataclasses import dataclass

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.media.containers.layout import MAX_ELEMENTS, Layout
from reeldrop.media.source import Source

_PADDING = frozenset({b"free", b"skip", b"wide"})
_PAYLOAD = frozenset({b"mdat", b"moof", b"imda"})
_KNOWN = _PADDING | {
    *(b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"meta", b"udta"),
    *(b"uuid", b"emsg", b"prft", b"pdin", b"pnot", b"PICT", b"imda"),
}
_TABLES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
_DEPTH = 8
_PER_SAMPLE = 0x000F00
"""The flags of a `trun` that give each sample bytes of its own."""


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


def walk(source: Source) -> Layout:
    """Check every top-level box, and that the ones a film needs are there."""
    boxes = list(_film(source))
    seen = {box.kind for box in boxes}
    if b"moov" not in seen:
        raise source.missing("its index (the moov box) has not arrived")
    if not seen & _PAYLOAD:
        raise source.missing("its pictures (the mdat box) have not arrived")
    for box in boxes:
        if box.kind in (b"moov", b"moof"):
            _check_tables(source, box, 0)
    if b"moof" in seen and b"mfra" not in seen:
        _check_no_empty_tail(source, max(box.end for box in boxes))
    return Layout(indexed=True, fragmented=b"moof" in seen)


def _film(source: Source) -> Iterator[_Box]:
    """Yield the boxes of the file, all of which end inside it."""
    seen: set[bytes] = set()
    for box in _boxes(source, 0, source.size):
        if box.kind not in _KNOWN and b"moov" in seen and seen & _PAYLOAD:
            return  # a tail that is no box: some cameras and tools leave one
        if box.end > source.size and b"moof" in seen:
            raise source.missing(f"its last fragment goes on to byte {box.end}")
        if box.end > source.size:
            raise source.torn(box.end)
        seen.add(box.kind)
        yield box


def _boxes(source: Source, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes from `start`; the last may end past `end`. Stops at what cannot be a box."""
    for _ in range(MAX_ELEMENTS):
        header = source.at(start, 16) if start + 8 <= end else b""
        if len(header) < 8 or not header[4:8].strip(b"\0"):
            return
        size, body = int.from_bytes(header[:4], "big"), start + 8
        if size == 1:
            size, body = int.from_bytes(header[8:16], "big"), start + 16
        stop = start + size if size else end
        if stop < body:
            return
        yield _Box(header[4:8], start, body, stop)
        start = stop
    raise ClipUnreadable(f"{source.name} is made of more than {MAX_ELEMENTS} boxes")


def _check_tables(source: Source, parent: _Box, depth: int) -> None:
    """Refuse counts of samples that the file is too small to hold, before a decoder believes them."""
    for box in _boxes(source, parent.body, parent.end):
        if box.kind in _TABLES and depth < _DEPTH:
            _check_tables(source, box, depth + 1)
        elif box.kind in (b"stsz", b"stz2"):
            _check_sizes(source, box)
        elif box.kind == b"trun":
            head = source.at(box.body, 8)
            flags, count = int.from_bytes(head[1:4], "big"), int.from_bytes(head[4:8], "big")
            if not flags & _PER_SAMPLE and count > source.size:
                raise source.missing(f"a fragment claims {count} samples")


def _check_sizes(source: Source, box: _Box) -> None:
    """Add up the samples of a track whose samples have one size; tables of sizes are the index's."""
    head = source.at(box.body, 12)
    size, count = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    if box.kind == b"stsz" and size and size * count > source.size:
        raise source.torn(size * count)


def _check_no_empty_tail(source: Source, end: int) -> None:
    """Fragments do not say how many they are: reserved space behind the last is where more belong."""
    if source.size - end >= 8 and source.is_zero(end, 4096):
        raise source.missing(f"nothing follows its fragments from byte {end} on")
