"""Matroska and WebM: segment, clusters and blocks (RFC 8794, RFC 9559)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.media.containers.layout import MAX_ELEMENTS, Layout
from reeldrop.media.containers.signature import HEAD
from reeldrop.media.source import Region, Source

_DOC_TYPE = 0x4282
_SEGMENT, _INFO, _CLUSTER = 0x18538067, 0x1549A966, 0x1F43B675
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_TIMESTAMP, _SIMPLE_BLOCK, _GROUP, _BLOCK, _BLOCK_DURATION = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B
_TOP = frozenset(
    {0x114D9B74, _INFO, 0x1654AE6B, _CLUSTER, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367}
)
_ANYWHERE = frozenset({0xEC, 0xBF})
_SAMPLED = 16
"""How many clusters are looked into block by block, besides the last."""


@dataclass(frozen=True, slots=True)
class _Element:
    id: int
    body: int
    end: int | None
    """None where the size is unknown: the element ends where one that cannot be in it begins."""


def walk(source: Source) -> Layout:
    """Check the segment, its elements, and the blocks of some clusters and of the last."""
    header = _element(source, 0)
    segment = _element(source, header.end or 0) if header and header.end else None
    while segment and segment.id in _ANYWHERE and segment.end:
        segment = _element(source, segment.end)
    if segment is None or segment.id != _SEGMENT:
        raise source.missing("its first cluster has not arrived")
    if segment.end and segment.end > source.size:
        raise source.torn(segment.end)
    return _walk_segment(source, segment)


def doc_type(source: Source) -> str:
    """Return what the header calls the file: `webm` or `matroska`, empty where it does not say."""
    header = _element(source, 0)
    at, end = (header.body, header.end or 0) if header else (0, 0)
    while at < min(end, HEAD):
        element = _element(source, at)
        if element is None or element.end is None:
            break
        if element.id == _DOC_TYPE:
            name = source.at(element.body, min(32, element.end - element.body))
            return name.rstrip(b"\0").decode("ascii", "replace")
        at = element.end
    return ""


def _walk_segment(source: Source, segment: _Element) -> Layout:
    scale, ticks, clusters = 1_000_000, None, list[Region]()
    for element, end in _children(source, segment):
        if element.id == _INFO:
            scale, ticks = _info(source, element.body, end)
        elif element.id == _CLUSTER:
            clusters.append((element.body, end))
    if not clusters:
        raise source.missing("its first cluster has not arrived")
    step = -(-len(clusters) // _SAMPLED)
    for start, end in clusters[:-1:step]:
        _last_tick(source, start, end)
    reached = _last_tick(source, *clusters[-1]) * scale / 1e9
    # A segment that ends where it says is complete, however long its last picture is held.
    declared = ticks * scale / 1e9 if ticks and segment.end is None else None
    return Layout(tuple(clusters), declared=declared, reached=reached)


def _children(source: Source, segment: _Element) -> Iterator[tuple[_Element, int]]:
    """Yield the elements of a segment and where they end.

    Zeros where one must begin mean that more will be written there. So does anything else in a
    segment that does not know its end; in one that does, players skip it, and so does this.
    """
    at = segment.body
    for _ in range(MAX_ELEMENTS):
        if at >= (segment.end or source.size):
            return
        element = _element(source, at)
        if element is None or (element.id not in _TOP and element.id not in _ANYWHERE):
            if segment.end is None or source.is_zero(at, 16):
                raise source.missing(f"nothing that belongs to it lies at byte {at}")
            return
        at = element.end or _cluster_end(source, element)
        if at > source.size:
            raise source.missing(f"its last cluster goes on to byte {at}")
        yield element, at
    raise ClipUnreadable(f"{source.name} is made of more than {MAX_ELEMENTS} elements")


def _cluster_end(source: Source, cluster: _Element) -> int:
    """Find where an element of unknown size ends, as a live recorder writes its clusters."""
    at = cluster.body
    for _ in range(MAX_ELEMENTS):
        child = _element(source, at)
        if child is None or child.id in _TOP or child.end is None:
            return at
        if child.end > source.size:
            raise source.missing(f"its last block goes on to byte {child.end}")
        at = child.end
    raise ClipUnreadable(f"{source.name} has a cluster of more than {MAX_ELEMENTS} blocks")


def _last_tick(source: Source, start: int, end: int) -> int:
    """Return the latest time of a cluster's blocks, checking that they fill it."""
    base = latest = 0
    while start < end:
        element = _element(source, start)
        if element is None or element.end is None or element.end > end:
            raise source.missing(f"what lies at byte {start} is no block")
        if element.id == _TIMESTAMP:
            base = int.from_bytes(
                source.at(element.body, min(8, element.end - element.body)), "big"
            )
        elif element.id == _SIMPLE_BLOCK:
            latest = max(latest, base + _relative(source, element.body))
        elif element.id == _GROUP:
            latest = max(latest, base + _group(source, element.body, element.end))
        start = element.end
    return max(base, latest)


def _group(source: Source, start: int, end: int) -> int:
    """Return when a block group ends, relative to its cluster."""
    tick = duration = 0
    while start < end:
        element = _element(source, start)
        if element is None or element.end is None or element.end > end:
            break
        if element.id == _BLOCK:
            tick = _relative(source, element.body)
        elif element.id == _BLOCK_DURATION:
            duration = int.from_bytes(source.at(element.body, min(8, element.end - start)), "big")
        start = element.end
    return tick + duration


def _relative(source: Source, body: int) -> int:
    """Read a block's signed time behind its track number."""
    head = source.at(body, 16)
    width = 9 - head[0].bit_length() if head and head[0] else 8
    return int.from_bytes(head[width : width + 2], "big", signed=True)


def _info(source: Source, start: int, end: int) -> tuple[int, float | None]:
    scale, ticks = 1_000_000, None
    while start < end:
        element = _element(source, start)
        if element is None or element.end is None or element.end > end:
            break
        value = source.at(element.body, min(8, element.end - element.body))
        if element.id == _SCALE:
            scale = int.from_bytes(value, "big") or scale
        elif element.id == _DURATION and len(value) in (4, 8):
            ticks = struct.unpack(">f" if len(value) == 4 else ">d", value)[0]
        start = element.end
    return scale, ticks if ticks and 0 < ticks < 1e15 else None


def _element(source: Source, at: int) -> _Element | None:
    """Read the element that begins at `at`; None where none does."""
    head = source.at(at, 12)
    if not head or not head[0] & 0xF0:
        return None
    width = 9 - head[0].bit_length()
    sizes = head[width : width + 8]
    if not sizes or not sizes[0]:
        return None
    length = 9 - sizes[0].bit_length()
    if len(sizes) < length:
        return None
    unknown = (1 << 7 * length) - 1
    size = int.from_bytes(sizes[:length], "big") & unknown
    body = at + width + length
    return _Element(
        int.from_bytes(head[:width], "big"), body, None if size == unknown else body + size
    )
