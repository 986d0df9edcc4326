"""How long a paid result is asked for: 30 days, tries up to an hour apart, whatever one clock says."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from reeldrop.domain.errors import ResultDamaged
from reeldrop.domain.job import Claim, GenerationId, Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event, State, advance
from reeldrop.engine.ages import Ages
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.outcomes import Outcomes
from reeldrop.engine.rooms import DAY, Policy, Rooms

CUT = ResultDamaged("the connection was cut")


class World:
    """A clock that is set, and a store that agrees."""

    def __init__(self, *, submitted: float) -> None:
        self.time = 100 * DAY
        policy = Policy(poll_interval=1.0, generation_timeout=10.0, reconcile_window=10.0)
        parts = SimpleNamespace(
            clock=self, store=self, policy=policy, jitter=lambda: 1.0, cancelled=set[JobId]()
        )
        self.rooms = cast("Rooms", parts)
        gate = Gate(self)
        self.outcomes = Outcomes(self.rooms, gate, Ages(self))
        job = Job(
            JobId("0" * 32), "main", RelPath("a.mov"), RelPath("a"), "m", {},
            Claim(RelPath("c"), ()), "k", 0.0, 0.0, state=State.DOWNLOADING, owner="me",
            submitted=self.time - submitted, generation_id=GenerationId("g:1"),
        )  # fmt: skip
        self.attempt = Attempt(job, self.rooms, gate)

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds

    async def move(self, job: Job, event: Event, _note: Any) -> Job:
        return replace(job, state=advance(job.state, event))

    async def update(self, job: Job, _event: str, _note: Any) -> Job:
        return job

    async def cut(self, after: float) -> Job:
        """Let the download fail once more, `after` seconds later."""
        self.time += after
        await self.outcomes.settle(self.attempt, CUT)
        return self.attempt.job


async def test_tries_grow_up_to_an_hour_apart() -> None:
    world = World(submitted=0.0)
    waits = []
    for _ in range(20):
        await world.cut(after=0.0)
        waits.append(world.attempt.again_in)
    assert waits == sorted(waits)
    assert waits[-1] == 3600.0


async def test_it_is_asked_for_for_30_days_and_then_given_up_with_its_name() -> None:
    world = World(submitted=29.5 * DAY)
    await world.cut(after=0.0)
    assert (await world.cut(after=7200.0)).state is State.DOWNLOADING
    lost = await world.cut(after=DAY)
    assert lost.state is State.DELIVERING
    assert lost.error is not None
    assert lost.error.code == "result_lost"
    assert "g:1" in lost.error.hint


async def test_a_clock_that_jumps_does_not_give_up_what_has_just_been_asked_for() -> None:
    """A host that wakes up in another month has to ask for an hour first."""
    world = World(submitted=40 * DAY)
    assert (await world.cut(after=0.0)).state is State.DOWNLOADING
    assert (await world.cut(after=3700.0)).state is State.DELIVERING
