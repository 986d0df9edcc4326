"""A job that is refused again and again: its journal keeps the first and the last tries."""

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Event
from reeldrop.ports import Barred, JobStore
from store.conftest import JobMaker, Opener, StillClock

REFUSED = {"code": "out_of_funds", "error": "no money"}
PROBE = 30.0


async def refuse(
    store: JobStore, clock: StillClock, note: dict[str, str], event: Event = Event.NOT_ACCEPTED
) -> Job:
    """Take the one job there is and return it to the queue, half a minute later."""
    clock.time += PROBE
    job = await store.claim_next(clock.now())
    assert job is not None
    if event is Event.NOT_ACCEPTED:
        job = job.evolve(request_ids=(*job.request_ids, job.request_id), submitted=clock.now())
        job = await store.move(job, Event.DECLARED)
    return await store.move(job, event, note)


async def test_tries_that_end_alike_are_counted_and_those_in_between_left_out(
    store: JobStore, new_job: JobMaker, clock: StillClock
) -> None:
    """Two a minute for a weekend would be ten thousand lines."""
    await store.add([job := new_job()])
    for _ in range(50):
        job = await refuse(store, clock, REFUSED)
    told = await store.journal(job.id)
    one_try = [Event.TAKEN, Event.DECLARED, Event.NOT_ACCEPTED]
    events = [entry.event for entry in told]
    assert events[:4] == ["added", *one_try]
    assert len(events) < 16
    assert "times" not in told[3].note
    assert told[-1].note["times"] == 50
    assert len(job.request_ids) == 50


async def test_what_ends_otherwise_is_kept(
    store: JobStore, new_job: JobMaker, clock: StillClock
) -> None:
    await store.add([job := new_job()])
    for number in range(12):
        job = await refuse(store, clock, {"code": f"code {number % 2}"}, Event.RETURNED)
    assert len(await store.journal(job.id)) == 1 + 2 * 12


async def test_what_counts_against_the_rate_is_kept_while_it_counts(
    open_again: Opener, new_job: JobMaker, clock: StillClock
) -> None:
    """A submit that was declared and refused has used its turn: three of them in any 61 s here."""
    store = await open_again(submits_per_minute=3)
    await store.add([new_job()])
    for _ in range(20):
        await refuse(store, clock, REFUSED)
    assert await store.claim_next(clock.now()) is None
    assert "rate" in (await store.outlook(clock.now())).reason


async def test_only_one_model_may_be_asked_for(
    store: JobStore, new_job: JobMaker, clock: StillClock
) -> None:
    """A wall of one model is probed by a clip of that model, however much else is ahead of it."""
    await store.add([new_job(model="other", priority=5)])
    await store.add([mine := new_job(model="mine")])
    assert await store.claim_next(clock.now(), Barred(model="neither")) is None
    job = await store.claim_next(clock.now(), Barred(model="mine"))
    assert job is not None
    assert job.id == mine.id
