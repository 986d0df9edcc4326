"""Numbered frames as files: what each is, and whether all of it is there. Nothing is decoded here.

No more is read than a header, a table of offsets and an end: hundreds of frames take a moment.
"""

import struct
from dataclasses import dataclass

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.media import exr
from reeldrop.media.containers.signature import HEAD, SHORTEST, describe
from reeldrop.media.source import Source

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_TAIL = 4096
"""Bytes in which the end of an image is looked for; some programs write a little behind it."""
_IEND = b"IEND\xaeB`\x82"
_EOI = b"\xff\xd9"
_SIZED = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""The markers of JPEG that begin a frame, which says its size."""
_SCAN = 0xDA
_MAX_SEGMENTS = 10_000
ALLOWED = "Numbered frames may be PNG, JPEG or EXR."


@dataclass(frozen=True, slots=True)
class Still:
    """What a frame's header says; `codec` is FFmpeg's name, sizes are in pixels."""

    codec: str
    width: int
    height: int
    layer: str = ""
    """Of EXR: the layer that holds the picture, where it is not the one without a name."""

    def __str__(self) -> str:
        return f"{_NAMES[self.codec]} of {self.width}x{self.height}"


_NAMES = {"png": "PNG", "mjpeg": "JPEG", "exr": "EXR"}


def inspect(source: Source) -> Still:
    """Return what the frame is when nothing of it is missing, as far as can be seen.

    Raises:
        NotWhole: part of it is missing.
        ClipUnreadable: it is no PNG, JPEG or EXR.
        FileBusy: it cannot be read now.
    """
    head = source.at(0, HEAD)
    if len(head) < SHORTEST or not head.strip(b"\0"):
        raise source.missing(
            f"it has only {len(head)} bytes" if head.strip(b"\0") else "it is empty"
        )
    source.check_filled([(0, source.size)])
    if head.startswith(_PNG):
        return _png(source, head)
    if head.startswith(_JPEG):
        return _jpeg(source)
    if head.startswith(exr.MAGIC):
        header = exr.inspect(source)
        return Still("exr", header.width, header.height, header.layer)
    raise ClipUnreadable(f"{source.name} looks like {describe(head)}", hint=ALLOWED)


def _png(source: Source, head: bytes) -> Still:
    if len(head) < 24 or _IEND not in source.at(max(0, source.size - _TAIL), _TAIL):
        raise source.missing("its last chunk has not arrived")
    return Still("png", *struct.unpack(">II", head[16:24]))


def _jpeg(source: Source) -> Still:
    """Walk the segments up to the picture: thumbnails before it have sizes and ends of their own."""
    at, size = 2, None
    for _ in range(_MAX_SEGMENTS):
        marker, code, length = struct.unpack(">BBH", source.at(at, 4).ljust(4, b"\0"))
        if marker != 0xFF:
            break
        if code == 0xFF:
            at += 1
            continue
        if code in _SIZED:
            height, width = struct.unpack(">HH", source.at(at + 5, 4).ljust(4, b"\0"))
            size = (width, height)
        at += 2 + length
        if code == _SCAN and size:
            if _EOI not in source.at(max(at, source.size - _TAIL), _TAIL):
                raise source.missing("its end has not arrived")
            return Still("mjpeg", *size)
    raise source.missing("its picture has not arrived")
