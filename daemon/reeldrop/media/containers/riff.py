"""AVI: RIFF chunks, with OpenDML's further RIFFs behind the first."""

from collections.abc import Iterator

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.media.containers.layout import MAX_ELEMENTS, Layout
from reeldrop.media.source import Region, Source

_UNKNOWN_SIZES = frozenset({0, 0xFFFFFFFF})
"""What a recorder leaves in a size that it did not come back to fill in."""


def walk(source: Source) -> Layout:
    """Check that every RIFF ends inside the file, and that one holds frames."""
    films: list[Region] = []
    for riff, form, body, end in _chunks(source, 0, source.size):
        if riff != b"RIFF" or form not in (b"AVI ", b"AVIX"):
            break  # a tail that is no RIFF
        if end > source.size:
            raise source.torn(end)
        films += _films(source, body, end)
    if not films:
        raise source.missing("its frames (the movi list) have not arrived")
    return Layout(tuple(films), indexed=True)


def _films(source: Source, body: int, end: int) -> Iterator[Region]:
    """Yield the lists of frames in a RIFF, all of whose chunks must have been written."""
    filled = body
    for kind, form, start, stop in _chunks(source, body, end):
        if kind == b"LIST" and form == b"movi":
            yield start, min(stop, end)
        filled = stop
    if end - filled >= 8 and source.is_zero(filled, 8):
        raise source.missing(f"nothing has been written yet at byte {filled}")


def _chunks(source: Source, start: int, end: int) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Yield kind, form, body and end of each chunk; `form` means something for RIFF and LIST only."""
    for _ in range(MAX_ELEMENTS):
        head = source.at(start, 12) if start < end else b""
        if len(head) < 8 or not head.strip(b"\0"):
            return
        size = int.from_bytes(head[4:8], "little")
        stop = (
            end if size in _UNKNOWN_SIZES and head[:4] in (b"RIFF", b"LIST") else start + 8 + size
        )
        yield head[:4], head[8:12], start + 12, stop
        start = stop + (stop - start) % 2
    raise ClipUnreadable(f"{source.name} is made of more than {MAX_ELEMENTS} chunks")
