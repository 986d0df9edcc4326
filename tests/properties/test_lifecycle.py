"""The promise that costs money, by machine: whatever happens, in whatever order, a drop is paid once.

The machine drives the real store. The provider is a model with a ledger; what is in the air stays
there when the daemon dies, and may be accepted long after.
"""

import asyncio
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reeldrop.domain.job import Claim, ClaimedFile, GenerationId, Job, JobId, RelPath
from reeldrop.domain.lifecycle import AFTER_CRASH, FINAL, PLACED_AS, Event, State
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store

T = TypeVar("T")
IN_FLIGHT = 3
PER_MINUTE = 4
WINDOW = 100.0
PICK = st.integers(0, 3)
MEMORY = Path("/dev/shm")
"""Where there is one, the machine's files need no disk: it looks for wrong orders, not for cuts."""


class SetClock:
    """A Clock port that only the machine moves."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def some_job_is(*states: State) -> Callable[["Life"], bool]:
    return lambda machine: bool(machine.jobs(*states))


class Life(RuleBasedStateMachine):
    """Jobs, a daemon that dies, and a provider that charges."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.clock = SetClock()
        self.in_air: list[Job] = []
        self.accepted: set[str] = set()
        self.refused: set[str] = set()
        self.charges: Counter[str] = Counter()
        self.declared: list[float] = []
        self.last_request: dict[str, str] = {}
        self.uncertain_since: dict[str, float] = {}
        self.told: dict[JobId, Job] = {}
        self.may_pay_again: Counter[str] = Counter()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def jobs(self, *states: State) -> list[Job]:
        return [job for job in self.told.values() if job.state in states]

    def move(self, job: Job, event: Event) -> Job:
        moved = self.told[job.id] = self.run(self.store.move(job, event))
        if moved.state is State.UNCERTAIN:
            self.uncertain_since[job.id] = self.clock.time
        return moved

    @initialize()
    def begin(self) -> None:
        self.start()
        self.drop(0)

    def start(self) -> None:
        self.store = self.run(
            open_store(
                StoreSettings(url=f"sqlite:///{Path(self.folder.name)}/reeldrop.db"),
                LimitSettings(in_flight=IN_FLIGHT, submits_per_minute=PER_MINUTE),
                reconcile_window=WINDOW,
                clock=self.clock,
            )
        )
        self.run(self.store.enrol_watch("main", "/in", "/out"))
        owned = self.run(self.store.adopt())
        found = {job.id: job for job in self.run(self.store.jobs())}
        assert found.keys() == self.told.keys(), "a job was lost"
        self.told = {job_id: found[job_id] for job_id in self.told}
        assert owned == [job for job in self.told.values() if job.owner]

    def stop(self) -> None:
        """End the daemon; what it was told before is what the store must hold."""
        recorded = {job.id: job for job in self.run(self.store.jobs())}
        assert recorded == self.told
        self.run(self.store.close())

    def teardown(self) -> None:
        self.stop()
        self.runner.close()
        self.folder.cleanup()

    @rule(priority=st.integers(0, 2), spec=st.sampled_from(["", "", "a", "b"]))
    def drop(self, priority: int, spec: str = "") -> None:
        path = RelPath(f"{len(self.told)}.mp4")
        claim = Claim(RelPath(f".reeldrop/claims/{len(self.told)}"), (ClaimedFile(path, path),))
        job = Job(
            id=JobId(secrets.token_hex(16)), watch="main", path=path, folder=path, model="m",
            params={}, claim=claim, source_key=path, created=self.clock.time,
            updated=self.clock.time, priority=priority, claimed=True, spec_key=spec,
        )  # fmt: skip
        assert self.run(self.store.add([job]))
        self.told[job.id] = job

    @precondition(some_job_is(State.QUEUED))
    @rule()
    def take(self) -> None:
        before = self.counted()
        due = self.run(self.store.outlook(self.clock.time)).at
        taken = self.run(self.store.claim_next(self.clock.time))
        assert (taken is not None) == (due is not None and due <= self.clock.time)
        if taken is None:
            return
        self.told[taken.id] = taken
        if taken.state is State.GENERATING:
            assert taken.leader
            assert self.told[taken.leader].generation_id == taken.generation_id
            return
        assert before < IN_FLIGHT
        self.follow(taken)

    def follow(self, job: Job) -> None:
        """What is identical to a job under way takes part in it, or waits for its generation."""
        rivals = self.run(self.store.rivals(job, delivered=False))
        assert all(rival.spec_key == job.spec_key for rival in rivals)
        if not rivals:
            return
        lead = rivals[0]
        if lead.generation_id:
            joined = job.evolve(leader=lead.id, joined=True, generation_id=lead.generation_id)
            self.move(joined, Event.JOINED)
        else:
            self.move(job.evolve(leader=lead.id), Event.RETURNED)

    def counted(self) -> int:
        busy = self.jobs(State.UPLOADING, State.SUBMITTING, State.GENERATING)
        young = [
            job
            for job in self.jobs(State.UNCERTAIN)
            if self.clock.time - self.uncertain_since[job.id] < WINDOW
        ]
        return len([job for job in busy if not job.late and not job.joined]) + len(young)

    @precondition(some_job_is(State.UPLOADING))
    @rule(pick=PICK)
    def declare(self, pick: int) -> None:
        job = self.one(State.UPLOADING, pick=pick)
        intent = job.evolve(
            request_ids=(*job.request_ids, job.request_id), submitted=self.clock.time
        )
        job = self.move(intent, Event.DECLARED)
        self.declared.append(self.clock.time)
        self.in_air.append(job)
        self.last_request[job.id] = job.request_id

    @precondition(some_job_is(State.UPLOADING))
    @rule(pick=PICK, event=st.sampled_from([Event.RETURNED, Event.REFUSED]))
    def end_upload(self, pick: int, event: Event) -> None:
        self.move(self.one(State.UPLOADING, pick=pick), event)

    @precondition(lambda self: self.in_air)
    @rule(pick=PICK, fate=st.sampled_from(["accepted", "accepted", "refused"]))
    def arrive(self, pick: int, fate: str) -> None:
        """A request reaches the provider, sent by a daemon that may be dead by now."""
        request = self.in_air.pop(pick % len(self.in_air))
        if fate == "accepted":
            self.accepted.add(request.request_id)
            self.charges[request.id] += 1
        elif fate == "refused":
            self.refused.add(request.request_id)

    @precondition(some_job_is(State.SUBMITTING))
    @rule(pick=PICK, refusal=st.sampled_from([Event.NOT_ACCEPTED, Event.REFUSED]))
    def answer(self, pick: int, refusal: Event) -> None:
        """The provider's answer comes, or none does and nobody knows what became of the request."""
        job = self.one(State.SUBMITTING, pick=pick)
        if job.request_id in self.accepted:
            self.move(job.evolve(generation_id=GenerationId(job.request_id)), Event.ACCEPTED)
        elif job.request_id in self.refused:
            self.move(job, refusal)
        else:
            self.move(job, Event.OUTCOME_UNKNOWN)

    @precondition(some_job_is(State.SUBMITTING))
    @rule(pick=PICK)
    def lose_answer(self, pick: int) -> None:
        self.move(self.one(State.SUBMITTING, pick=pick), Event.OUTCOME_UNKNOWN)

    @precondition(some_job_is(State.UNCERTAIN))
    @rule(pick=PICK)
    def find(self, pick: int) -> None:
        """The request log shows one of the job's attempts as made, or the last of them as failed."""
        job = self.one(State.UNCERTAIN, pick=pick)
        if self.charges[job.id]:
            self.move(job.evolve(generation_id=GenerationId("found")), Event.ACCEPTED)
        elif self.last_request[job.id] in self.refused:
            self.move(job, Event.FREED)

    @precondition(some_job_is(State.GENERATING))
    @rule(pick=PICK)
    def grow_late(self, pick: int) -> None:
        job = self.one(State.GENERATING, pick=pick)
        self.told[job.id] = self.run(self.store.update(job.evolve(late=True), "late"))

    @precondition(some_job_is(State.GENERATING, State.DOWNLOADING, State.DELIVERING, State.QUEUED))
    @rule(
        pick=PICK,
        event=st.sampled_from(
            [
                *(Event.COMPLETED, Event.FETCHED, Event.FETCH_AGAIN, Event.PLACED),
                *(Event.PLACED_FAILED, Event.PLACED_CANCELLED, Event.REFUSED, Event.CANCEL),
            ]
        ),
    )
    def go_on(self, pick: int, event: Event) -> None:
        busy = (State.GENERATING, State.DOWNLOADING, State.DELIVERING, State.QUEUED)
        job = self.one(*busy, pick=pick)
        knows = {
            State.QUEUED: {Event.REFUSED, Event.CANCEL},
            State.GENERATING: {Event.COMPLETED, Event.REFUSED},
            State.DOWNLOADING: {Event.FETCHED, Event.REFUSED},
            State.DELIVERING: {*PLACED_AS.values(), Event.FETCH_AGAIN},
        }
        if event in knows[job.state]:
            self.move(job, event)

    @precondition(some_job_is(*FINAL))
    @rule(pick=PICK, pay_again=st.booleans())
    def retry(self, pick: int, pay_again: bool) -> None:
        """A person begins an ended job anew; without their word only where nothing can be charged."""
        job = self.one(*FINAL, pick=pick)
        charged = self.run(self.store.charged(job.id))
        in_air = any(request.id == job.id for request in self.in_air)
        if in_air or (charged and not pay_again):
            return
        self.may_pay_again[job.id] += bool(self.charges[job.id])
        fresh = job.evolve(leader=None, joined=False, generation_id=None, late=False)
        self.move(fresh, Event.AGAIN)

    @precondition(some_job_is(State.UNCERTAIN))
    @rule(pick=PICK)
    def give_up(self, pick: int) -> None:
        """A person cancels what nobody knows: it may have been paid, and the ledger keeps saying so."""
        job = self.move(self.one(State.UNCERTAIN, pick=pick), Event.CANCEL)
        assert self.run(self.store.charged(job.id))

    @rule()
    def crash(self) -> None:
        """The daemon dies: what it knew is gone, what it sent is not."""
        for job in self.jobs(State.SUBMITTING):
            self.uncertain_since[job.id] = self.clock.time
        self.stop()
        self.start()

    @rule(seconds=st.sampled_from([0.5, 20.0, 61.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.clock.time += seconds

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        for job, times in self.charges.items():
            assert times <= 1 + self.may_pay_again[job], "a drop was paid twice"

    @invariant()
    def what_was_paid_stands_in_the_ledger(self) -> None:
        for job, times in self.charges.items():
            if times:
                assert self.run(self.store.charged(JobId(job))), "a payment was forgotten"

    @invariant()
    def a_minute_holds_so_many_submits(self) -> None:
        for end in self.declared:
            minute = [at for at in self.declared if end - 60 < at <= end]
            assert len(minute) <= PER_MINUTE

    def one(self, *states: State, pick: int) -> Job:
        found: Sequence[Job] = self.jobs(*states)
        return found[pick % len(found)]


QUICK = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_order_of_events_and_crashes_pays_twice() -> None:
    """A second payment would need a resubmit of what may have been accepted: there is no such way."""
    run_state_machine_as_test(Life, settings=QUICK)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_machine_would_find_a_blind_resubmit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof that cannot fail proves nothing: break the table and see it caught."""
    monkeypatch.setitem(AFTER_CRASH, State.SUBMITTING, Event.NOT_ACCEPTED)
    broken = settings(
        QUICK,
        max_examples=2000,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        derandomize=True,
        database=None,
    )
    with pytest.raises(AssertionError, match=r"paid twice|payment was forgotten"):
        run_state_machine_as_test(Life, settings=broken)
