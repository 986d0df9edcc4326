"""Makes the results: fetches what a request names by URL, then lets `restyle` work, in one thread or two.

Fetches from this host, and videos by https; nothing else is ever asked for.
"""

import hashlib
import ipaddress
import secrets
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from reeldrop.simulator.body import Media

WORKERS = 2
FETCH_LIMIT = 2 * 1024**3  # bytes
FETCH_TIMEOUT = 30.0  # s without a byte
DEFAULT_SECONDS = 5.0
LONGEST_SECONDS = 60.0


class MakingFailed(Exception):
    """The generation cannot be made; the message is the provider's to say."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made, and where what was fetched for it is written down."""

    params: Mapping[str, Any]
    to: Path
    fetched: dict[str, Any]


def seconds_of(params: Mapping[str, Any]) -> float:
    """Return how long the result is asked to be."""
    duration = params.get("duration")
    if isinstance(duration, bool) or not isinstance(duration, int | float) or duration <= 0:
        return DEFAULT_SECONDS
    return min(float(duration), LONGEST_SECONDS)


class Workshop:
    """Takes orders; each is a future of the result's path."""

    def __init__(self, folder: Path, result: Path | None) -> None:
        """With `result`, that one file is every result and nothing is made."""
        self._folder, self._result = folder, result
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="simulator")
        self._stopping = threading.Event()

    def order(self, order: Order) -> "Future[Path] | None":
        """Begin to make it; None where there is nothing to do."""
        urls = list(_to_fetch(order.params))
        if self._result is not None and not urls:
            return None
        return self._threads.submit(self._make, order, urls)

    def path_of(self, made: "Future[Path] | None") -> Path:
        """Return where a finished order's result lies."""
        if made is not None:
            return made.result()
        assert self._result is not None  # noqa: S101 - `order` returns None for it alone
        return self._result

    def close(self) -> None:
        """Stop; what is being made is finished first, what waits is not. Blocking."""
        self._stopping.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _make(self, order: Order, urls: list[str]) -> Path:
        with httpx.Client(timeout=FETCH_TIMEOUT, trust_env=False) as client:
            media = {url: self._fetch(client, url, order.fetched) for url in urls}
        if self._result is not None:
            return self._result
        # It loads a decoder, which nobody needs who serves a finished file.
        from reeldrop.simulator.restyle import restyle  # noqa: PLC0415

        source = _source(order.params)
        found = media.get(source) if isinstance(source, str) else source
        aspect = order.params.get("aspect_ratio") or order.params.get("ratio") or "16:9"
        restyle(
            found.path if found else None,
            order.to,
            seconds=seconds_of(order.params),
            aspect_ratio=str(aspect),
            keep_audio=order.params.get("keep_audio") is True,
        )
        return order.to

    def _fetch(self, client: httpx.Client, url: str, fetched: dict[str, Any]) -> Media | None:
        """Return what lies at `url`; None where its host cannot be reached from here.

        A stand-in works without a network: a video of the wide world is then done without.
        """
        try:
            media = self._download(client, url)
        except httpx.TransportError as error:
            fetched[url] = {"error": str(error)}
            if _is_loopback(url):
                raise MakingFailed(f"Failed to download the file {url}") from error
            return None
        fetched[url] = media.described()
        return media

    def _download(self, client: httpx.Client, url: str) -> Media:
        path = self._folder / secrets.token_hex(12)
        digest, size = hashlib.sha256(), 0
        with client.stream("GET", url) as response, path.open("wb") as file:
            if response.status_code != httpx.codes.OK:
                raise MakingFailed(f"Failed to download the file {url}: {response.status_code}")
            for piece in response.iter_bytes():
                size += file.write(piece)
                digest.update(piece)
                if self._stopping.is_set() or size > FETCH_LIMIT:
                    raise MakingFailed(f"Failed to download the file {url}: too large")
            mime = response.headers.get("content-type", "").split(";")[0]
        return Media(path, mime, size, digest.hexdigest())


def _source(params: Mapping[str, Any]) -> Media | str | None:
    """Return the video that is to be restyled."""
    videos = params.get("video_urls")
    first = videos[0] if isinstance(videos, list) and videos else None
    return params.get("video_url") or first


def _to_fetch(params: Mapping[str, Any]) -> Iterator[str]:
    source = _source(params)
    for url in dict.fromkeys(_urls(params)):
        if _is_loopback(url) or (url == source and urlsplit(url).scheme == "https"):
            yield url


def _urls(value: Any) -> Iterator[str]:
    match value:
        case str() if value.startswith(("http://", "https://")):
            yield value
        case Mapping():
            for each in value.values():
                yield from _urls(each)
        case list():
            for each in value:
                yield from _urls(each)
        case _:
            pass


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
