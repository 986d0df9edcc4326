"""The steps of a job: one short function for each state in which something is to be done.

A step records what it did through its Attempt and raises what went wrong; what an error leads to
is decided in outcomes.py.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from reeldrop.domain import naming
from reeldrop.domain.errors import (
    ClipError,
    ClipUnreadable,
    FileBusy,
    GenerationFailed,
    NotWhole,
    ResultDamaged,
    ResultGone,
    ResultLost,
    SourceVanished,
    StagedMissing,
    StepError,
)
from reeldrop.domain.job import Cost, Job, MediaFacts, RelPath
from reeldrop.domain.lifecycle import FINAL, PLACED_AS, Event, State, Verdict
from reeldrop.domain.paths import printable
from reeldrop.engine import record
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.cancelling import fetched_after
from reeldrop.engine.rooms import Place, Rooms
from reeldrop.engine.submission import Submission
from reeldrop.ports import Delivery, Direction, Generation, Progress

log = structlog.get_logger()


async def submit(
    attempt: Attempt, rooms: Rooms, overdue: Callable[[StepError], Awaitable[None]]
) -> None:
    """UPLOADING: send the request; SUBMITTING is recorded before its last bytes leave.

    `overdue` is awaited when the answer takes long, and makes the job UNCERTAIN.
    """
    job = attempt.job
    with rooms.transfers.meter(job.id, job.path, Direction.UPLOAD) as meter:
        submission = Submission(attempt, rooms, meter)
        async with attempt.may_be_broken_off():
            request = await submission.request()
            generation = await rooms.provider.submit(request, submission.declare, overdue)
    attempt.breakable = False
    attempt.heard = True
    # Before the first write, so that the id is somewhere whatever becomes of that.
    event = "submit.answered_late" if attempt.overdue else "submit.accepted"
    log.info(event, job=attempt.job.id, generation_id=generation.id)
    await submission.declare_late()
    await submission.accept(generation.id, _cost(attempt.job, generation))
    attempt.again_in = rooms.policy.poll_interval
    if generation.progress is Progress.FAILED:
        _fail(attempt, generation)


async def see_that_nothing_has_gone(job: Job, rooms: Rooms, error: FileBusy) -> None:
    """Raise SourceVanished where somebody has emptied the claim: waiting would not bring it back."""
    if job.claim.kept or job.state is not State.UPLOADING:
        return
    if gone := await rooms.place(job).inbox.gone(job.claim):
        names = " and ".join(printable(path) for path in gone[:3])
        raise SourceVanished(
            f"{names} was taken away from Reeldrop's own folder before it was sent.",
            hint="Drop it again.",
        ) from error


async def poll(attempt: Attempt, rooms: Rooms) -> None:
    """GENERATING: ask once how the generation stands."""
    job = attempt.job
    generation = await _ask(job, rooms)
    match generation.progress:
        case Progress.RUNNING:
            await _still_running(attempt, rooms)
        case Progress.FAILED:
            _fail(attempt, generation)
        case Progress.COMPLETED if generation.url is None:
            raise ResultGone("the provider says completed, but names no result")
        case Progress.COMPLETED:
            done = job.evolve(
                result_url=generation.url,
                cost=_cost(job, generation),
                reason="",
                late=False,
                tries=0,
            )
            await attempt.move(done, Event.COMPLETED)


def _fail(attempt: Attempt, generation: Generation) -> None:
    job, trouble = attempt.job, generation.error
    # What was held for it is given back: a failed generation is never charged.
    attempt.job = job.evolve(cost=None)
    raise GenerationFailed(
        f"The provider could not make {job.path}: "
        f"{trouble.message if trouble else generation.status}",
        hint=trouble.hint if trouble else "",
    )


async def _still_running(attempt: Attempt, rooms: Rooms) -> None:
    job, policy = attempt.job, rooms.policy
    attempt.again_in = policy.late_interval if job.late else policy.poll_interval
    if job.tries or (job.reason and not job.late):
        await attempt.update(job.evolve(tries=0, reason=job.reason if job.late else ""), "answered")


async def become_late(attempt: Attempt, rooms: Rooms, why: str) -> None:
    """Ask seldom from now on: the generation may still yield its result."""
    attempt.again_in = rooms.policy.late_interval
    if attempt.job.late:
        return
    late = attempt.job.evolve(late=True, tries=0, reason=f"late: {why}")
    await attempt.update(late, "late", reason=late.reason)


async def fetch(attempt: Attempt, rooms: Rooms) -> None:
    """DOWNLOADING: bring the result to our disk, whole."""
    job = attempt.job
    outbox = rooms.place(job).outbox
    name = f"{job.id}.part"
    part = outbox.work(name)
    if job.result_url is None:
        raise ResultGone("the result's address is not known")
    with rooms.transfers.meter(job.id, job.path, Direction.DOWNLOAD) as meter:
        await rooms.provider.fetch(job.result_url, part, meter)
        passed = meter.told
    try:
        facts = (await rooms.place(job).media.probe(part)).facts
    except (NotWhole, ClipUnreadable) as error:
        await outbox.discard(name)
        raise ResultDamaged(f"the fetched result cannot be played: {error.message}") from error
    leaf = naming.result_name(job.folder)
    facts = MediaFacts(
        leaf, facts.bytes, await outbox.sha256(part),
        facts.seconds, facts.width, facts.height, facts.fps, facts.codec,
    )  # fmt: skip
    unwanted = job.id in rooms.cancelled
    fetched = job.evolve(
        download=RelPath(name),
        result=facts,
        verdict=Verdict.CANCELLED if unwanted else Verdict.DELIVERED,
        error=fetched_after(leaf) if unwanted else None,
        reason="",
        tries=0,
    )
    await attempt.move(fetched, Event.FETCHED, **passed | {"bytes": facts.bytes})


async def renew_address(attempt: Attempt, rooms: Rooms) -> None:
    """DOWNLOADING, and the address of the result no longer works: ask for a new one."""
    job = attempt.job
    generation = await _ask(job, rooms)
    if generation.progress is Progress.FAILED:
        raise ResultLost(
            f"The provider no longer has the result of {job.path} (generation {job.generation_id})"
        )
    if generation.url and generation.url != job.result_url:
        await attempt.update(job.evolve(result_url=generation.url), "address_renewed")


async def deliver(attempt: Attempt, rooms: Rooms) -> None:
    """DELIVERING: prepare the job's folder, then show it by one rename."""
    place = rooms.place(attempt.job)
    if attempt.job.staged is None:
        await _stage(attempt, rooms, place)
    try:
        await _publish(attempt, place)
    except StagedMissing:
        await attempt.update(attempt.job.evolve(staged=None, final=None), "staged_missing")
        raise
    job = attempt.job
    verdict = job.verdict or Verdict.FAILED
    await attempt.move(job.evolve(reason="", tries=0), PLACED_AS[verdict], folder=job.final)


async def _stage(attempt: Attempt, rooms: Rooms, place: Place) -> None:
    job = attempt.job
    fetched = job.verdict is Verdict.DELIVERED or job.download is not None
    if fetched and job.download not in await place.outbox.leftovers():
        await attempt.move(job.evolve(download=None), Event.FETCH_AGAIN)
        raise ResultDamaged("the fetched result is gone from the outbox's work folder")
    delivery = await _delivery(job, rooms, place)
    staged = await place.outbox.stage(f"{job.id}.{job.token}", delivery)
    final = await place.outbox.free_name(_wanted(job))
    await attempt.update(job.evolve(staged=staged, final=final), "staged", folder=final)


def _wanted(job: Job) -> RelPath:
    delivered = job.verdict is Verdict.DELIVERED
    return job.folder if delivered else RelPath(f"_failed/{job.folder}")


async def _publish(attempt: Attempt, place: Place) -> None:
    staged, final = attempt.job.staged, attempt.job.final
    if staged is None or final is None:
        raise StagedMissing(f"no delivery of {attempt.job.path} is prepared")
    while not await place.outbox.publish(staged, final):
        final = await place.outbox.free_name(_wanted(attempt.job))
        await attempt.update(attempt.job.evolve(final=final), "renamed", folder=final)


async def _delivery(job: Job, rooms: Rooms, place: Place) -> Delivery:
    now = rooms.clock.now()
    journal = await rooms.store.journal(job.id)
    ends = State(job.verdict or Verdict.FAILED)
    texts = {
        "job.json": record.json_bytes(record.job_record(job, journal, rooms.node, ends, now)),
        "job.log.jsonl": record.log_lines(job, journal, ends, now),
    }
    if ends is not State.DELIVERED:
        texts["error.txt"] = record.error_text(job)
    shown = place.archive == "move" or ends is not State.DELIVERED
    sources = _sources(job, place) if shown else ()
    if job.download is None:
        return Delivery(texts, sources=sources)
    result = (place.outbox.work(job.download), naming.result_name(job.folder))
    return Delivery(texts, result, await _poster(job, place), sources)


async def _poster(job: Job, place: Place) -> Path | None:
    poster = place.outbox.work(f"{job.id}.jpg")
    try:
        await place.media.poster(place.outbox.work(job.download or ""), poster)
    except ClipUnreadable as error:
        # The result plays; a picture of it is a courtesy.
        log.warning("poster.failed", job=job.id, path=job.path, error=error.message)
        return None
    return poster


def _sources(job: Job, place: Place) -> tuple[tuple[Path, RelPath], ...]:
    if job.claim.kept:
        return ()
    return tuple(
        (
            place.inbox.real(RelPath(f"{job.claim.folder}/{claimed.at}")),
            RelPath(claimed.at.removeprefix("source/")),
        )
        for claimed in job.claim.source
    )


async def clear(job: Job, rooms: Rooms) -> None:
    """Remove what a final job left in the work folders; safe to repeat."""
    place = rooms.place(job)
    for name in await place.outbox.leftovers():
        if name.startswith(f"{job.id}."):
            await place.outbox.discard(name)
    if job.claim.kept:
        return
    sharing = await rooms.store.jobs_of_claim(job.claim.folder, job.watch)
    if all(other.state in FINAL for other in sharing):
        await place.inbox.release(job.claim)


async def _ask(job: Job, rooms: Rooms) -> Generation:
    if job.generation_id is None:
        raise ClipError(f"{job.path} has no generation to ask for")
    return await rooms.provider.poll(job.generation_id)


def _cost(job: Job, generation: Generation) -> Cost | None:
    """Keep what was known where the answer says nothing new; another job's generation costs nothing."""
    if job.joined:
        return None
    new, old = generation.cost, job.cost
    if new is None or old is None:
        return new or old
    return Cost(
        old.credits if new.credits is None else new.credits,
        old.usd if new.usd is None else new.usd,
    )
