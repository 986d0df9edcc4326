"""The sizes that containers state of themselves, read without a decoder.

Each module walks one family: it raises NotWhole where the file ends before its own sizes do, and
returns a Layout otherwise. It reads headers only, and no size that a file states makes it loop or
allocate: every walk has a budget of elements, and every step goes forward.
"""

from collections.abc import Callable

from reeldrop.media.containers import ebml, iso, mxf, riff
from reeldrop.media.containers.layout import Layout
from reeldrop.media.source import Source

_WALKS: dict[str, Callable[[Source], Layout]] = {
    "MP4 or QuickTime": iso.walk,
    "Matroska or WebM": ebml.walk,
    "AVI": riff.walk,
    "MXF": mxf.walk,
}


def walk(source: Source, family: str) -> Layout:
    """Return where the packets of a container of `family` lie.

    Raises:
        NotWhole: the file ends, or holds nothing, where the container goes on.
        ClipUnreadable: the container can hold no video.
    """
    return _WALKS[family](source)
