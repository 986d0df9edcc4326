"""OpenEXR files: the header, the table of offsets and some chunks (openexr.com, file layout)."""

import struct
from contextlib import suppress
from dataclasses import dataclass

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.media.source import Source

MAGIC = b"v/1\x01"
_TILED, _DEEP, _PARTS = 0x200, 0x800, 0x1000
_HEADERS = (2**16, 2**22)
"""Bytes of a usual header, and of the largest that is read."""
_MAX_TABLE = 8 * 2**20
"""Bytes of the table of offsets; a million tiles have that many."""
_PROBES = 8
"""How many chunks are asked for their sizes, the last among them."""
_Attributes = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Header:
    """Size in pixels of the picture as a viewer shows it, and the layer that holds it."""

    width: int
    height: int
    layer: str


def inspect(source: Source) -> Header:
    """Return what the header says when every chunk of the file is there.

    Raises:
        NotWhole: the header, the table or the last chunk is not complete.
        ClipUnreadable: it holds no flat picture.
    """
    (flags,) = struct.unpack("<I", source.at(4, 4))
    if flags & _DEEP:
        raise ClipUnreadable(f"{source.name} is a deep EXR image, which holds no flat picture")
    parts, table = _read_parts(source, multiple=bool(flags & _PARTS))
    _check_chunks(source, table, flags, parts)
    try:
        return _header(parts[0])
    except (struct.error, ValueError, KeyError, IndexError) as exc:
        raise ClipUnreadable(f"{source.name} is an EXR image without a picture") from exc


def _read_parts(source: Source, *, multiple: bool) -> tuple[list[_Attributes], int]:
    """Return the attributes of each part, and where the table of offsets begins."""
    for length in _HEADERS:
        with suppress(struct.error, ValueError, IndexError):
            return _parts(source.at(0, length), multiple=multiple)
    raise source.missing("its header has not arrived")


def _parts(head: bytes, *, multiple: bool) -> tuple[list[_Attributes], int]:
    parts, at = list[_Attributes](), 8
    while not multiple or head[at] != 0:
        attributes, at = _attributes(head, at)
        parts.append(attributes)
        if not multiple:
            return parts, at
    return parts, at + 1


def _attributes(head: bytes, at: int) -> tuple[_Attributes, int]:
    found: _Attributes = {}
    while head[at] != 0:
        name_end = head.index(0, at)
        type_end = head.index(0, name_end + 1)
        (size,) = struct.unpack_from("<i", head, type_end + 1)
        start = type_end + 5
        if size < 0 or start + size >= len(head):
            raise ValueError
        found[head[at:name_end].decode("latin-1")] = head[start : start + size]
        at = start + size
    return found, at + 1


def _header(attributes: _Attributes) -> Header:
    left, top, right, bottom = struct.unpack("<4i", attributes["displayWindow"])
    return Header(right - left + 1, bottom - top + 1, _layer(attributes["channels"]))


def _layer(channels: bytes) -> str:
    """Return the layer to show: the unnamed one, else the first that has a red channel."""
    names, at = list[str](), 0
    while channels[at] != 0:
        end = channels.index(0, at)
        names.append(channels[at:end].decode("latin-1"))
        at = end + 17
    if "R" in names or "Y" in names:
        return ""
    return next((name[:-2] for name in names if name.endswith(".R")), "")


def _check_chunks(source: Source, table: int, flags: int, parts: list[_Attributes]) -> None:
    offsets = _offsets(source, table)
    if not all(table < offset for offset in offsets):
        raise source.missing("its table of offsets is not complete")
    offsets.sort(reverse=True)
    for offset in offsets[:: -(-len(offsets) // _PROBES)]:
        if (needed := offset + _chunk_size(source, offset, flags, parts)) > source.size:
            raise source.torn(needed)


def _offsets(source: Source, table: int) -> list[int]:
    """Return where the chunks begin. The table ends where the first of them does.

    It is written last: until then zeros stand in it.
    """
    (first,) = struct.unpack("<Q", source.at(table, 8).ljust(8, b"\0"))
    entries = source.at(table, min(max(first - table, 8), _MAX_TABLE) // 8 * 8)
    offsets, end = list[int](), first
    for (offset,) in struct.iter_unpack("<Q", entries[: len(entries) // 8 * 8]):
        if table + 8 * len(offsets) >= end:
            break
        offsets.append(offset)
        end = min(end, offset)
    return offsets or [0]


def _chunk_size(source: Source, at: int, flags: int, parts: list[_Attributes]) -> int:
    head = source.at(at, 24).ljust(24, b"\0")
    part, tiled = 0, bool(flags & _TILED)
    if flags & _PARTS:
        (part,) = struct.unpack_from("<i", head)
        kind = parts[part].get("type", b"") if 0 <= part < len(parts) else b""
        tiled = kind.startswith(b"tiled")
    before = (4 if flags & _PARTS else 0) + (16 if tiled else 4)
    (size,) = struct.unpack_from("<I", head, before)
    if at < source.size and not size:
        raise source.missing(f"nothing has been written yet at byte {at}")
    return before + 4 + size
