"""The media route: gives out one file for each good token, and nothing else.

What was asked for is neither logged nor told back: a token opens its file to whoever has it.
"""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from http import HTTPStatus
from logging import DEBUG, INFO

import structlog

from reeldrop.domain.errors import ReeldropError, StoreUnavailable, TransientError
from reeldrop.domain.job import JobId
from reeldrop.domain.tokens import Refusal
from reeldrop.ports import Clock, Meter, Offered, Offers
from reeldrop.serving.http import Answer, Hangup, Request, Stream
from reeldrop.web.refusals import CLOSE, PLAIN, Refusals, empty

log = structlog.get_logger()

Counted = Callable[[JobId], AbstractAsyncContextManager[Meter]]
"""What counts the bytes that are given out for a job."""
AT_ONCE = 48
"""Files that are given out at once: fewer than there are connections, so that slow clients leave some to others."""

LATER = CLOSE | {"retry-after": "5"}

_TARGET = re.compile(r"/media/([A-Za-z0-9._-]{1,200})", re.ASCII)
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


class MediaPages:
    """Answers requests of whoever the provider sends."""

    def __init__(self, offers: Offers, counted: Counted, clock: Clock, refusals: Refusals) -> None:
        self._offers = offers
        self._counted = counted
        self._clock = clock
        self._refusals = refusals
        self._giving = 0
        """How many files are being given out."""

    async def __call__(self, request: Request) -> Answer:
        """Answer one request; its body is not read."""
        asked = _TARGET.fullmatch(request.target)
        if asked is None:
            return self._refusals.refused(HTTPStatus.NOT_FOUND)
        if request.method not in ("GET", "HEAD"):
            return self._refusals.refused(HTTPStatus.METHOD_NOT_ALLOWED, {"allow": "GET, HEAD"})
        try:
            offered = await self._offers.find(asked[1])
        except (StoreUnavailable, TransientError) as error:
            log.warning("media.not_there", error=error.message)
            return empty(HTTPStatus.SERVICE_UNAVAILABLE, LATER)
        match offered:
            case Refusal.UNKNOWN:
                return self._refusals.refused(HTTPStatus.NOT_FOUND)
            case Refusal.EXPIRED:
                return self._refusals.refused(HTTPStatus.GONE)
            case _:
                return self._given(request, offered)

    def _given(self, request: Request, offered: Offered) -> Answer:
        headers = PLAIN | {
            "accept-ranges": "bytes",
            "content-type": offered.media_type,
            "etag": offered.etag,
        }
        if _has_it(request.headers.get("if-none-match", ""), offered.etag):
            return Answer(HTTPStatus.NOT_MODIFIED, b"", headers)
        status, start, end = HTTPStatus.OK, 0, offered.size
        if (part := _part(request, offered)) is not None:
            start, end = part
            if start >= end:
                told = headers | {"content-range": f"bytes */{offered.size}"}
                return Answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", told)
            status = HTTPStatus.PARTIAL_CONTENT
            headers["content-range"] = f"bytes {start}-{end - 1}/{offered.size}"
        if request.method == "GET" and self._giving >= AT_ONCE:
            self._refusals.full("files")
            return empty(HTTPStatus.SERVICE_UNAVAILABLE, LATER)
        length = end - start
        return Answer(status, Stream(length, lambda: self._told(offered, start, length)), headers)

    async def _told(self, offered: Offered, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield what was asked for, and tell how it went. Raises Hangup."""
        self._giving += 1
        began, passed, job = self._clock.monotonic(), 0, next(iter(offered.jobs), None)
        try:
            async with aclosing(self._pieces(offered, job, start, length)) as pieces:
                async for piece in pieces:
                    yield piece
                    passed += len(piece)
        except ReeldropError as error:
            log.warning("media.broken_off", job=job, error=error.message)
            raise Hangup from error
        finally:
            self._giving -= 1
            # Also of a client that left, as those do that look at the beginning alone.
            seconds = round(self._clock.monotonic() - began, 3)
            # Who fetches in many small ranges must not fill the log.
            level = INFO if length == offered.size else DEBUG
            log.log(level, "media.fetched", job=job, bytes=passed, of=length, seconds=seconds)

    async def _pieces(
        self, offered: Offered, job: JobId | None, start: int, length: int
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(offered.pieces(start, length)) as pieces:
            if job is None:
                async for piece in pieces:
                    yield piece
                return
            async with self._counted(job) as meter:
                meter.expect(length)
                async for piece in pieces:
                    yield piece
                    await meter.passed(len(piece))


def _has_it(condition: str, etag: str) -> bool:
    """Say whether a client that sent If-None-Match has these bytes already."""
    known = [each.strip().removeprefix("W/") for each in condition.split(",")]
    return etag in known or "*" in known


def _part(request: Request, offered: Offered) -> tuple[int, int] | None:
    """Return the one range that is asked for, its end after its last byte; None for all of it."""
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or not any(found.groups()):
        return None
    if request.headers.get("if-range", offered.etag) != offered.etag:
        return None
    first, last = found.groups()
    if not first:
        return max(0, offered.size - int(last)), offered.size
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, offered.size) if last else offered.size
