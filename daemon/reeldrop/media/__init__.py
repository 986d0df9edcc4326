"""What only a decoder can say: is a clip whole, what is it, how does it look; and what only an encoder
can do: make one anew. Changes no clip.

Every call works in one of a few threads: PyAV lets go of the interpreter while it works, and a share
that hangs must not hold up anything else. Encoding has a thread of its own, so that no look at a clip
waits behind it.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import av.logging

from reeldrop.domain.fit import Fit
from reeldrop.domain.footage import Footage, Picture
from reeldrop.domain.job import MediaFacts
from reeldrop.domain.references import Kind
from reeldrop.lane import Lane
from reeldrop.media import facts, fitting, frames, pictures


class PyAvMedia:
    """The Media port by PyAV. Its threads begin with the first call."""

    def __init__(self, workers: int) -> None:
        self._looking = Lane("media", workers)
        self._encoding = Lane("encoding", 1)
        self._under_way: set[threading.Event] = set()

    async def probe(self, file: Path) -> Footage:
        """See `facts.probe`."""
        return await self._looking.run(facts.probe, file)

    async def probe_frames(self, files: Sequence[Path], fps: float) -> Footage:
        """See `frames.probe_frames`."""
        return await self._looking.run(frames.probe_frames, files, fps)

    async def check_reference(self, file: Path, kind: Kind) -> Picture | None:
        """See `pictures.check_reference`."""
        return await self._looking.run(pictures.check_reference, file, kind)

    async def fit(self, sources: Sequence[Path], to: Path, fit: Fit) -> MediaFacts:
        """See `fitting.fit`. The thread stops within a frame or two when the caller is cancelled."""
        stop = threading.Event()
        self._under_way.add(stop)
        try:
            return await self._encoding.run(fitting.fit, sources, to, fit, stop)
        finally:
            stop.set()
            self._under_way.discard(stop)

    async def poster(self, video: Path, to: Path) -> None:
        """See `pictures.poster`."""
        await self._looking.run(pictures.poster, video, to)

    async def aclose(self) -> None:
        """Stop what is being encoded; looks that have begun are not waited for."""
        for stop in self._under_way:
            stop.set()
        self._looking.close()
        self._encoding.close()


def open_media(workers: int = 2) -> PyAvMedia:
    """Return the media room with at most `workers` files under inspection at once."""
    # FFmpeg's own lines name no file and would land on standard error.
    av.logging.set_level(None)
    return PyAvMedia(workers)
