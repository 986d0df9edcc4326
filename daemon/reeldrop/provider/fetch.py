"""Fetching a result: without the key, over redirects, on from where it broke off.

The part file is the only state; what it holds is always a beginning of the result.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from reeldrop.domain.errors import (
    ResultDamaged,
    TransientError,
)
from reeldrop.domain.references import is_loopback
from reeldrop.ports import Clock, Meter
from reeldrop.provider.clients import Timeouts
from reeldrop.provider.downloads import Downloads
from reeldrop.provider.part import Part
from reeldrop.provider.verdicts import FOREIGN, Call, of_answer, of_exception
from reeldrop.provider.wire import Answer

PIECE = 1024 * 1024
RESULT_MAX = 20 * 1000**3
REDIRECTS_MAX = 5
TAGS_MAX = 1000
SLOWEST = 10
"""How many of the longest silences 1 MiB may take: a trickle must not hold a worker for ever."""
NOT_MEDIA = ("text/html", "application/json", "application/xml", "text/xml")
PLACE = "The server of the result"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the bytes of a body go: from `start` on, up to `total` where it is known."""

    start: int
    total: int | None


class Fetcher:
    """Downloads results, each with a client of its own."""

    def __init__(
        self, context: ssl.SSLContext, agent: str, clock: Clock, timeouts: Timeouts
    ) -> None:
        self._context = context
        self._clock = clock
        self._timeouts = timeouts
        # identity: ranges and lengths count the bytes of the file.
        self._headers = {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._tags: dict[Path, str] = {}
        """Strong ETags of begun parts; after a restart a range is asked for without one."""

    async def fetch(self, url: str, part: Path, meter: Meter) -> None:
        """Make `part` the whole result.

        Raises:
            TransientError: try again; `part` is kept. ResultDamaged: what is offered is no result.
            ResultGone: the URL has expired. DiskFull, FolderOffline: `part` cannot be written.
        """
        file = Part(part)
        try:
            await file.open()
            await self._fetch(url, part, file, meter)
            await file.sync()
        finally:
            file.close()
        self._tags.pop(part, None)

    async def _fetch(self, url: str, part: Path, file: Part, meter: Meter) -> None:
        try:
            async with self._client() as client, self._answer(client, url, part, file) as response:
                if response.status_code == 416 and _is_whole(response, file.size):
                    return
                plan = await self._plan(response, part, file)
                meter.expect(plan.total, already=file.size)
                await self._receive(response, file, meter)
        except FOREIGN as exc:
            raise of_exception(Call.FETCH, exc, PLACE) from exc
        if plan.total is not None and file.size != plan.total:
            raise TransientError(f"{PLACE} sent {file.size} of {plan.total} bytes.")
        if not file.size:
            raise ResultDamaged(f"{PLACE} sent an empty file.")

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers=self._headers,
            transport=Downloads(self._context),
            timeout=httpx.Timeout(self._timeouts.fetch, connect=self._timeouts.connect),
        )

    @asynccontextmanager
    async def _answer(
        self, client: httpx.AsyncClient, url: str, part: Path, file: Part
    ) -> AsyncGenerator[httpx.Response, None]:
        """Follow redirects by hand, so that every address on the way is looked at."""
        request = client.build_request("GET", _checked(url), headers=self._range(part, file))
        for _ in range(REDIRECTS_MAX + 1):
            response = await client.send(request, stream=True)
            try:
                if response.next_request is None:
                    yield response
                    return
            finally:
                await response.aclose()
            target = _checked(str(response.next_request.url))
            request = client.build_request("GET", target, headers=self._range(part, file))
        raise httpx.TooManyRedirects("too many redirects")

    def _range(self, part: Path, file: Part) -> dict[str, str]:
        if not file.size:
            return {}
        wanted = {"Range": f"bytes={file.size}-"}
        return wanted | {"If-Range": self._tags[part]} if part in self._tags else wanted

    async def _plan(self, response: httpx.Response, part: Path, file: Part) -> _Plan:
        """Look at the head of an answer and put the file where its body goes on."""
        if response.status_code not in (200, 206):
            if response.status_code == 416:
                await file.cut(0)
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise of_answer(Call.FETCH, Answer(response.status_code, headers), self._clock.now())
        plan = _plan_of(response)
        _check_kind(response, plan)
        if plan.start != file.size:
            await file.cut(0)
        if plan.start != file.size:
            raise TransientError(f"{PLACE} sent another part than was asked for.")
        self._remember(part, response.headers.get("etag", ""))
        return plan

    def _remember(self, part: Path, tag: str) -> None:
        self._tags.pop(part, None)
        if tag.startswith('"') and tag.isascii() and len(self._tags) < TAGS_MAX:
            self._tags[part] = tag

    async def _receive(self, response: httpx.Response, file: Part, meter: Meter) -> None:
        """Write the body in pieces; what had arrived before a cut is written too."""
        chunks: list[bytes] = []
        waiting = 0
        loop = asyncio.get_running_loop()
        patience = self._timeouts.fetch * SLOWEST
        try:
            async with asyncio.timeout(patience) as deadline:
                async for chunk in response.aiter_raw():
                    chunks.append(chunk)
                    waiting += len(chunk)
                    if waiting >= PIECE:
                        _check_size(file.size + waiting)
                        # The server is not to blame for what disk and bandwidth make it wait.
                        deadline.reschedule(None)
                        ready, chunks = chunks, []
                        await file.append(ready)
                        await meter.passed(waiting)
                        waiting = 0
                        deadline.reschedule(loop.time() + patience)
                await meter.passed(waiting)
        finally:
            if chunks:
                await file.append(chunks)
            await file.settle()


def _checked(url: str) -> str:
    """Return `url` if it may be fetched: https, or plain http from this host itself."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as exc:
        raise ResultDamaged("The result's address cannot be read.") from exc
    local = parsed.scheme == "http" and is_loopback(parsed.host)
    if not parsed.host or not (parsed.scheme == "https" or local):
        raise ResultDamaged(
            f"The result's address begins with {parsed.scheme[:16]}://{parsed.host[:200]}; "
            "only https:// is fetched."
        )
    return url


def _plan_of(response: httpx.Response) -> _Plan:
    length = response.headers.get("content-length", "")
    announced = int(length) if re.fullmatch(r"\d{1,18}", length) else None
    if response.status_code == 200:
        return _Plan(0, announced)
    span = re.fullmatch(
        r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", response.headers.get("content-range", "")
    )
    if span is None:
        raise TransientError(f"{PLACE} sent a part without saying which.")
    total = int(span[3]) if span[3] != "*" else None
    return _Plan(int(span[1]), total)


def _check_kind(response: httpx.Response, plan: _Plan) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in NOT_MEDIA:
        raise ResultDamaged(f"{PLACE} sent {kind} in place of a video.")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise ResultDamaged(f"{PLACE} sent the file in an encoding that was not asked for.")
    if plan.total is not None:
        _check_size(plan.total)


def _check_size(size: int) -> None:
    if size > RESULT_MAX:
        raise ResultDamaged(f"The result is larger than {RESULT_MAX // 1000**3} GB.")


def _is_whole(response: httpx.Response, size: int) -> bool:
    """Say whether a 416 means that nothing is missing any more."""
    return size > 0 and response.headers.get("content-range", "") == f"bytes */{size}"
