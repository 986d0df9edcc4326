"""What a decoder says of a clip or an image, as far as a model's limits may speak of it. Values only."""

from dataclasses import dataclass

from reeldrop.domain.job import MediaFacts


@dataclass(frozen=True, slots=True)
class Footage:
    """A whole clip, or the numbered frames of one."""

    facts: MediaFacts
    container: str
    """`mp4`, `mov`, `mkv`, `webm`, `avi`, `mxf`, `frames`, else FFmpeg's own name of it."""
    sound: str | None = None
    """The codec of its sound; None where it has none."""
    plain: bool = True
    """Its pictures are upright, progressive, of square pixels, 8 bit 4:2:0, at one constant rate."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image; sizes in pixels, as a viewer shows it. `format` is `png`, `jpeg`, `webp` and so on."""

    format: str
    bytes: int
    width: int
    height: int
