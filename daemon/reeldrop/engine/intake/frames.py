"""Numbered frames as the clip of a drop: when they are complete, and what they come to as one file."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reeldrop.domain.drop import Drop
from reeldrop.domain.errors import ClipUnreadable, NotWhole, Trouble
from reeldrop.domain.footage import Footage
from reeldrop.domain.frames import FEWEST, MOST, Pattern, fewest, missing, patience
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import join, leaf, parent, printable
from reeldrop.domain.sameness import digest_of_frames
from reeldrop.engine.intake.probing import Probing
from reeldrop.engine.intake.shelf import Probed, Shelf
from reeldrop.engine.intake.terms import Round, Wait, Watch
from reeldrop.ports import Entry, Inbox, Media

NEWEST = 3
"""Frames that are asked for their writers: with hundreds of them each question has its price."""
NANOSECONDS = 1e9


def clip_path(drop: Drop) -> RelPath | None:
    """Return by which path the clip of a drop goes among parameters: of frames it is their pattern's.

    A pattern's folder is written as it is on disk.
    """
    if drop.pattern is None or not drop.frames:
        return drop.clip
    return join(parent(drop.frames[0]), leaf(drop.pattern.path))


def as_one(path: RelPath, frames: Iterable[Entry]) -> Entry:
    """Return frames as a scan would see them if they were one file at `path`."""
    found = tuple(frames)
    return Entry(
        path,
        size=sum(each.size for each in found),
        mtime_ns=sum(each.mtime_ns for each in found),
        ctime_ns=_number(each.version for each in found),
        inode=_number(each.key for each in found),
        device=0,
    )


def _number(texts: Iterable[str]) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(texts).encode()).digest()[:8])


async def sha256_of(shelf: Shelf, frames: Iterable[RelPath]) -> str:
    """Return what stands for the SHA-256 of frames in order. Raises FileBusy, FolderOffline."""
    return digest_of_frames([await shelf.sha256(path) for path in frames])


def crowded(drop: Drop, pattern: Pattern) -> Trouble:
    """Return why a drop of too many frames is refused; they stay where they are."""
    many = f"{printable(pattern.path)} are {drop.crowd:,} frames; a clip has at most {MOST:,}."
    hint = "The frames are still there: take some away, and drop the sidecar again."
    return Trouble("too_many_frames", f"{printable(drop.path)}: {many}", hint)


class Frames:
    """Judges and probes the frames of one watch."""

    def __init__(
        self, watch: Watch, inbox: Inbox, media: Media, shelf: Shelf, probing: Probing
    ) -> None:
        self._watch = watch
        self._inbox = inbox
        self._media = media
        self._shelf = shelf
        self._probing = probing
        self._probed: dict[RelPath, tuple[tuple[str, float], Probed]] = {}
        """By sidecar, with the content that it holds for."""

    def follow(self, watch: Watch) -> None:
        """Judge by other times from now on."""
        self._watch = watch

    async def clip(
        self, drop: Drop, pattern: Pattern, fps: float, least: float | None, around: Round
    ) -> tuple[Footage | None, Wait | NotWhole | ClipUnreadable | None]:
        """Return what a drop's frames come to, and what is against taking them.

        `least` is the shortest clip that its model takes, in seconds.
        """
        changed = max(self._shelf.changed_at(path) for path in drop.files)
        until = changed + self._watch.incomplete_timeout
        late = until <= around.now
        if drop.gaps:
            return None, await self._missing(drop, pattern, None if late else until)
        count = len(drop.frames)
        if count < (wanted := fewest(least, fps)) and not late:
            reason = f"still arriving: {count} of at least {wanted} frames"
            return None, Wait(reason, until, arriving=True)
        if count < FEWEST:
            return None, ClipUnreadable(f"{printable(pattern.path)} is one frame, which is no clip")
        if (quiet := self._quiet_at(drop, around)) > around.now:
            return None, Wait(f"still arriving: {count} frames so far", quiet, arriving=True)
        probed = await self._probe(drop, fps, around.now) if fps else Probed(None, None, around.now)
        if isinstance(probed.error, NotWhole) and not late:
            return None, Wait(f"still arriving: {probed.error.message}", until, arriving=True)
        return probed.footage, probed.error

    async def _missing(self, drop: Drop, pattern: Pattern, until: float | None) -> Wait | NotWhole:
        """Wait for frames `until` then, or say what is missing: no more are to come."""
        names = printable(missing(pattern, drop.gaps))
        # A link would never be seen, however long it is waited for.
        why = await self._inbox.check_inside(pattern.frame(drop.gaps[0][0]))
        if until is not None and why in ("", "missing"):
            return Wait(f"waiting for {names}", until, arriving=True)
        reason = "" if why in ("", "missing") else f" ({why})"
        first, last = (printable(leaf(drop.frames[at])) for at in (0, -1))
        return NotWhole(f"the frames {first} to {last} lack {names}{reason}")

    def _quiet_at(self, drop: Drop, around: Round) -> float:
        """Return from when on no further frame is expected (monotonic seconds)."""
        seen = [self._shelf.changed_at(path) for path in drop.frames]
        written = [self._shelf.entries[path].mtime_ns / NANOSECONDS for path in drop.frames]
        seen_at = around.wall - (around.now - max(seen))
        pause = patience(seen, written, seen_at - max(written))
        watch = self._watch
        return max(seen) + min(max(watch.settle_polling, pause), watch.incomplete_timeout)

    def newest(self, drop: Drop) -> Sequence[RelPath]:
        """Return the frames that somebody may still be writing to, if to any."""
        entries = self._shelf.entries

        def age(path: RelPath) -> tuple[float, int]:
            return self._shelf.changed_at(path), entries[path].mtime_ns

        return sorted(drop.frames, key=age)[-NEWEST:]

    async def _probe(self, drop: Drop, fps: float, now: float) -> Probed:
        """Return what the frames are, looked into once for each content.

        Raises FileBusy, FolderOffline, StoreUnavailable.
        """
        entries = (self._shelf.entries[path] for path in drop.frames)
        entry = as_one(clip_path(drop) or drop.path, entries)
        content = (entry.version, fps)
        known = self._probed.get(drop.path)
        if known is not None and known[0] == content:
            return known[1]
        files = [self._inbox.real(path) for path in drop.frames]
        name = leaf(entry.path)

        async def look() -> Footage:
            found = await self._media.probe_frames(files, fps)
            return replace(found, facts=replace(found.facts, name=name))

        try:
            probed = Probed(await self._probing.look(entry, look), None, now)
        except (NotWhole, ClipUnreadable) as error:
            # What is said of frames that cannot be read any more is not believed.
            for path in drop.frames:
                await self._inbox.read(path, 0)
            probed = Probed(None, error, now)
        here = self._shelf.entries
        self._probed = {path: each for path, each in self._probed.items() if path in here}
        self._probed[drop.path] = content, probed
        return probed
