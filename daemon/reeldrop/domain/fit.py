"""What a model takes, and how a clip is made to fit: the limits as values, the rules as pure functions.

Limits are inclusive. What a model's file says nothing of has no limit.
"""

from dataclasses import dataclass, field

Bounds = tuple[float | None, float | None]
"""The least and the most; None is no limit."""
FREE: Bounds = (None, None)


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """What the clip of a model may be: length in seconds, either side in pixels, frames per second."""

    seconds: Bounds = FREE
    side: Bounds = FREE
    fps: Bounds = FREE
    bytes: int | None = None
    containers: tuple[str, ...] = ()
    """As in `Footage.container`; empty: any."""
    codecs: tuple[str, ...] = ()
    """FFmpeg's names; empty: any."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What an image may be: either side in pixels, width divided by height."""

    side: Bounds = FREE
    ratio: Bounds = FREE
    bytes: int | None = None
    formats: tuple[str, ...] = ()
    """As in `Picture.format`; empty: any."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a model says of the files that it takes."""

    clip: ClipLimits = field(default_factory=ClipLimits)
    image: ImageLimits = field(default_factory=ImageLimits)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a clip is made anew before it is sent: always an mp4 with H.264, 8 bit 4:2:0, and AAC.

    None leaves a thing as it is. Pictures are turned upright and their pixels made square.
    """

    width: int | None = None
    height: int | None = None
    """Pixels, even; both or neither."""
    fps: float | None = None
    """Frames per second, constant; of numbered frames the rate that they are shown at."""
    seconds: float | None = None
    """It is cut after so many."""
    bytes: int | None = None
    """The most that the file may have."""
    copy: bool = False
    """Pictures and sound stay as they are coded: only the container changes."""
    frames: int = 0
    """It is made of so many numbered frames, files of its claim's source; 0: of a film."""
