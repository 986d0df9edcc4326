"""Is the clip all there? Its container's sizes, its index, its holes and its last packet are asked.

Nothing is decoded, and no more is read than headers, the index, some first bytes of packets, and
the last packet: the time it takes does not grow with the size of the pictures.
"""

from pathlib import Path

from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from reeldrop.domain.errors import ClipUnreadable, NotWhole, StepError
from reeldrop.media.containers import walk
from reeldrop.media.containers.layout import Layout
from reeldrop.media.containers.signature import HEAD, SHORTEST, describe, family
from reeldrop.media.opening import VIDEO_FORMATS, opened, pictures
from reeldrop.media.source import Region, Source, merged, open_source

_PROBES = 64
"""How many packets are asked for their first bytes, for file systems that do not tell holes."""
_SHORT = 16
"""Packets of fewer bytes may mean "as before"."""
_ZEROS_ARE_PICTURES = frozenset({"rawvideo", "v210", "v410", "r210"})
_TOLERANCE = 0.5
"""Seconds, at least, by which muxers round a film's length."""
_SLACK = 0.02
"""The part of its length by which a muxer's estimate may be wrong."""


def check_whole(file: Path) -> Layout:
    """Return the clip's layout when nothing of it is missing, as far as can be seen.

    Raises:
        NotWhole: part of it is missing; it may still be arriving.
        ClipUnreadable: it opens as no video.
        FileBusy: it cannot be read now.
    """
    with open_source(file) as source:
        head = _head(source)
        kind = family(head)
        layout = walk(source, kind) if kind else Layout(((0, source.size),))
        source.check_filled(merged(layout.regions))

        def failure(reason: str) -> StepError:
            if kind:
                return source.missing(f"its {kind} container cannot be read yet ({reason})")
            return not_video(source.name, head)

        # Samples that an edit list hides are part of the file all the same.
        with opened(file, VIDEO_FORMATS, failure, ignore_editlist="1") as container:
            _check_streams(source, container, layout)
        return layout


def not_video(name: str, head: bytes) -> ClipUnreadable:
    """Return the error for a file beginning with `head` that opens as no video."""
    return ClipUnreadable(
        f"{name} is no video; it looks like {describe(head)}",
        hint="Drop a video file: what it is is told by its content, not by its name.",
    )


def _head(source: Source) -> bytes:
    head = source.at(0, HEAD)
    if not head:
        raise NotWhole(f"{source.name} is empty")
    if not head.strip(b"\0"):
        raise source.missing("it begins with zeros")
    if len(head) < SHORTEST:
        raise source.missing(f"it has only {len(head)} bytes")
    return head


def _check_streams(source: Source, container: InputContainer, layout: Layout) -> None:
    stream = pictures(container)
    if stream is None:
        raise ClipUnreadable(
            f"{source.name} holds no pictures, or in a codec that Reeldrop does not know",
            hint="Drop a clip with a video track.",
        )
    if not layout.indexed:
        _check_reach(source, layout.declared, layout.reached)
        return
    if layout.fragmented:
        _read_fragments(container)
    _check_packets(source, container, stream)
    _check_reach(source, _declared(stream), _reached(container, stream))


def _read_fragments(container: InputContainer) -> None:
    """Have the demuxer read the index of every fragment, and no packet."""
    for stream in container.streams:
        stream.discard = Discard.all
    for _ in container.demux():
        pass
    for stream in container.streams:
        stream.discard = Discard.default


def _check_packets(source: Source, container: InputContainer, stream: VideoStream) -> None:
    """Check the places that the index names."""
    places = [
        (entry.pos, entry.pos + entry.size)
        for each in container.streams
        for entry in each.index_entries
    ]
    if not places:
        raise source.missing("its index names no packets")
    if (needed := max(end for _, end in places)) > source.size:
        raise source.torn(needed)
    source.check_filled(merged(places))
    if stream.codec_context.name not in _ZEROS_ARE_PICTURES:
        _check_first_bytes(
            source, [(entry.pos, entry.pos + entry.size) for entry in stream.index_entries]
        )


def _check_first_bytes(source: Source, packets: list[Region]) -> None:
    """Look into some packets, the last among them: no coded picture begins with zeros alone."""
    packets.sort(reverse=True)
    for start, end in packets[:: -(-len(packets) // _PROBES) or 1]:
        if end - start >= _SHORT and source.is_zero(start, min(end - start, 64)):
            raise source.missing(f"nothing has been written yet at byte {start}")


def _declared(stream: VideoStream) -> float | None:
    """Return the seconds that the container claims for a stream (AVI: the frames)."""
    if stream.container.format.name == "avi":
        return float(stream.frames / stream.average_rate) if stream.average_rate else None
    if stream.duration is None or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _reached(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the seconds from the first packet of a stream to the end of its last."""
    entries, base = stream.index_entries, stream.time_base
    if not len(entries) or base is None:
        return None
    first, last = entries[0].timestamp, entries[-1].timestamp
    container.seek(last, stream=stream, any_frame=True)
    ends = [p.dts + (p.duration or 0) for p in container.demux(stream) if p.dts is not None]
    return float((max(ends, default=last) - first) * base)


def _check_reach(source: Source, declared: float | None, reached: float | None) -> None:
    if declared is None or reached is None:
        return
    if declared - reached > max(_TOLERANCE, declared * _SLACK):
        raise source.missing(f"its packets reach {reached:.2f} s of {declared:.2f} s")
