"""What the next start does about what the last one left: nothing is paid for here."""

from collections.abc import Callable, Mapping

import structlog

from reeldrop.domain.errors import StepError, Trouble
from reeldrop.domain.job import Claim, Job, JobId, RelPath
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.domain.naming import delivery_folder
from reeldrop.domain.paths import leaf, printable
from reeldrop.engine.intake import Intake
from reeldrop.engine.rooms import Place, Rooms
from reeldrop.ports import Inbox

log = structlog.get_logger()


async def recover(
    rooms: Rooms, intakes: Mapping[str, Intake], new_id: Callable[[], str]
) -> list[Job]:
    """Take over the jobs of dead daemons, finish begun claims, sweep the work folders.

    Returns the jobs that go on; called before the first look at any inbox.
    """
    # Generations are asked for whether or not their watch is still there: they hold places.
    jobs = await rooms.store.adopt()
    uncertain = await rooms.store.jobs([State.UNCERTAIN])
    # Each start looks at once, and the pauses between the looks grow anew.
    jobs += [job.evolve(tries=0) for job in uncertain if job.watch in rooms.places]
    await _explain_homeless(rooms)
    for name, place in rooms.places.items():
        try:
            await _record_unknown(rooms, name, place, new_id)
        except StepError as error:
            log.warning("sweep.failed", error=error.message)
    queued = await rooms.store.jobs([State.QUEUED])
    for name, intake in intakes.items():
        jobs += await intake.finish_claims([job for job in queued if job.watch == name])
    for name, place in rooms.places.items():
        try:
            await _sweep(rooms, name, place)
        except StepError as error:
            log.warning("sweep.failed", error=error.message)
    if jobs:
        log.info("jobs.resumed", jobs=len(jobs))
    return jobs


async def _explain_homeless(rooms: Rooms) -> None:
    """Say of jobs whose watch is not in the settings why nothing becomes of them."""
    for job in await rooms.store.jobs([State.QUEUED]):
        reason = f'the settings name no watch "{job.watch}"'
        if job.watch not in rooms.places and job.reason != reason:
            await rooms.store.update(job.evolve(reason=reason), "waiting", {"reason": reason})


async def _record_unknown(
    rooms: Rooms, watch: str, place: Place, new_id: Callable[[], str]
) -> None:
    """Give each claim that no job knows a job that fails: it goes to `_failed/`, and never runs.

    The job is one whose claim is not known to be made; finishing the claims refuses it.
    """
    unknown = [
        folder
        for folder in await place.inbox.claims()
        if not await rooms.store.jobs_of_claim(folder, watch)
    ]
    if not unknown:
        return
    # A watch may have been renamed, and its inbox moved up or down: the last name is random.
    known = {leaf(job.claim.folder) for job in await rooms.store.jobs()}
    for folder in unknown:
        if leaf(folder) in known:
            log.warning("claim.of_another_watch", watch=watch, folder=folder)
        else:
            await _record_claim(rooms, watch, place.inbox, folder, new_id)


async def _record_claim(
    rooms: Rooms, watch: str, inbox: Inbox, folder: RelPath, new_id: Callable[[], str]
) -> None:
    claim = await inbox.found_claim(folder)
    if claim is None:
        await inbox.release(Claim(folder, ()))
        return
    log.warning("claim.unknown", watch=watch, folder=folder)
    await rooms.store.add([_unknown_job(watch, claim, JobId(new_id()), rooms.clock.now())])


def _unknown_job(watch: str, claim: Claim, job_id: JobId, now: float) -> Job:
    path = claim.source[0].origin
    return Job(
        id=job_id,
        watch=watch,
        path=path,
        folder=delivery_folder(path, ""),
        model="",
        params={},
        claim=claim,
        source_key=f"unknown:{watch}:{claim.folder}",
        created=now,
        updated=now,
        error=Trouble(
            "unknown_claim",
            f"{printable(path)} was taken by a daemon whose store is gone, so it is not known whether "
            "it was submitted and paid for.",
            "Look into the account's log before you run it again.",
        ),
    )


async def _sweep(rooms: Rooms, watch: str, place: Place) -> None:
    """Remove what final jobs left behind."""
    for name in await place.outbox.leftovers():
        job = await rooms.store.get(JobId(name.partition(".")[0]))
        if job is not None and job.state in FINAL:
            await place.outbox.discard(name)
    for folder in await place.inbox.claims():
        sharing = await rooms.store.jobs_of_claim(folder, watch)
        if sharing and all(job.state in FINAL for job in sharing):
            await place.inbox.release(sharing[0].claim)
