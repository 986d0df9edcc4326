"""Whether an image is all there, for the kinds of which decoders show half of one without a word."""

from reeldrop.media.source import Source

_JPEG = b"\xff\xd8\xff"
_GIF = b"GIF8"
_SCAN, _END = 0xDA, b"\xff\xd9"
_PIECE = 1024 * 1024


def breaks_off(source: Source, head: bytes) -> bool:
    """Say whether a JPEG or GIF that begins with `head` lacks its end. Raises FileBusy."""
    if head.startswith(_JPEG):
        return _lacks_end(source, _first_scan(source))
    if head.startswith(_GIF):
        tail = source.at(max(0, source.size - 64), 64)
        return not tail.rstrip(b"\0\r\n").endswith(b";")
    return False


def _first_scan(source: Source) -> int:
    """Return where the coded pixels begin: what comes before may hold another image, with an end."""
    at = 2
    while len(mark := source.at(at, 4)) == 4 and mark[0] == 0xFF and mark[1] != _SCAN:
        at += 1 if mark[1] == 0xFF else 2 + int.from_bytes(mark[2:])
    return at


def _lacks_end(source: Source, at: int) -> bool:
    """Say whether no mark of the end follows; among coded pixels nothing else looks like it."""
    while piece := source.at(at, _PIECE):
        if _END in piece:
            return False
        at += max(1, len(piece) - 1) if len(piece) == _PIECE else len(piece)
    return True
