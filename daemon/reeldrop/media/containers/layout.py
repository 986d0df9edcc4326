"""What a walk through a container's own sizes finds."""

from dataclasses import dataclass

from reeldrop.media.source import Region

MAX_ELEMENTS = 200_000
"""How many elements of a file are looked at: an hour in fragments of one frame, 20 ms of work a thousand."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the packets lie, and what the structure alone tells of their times."""

    regions: tuple[Region, ...] = ()
    """Where no hole may be; empty where only the index knows."""
    indexed: bool = False
    """Whether the demuxer's index names the place of every packet."""
    fragmented: bool = False
    """Whether that index is spread over the file."""
    declared: float | None = None
    """Seconds that the container claims, where its structure does not say that it is complete."""
    reached: float | None = None
    """Seconds at which its last packet begins."""
