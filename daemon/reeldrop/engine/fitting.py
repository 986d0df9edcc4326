"""The clip that is sent in the place of one that its model would not take, or of numbered frames.

Rule 1: what is sent was made of the files as they still are when its request ends.
Rule 2: what comes out is held against the model's limits like any clip.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from reeldrop.domain.errors import ClipUnreadable, FileBusy, NotWhole, Unsendable
from reeldrop.domain.fit import ClipLimits, Fit
from reeldrop.domain.fitting import misses
from reeldrop.domain.footage import Footage
from reeldrop.domain.frames import clip_of, frames_of, lacking
from reeldrop.domain.job import Job, MediaFacts, RelPath
from reeldrop.domain.paths import leaf, printable
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.rooms import Rooms
from reeldrop.engine.twins import digest


@dataclass(frozen=True, slots=True)
class Made:
    """The file to send, and what it was made of: paths in the inbox with their stat keys."""

    file: Path
    path: RelPath
    """The drop's own, as people know it."""
    sources: Sequence[RelPath]
    keys: Sequence[str]

    @property
    def key(self) -> str:
        """What names the making: another one than a mere look into the same files."""
        return self.file.name


async def made(attempt: Attempt, rooms: Rooms) -> Made | None:
    """Return the clip as the job's `fit` says, made unless an earlier try has; None: none is wanted.

    Raises:
        ClipUnreadable, Unsendable: it cannot be made, or what came out is outside the limits.
        FileBusy, FolderOffline, DiskFull: not now.
        StoreUnavailable, Lost.
    """
    job = attempt.job
    if job.fit is None:
        return None
    if few := lacking(job):
        message = f"{printable(leaf(job.path))}: only {few} are there that it was judged by."
        raise Unsendable(message, hint="Drop all of its frames again, with their sidecar.")
    sources = [job.claim.path_of(file.origin) for file in frames_of(job) or job.claim.source[:1]]
    keys = await rooms.place(job).inbox.keys(sources)
    # Its name tells what it was made of, also to the daemon that comes after this one.
    file = rooms.place(job).outbox.work(f"{job.id}.{_digest(keys)}.fit.mp4")
    making = Made(file, job.path, sources, keys)
    if not await _is_there(job, making.file, rooms):
        await _make(attempt, rooms, job.fit, making)
    await _know_the_source(attempt, rooms)
    return making


async def _know_the_source(attempt: Attempt, rooms: Rooms) -> None:
    """Record the digest of the clip as it came: identical drops and those that come again go by it."""
    job, clip = attempt.job, clip_of(attempt.job)
    if job.source is None or job.source.sha256 or clip is None:
        return
    source = replace(job.source, sha256=await digest(job, clip, rooms))
    await attempt.update(job.evolve(source=source), "hashed")


def _digest(keys: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]


async def see_that_it_holds(job: Job, made: Made, rooms: Rooms) -> None:
    """Raise FileBusy unless the files are still those that the clip was made of; FolderOffline."""
    name = printable(leaf(job.path))
    keys = await rooms.place(job).inbox.keys(made.sources)
    if keys != made.keys:
        raise FileBusy(f"{name} changed while it was made to fit its model; it is made again.")


async def _is_there(job: Job, file: Path, rooms: Rooms) -> bool:
    """Say whether an earlier try has made the file, of these same sources, and it is still whole."""
    if job.fitted is None or job.fitted.name != file.name:
        return False
    try:
        found = await rooms.place(job).media.probe(file)
    except (FileBusy, NotWhole, ClipUnreadable):
        return False
    return found.facts.bytes == job.fitted.bytes


async def _make(attempt: Attempt, rooms: Rooms, fit: Fit, making: Made) -> None:
    job, place = attempt.job, rooms.place(attempt.job)
    name = printable(leaf(job.path))
    reason = f"{name} is being made to fit {job.model}"
    await attempt.update(job.evolve(fitted=None, reason=reason), "fitting", **_said(fit))
    files = [place.inbox.real(path) for path in making.sources]
    try:
        await rooms.probing(job).look(making, lambda: place.media.fit(files, making.file, fit))
        facts = (await _checked(job, making.file, rooms)).facts
    except (ClipUnreadable, Unsendable):
        # A clip that is being written anew may look like one that is broken.
        await see_that_it_holds(job, making, rooms)
        raise
    await see_that_it_holds(job, making, rooms)
    # Before the clip as it came is hashed: that may take longer than the making, and must not undo it.
    await attempt.update(attempt.job.evolve(fitted=facts, reason=""), "fitted", **_said(facts))


async def _checked(job: Job, file: Path, rooms: Rooms) -> Footage:
    """Return what has come out. Raises Unsendable where the model would not take that either."""
    model = rooms.catalogue.find(job.model)
    limits = model.limits.clip if model else ClipLimits()
    name = printable(leaf(job.path))
    hint = "Make the clip anew with another program, then drop it again."
    try:
        footage = await rooms.place(job).media.probe(file)
    except (NotWhole, ClipUnreadable) as error:
        message = f"{name} was made to fit {job.model}, and what came out cannot be read"
        raise Unsendable(f"{message}: {error.message}", hint=hint) from error
    if left := [miss.text for miss in misses(footage, limits)]:
        message = f"{name} was made to fit {job.model}, but what came out {' and '.join(left)}."
        raise Unsendable(message, hint=hint)
    return footage


def _said(what: Fit | MediaFacts) -> dict[str, object]:
    """Return what a line of the job's log says of a fit, or of what came of it."""
    return {key: value for key, value in asdict(what).items() if value not in (None, False, 0)}
