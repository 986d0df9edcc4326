"""The file host: where results lie. It has a port of its own, knows no key and writes down every header,
so that one can see that none was sent.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from reeldrop.simulator.answers import NAMED, Shape, app_error
from reeldrop.simulator.faults import Faults, Route, meet
from reeldrop.simulator.http import Answer, Request, Slice
from reeldrop.simulator.ledger import Generation, Ledger
from reeldrop.simulator.making import Workshop

PATH = re.compile(r"/files/([A-Za-z0-9_-]{21})/(\d+)/output\.mp4")
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
NOTHING_HERE = app_error(404, "Not Found")


def result_path(generation: Generation) -> str:
    """Return where the result of a generation lies now."""
    return f"/files/{generation.slug}/{generation.serial}/output.mp4"


class FileHost:
    """Answers requests for results, with Range."""

    def __init__(
        self, ledger: Ledger, faults: Faults, workshop: Workshop, now: Callable[[], float]
    ) -> None:
        self._ledger, self._faults, self._workshop, self._now = ledger, faults, workshop, now

    async def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        self._ledger.files.append(request.seen)
        fault = None
        if "signed" not in parse_qs(urlsplit(request.target).query):
            fault = self._faults.take(Route.FILE, request)
        if fault is None:
            return await self._answer(request, None)

        async def usual() -> Answer:
            return await self._answer(request, fault.shorten)

        if fault.expire:
            self._expire(request)
        return await meet(fault, request, usual, self._now)

    async def _answer(self, request: Request, shorten: int | None) -> Answer:
        await request.discard()
        generation = self._find(request)
        if generation is None or request.method not in {"GET", "HEAD"}:
            return self._shape(NOTHING_HERE, request)
        if generation.serial != int(_parts(request)[1]):
            return self._shape(NAMED["expired"], request)
        path = self._workshop.path_of(generation.making)
        size = path.stat().st_size
        return _part(request, path, size if shorten is None else min(shorten, size))

    def _shape(self, shape: Shape, request: Request) -> Answer:
        return shape.make(request, self._now())

    def _find(self, request: Request) -> Generation | None:
        generation = self._ledger.find_slug(_parts(request)[0])
        return generation if generation and generation.ended and not generation.failed else None

    def _expire(self, request: Request) -> None:
        generation = self._find(request)
        if generation and generation.serial == int(_parts(request)[1]):
            generation.serial += 1


def _parts(request: Request) -> tuple[str, str]:
    match = PATH.fullmatch(request.path)
    return (match[1], match[2]) if match else ("", "0")


def _part(request: Request, path: Path, size: int) -> Answer:
    stat = path.stat()
    etag = f'"{stat.st_mtime_ns:x}-{size:x}"'
    headers = {"content-type": "video/mp4", "accept-ranges": "bytes", "etag": etag}
    whole = Answer(200, Slice(path, 0, size), headers)
    wanted = RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None or request.headers.get("if-range", etag) != etag or not any(wanted.groups()):
        return whole
    start, end = _bounds(wanted[1], wanted[2], size)
    if start >= size or end <= start:
        return Answer(416, b"", {**headers, "content-range": f"bytes */{size}"})
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return replace(whole, status=206, body=Slice(path, start, end - start), headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Return the range's start and the place after its end."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size
