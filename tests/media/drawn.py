"""Clips and images drawn for a test, and what can be seen in what has become of them."""

from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from reeldrop.domain.fit import Fit
from reeldrop.simulator.footage import pulled

Made = Callable[..., Path]
KEEP = Fit()
COLOUR = (204, 76, 51)
FLAT = "color=c=0x{:02x}{:02x}{:02x}:s=160x90:r=24".format(*COLOUR)
NEAR = 6
"""Of 255: what 8 bit 4:2:0 and a lossy codec may cost a flat colour."""


def write(
    to: Path,
    *filters: tuple[str, str],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    source: str = "testsrc2=s=160x90:r=24",
    prepare: Callable[[av.VideoStream], None] | None = None,
    mark: Callable[[VideoFrame], None] | None = None,
) -> Path:
    """Write half a second of what the filters draw."""
    graph = Graph()
    name, _, args = source.partition("=")
    nodes = [graph.add(name, args), *(graph.add(*each) for each in filters)]
    graph.link_nodes(*nodes, graph.add("format", pixels), graph.add("buffersink")).configure()
    frames = list(islice(pulled(graph), 12))
    with av.open(str(to), "w") as container:
        stream = container.add_stream(codec, rate=24)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pixels
        if codec == "libx265":
            stream.options = {"x265-params": "log-level=none"}
        if prepare:
            prepare(stream)
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 24), 0
            if mark:
                mark(frame)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return to


def drawing(source: str, pixels: str = "yuv420p") -> Graph:
    graph = Graph()
    name, _, args = source.partition("=")
    nodes = (graph.add(name, args), graph.add("format", pixels), graph.add("buffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def png(to: Path, pixels: str, colour: str, size: str = "64x48") -> Path:
    frame = next(pulled(drawing(f"color=c={colour}:s={size}", "rgba"))).reformat(format=pixels)
    with av.open(str(to), "w", format="image2pipe") as container:
        stream = container.add_stream("png", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, pixels
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return to


def frames_of(clip: Path) -> list[VideoFrame]:
    with av.open(str(clip)) as container:
        return list(container.decode(video=0))


def colour_of(frame: VideoFrame) -> tuple[int, ...]:
    """The colour in the middle, as a player shows it."""
    picture = frame.to_rgb()
    line = picture.planes[0].line_size
    at = picture.height // 2 * line + picture.width // 2 * 3
    return tuple(bytes(picture.planes[0])[at : at + 3])


def is_near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= NEAR for a, b in zip(one, other, strict=True))
