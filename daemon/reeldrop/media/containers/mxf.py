"""MXF: keys, lengths and values up to the footer partition (SMPTE ST 377-1)."""

from collections.abc import Iterator

from reeldrop.media.containers.layout import MAX_ELEMENTS, Layout
from reeldrop.media.source import Source

_UNIVERSAL = bytes.fromhex("060e2b34")
_PARTITION = bytes.fromhex("060e2b34020501010d01020101")
_FOOTER = 4
_FOOTER_OFFSET = 24
"""Where in a partition pack the place of the footer partition is given (ST 377-1, table 5)."""


def walk(source: Source) -> Layout:
    """Check that every value ends inside the file, and that the footer, which ends it, is there."""
    for key, body, end in _values(source):
        if end > source.size:
            raise source.torn(_footer_end(source) or end)
        if key.startswith(_PARTITION) and key[13] == _FOOTER:
            return Layout(((0, body),))
    if footer := _footer_end(source):
        if footer > source.size:
            raise source.torn(footer)
        if source.at(footer - 16, 14) == _PARTITION + bytes([_FOOTER]):
            return Layout(((0, footer),))
    raise source.missing("its footer has not arrived")


def _footer_end(source: Source) -> int | None:
    """Return where the key of the footer ends as the header tells; None where it does not tell."""
    _, body, _ = next(_values(source), (b"", 0, 0))
    offset = int.from_bytes(source.at(body + _FOOTER_OFFSET, 8), "big")
    return offset + 16 if offset else None


def _values(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Yield key, body and end of each value until something else, or too many, follow."""
    start = 0
    for _ in range(MAX_ELEMENTS):
        head = source.at(start, 25)
        if len(head) < 17 or not head.startswith(_UNIVERSAL):
            return
        width = head[16] & 0x7F if head[16] & 0x80 else 0
        size = int.from_bytes(head[17 : 17 + width], "big") if width else head[16] & 0x7F
        if width > 8:
            return
        body = start + 17 + width
        yield head[:16], body, body + size
        start = body + size
