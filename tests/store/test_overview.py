"""What the store shows of itself at one look, and whom it tells what it records."""

from dataclasses import replace

import pytest

from reeldrop.domain.errors import Lost
from reeldrop.domain.job import Cost, GenerationId, Job, JobId
from reeldrop.domain.lifecycle import Event, State
from reeldrop.ports import Direction, JobStore
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store
from store.conftest import JobMaker, Opener, StillClock


class Heard:
    """A `Metrics` that keeps what it was told of jobs."""

    def __init__(self) -> None:
        self.told: list[tuple[State | None, State, str, JobId]] = []

    def recorded(self, was: State | None, job: Job, event: str) -> None:
        self.told.append((was, job.state, event, job.id))

    def passed(self, direction: Direction, count: int) -> None:
        raise AssertionError("no store moves bytes")


async def generating(store: JobStore, job: Job, usd: float | None, now: float) -> Job:
    """Bring a new job as far as to its generation."""
    await store.add([job])
    taken = await store.claim_next(now)
    assert taken is not None
    ids = {"request_ids": (taken.request_id,), "submitted": now}
    declared = await store.move(taken.evolve(**ids), Event.DECLARED)
    cost = None if usd is None else Cost(usd=usd)
    made = declared.evolve(generation_id=GenerationId(f"g:{job.id}"), cost=cost)
    return await store.move(made, Event.ACCEPTED)


async def test_one_look_shows_all(open_again: Opener, new_job: JobMaker, clock: StillClock) -> None:
    """What a scrape wants to know costs one look, whatever there is."""
    store = await open_again(in_flight=50, daily_usd=100.0)
    dear, cheap = await _two_models(store, new_job, clock)
    await store.update(dear.evolve(late=True), "late")
    waits = new_job(created=clock.now() - 60)
    await store.add([waits])
    seen = await store.overview(days=1)
    assert seen.counts.jobs[State.GENERATING] == 3
    assert seen.counts.jobs[State.QUEUED] == 1
    assert (seen.late, seen.in_flight) == (1, 2)
    assert seen.queued_since == waits.created
    assert seen.priced == {dear.model: 2.5, cheap.model: 0.5}
    assert seen.limits.in_flight == 50
    assert seen.limits.daily_usd == 100.0
    assert [each.unpriced for each in seen.spent] == [1]


async def _two_models(store: JobStore, new_job: JobMaker, clock: StillClock) -> tuple[Job, Job]:
    dear = await generating(store, new_job(model="dear/\udcff"), 2.5, clock.now())
    cheap = await generating(store, new_job(model="cheap"), 0.5, clock.now())
    await generating(store, new_job(model="cheap"), None, clock.now())
    return dear, cheap


async def test_whatever_is_recorded_is_told_once(
    settings: StoreSettings, new_job: JobMaker, clock: StillClock
) -> None:
    """Whoever asked for it: a worker, the intake, or a person."""
    heard = Heard()
    store = await open_store(
        settings, LimitSettings(), reconcile_window=1.0, clock=clock, metrics=heard
    )
    await store.enrol_watch("main", "/in", "/out")
    job, gone = new_job(), new_job(claimed=False)
    made = await generating(store, job, 1.0, clock.now())
    await store.update(made.evolve(late=True), "late")
    await store.add([gone])
    await store.withdraw(gone)
    assert heard.told == [
        (None, State.QUEUED, "added", job.id),
        (State.QUEUED, State.UPLOADING, "taken", job.id),
        (State.UPLOADING, State.SUBMITTING, "declared", job.id),
        (State.SUBMITTING, State.GENERATING, "accepted", job.id),
        (State.GENERATING, State.GENERATING, "late", job.id),
        (None, State.QUEUED, "added", gone.id),
        (State.QUEUED, State.QUEUED, "withdrawn", gone.id),
    ]
    await _nothing_is_told_of_what_was_not_recorded(store, made, heard)
    await store.close()


async def _nothing_is_told_of_what_was_not_recorded(
    store: JobStore, made: Job, heard: Heard
) -> None:
    before = list(heard.told)
    with pytest.raises(Lost):
        await store.move(replace(made, token=made.token + 7), Event.COMPLETED)
    assert not await store.add([made])
    assert heard.told == before
