"""`retry`: go on with what waits, ask again for what was paid for, or begin anew what has ended.

Rule 1: a generation that may still yield its result is gone on with, never made anew.
Rule 2: a new submit of what was paid for, or may have been, needs a person's word that it be paid again.
Rule 3: the files are ours again, and on disk, before the job is queued again; what lies in the outbox
        goes only when every one of them is.
"""

from contextlib import suppress
from dataclasses import replace

import structlog

from reeldrop.domain.errors import (
    Cancelled,
    DropChanged,
    Duplicate,
    GenerationFailed,
    ReeldropError,
    ResultLost,
    StepError,
)
from reeldrop.domain.frames import clip_of, frames_of, lacking
from reeldrop.domain.job import Claim, Job, RelPath
from reeldrop.domain.lifecycle import UNFINISHED, Event, State
from reeldrop.domain.paths import printable
from reeldrop.domain.sameness import files_in, of_one_drop
from reeldrop.engine.operations.terms import (
    AT_NEXT_START,
    NEEDS_A_PERSON,
    REFUSED,
    Nudge,
    Said,
)
from reeldrop.engine.rooms import Rooms

log = structlog.get_logger()

OUR_TEXTS = ("error.txt", "job.json", "job.log.jsonl")


class Retry:
    """Tries one job again."""

    def __init__(self, rooms: Rooms, nudge: Nudge) -> None:
        self._rooms = rooms
        self._nudge = nudge

    async def __call__(self, job: Job, *, pay_again: bool) -> Said | None:
        """Try `job` again. Raises Lost, StoreUnavailable, StepError where a place is not there."""
        match job.state:
            case State.QUEUED:
                return await self._release(job)
            case State.UPLOADING | State.SUBMITTING:
                return Said("is being submitted right now")
            case State.UNCERTAIN:
                return Said(
                    "nobody knows whether it was paid for, so it is not sent again; it is looked up "
                    f"in the provider's log. You decide with `reeldrop resolve {job.id[:12]}` and "
                    "--generation-id or --not-submitted",
                    NEEDS_A_PERSON,
                )
            case State.GENERATING | State.DOWNLOADING | State.DELIVERING:
                self._nudge.hurry(job)
                return Said(f"is {job.state}: its next step comes {self._when()}")
            case _:
                return await self._ended(job, pay_again=pay_again)

    def _when(self) -> str:
        return "now" if self._nudge.running else AT_NEXT_START

    async def _release(self, job: Job) -> Said:
        if not job.claimed:
            return Said(
                "its files cannot be taken out of the inbox yet; that is tried all the time"
            )
        free = job.evolve(not_before=0.0, aside=False)
        self._nudge.schedule(await self._rooms.store.update(free, "released", {"by": "person"}))
        return Said(f"is queued: its turn comes {self._when()}, as the limits allow")

    # ------------------------------------------------------------------ what has ended

    async def _ended(self, job: Job, *, pay_again: bool) -> Said:
        if _may_still_yield(job):
            return await self._revive(job)
        if not job.params:
            return Said(
                "it was refused for what is wrong with it: mend that, and move what lies in "
                f'"source" of {_folder(job)} back into the inbox',
                REFUSED,
            )
        if not pay_again and await self._was_paid(job):
            return Said(_price(job), REFUSED)
        if other := await self._under_way(job):
            return Said(f"it was dropped again and is under way (job {other.id[:12]})", REFUSED)
        return await self._begin_anew(job)

    async def _was_paid(self, job: Job) -> bool:
        """Say whether a result of it was paid for, or may have been, since it was last agreed to pay."""
        code = job.error.code if job.error else ""
        if code == GenerationFailed.code:
            return False
        return code == Duplicate.code or job.joined or await self._rooms.store.charged(job.id)

    async def _under_way(self, job: Job) -> Job | None:
        """Return the job of the same file, come again, or of the same ticket."""
        if other := await self._rooms.store.obstacle(job):
            return other
        if not job.origin_key:
            return None
        others = await self._rooms.store.jobs(UNFINISHED)
        same = (each for each in others if each.origin_key == job.origin_key)
        return next((each for each in same if not of_one_drop(each, job)), None)

    async def _begin_anew(self, job: Job) -> Said:
        if few := lacking(job):
            held = f"only {few} were there when it was taken"
            return Said(f"{held}: drop all of them again, with their sidecar", REFUSED)
        used = set(files_in(job.params))
        # Of numbered frames their pattern is used: it stands for the files, which are claimed.
        made_of_frames = {clip_of(job)} if frames_of(job) else set[RelPath | None]()
        held = {file.origin for file in (*job.claim.source, *job.claim.references)}
        if gone := used - held - made_of_frames:
            return Said(
                f'"{printable(min(gone))}" went before it was taken: drop it again', REFUSED
            )
        needed = tuple(file for file in job.claim.references if file.origin in used)
        try:
            claim = await self._claim(job, replace(job.claim, references=needed))
        except DropChanged as error:
            return Said(error.message, REFUSED)
        again = job.evolve(
            claim=claim, claimed=True, leader=None, joined=False, generation_id=None,
            cost=None, held=False, searched=0.0, aside=False, not_before=0.0,
        )  # fmt: skip
        await self._move(job, _as_new(again), claim, Event.AGAIN)
        return Said(f"is queued again: a new submit, {self._when()}")

    async def _revive(self, job: Job) -> Said:
        held = await self._sources_again(job)
        copies = {file.origin: file for file in held.source}
        # What has gone is named all the same: the record tells of it, and who compares bytes asks it.
        named = tuple(copies.get(file.origin, file) for file in job.claim.source)
        claim = replace(held, source=named, references=job.claim.references)
        await self._move(job, _as_new(job.evolve(claim=claim)), held, Event.REVIVED)
        return Said(
            f"goes on with its generation {job.generation_id}, {self._when()}; costs nothing"
        )

    async def _sources_again(self, job: Job) -> Claim:
        """Return a claim of what is left of the sources: they are shown again beside the result."""
        left = replace(job.claim, references=())
        while left.source and not left.kept:
            try:
                return await self._claim(job, left)
            except DropChanged as error:
                log.info("retry.without_source", job=job.id, path=job.path, why=error.message)
                gone = error.gone or {file.origin for file in left.source}
                still = tuple(file for file in left.source if file.origin not in gone)
                left = replace(left, source=still)
        return left

    async def _claim(self, job: Job, claim: Claim) -> Claim:
        place = self._rooms.place(job)
        if job.final is None:
            raise DropChanged("it was never put into the outbox; drop it again")
        outbox = place.outbox.real(RelPath(""))
        return await place.inbox.claim_again(claim, outbox, job.final)

    async def _move(self, job: Job, begun: Job, held: Claim, event: Event) -> None:
        """Record that `job` goes on as `begun`, the files of the claim `held` being ours again."""
        # Its file may have been moved back as it is, and run: this is no claim on that one.
        begun = begun.evolve(source_key=f"again:{job.id}")
        inbox = self._rooms.place(job).inbox
        copied = held.folder != job.claim.folder
        try:
            moved = await self._rooms.store.move(begun, event, {"by": "person"})
        except Exception:
            # Another was quicker, or the store cannot be written: the copy is nobody's.
            if copied:
                with suppress(StepError):
                    await inbox.release(held)
            raise
        self._rooms.cancelled.discard(job.id)
        settled = await self._settle(moved) if copied else True
        self._nudge.schedule(moved)
        if settled and len(held.source) == len(job.claim.source):
            await self._tidy(job)

    async def _settle(self, job: Job) -> bool:
        """Let the copied claim count as the only one; False where that cannot be written."""
        try:
            await self._rooms.place(job).inbox.settle(job.claim)
        except StepError as error:
            log.warning("retry.claim_unsettled", job=job.id, error=error.message)
            return False
        return True

    async def _tidy(self, job: Job) -> None:
        """Remove the folder of a failure that is none any more; a paid result in it stays."""
        if job.state is State.DELIVERED or job.download is not None or job.final is None:
            return
        sources = () if job.claim.kept else job.claim.source
        ours = {RelPath(name): "" for name in OUR_TEXTS} | {file.at: file.key for file in sources}
        try:
            await self._rooms.place(job).outbox.withdraw(job.final, ours, f"{job.id}.withdrawn")
        except ReeldropError as error:
            log.warning("retry.folder_left", job=job.id, folder=job.final, error=error.message)


def _may_still_yield(job: Job) -> bool:
    """Say whether an ended job's generation was not seen to fail, and its result not to come."""
    code = job.error.code if job.error else ""
    waited_for = code in (ResultLost.code, Cancelled.code)
    return bool(job.generation_id) and job.download is None and waited_for


def _as_new(job: Job) -> Job:
    """Return the job without what its end left in it; its submits are remembered."""
    return job.evolve(
        result_url=None, result=None, download=None, verdict=None, error=None,
        staged=None, final=None, late=False, reason="", tries=0,
    )  # fmt: skip


def _folder(job: Job) -> str:
    return printable(job.final or f"_failed/{job.folder}")


def _price(job: Job) -> str:
    known = job.cost.dollars if job.cost else None
    price = f"about ${known:.2f}" if known else "as much"
    if job.error is not None and job.error.code == Duplicate.code:
        what = "is the same as one that was paid for and delivered"
    elif job.state is State.DELIVERED:
        what = f"was delivered, to {_folder(job)}"
    elif job.download is not None:
        what = f"was paid for, and its result lies in {_folder(job)}"
    else:
        what = "was paid for, or may have been"
    return f"{what}: to submit it again costs {price} again. Say so with --pay-again"
