"""What only a decoder can say: is a clip whole, what is it, how does it look. Changes no clip.

Every call works in one of a few threads: PyAV lets go of the interpreter while it works, and a share
that hangs must not hold up anything else.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import av.logging

from reeldrop.domain.job import MediaFacts
from reeldrop.domain.references import Kind
from reeldrop.media import facts, pictures

_T = TypeVar("_T")


class PyAvMedia:
    """The Media port by PyAV."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="media")

    async def probe(self, file: Path) -> MediaFacts:
        """See `facts.probe`."""
        return await self._run(facts.probe, file)

    async def check_reference(self, file: Path, kind: Kind) -> None:
        """See `pictures.check_reference`."""
        await self._run(pictures.check_reference, file, kind)

    async def poster(self, video: Path, to: Path) -> None:
        """See `pictures.poster`."""
        await self._run(pictures.poster, video, to)

    async def aclose(self) -> None:
        """Drop what has not begun; what has is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def open_media(workers: int = 2) -> PyAvMedia:
    """Return the media room with at most `workers` files under inspection at once."""
    # FFmpeg's own lines name no file and would land on standard error.
    av.logging.set_level(None)
    return PyAvMedia(workers)
