"""How long an uncertain submit is looked for: only time in which the provider's log answered counts."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from reeldrop.domain.errors import ProviderUnavailable
from reeldrop.domain.job import Claim, Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event, State, advance
from reeldrop.engine.ages import Ages
from reeldrop.engine.attempt import Attempt
from reeldrop.engine.gate import Gate
from reeldrop.engine.reconciliation import look_up
from reeldrop.engine.rooms import Policy, Rooms
from reeldrop.ports import LogRow

WINDOW = 100.0


class World:
    """A clock that is set, a log that shows nothing or does not answer, and a store that agrees."""

    def __init__(self) -> None:
        self.time, self.answers = 1000.0, True
        self.shown: dict[str, LogRow] = {}
        self.recorded: list[float] = []
        self.asked = 0
        policy = Policy(poll_interval=1.0, generation_timeout=10.0, reconcile_window=WINDOW)
        parts = SimpleNamespace(
            clock=self, provider=self, store=self, policy=policy, jitter=lambda: 1.0,
            cancelled=set(),
        )  # fmt: skip
        self.rooms = cast("Rooms", parts)
        self.ages = Ages(self)
        job = Job(
            JobId("0" * 32), "main", RelPath("a.mov"), RelPath("a"), "m", {},
            Claim(RelPath("c"), ()), "k", 1000.0, 1000.0,
            state=State.UNCERTAIN, request_ids=("r",), submitted=1000.0,
        )  # fmt: skip
        self.attempt = Attempt(job, self.rooms, Gate(self))

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds

    async def find(self, _ids: Any, _reach: float) -> Mapping[str, Any]:
        self.asked += 1
        if not self.answers:
            raise ProviderUnavailable("the log does not answer")
        return self.shown

    async def move(self, job: Job, event: Event, _note: Any) -> Job:
        return replace(job, state=advance(job.state, event))

    async def update(self, job: Job, _event: str, _note: Any) -> Job:
        self.recorded.append(job.searched)
        return job

    async def look(self, after: float, *, answers: bool) -> Job:
        self.time += after
        self.answers = answers
        await look_up(self.attempt, self.rooms, self.ages)
        return self.attempt.job


async def test_time_in_which_the_log_answered_counts_until_the_job_is_held() -> None:
    world = World()
    await world.look(0, answers=True)
    assert not (await world.look(WINDOW - 1, answers=True)).held
    assert (await world.look(2, answers=True)).held


async def test_time_in_which_the_log_did_not_answer_does_not_count() -> None:
    """An outage of the log must not make a job look searched for."""
    world = World()
    await world.look(0, answers=True)
    await world.look(10 * WINDOW, answers=False)
    job = await world.look(10 * WINDOW, answers=True)
    assert (job.held, job.searched) == (False, 0.0)


async def test_what_was_looked_for_is_recorded_so_that_restarts_do_not_begin_it_anew() -> None:
    world = World()
    await world.look(0, answers=True)
    await world.look(30, answers=True)
    assert world.recorded[-1] == 30.0


async def test_the_verdict_is_not_put_off_past_the_window_by_growing_pauses() -> None:
    """Restarts keep the tries; with them a short window would be looked at once in five minutes."""
    world = World()
    world.attempt.job = world.attempt.job.evolve(tries=20)
    await world.look(0, answers=True)
    assert world.attempt.again_in <= WINDOW


async def test_a_log_that_does_not_answer_is_said_and_forgotten_when_it_does() -> None:
    world = World()
    world.attempt.job = world.attempt.job.evolve(reason="Nobody knows.")
    silent = await world.look(0, answers=False)
    assert silent.reason.startswith("Nobody knows. The provider's log does not answer now:")
    again = await world.look(1, answers=False)
    assert again.reason == silent.reason
    assert (await world.look(1, answers=True)).reason == "Nobody knows."


async def test_a_clip_that_fails_again_and_again_is_sent_more_and_more_seldom() -> None:
    """Each try sends all of it. The pause doubles with every try, up to ten minutes."""
    world = World()
    world.shown = {"r": LogRow("r", made=False)}
    uncertain = world.attempt.job
    pauses = list[float]()
    for tries in range(1, 13):
        world.attempt.job = uncertain.evolve(attempts=tries)
        freed = await world.look(1, answers=True)
        assert freed.state is State.QUEUED
        pauses.append(freed.not_before - world.time)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]


async def test_a_held_job_is_looked_up_hourly_for_seven_days_and_no_longer() -> None:
    world = World()
    world.attempt.job = world.attempt.job.evolve(held=True)
    await world.look(0, answers=True)
    assert (world.attempt.again_in, world.asked) == (3600.0, 1)
    await world.look(6.9 * 86_400, answers=True)
    assert world.asked == 2
    await world.look(0.2 * 86_400, answers=True)
    assert world.asked == 2


async def test_one_that_is_too_old_to_be_looked_for_is_held_for_a_person() -> None:
    """A daemon that was away for a week must not leave it between the chairs."""
    world = World()
    assert (await world.look(8 * 86_400, answers=True)).held
    assert world.asked == 0
