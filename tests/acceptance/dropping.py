"""What people and their tools drop: small legal clips in every layout, and what the stand-in got of them."""

import asyncio
import hashlib
import json
import signal
from collections.abc import Awaitable, Callable, Mapping
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av

from acceptance.world import PATIENCE, Site, arrive
from reeldrop.simulator import Simulator
from reeldrop.simulator.footage import landscape, pulled, write_clip

LAYOUTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "faststart.mp4": ("mp4", {"movflags": "faststart"}),
    "fragmented.mp4": ("mp4", {"movflags": "empty_moov", "frag_duration": "300000"}),
    "matroska.mkv": ("matroska", {}),
    "index-last.mov": ("mov", {}),
}
"""How programs lay out one and the same film."""


@cache
def _film() -> bytes:
    with TemporaryDirectory() as folder:
        film = Path(folder, "film.mp4")
        frames = islice(pulled(landscape(1280, 720, 24, 3.0)), 72)
        options = {"preset": "ultrafast", "crf": "45"}
        write_clip(film, frames, None, fps=Fraction(24), options=options)
        return film.read_bytes()


@cache
def footage(layout: str = "index-last.mov") -> bytes:
    """Return three seconds of 720p in one of LAYOUTS: legal for every model, and small."""
    with TemporaryDirectory() as folder:
        whole = Path(folder, "whole.mp4")
        whole.write_bytes(_film())
        muxer, options = LAYOUTS[layout]
        to = Path(folder, layout)
        with av.open(str(whole)) as source, av.open(str(to), "w", muxer, dict(options)) as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
        return to.read_bytes()


def spec(name: str, **more: Any) -> bytes:
    """Return a sidecar of its own, so that no two drops are the same."""
    return json.dumps({"prompt": name, **more}).encode()


def put(site: Site, name: str, content: bytes | None = None, **more: Any) -> Path:
    """Rename a clip and its sidecar into the inbox; the prompt is the name."""
    target = site.inbox / name
    target.parent.mkdir(parents=True, exist_ok=True)
    arrive(spec(name, **more), target.with_suffix(".json"))
    arrive(footage() if content is None else content, target)
    return target


def sha256(content: bytes) -> str:
    """Return the digest as the stand-in writes it."""
    return hashlib.sha256(content).hexdigest()


def sent(api: Simulator) -> list[tuple[str, str]]:
    """Return prompt and digest of the clip of every accepted submit."""
    return [
        (each.params["prompt"], each.params["video_url"]["sha256"]) for each in api.ledger.accepted
    ]


def waiting(site: Site) -> dict[str, str]:
    """Return why each drop waits, as the outbox tells it."""
    told = json.loads(site.status_path.read_text())
    return {each["path"]: each["reason"] for each in told["waiting"]}


def listed(site: Site) -> dict[str, dict[str, Any]]:
    """Return the jobs that the outbox lists, by path."""
    return {job["path"]: job for job in json.loads(site.status_path.read_text())["jobs"]}


def reload(site: Site, **watch: Any) -> None:
    """Let the running daemon judge by other times from its next look on."""
    assert site.process is not None
    site.configure(watch=watch)
    site.process.send_signal(signal.SIGHUP)


async def until(condition: Callable[[], Awaitable[Any]], patience: float = PATIENCE) -> Any:
    """Return what `condition` returns once it is true; it may ask commands."""
    async with asyncio.timeout(patience):
        while not (found := await condition()):
            await asyncio.sleep(0.05)
    return found
