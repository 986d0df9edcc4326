"""Identical drops: the same bytes and the same parameters are paid for once.

Rule 1: a job looks, before its request is begun, only at jobs that were taken from the queue before
        it was and have not gone back: so nobody waits in a circle.
Rule 2: only bytes prove that two jobs are the same; keys and sizes merely say which are worth reading.
Rule 3: the variants of one drop never share a generation, neither one of their own nor another's.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reeldrop.domain.errors import Duplicate
from reeldrop.domain.frames import clip_of, frames_of
from reeldrop.domain.job import Job, MediaFacts, RelPath
from reeldrop.domain.lifecycle import Event, State, Verdict
from reeldrop.domain.moments import moment
from reeldrop.domain.paths import printable
from reeldrop.domain.sameness import digest_of_frames, digests_of, files_in, joined
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.rooms import Rooms


class Twins:
    """Finds the job whose generation another identical one takes part in."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._choosing = asyncio.Lock()
        """Two variants of a drop must not choose the same generation at the same moment."""

    async def settle(self, attempt: Attempt) -> bool:
        """Let an UPLOADING job take part in the generation of an identical one, or wait for it.

        False where it is to be submitted: it stays UPLOADING. What is read of its files is recorded with it.

        Raises:
            Duplicate: it has been delivered already, and its watch runs nothing twice.
            FileBusy, FolderOffline: a file cannot be read now.
            StoreUnavailable, Lost.
        """
        job, store = attempt.job, self._rooms.store
        mode = self._rooms.place(job).duplicates
        if mode == "never":
            return False
        rivals = await store.rivals(job, delivered=mode == "always")
        if not rivals or await self._was_begun_again(job):
            return False
        digests = await self._digests(job, {})
        twins = [each for each in rivals if await self._is_twin(each, job, digests)]
        if delivered := next((each for each in twins if each.state is State.DELIVERED), None):
            raise _duplicate(job, delivered)
        async with self._choosing:
            leader = await self._leader(job, twins)
            if leader is not None:
                await _follow(attempt, leader, _with_digests(job, digests))
        return leader is not None

    async def _leader(self, job: Job, twins: Sequence[Job]) -> Job | None:
        """Return the first twin that may be followed as it stands now: reading may have taken long.

        One that went back to the queue meanwhile may follow this very job when it is taken again.
        """
        store = self._rooms.store
        ahead = {each.id for each in await store.rivals(job, delivered=False)} if twins else set()
        for twin in twins:
            now = await store.get(twin.id)
            if now is None or not _may_yield(now):
                continue
            # After the twin: whose generation it has joined by now is then told of that job as well.
            if await self._is_shared(now, await store.siblings(job)):
                continue
            if now.generation_id is not None or now.id in ahead:
                return now
        return None

    async def _is_shared(self, leader: Job, siblings: Sequence[Job]) -> bool:
        """Say whether another variant of the drop takes its result from there, or is about to."""
        for each in siblings:
            source = await self._rooms.store.get(each.leader) if each.leader else None
            of_either = {each.generation_id, source and source.generation_id} - {None}
            if each.leader == leader.id or leader.generation_id in of_either:
                return True
        return False

    async def _was_begun_again(self, job: Job) -> bool:
        """Say whether a person wants a submit of the job's own."""
        return any(entry.event == Event.AGAIN for entry in await self._rooms.store.journal(job.id))

    async def _is_twin(self, rival: Job, job: Job, digests: Mapping[RelPath, str]) -> bool:
        # Reading the job's own files may have taken long: by now the rival's digests may be known.
        rival = await self._rooms.store.get(rival.id) or rival
        if not _may_yield(rival):
            return False
        # What an earlier submit recorded holds for the one under way only once that is declared.
        known = {} if rival.state is State.UPLOADING else digests_of(rival)
        if not self._can_be_read(rival, known):
            return False
        theirs = await self._digests(rival, known)
        own = [digests[origin] for origin in files_in(job.params)]
        return own == [theirs[origin] for origin in files_in(rival.params)]

    def _can_be_read(self, rival: Job, known: Mapping[RelPath, str]) -> bool:
        """Say whether its bytes can ever be known: it may have lost its watch, its claim, or a source."""
        unknown = {origin for origin in files_in(rival.params) if origin not in known}
        claimed = {file.origin for file in (*rival.claim.source, *rival.claim.references)}
        claimed.update(() if (clip := clip_of(rival)) is None else (clip,))
        there = rival.watch in self._rooms.places and rival.state is not State.DELIVERED
        return not unknown or (there and unknown <= claimed)

    async def _digests(self, job: Job, known: Mapping[RelPath, str]) -> dict[RelPath, str]:
        """Return the SHA-256 of every file among the job's parameters, read where it is not known."""
        digests = dict(known)
        for origin in files_in(job.params):
            if origin not in digests:
                digests[origin] = await digest(job, origin, self._rooms)
        return digests


async def digest(job: Job, origin: RelPath, rooms: Rooms) -> str:
    """Return the SHA-256 of a file of a job's claim; of numbered frames what stands for theirs.

    Raises FileBusy, FolderOffline.
    """
    place = rooms.place(job)
    frames = frames_of(job) if origin == clip_of(job) else ()
    parts = [frame.origin for frame in frames] or [origin]
    found = [await place.inbox.sha256(job.claim.path_of(part)) for part in parts]
    return digest_of_frames(found) if frames else found[0]


async def _follow(attempt: Attempt, leader: Job, job: Job) -> None:
    """Join the leader's generation; where it has none yet, wait for it in the queue."""
    job = job.evolve(tries=0)
    if leader.generation_id is None:
        reason = (
            f"the same clip and parameters as {printable(leader.path)} (job {leader.id[:8]}), "
            "which is under way: waits for its result"
        )
        waits = job.evolve(leader=leader.id, reason=reason, not_before=0.0)
        await attempt.move(waits, Event.RETURNED, leader=leader.id)
        return
    note = {"leader": leader.id, "generation_id": leader.generation_id}
    await attempt.move(joined(job, leader), Event.JOINED, **note)


def _may_yield(job: Job) -> bool:
    return job.verdict in (None, Verdict.DELIVERED)


def _with_digests(job: Job, digests: Mapping[RelPath, str]) -> Job:
    """Return the job with what was read of its files, as a submit would have recorded it."""

    def read(facts: MediaFacts, origin: RelPath) -> MediaFacts:
        return replace(facts, sha256=digests.get(origin, facts.sha256))

    clip = clip_of(job)
    source = job.source and (read(job.source, clip) if clip else job.source)
    return job.evolve(
        source=source, media=tuple(read(each, RelPath(each.name)) for each in job.media)
    )


def _duplicate(job: Job, delivered: Job) -> Duplicate:
    return Duplicate(
        f"{printable(job.path)} is the same clip with the same parameters as "
        f"{printable(delivered.path)} (job {delivered.id[:8]}), which was delivered at "
        f"{moment(delivered.updated)} as {printable(delivered.final or '')}.",
        hint=f"Take that result, or run it all the same: reeldrop retry {job.id[:8]} --pay-again",
    )
