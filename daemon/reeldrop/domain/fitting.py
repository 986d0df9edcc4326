"""The limits of a model held against what a decoder says: what is outside, and how a clip is made to fit.

What nobody knows of a clip (its rate, its length) is not held against it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, floor, inf

from reeldrop.domain.fit import Bounds, ClipLimits, Fit, ImageLimits
from reeldrop.domain.footage import Footage, Picture

OFF, AUTO, TRIM = "off", "auto", "trim"
"""What `conform` may be: nothing is made to fit; what loses nothing; that, and cut to length."""
NEVER = ""
"""No setting mends it."""
_CODEC = "h264"
_CONTAINER = "mp4"
_SOUNDS = frozenset({None, "aac", "mp3"})
"""The sound that an mp4 takes over as it is; for any other the clip is made anew."""
_SOUND_FRAME = 0.025
"""Seconds by which the last frame of sound may outlast the last picture."""
_NEAR = 0.01
"""The part of a rate by which it is a broadcaster's spelling of another: 23.976 for 24."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One limit that a clip is outside of: what follows its name, and the least setting that mends it."""

    text: str
    mended_by: str = NEVER


@dataclass(frozen=True, slots=True)
class Unfit:
    """A clip that a model does not take: everything that stands in the way."""

    misses: tuple[Miss, ...]

    @property
    def hint(self) -> str:
        """The setting that would have it made to fit; "" where none would."""
        wanted = {miss.mended_by for miss in self.misses}
        if NEVER in wanted:
            return ""
        return f'With conform = "{TRIM if TRIM in wanted else AUTO}" the watch has it made to fit.'


# ---------------------------------------------------------------------------- what is outside


def misses(footage: Footage, limits: ClipLimits) -> tuple[Miss, ...]:
    """Return every limit that a clip is outside of; of numbered frames, those that a film of them is."""
    found = [*_size_misses(footage, limits)]
    if not _is_frames(footage):
        found += _file_misses(footage, limits)
    return tuple(found)


def _size_misses(footage: Footage, limits: ClipLimits) -> Iterator[Miss]:
    facts = footage.facts
    if facts.seconds is not None and (side := _outside(facts.seconds, limits.seconds)):
        allowed = told(limits.seconds, " s")
        mended = TRIM if side > 0 else NEVER
        yield Miss(f"is {number(facts.seconds)} s long; allowed: {allowed}", mended)
    if facts.width is not None and facts.height is not None:
        size = (facts.width, facts.height)
        if any(_outside(each, limits.side) for each in size):
            text = f"has {facts.width} x {facts.height} pixels"
            mended = AUTO if _scaled(size, limits.side) else NEVER
            yield Miss(f"{text}; allowed: {told(limits.side, ' pixels a side')}", mended)
    rate = _frames_rate(footage, limits.fps)
    if rate is not None and _outside(rate, limits.fps):
        text = f"has {number(facts.fps)} frames per second"
        mended = NEVER if _is_frames(footage) else AUTO
        yield Miss(f"{text}; allowed: {told(limits.fps)}", mended)


def _file_misses(footage: Footage, limits: ClipLimits) -> Iterator[Miss]:
    facts = footage.facts
    if limits.bytes is not None and facts.bytes > limits.bytes:
        yield Miss(f"has {megabytes(facts.bytes)}; allowed: up to {megabytes(limits.bytes)}", AUTO)
    if limits.containers and footage.container not in limits.containers:
        text = f"is a file of the kind {footage.container}"
        mended = AUTO if _CONTAINER in limits.containers else NEVER
        yield Miss(f"{text}; allowed: {', '.join(limits.containers)}", mended)
    if limits.codecs and facts.codec not in limits.codecs:
        text = f"is coded as {facts.codec}; allowed: {', '.join(limits.codecs)}"
        yield Miss(text, AUTO if _CODEC in limits.codecs else NEVER)


def image_misses(picture: Picture, limits: ImageLimits) -> tuple[str, ...]:
    """Return what follows the name of an image that is outside of limits, one part for each."""
    return tuple(_image_misses(picture, limits))


def _image_misses(picture: Picture, limits: ImageLimits) -> Iterator[str]:
    size, ratio = (picture.width, picture.height), picture.width / picture.height
    if limits.formats and picture.format not in limits.formats:
        yield f"is an image of the kind {picture.format}; allowed: {', '.join(limits.formats)}"
    if limits.bytes is not None and picture.bytes > limits.bytes:
        yield f"has {megabytes(picture.bytes)}; allowed: up to {megabytes(limits.bytes)}"
    if any(_outside(each, limits.side) for each in size):
        allowed = told(limits.side, " pixels a side")
        yield f"has {picture.width} x {picture.height} pixels; allowed: {allowed}"
    if _outside(ratio, limits.ratio):
        shape = f"is {number(ratio)} times as wide as high"
        yield f"{shape} ({picture.width} x {picture.height}); allowed: {told(limits.ratio)}"


def _outside(value: float, bounds: Bounds) -> int:
    """Return -1 below the least, 1 over the most, 0 inside."""
    least, most = _ends(bounds)
    return (value > most) - (value < least)


def _ends(bounds: Bounds) -> tuple[float, float]:
    least, most = bounds
    return (-inf if least is None else least), (inf if most is None else most)


def told(bounds: Bounds, unit: str = "") -> str:
    """Return what is allowed, in words: "3 to 10.05 s"."""
    least, most = bounds
    if least is None:
        return f"up to {number(most)}{unit}" if most is not None else "any"
    return f"{number(least)}{f' to {number(most)}' if most is not None else ' or more'}{unit}"


def number(value: float | None) -> str:
    """Return a number without what it does not need."""
    return "unknown" if value is None else f"{value:.6g}"


def megabytes(count: int) -> str:
    """Return a number of bytes in MB, rounded up: what is over a limit does not look like it."""
    return f"{-(-count // 1000) / 1000:.10g} MB"


# ---------------------------------------------------------------------------- what is done about it


def decide(footage: Footage, limits: ClipLimits, conform: str) -> Fit | Unfit | None:
    """Return how a clip is made to fit a model, what keeps it from that, or None: it is sent as it is.

    `conform` is `off`, `auto` or `trim`. Numbered frames are made into a film whatever it is.
    """
    found = misses(footage, limits)
    able = {OFF: (), AUTO: (AUTO,), TRIM: (AUTO, TRIM)}[conform]
    left = tuple(miss for miss in found if miss.mended_by not in able)
    if left:
        return Unfit(left)
    if _is_frames(footage):
        return _film(footage, limits)
    # Of a model without limits nothing is known to be wrong with any clip.
    if conform == OFF or limits == ClipLimits():
        return None
    if _may_be_copied(footage, limits):
        return Fit(copy=True, bytes=limits.bytes)
    if found or footage.facts.codec != _CODEC:
        return _film(footage, limits)
    return None


def _is_frames(footage: Footage) -> bool:
    return footage.container == "frames"


def _frames_rate(footage: Footage, bounds: Bounds) -> float | None:
    """Return the clip's own rate, which for numbered frames is what their sidecar says that it is.

    A broadcaster's 23.976 of frames is shown as 24: no sound and no picture is lost by that.
    """
    fps = footage.facts.fps
    if fps is None or not _is_frames(footage):
        return fps
    near = min(max(fps, _ends(bounds)[0]), _ends(bounds)[1])
    return near if abs(near / fps - 1) < _NEAR else fps


def _may_be_copied(footage: Footage, limits: ClipLimits) -> bool:
    """Say whether nothing but the container is in the way."""
    coded = footage.facts.codec == _CODEC and footage.plain and footage.sound in _SOUNDS
    inside = not limits.containers or footage.container in limits.containers
    return coded and not inside and not misses(replace(footage, container=_CONTAINER), limits)


def _film(footage: Footage, limits: ClipLimits) -> Fit:
    """Return how the clip is made anew: what is inside the limits stays as it is."""
    facts = footage.facts
    frames = _is_frames(footage)
    rate = _frames_rate(footage, limits.fps)
    rate = rate if frames or rate is None else _rate(rate, limits.fps)
    width, height = _sides(footage, limits)
    return Fit(
        width=width,
        height=height,
        fps=rate if frames or rate != facts.fps else None,
        seconds=_length(facts.seconds, rate, limits.seconds),
        bytes=limits.bytes,
    )


def _rate(fps: float, bounds: Bounds) -> float:
    """Return the rate inside `bounds` that shows each picture as often as any other, if there is one."""
    least, most = _ends(bounds)
    if fps < least:
        times = ceil(least / fps)
        return least if least / fps - 1 < _NEAR or fps * times > most else fps * times
    if fps > most:
        times = ceil(fps / most)
        return most if fps / most - 1 < _NEAR or fps / times < least else fps / times
    return fps


def _length(seconds: float | None, rate: float | None, bounds: Bounds) -> float | None:
    """Return after how many seconds a clip is cut so that whole frames do not exceed the most."""
    if seconds is None or _outside(seconds, bounds) <= 0:
        return None
    _, most = _ends(bounds)
    room = most - _SOUND_FRAME
    return floor(room * rate) / rate if rate else room


def _sides(footage: Footage, limits: ClipLimits) -> tuple[int, int] | tuple[None, None]:
    facts = footage.facts
    if facts.width is None or facts.height is None:
        return None, None
    scaled = _scaled((facts.width, facts.height), limits.side)
    if scaled is None or scaled == (facts.width, facts.height):
        return None, None
    return scaled


def _scaled(size: tuple[int, int], bounds: Bounds) -> tuple[int, int] | None:
    """Return even sides inside `bounds` in the proportions of `size`; None where there are none."""
    least, most = _ends(bounds)
    if (low := least / min(size)) > (high := most / max(size)):
        return None
    by = min(max(1.0, low), high)
    even = [_even(round(side * by, 3), least, most) for side in size]
    return None if None in even else (even[0] or 0, even[1] or 0)


def _even(side: float, least: float, most: float) -> int | None:
    """Return the even number nearest to `side` that is inside, the lower of two."""
    near = 2 * ceil(side / 2 - 0.5)
    lowest = max(2, 2 * ceil(least / 2)) if least > -inf else 2
    highest = 2 * floor(most / 2) if most < inf else max(near, lowest)
    return min(max(near, lowest), highest) if lowest <= highest else None
