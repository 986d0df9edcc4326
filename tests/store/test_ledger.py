"""The ledger over a real store: what is reserved, charged and given back, and what the budget lets through."""

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import pytest

from reeldrop.domain.errors import GenerationFailed, Trouble
from reeldrop.domain.job import Cost, GenerationId
from reeldrop.domain.lifecycle import Event, State, Verdict
from reeldrop.ports import DaySpent

DAY = 86_400.0
FAILED = Trouble(GenerationFailed.code, "The provider could not make it.")


def local(seconds):
    return datetime.fromtimestamp(seconds, UTC).astimezone()


@pytest.fixture
async def budget(open_again, clock):
    """A store with ten dollars a day, at noon."""
    clock.time = local(clock.time).replace(hour=12).timestamp()
    return await open_again(in_flight=1000, submits_per_minute=1000, daily_usd=10.0)


async def add(store, new_job, many, **fields):
    jobs = [new_job(**fields) for _ in range(many)]
    for job in jobs:
        await store.add([job])
    return jobs


async def declare(store, job, clock):
    declared = job.evolve(
        request_ids=(*job.request_ids, job.request_id),
        attempts=job.attempts + 1,
        submitted=clock.now(),
    )
    return await store.move(declared, Event.DECLARED)


async def accept(store, job, cost=None):
    accepted = job.evolve(generation_id=GenerationId(f"g:{job.request_id}"), cost=cost)
    return await store.move(accepted, Event.ACCEPTED)


async def submit(store, clock, cost=None):
    """Take the next job and bring it to GENERATING; None where none may go."""
    taken = await store.claim_next(clock.now())
    return taken and await accept(store, await declare(store, taken, clock), cost)


async def deliver(store, job, cost=None):
    done = await store.move(job.evolve(cost=cost or job.cost), Event.COMPLETED)
    fetched = await store.move(done.evolve(verdict=Verdict.DELIVERED), Event.FETCHED)
    return await store.move(fetched, Event.PLACED)


async def priced(store, new_job, clock, usd, model="a/model"):
    """Let the price of `model` become known by a job that is delivered."""
    await add(store, new_job, 1, model=model)
    return await deliver(store, await submit(store, clock, Cost(usd=usd)))


async def today(store):
    (day, *_) = await store.spent(1) or [DaySpent("", 0, 0, 0.0)]
    return day


class TestReservation:
    async def test_claims_that_come_at_once_never_overshoot(self, budget, new_job, clock):
        """Ten dollars, three a clip: three in all, however many ask for it together."""
        await priced(budget, new_job, clock, 3.0)
        await add(budget, new_job, 8)
        taken = await asyncio.gather(*(budget.claim_next(clock.now()) for _ in range(8)))
        assert [bool(job) for job in taken].count(True) == 2
        for job in filter(None, taken):
            await accept(budget, await declare(budget, job, clock), Cost(usd=3.0))
        assert await budget.claim_next(clock.now()) is None
        assert (await today(budget)).usd == 9.0

    async def test_what_is_reserved_stays_so_from_the_upload_to_the_price(
        self, budget, new_job, clock
    ):
        """At no step of a submit may its money look free."""
        await priced(budget, new_job, clock, 4.0)
        await add(budget, new_job, 3)
        uploading = await budget.claim_next(clock.now())
        second = await budget.claim_next(clock.now())
        assert second is None
        submitting = await declare(budget, uploading, clock)
        assert await budget.claim_next(clock.now()) is None
        generating = await accept(budget, submitting)
        assert await budget.claim_next(clock.now()) is None
        await deliver(budget, generating, Cost(usd=1.0))
        assert await budget.claim_next(clock.now()) is not None

    async def test_an_upload_that_is_broken_off_gives_its_reservation_back(
        self, budget, new_job, clock
    ):
        await priced(budget, new_job, clock, 6.0)
        budget_of_one = await add(budget, new_job, 1)
        assert budget_of_one
        assert await budget.claim_next(clock.now()) is None
        clock.time += DAY
        taken = await budget.claim_next(clock.now())
        await add(budget, new_job, 1)
        assert await budget.claim_next(clock.now()) is None
        await budget.move(taken.evolve(not_before=clock.now() + 60), Event.RETURNED)
        assert await budget.claim_next(clock.now()) is not None

    async def test_a_price_that_rises_is_reserved_for_all_that_is_not_priced_yet(
        self, budget, new_job, clock
    ):
        await priced(budget, new_job, clock, 1.0)
        await add(budget, new_job, 9)
        dear = await submit(budget, clock)
        assert await submit(budget, clock) is not None
        assert await submit(budget, clock) is not None
        await budget.update(dear.evolve(cost=Cost(usd=3.0)), "answered")
        # 1 + 3 are charged for, 2 x 3 reserved: ten dollars.
        assert await budget.claim_next(clock.now()) is None
        assert "$10.00 of $10.00" in (await budget.outlook(clock.now())).reason

    async def test_without_a_budget_nothing_is_asked_of_the_price(self, store, new_job, clock):
        await add(store, new_job, 20)
        taken = await asyncio.gather(*(store.claim_next(clock.now()) for _ in range(20)))
        assert all(taken)

    async def test_a_dear_model_holds_up_no_cheaper_one(self, budget, new_job, clock):
        """What cannot go today, or never, must not keep the others from going."""
        await priced(budget, new_job, clock, 0.5, "cheap/model")
        clock.time += DAY
        await priced(budget, new_job, clock, 12.0, "dear/model")
        clock.time += DAY
        (dear,) = await add(budget, new_job, 1, model="dear/model", priority=9)
        (cheap,) = await add(budget, new_job, 1, model="cheap/model")
        assert (await submit(budget, clock)).id == cheap.id
        assert await submit(budget, clock) is None
        outlook = await budget.outlook(clock.now())
        assert (outlook.at, "dear/model may cost $12.00" in outlook.reason) == (None, True)
        assert (await budget.get(dear.id)).state is State.QUEUED


class TestPrices:
    @pytest.mark.parametrize(
        ("cost", "usd"),
        [
            (Cost(usd=1.95), 1.95),
            (Cost(credits=3_900_000), 1.95),
            (Cost(credits=1.0, usd=1.95), 1.95),
            (Cost(usd=0.0), 0.0),
        ],
    )
    async def test_a_price_is_known_from_any_answer(self, budget, new_job, clock, cost, usd):
        """The submit's answer names it, or a poll's, in dollars or in credits; or the result's."""
        await add(budget, new_job, 3)
        await deliver(budget, await submit(budget, clock, cost))
        polled = await submit(budget, clock)
        await deliver(budget, await budget.update(polled.evolve(cost=cost), "answered"))
        await deliver(budget, await submit(budget, clock), cost)
        assert await today(budget) == DaySpent((await today(budget)).day, 3, 0, 3 * usd)

    async def test_one_at_a_time_goes_until_the_first_price_is_seen(self, budget, new_job, clock):
        """Ten at once of what may cost ten dollars each would pass any budget."""
        await add(budget, new_job, 5)
        taken = await budget.claim_next(clock.now())
        assert await budget.claim_next(clock.now()) is None
        outlook = await budget.outlook(clock.now())
        assert "what a/model costs is not known" in outlook.reason
        submitting = await declare(budget, taken, clock)
        assert await budget.claim_next(clock.now()) is None
        generating = await accept(budget, submitting)
        assert await budget.claim_next(clock.now()) is None
        await budget.update(generating.evolve(cost=Cost(usd=3.0)), "answered")
        again = [await submit(budget, clock, Cost(usd=3.0)) for _ in range(4)]
        assert [bool(job) for job in again] == [True, True, False, False]

    async def test_each_model_has_one_at_a_time_of_its_own(self, budget, new_job, clock):
        await add(budget, new_job, 2, model="a")
        await add(budget, new_job, 2, model="b")
        assert (await submit(budget, clock)).model == "a"
        assert (await submit(budget, clock)).model == "b"
        assert await submit(budget, clock) is None

    async def test_nothing_charged_yet_is_no_price(self, budget, new_job, clock):
        """An answer that names zero while nothing is made would open the budget to everybody."""
        await add(budget, new_job, 2)
        job = await submit(budget, clock, Cost(credits=0, usd=0.0))
        assert await budget.claim_next(clock.now()) is None
        await deliver(budget, job, Cost(usd=7.0))
        assert await budget.claim_next(clock.now()) is None
        assert (await today(budget)).usd == 7.0

    async def test_a_price_that_never_comes_holds_nobody_up_for_ever(self, budget, new_job, clock):
        await add(budget, new_job, 4)
        await deliver(budget, await submit(budget, clock))
        late = await submit(budget, clock)
        assert await submit(budget, clock) is None
        await budget.update(late.evolve(late=True), "late")
        taken = await budget.claim_next(clock.now())
        await budget.move(await declare(budget, taken, clock), Event.OUTCOME_UNKNOWN)
        assert await budget.claim_next(clock.now()) is None
        clock.time += 1801
        assert await budget.claim_next(clock.now()) is not None

    async def test_a_job_that_is_run_again_does_not_wait_for_its_own_old_price(
        self, budget, new_job, clock
    ):
        await add(budget, new_job, 1)
        ended = await deliver(budget, await submit(budget, clock))
        await budget.move(ended, Event.AGAIN)
        assert await submit(budget, clock) is not None


async def walk(store, reopen, new_job, clock, chance, seen):
    """Do one thing that may happen; `seen` are the jobs that this daemon has under way."""
    what = chance.choice(["claim", "claim", "step", "step", "step", "crash", "wait"])
    if what == "claim":
        await store.add([new_job()])
        if job := await store.claim_next(clock.now()):
            seen.append(job)
    elif what == "wait":
        clock.time += chance.choice([1, 60, 7200, 30_000])
    elif what == "crash":
        await store.close()
        store = await reopen(in_flight=1000, submits_per_minute=1000, daily_usd=5.0)
        await store.adopt()
        seen[:] = await store.jobs([State.GENERATING, State.UNCERTAIN])
    elif seen:
        job = seen.pop(chance.randrange(len(seen)))
        if moved := await step(store, job, clock, chance):
            seen.append(moved)
    return store


async def step(store, job, clock, chance):
    """Let something become of a job; None where nothing more will."""
    cost = chance.choice([None, Cost(usd=1.0), Cost(credits=2_000_000)])
    match job.state:
        case State.UPLOADING if chance.random() < 0.8:
            return await declare(store, job, clock)
        case State.UPLOADING:
            await store.move(job, Event.RETURNED)
        case State.SUBMITTING:
            events = [Event.NOT_ACCEPTED, Event.OUTCOME_UNKNOWN, Event.REFUSED]
            event = chance.choice([None, None, *events])
            if event is None:
                return await accept(store, job, cost)
            moved = await store.move(job, event)
            return moved if event is Event.OUTCOME_UNKNOWN else None
        case State.UNCERTAIN if chance.random() < 0.3:
            await store.move(job, Event.FREED)
        case State.UNCERTAIN:
            return await accept(store, job, cost)
        case State.GENERATING if chance.random() < 0.3:
            await store.move(job.evolve(cost=None, error=FAILED), Event.REFUSED)
        case State.GENERATING:
            await deliver(store, job, cost)
        case _:
            raise AssertionError(job.state)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_no_order_of_events_and_crashes_passes_the_budget(open_again, new_job, clock, seed):
    """Five dollars a day at one a clip: counted from the jobs alone, no day has more than five."""
    chance = random.Random(seed)
    store = await open_again(in_flight=1000, submits_per_minute=1000, daily_usd=5.0)
    await priced(store, new_job, clock, 1.0)
    seen = []
    most = 0
    for _ in range(250):
        store = await walk(store, open_again, new_job, clock, chance, seen)
        paid = Counter(
            local(job.submitted).date()
            for job in await store.jobs()
            if job.state in {State.SUBMITTING, State.UNCERTAIN}
            or (job.generation_id and job.error is None)
        )
        most = max(most, *paid.values())
        assert most <= 5
        assert [day.submits for day in await store.spent(99)] == [
            paid[day] for day in sorted(paid, reverse=True)
        ]
    assert most == 5, "the budget was never reached"


class TestRefunds:
    async def test_what_definitely_made_nothing_costs_nothing(self, budget, new_job, clock):
        await priced(budget, new_job, clock, 6.0)
        clock.time += DAY
        await add(budget, new_job, 1)
        for _ in range(3):
            job = await declare(budget, await budget.claim_next(clock.now()), clock)
            assert (await today(budget)).submits == 1
            await budget.move(job, Event.NOT_ACCEPTED)
            assert not await budget.charged(job.id)
        job = await declare(budget, await budget.claim_next(clock.now()), clock)
        job = await budget.move(job, Event.OUTCOME_UNKNOWN)
        await budget.move(job, Event.FREED)
        assert not await budget.charged(job.id)
        job = await declare(budget, await budget.claim_next(clock.now()), clock)
        await budget.move(job.evolve(error=Trouble("rejected", "no")), Event.REFUSED)
        assert not await budget.charged(job.id)
        assert [day.submits for day in await budget.spent(2)] == [1]

    async def test_a_failed_generation_is_given_back(self, budget, new_job, clock):
        """The provider charges nothing for it."""
        await add(budget, new_job, 1)
        job = await submit(budget, clock, Cost(usd=9.0))
        assert (await today(budget)).usd == 9.0
        await budget.move(job.evolve(cost=None, error=FAILED), Event.REFUSED)
        assert await budget.spent(7) == []
        assert not await budget.charged(job.id)

    async def test_a_result_that_was_lost_is_paid_for_all_the_same(self, budget, new_job, clock):
        await add(budget, new_job, 1)
        job = await submit(budget, clock, Cost(usd=9.0))
        lost = job.evolve(error=Trouble("result_lost", "gone"))
        await budget.move(lost, Event.REFUSED)
        assert (await today(budget)).usd == 9.0

    async def test_what_is_uncertain_keeps_its_reservation(self, budget, new_job, clock):
        """It may have been paid for; also once a person has given it up."""
        await priced(budget, new_job, clock, 4.0)
        await add(budget, new_job, 3)
        job = await declare(budget, await budget.claim_next(clock.now()), clock)
        job = await budget.move(job, Event.OUTCOME_UNKNOWN)
        clock.time += 7200
        assert await budget.claim_next(clock.now()) is None
        await budget.move(job, Event.CANCEL)
        assert await budget.claim_next(clock.now()) is None
        assert await budget.charged(job.id)
        assert (await today(budget)).unpriced == 1

    async def test_a_generation_found_later_is_charged_at_its_own_time(
        self, budget, new_job, clock
    ):
        await add(budget, new_job, 1)
        job = await declare(budget, await budget.claim_next(clock.now()), clock)
        job = await budget.move(job, Event.OUTCOME_UNKNOWN)
        before = await today(budget)
        clock.time += 2 * DAY
        await accept(budget, job, Cost(usd=2.0))
        assert await budget.spent(7) == [DaySpent(before.day, 1, 0, 2.0)]

    async def test_a_generation_that_a_person_names_after_a_refund_is_charged(
        self, budget, new_job, clock
    ):
        """What exists is paid for, whatever was thought of it before."""
        await add(budget, new_job, 1)
        job = await submit(budget, clock, Cost(usd=2.0))
        job = await budget.move(job.evolve(cost=None, error=FAILED), Event.REFUSED)
        job = await budget.move(job, Event.PLACED_FAILED)
        assert not await budget.charged(job.id)
        job = await budget.move(job.evolve(error=None), Event.REVIVED)
        await deliver(budget, job, Cost(usd=2.0))
        assert (await today(budget)).usd == 2.0

    async def test_a_price_stays_known_when_its_money_is_given_back(self, budget, new_job, clock):
        """The dearest clip failed once; the next of its kind costs as much."""
        await priced(budget, new_job, clock, 2.0)
        await add(budget, new_job, 3)
        dear = await submit(budget, clock, Cost(usd=7.0))
        await budget.move(dear.evolve(cost=None, error=FAILED), Event.REFUSED)
        assert await submit(budget, clock, Cost(usd=2.0)) is not None
        assert await submit(budget, clock) is None
        assert "$4.00 of $10.00" in (await budget.outlook(clock.now())).reason


class TestSubmits:
    async def test_a_joined_job_costs_nothing(self, budget, new_job, clock):
        """Two folders from one generation are paid for once."""
        leader, follower = await add(budget, new_job, 2)
        first = await submit(budget, clock, Cost(usd=9.0))
        assert first.id == leader.id
        await budget.update(follower.evolve(leader=leader.id), "follows")
        joined = await budget.claim_next(clock.now())
        assert (joined.id, joined.state) == (follower.id, State.GENERATING)
        await deliver(budget, joined, Cost(usd=9.0))
        await deliver(budget, first)
        assert (await today(budget)).usd == 9.0
        assert not await budget.charged(follower.id)

    async def test_a_job_that_is_run_again_is_charged_again(self, budget, new_job, clock):
        await add(budget, new_job, 1)
        ended = await deliver(budget, await submit(budget, clock, Cost(usd=2.0)))
        queued = await budget.move(ended.evolve(cost=None, generation_id=None), Event.AGAIN)
        assert (await today(budget)).usd == 2.0
        assert queued.request_ids == ended.request_ids
        await deliver(budget, await submit(budget, clock), Cost(usd=3.0))
        assert await today(budget) == DaySpent((await today(budget)).day, 2, 0, 5.0)

    async def test_a_restart_forgets_nothing(self, budget, open_again, new_job, clock):
        await priced(budget, new_job, clock, 4.0)
        await add(budget, new_job, 3)
        await declare(budget, await budget.claim_next(clock.now()), clock)
        await budget.close()
        heir = await open_again(in_flight=1000, submits_per_minute=1000, daily_usd=10.0)
        await heir.adopt()
        assert await heir.claim_next(clock.now()) is None
        assert "$8.00 of $10.00" in (await heir.outlook(clock.now())).reason


class TestDays:
    async def test_the_budget_opens_at_local_midnight(self, budget, new_job, clock):
        await priced(budget, new_job, clock, 6.0)
        await add(budget, new_job, 1)
        assert await budget.claim_next(clock.now()) is None
        outlook = await budget.outlook(clock.now())
        assert outlook.at is not None
        midnight = local(outlook.at)
        assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
        assert 0 < outlook.at - clock.now() <= DAY + 3600
        clock.time = outlook.at - 0.5
        assert await budget.claim_next(clock.now()) is None
        clock.time = outlook.at
        assert await budget.claim_next(clock.now()) is not None

    async def test_what_was_taken_before_midnight_counts_on_the_day_it_is_sent(
        self, budget, new_job, clock
    ):
        await priced(budget, new_job, clock, 4.0)
        clock.time += DAY
        await add(budget, new_job, 4)
        taken = [await budget.claim_next(clock.now()) for _ in range(3)]
        assert [bool(job) for job in taken] == [True, True, False]
        clock.time += DAY
        for job in filter(None, taken):
            await declare(budget, job, clock)
        assert await budget.claim_next(clock.now()) is None

    async def test_a_clock_that_ran_ahead_shuts_no_budget_for_years(self, budget, new_job, clock):
        await priced(budget, new_job, clock, 6.0)
        clock.time -= 30 * DAY
        await add(budget, new_job, 1)
        assert await budget.claim_next(clock.now()) is not None

    async def test_only_days_with_submits_are_told_newest_first(self, budget, new_job, clock):
        for usd in (1.0, 2.0, 3.0):
            await priced(budget, new_job, clock, usd)
            clock.time += 3 * DAY
        await add(budget, new_job, 1)
        await submit(budget, clock)
        days = await budget.spent(3)
        assert [(day.submits, day.unpriced, day.usd) for day in days] == [
            (1, 1, 0.0),
            (1, 0, 3.0),
            (1, 0, 2.0),
        ]
        assert [day.day for day in days] == sorted({day.day for day in days}, reverse=True)


BOUNDS = """
import json, sqlite3, sys
from reeldrop.store.ledger import day_of
db = sqlite3.connect(":memory:")
db.row_factory = sqlite3.Row
days = [day_of(db, float(at)) for at in sys.argv[1:]]
print(json.dumps([[day.name, day.begins, day.ends] for day in days]))
"""


def days_in(zone, *times):
    done = subprocess.run(
        [sys.executable, "-c", BOUNDS, *map(str, times)],
        env=os.environ | {"TZ": zone},
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("zone", "moment", "name", "hours"),
    [
        ("UTC0", "2026-05-01T23:59:59", "2026-05-01", 24),
        ("<+0545>-5:45", "2026-05-01T20:00:00", "2026-05-02", 24),
        ("<-03>3", "2026-05-01T02:59:59", "2026-04-30", 24),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T12:00:00", "2026-03-29", 23),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T12:00:00", "2026-10-25", 25),
        ("CST5CDT,M3.2.0/0,M11.1.0/1", "2026-11-01T12:00:00", "2026-11-01", 25),
        ("CST5CDT,M3.2.0/0,M11.1.0/1", "2026-03-08T18:00:00", "2026-03-08", 23),
    ],
)
def test_a_day_is_the_hosts_own(zone, moment, name, hours):
    """Its midnight, and 23 or 25 hours where the clocks change."""
    at = datetime.fromisoformat(f"{moment}+00:00").timestamp()
    ((told, begins, ends),) = days_in(zone, at)
    assert told == name
    assert begins <= at < ends
    assert (ends - begins) / 3600 == hours
    ((_, before, next_begins), (_, _, after_ends)) = days_in(zone, begins - 1, ends)
    assert (before < begins, next_begins, after_ends > ends) == (True, begins, True)


async def test_ten_thousand_charges_do_not_slow_a_claim(budget, settings, new_job, clock):
    """A busy farm's ledger is asked at every single claim."""
    await priced(budget, new_job, clock, 0.0001)
    await add(budget, new_job, 20)
    with closing(sqlite3.connect(settings.sqlite_path)) as db, db:
        db.executemany(
            "INSERT INTO prices VALUES (?, ?)", [(json.dumps(f"m{n}"), 1e-5) for n in range(3)]
        )
        db.executemany(
            "INSERT INTO charges (request_id, job, model, at, usd) VALUES (?, ?, ?, ?, ?)",
            [
                (f"r{n}", f"j{n}", json.dumps(f"m{n % 3}"), clock.now(), None if n % 2 else 1e-5)
                for n in range(10_000)
            ],
        )
    began = time.process_time()
    for _ in range(20):
        assert await budget.claim_next(clock.now()) is not None
    # The processor's time alone: the disk that each claim waits for is everybody's.
    assert (time.process_time() - began) / 20 < 0.05
