"""What lies between decoder and encoder: upright, progressive, square pixels, a constant rate; plain sound."""

from fractions import Fraction

from av.audio.frame import AudioFrame
from av.filter import Graph
from av.video.frame import VideoFrame

from reeldrop.media.colours import Colours
from reeldrop.media.facts import turns
from reeldrop.media.pictures import TURNS

_SCALER = "flags=lanczos+accurate_rnd+full_chroma_int"


def picture_graph(
    frame: VideoFrame,
    size: tuple[int, int],
    colours: Colours,
    *,
    rate: Fraction | None = None,
    fields: bool = False,
) -> Graph:
    """Return a graph for frames like `frame` to 8 bit 4:2:0 of `size`.

    At `rate` frames per second, from nought on; None leaves their times alone. `fields` says that
    frames may be made of two fields each.
    """
    graph = Graph()
    nodes = [
        graph.add(
            "buffer",
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
            f":time_base={frame.time_base}:pixel_aspect=1/1"
            f":colorspace={frame.colorspace}:range={frame.color_range}",
        )
    ]
    if fields:
        nodes.append(graph.add("bwdif", "mode=send_frame:deint=interlaced"))
    if rate:
        nodes.append(graph.add("fps", f"fps={rate}:start_time=0"))
    if turn := TURNS.get(turns(frame)):
        nodes.append(graph.add(*turn))
    options = f":{colours.options}" if colours.options else ""
    width, height = size
    nodes.append(graph.add("scale", f"{width}:{height}:{_SCALER}:out_range=tv{options}"))
    nodes.append(graph.add("format", "pix_fmts=yuv420p"))
    nodes.append(graph.add("setsar", "1"))
    nodes.append(graph.add("buffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def over_black(frame: VideoFrame) -> Graph:
    """Return a graph that lays frames like `frame`, whose colours know nothing of their alpha, on black."""
    graph = Graph()
    deep = any(component.bits > 8 for component in frame.format.components)
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        ),
        graph.add("format", f"pix_fmts={'gbrap16le' if deep else 'gbrap'}"),
        graph.add("premultiply", "inplace=1"),
        graph.add("format", f"pix_fmts={'gbrp16le' if deep else 'gbrp'}"),
        graph.add("buffersink"),
    ).configure()
    return graph


def sound_graph(
    frame: AudioFrame, rate: int, layout: str, until: float | None, *, first: bool = True
) -> Graph:
    """Return a graph for sound like `frame`: without gaps, cut at `until` seconds.

    The `first` graph of a clip begins at nought, with silence where the sound begins later.
    """
    graph = Graph()
    # Channels that nobody has given a place have a layout that only counts them.
    known = "channels" not in frame.layout.name
    nodes = [
        graph.add(
            "abuffer",
            f"sample_rate={frame.sample_rate}:sample_fmt={frame.format.name}"
            f":time_base={frame.time_base}:channels={frame.layout.nb_channels}"
            + (f":channel_layout={frame.layout.name}" if known else ""),
        ),
        graph.add("aresample", f"{rate}:async=1" + (":first_pts=0" if first else "")),
        graph.add("aformat", f"sample_fmts=fltp:sample_rates={rate}:channel_layouts={layout}"),
    ]
    if until is not None:
        nodes.append(graph.add("atrim", f"end={until}"))
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph
