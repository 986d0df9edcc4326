"""A real inbox, store, catalogue and decoder around one intake; only time is the test's own."""

import json
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import pytest

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import State
from reeldrop.domain.spec import DEFAULT_MODEL
from reeldrop.engine.intake import Intake, Watch
from reeldrop.engine.intake.terms import Looked
from reeldrop.files import FolderInbox, mark_of, open_inbox
from reeldrop.media import PyAvMedia, open_media
from reeldrop.ports import Catalogue, JobStore
from reeldrop.provider import open_catalogue
from reeldrop.provider.catalogue import Models
from reeldrop.settings import LimitSettings, StoreSettings, WatchSettings
from reeldrop.simulator.footage import make_clip
from reeldrop.store import open_store

QUIET = 6.0
"""Seconds after which a file that nobody writes to has settled, whatever is known of it."""
GOOD = {"prompt": "as a woodcut"}


@dataclass
class HandClock:
    """A Clock port that the test moves; both of its times run together."""

    time: float = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@cache
def clip_bytes() -> bytes:
    """A small whole video, inside the limits of every model."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        make_clip(path, seconds=3.0, width=720, height=720, audio=False)
        return path.read_bytes()


@cache
def png_bytes() -> bytes:
    """A black picture."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "dot.png")
        with av.open(str(path), "w", format="image2", options={"update": "1"}) as out:
            stream = out.add_stream("png", rate=1)
            stream.width = stream.height = 320
            stream.pix_fmt = "rgb24"
            frame = av.VideoFrame(320, 320, "rgb24")
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            out.mux(stream.encode(frame))
            out.mux(stream.encode())
        return path.read_bytes()


@dataclass
class Desk:
    """One intake and the folder it watches."""

    folder: Path
    inbox: FolderInbox
    store: JobStore
    media: PyAvMedia
    catalogue: Models
    clock: HandClock
    watch: Watch
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.intake = self.another()

    def another(self, *, store: Any = None, catalogue: Catalogue | None = None) -> Intake:
        """Return the intake of a new daemon over the same folder and store."""
        return Intake(
            self.watch,
            self.inbox,
            store or self.store,
            catalogue or self.catalogue,
            self.media,
            self.clock,
            lambda: secrets.token_hex(16),
        )

    def put(self, name: str | bytes, content: bytes | None = None) -> Path:
        """Write a file, a clip where no content is given."""
        path = self.folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clip_bytes() if content is None else content)
        return path

    def spec(self, name: str, body: Any) -> Path:
        """Write a sidecar or preset: JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.put(name, raw)

    def drop(self, name: str, body: Any = GOOD) -> None:
        """Write a clip and its sidecar."""
        self.put(name)
        self.spec(f"{name.rpartition('.')[0]}.json", body)

    async def settled(self) -> Looked:
        """Look, let time pass until everything has settled, and look again."""
        await self.intake.look()
        self.clock.time += QUIET
        return await self.intake.look()

    async def jobs(self, *states: State) -> dict[str, Job]:
        """Return the jobs of the store by the path of their drop."""
        return {str(job.path): job for job in await self.store.jobs(states or None)}

    def left(self) -> set[str]:
        """Return the files that lie in the inbox."""
        found = self.folder.rglob("*")
        names = {str(path.relative_to(self.folder)) for path in found if path.is_file()}
        return {name for name in names if not name.startswith(".reeldrop/")}

    def claimed(self, job: Job) -> set[str]:
        """Return the files of a job's claim."""
        folder = self.folder / job.claim.folder
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def reasons(looked: Looked) -> dict[str, str]:
    """Return why each drop waits."""
    return {waiting.path: waiting.reason for waiting in looked.waiting}


@pytest.fixture
def settings() -> Mapping[str, Any]:
    """What a test module changes of the watch."""
    return {}


@pytest.fixture
async def desk(tmp_path: Path, settings: Mapping[str, Any]) -> AsyncIterator[Desk]:
    folder = tmp_path / "inbox"
    folder.mkdir()
    clock = HandClock()
    values: dict[str, Any] = {
        "inbox": str(folder),
        "outbox": str(tmp_path / "out"),
        "backend": "polling",
        **settings,
    }
    watch = WatchSettings(**values)
    store_settings = StoreSettings(url=f"sqlite:///{tmp_path}/state/reeldrop.db")
    async with AsyncExitStack() as stack:
        store = await open_store(
            store_settings, LimitSettings(), reconcile_window=1800.0, clock=clock
        )
        stack.push_async_callback(store.close)
        await store.enrol_watch(watch.name, watch.inbox, watch.outbox)
        inbox = open_inbox(watch, clock, mark_of(watch.inbox))
        stack.push_async_callback(inbox.aclose)
        media = open_media()
        stack.push_async_callback(media.aclose)
        yield Desk(folder, inbox, store, media, open_catalogue(""), clock, watch_of(watch))


def watch_of(settings: WatchSettings) -> Watch:
    """Return the intake's own view of a watch's settings."""
    return Watch(
        name=settings.name,
        extensions=settings.extensions,
        settle=settings.settle,
        settle_polling=settings.settle_polling,
        rescan_interval=settings.rescan_interval,
        sidecar_grace=settings.sidecar_grace,
        sidecar_timeout=settings.sidecar_timeout,
        incomplete_timeout=settings.incomplete_timeout,
        upload=settings.upload or "auto",
        archive=settings.archive,
        conform=settings.conform,
        duplicates=settings.duplicates,
        defaults=settings.defaults or {"model": DEFAULT_MODEL},
    )
