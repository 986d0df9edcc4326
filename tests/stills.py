"""Numbered frames for tests: whole images, small on disk because each is of one grey."""

import struct
import zlib
from functools import cache

SIZE = (1280, 720)


@cache
def png(shade: int = 0, size: tuple[int, int] = SIZE) -> bytes:
    """Return a grey PNG."""
    width, height = size
    rows = (b"\0" + bytes([shade % 256]) * width) * height
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
