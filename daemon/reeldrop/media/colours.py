"""How colours keep their look in H.264: what is carried over as it is, and what is converted.

The numbers are those of ITU-T H.273, as FFmpeg uses them.
"""

from dataclasses import dataclass

from av.video.frame import VideoFrame

_UNKNOWN = 2
_BT709, _BT601, _BT2020 = 1, 6, 9
_HDR_CURVES = frozenset({16, 18})
"""PQ and HLG."""
_BT2020_CURVES = frozenset({14, 15})
_YUV_MATRICES = frozenset({1, 4, 5, 6, 7})
"""Those of which one half of the world's decoders knows."""


@dataclass(frozen=True, slots=True)
class Colours:
    """The options of FFmpeg's scaler, and what the clip then says of itself."""

    options: str
    matrix: int
    primaries: int
    curve: int


def colours(frame: VideoFrame, width: int, height: int) -> Colours:
    """Return how frames like `frame` are brought into a picture of `width` and `height`, 4:2:0."""
    if frame.color_trc in _HDR_CURVES or _BT2020 in (frame.color_primaries, frame.colorspace):
        return _from_wide(frame)
    if frame.colorspace in _YUV_MATRICES:
        return Colours("", frame.colorspace, frame.color_primaries, frame.color_trc)
    if not _is_yuv(frame) or frame.colorspace != _UNKNOWN:
        return Colours("out_color_matrix=bt709", _BT709, _BT709, _BT709)
    if _is_large(frame.width, frame.height) == _is_large(width, height):
        return Colours("", _UNKNOWN, frame.color_primaries, frame.color_trc)
    # Players guess by the size, which is about to change: say what they would have taken it for.
    matrix = _BT709 if _is_large(frame.width, frame.height) else _BT601
    return Colours("", matrix, matrix, frame.color_trc)


def _from_wide(frame: VideoFrame) -> Colours:
    """Wide colours and high dynamic range would look washed out where only a few know them."""
    names = {
        "in_color_matrix": "bt2020" if frame.colorspace == _UNKNOWN else "",
        "in_primaries": "bt2020" if frame.color_primaries == _UNKNOWN else "",
        "in_transfer": "bt709" if frame.color_trc in _BT2020_CURVES | {_UNKNOWN} else "",
        "out_color_matrix": "bt709",
        "out_primaries": "bt709",
        "out_transfer": "bt709",
    }
    options = ":".join(f"{name}={value}" for name, value in names.items() if value)
    return Colours(options, _BT709, _BT709, _BT709)


def _is_yuv(frame: VideoFrame) -> bool:
    pixels = frame.format
    return not pixels.is_rgb and not pixels.has_palette and len(pixels.components) > 2


def _is_large(width: int, height: int) -> bool:
    """Players take what is not tagged for BT.709 from this size on, below it for BT.601."""
    return width >= 1280 or height > 576
