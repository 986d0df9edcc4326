"""Numbered frames as one clip: are they all there, are they of one kind, how are they decoded."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from reeldrop.domain.errors import ClipUnreadable
from reeldrop.domain.footage import Footage
from reeldrop.domain.job import MediaFacts
from reeldrop.media.facts import turns
from reeldrop.media.images import ALLOWED, Still, inspect
from reeldrop.media.opening import MAX_PIXELS
from reeldrop.media.source import Source, open_source

_LARGEST = 256_000_000
"""Bytes of one frame; it is read into memory."""
_OPTIONS = {
    # EXR holds light as it is; viewers show it through the curve of a screen.
    "exr": {"apply_trc": "iec61966_2_1"},
}


def probe_frames(files: Sequence[Path], fps: float) -> Footage:
    """Return what `files` come to as one clip; the first, the middle and the last are decoded.

    Raises:
        NotWhole: part of a frame is missing.
        ClipUnreadable: a frame is none, is of another kind or size than the first, or does not decode.
        FileBusy: a frame cannot be read now.
    """
    if not files:
        raise ClipUnreadable("there are no frames", hint=ALLOWED)
    first, size = _inspect(files[0])
    for file in files[1:]:
        still, more = _inspect(file)
        size += more
        if (still.codec, still.width, still.height) != (first.codec, first.width, first.height):
            raise ClipUnreadable(
                f"{file.name} is {still}, but {files[0].name} is {first}",
                hint="All frames of a clip must be of one kind and one size.",
            )
    frame = _check_decodes([files[place] for place in sorted({0, len(files) // 2, len(files) - 1})])
    width, height = (frame.width, frame.height)[:: -1 if turns(frame) % 2 else 1]
    return Footage(
        MediaFacts(
            name=files[0].name,
            bytes=size,
            seconds=round(len(files) / fps, 3),
            width=width,
            height=height,
            fps=round(fps, 3),
            codec=first.codec,
        ),
        container="frames",
        sound=None,
        plain=False,
    )


def _check_decodes(files: Sequence[Path]) -> VideoFrame:
    """Return the first frame when all of `files` decode."""
    frames = decoded(files)
    first = next(frames)
    for _ in frames:
        pass
    return first


def decoded(files: Sequence[Path]) -> Iterator[VideoFrame]:
    """Yield the frame of each file, one at a time.

    Raises:
        ClipUnreadable: one does not decode.
        NotWhole, FileBusy: one cannot be read whole now.
    """
    decoder, kind = None, None
    for file in files:
        with open_source(file, "image") as source:
            still = inspect(source)
            if decoder is None or (still.codec, still.layer) != kind:
                decoder, kind = _decoder(still), (still.codec, still.layer)
            yield _decode(decoder, source)


def _inspect(file: Path) -> tuple[Still, int]:
    with open_source(file, "image") as source:
        return inspect(source), source.size


def _decoder(still: Still) -> VideoCodecContext:
    decoder = av.CodecContext.create(still.codec, "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101 - the codecs of stills are
    options = {"max_pixels": str(MAX_PIXELS), **_OPTIONS.get(still.codec, {})}
    decoder.options = {**options, "layer": still.layer} if still.layer else options
    return decoder


def _decode(decoder: VideoCodecContext, source: Source) -> VideoFrame:
    if source.size > _LARGEST:
        raise ClipUnreadable(f"{source.name} is too large for a frame: {source.size} bytes")
    packet = av.Packet(source.at(0, source.size))
    # Otherwise FFmpeg takes a PNG for the difference to the one before it.
    packet.is_keyframe = True
    try:
        frames = decoder.decode(packet)
    except (FFmpegError, ValueError, MemoryError) as exc:
        raise ClipUnreadable(f"{source.name} does not decode: {exc}") from exc
    if not frames:
        raise ClipUnreadable(f"{source.name} does not decode")
    return frames[0]
