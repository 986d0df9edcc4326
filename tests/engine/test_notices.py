"""What is told when, in which order, and at least once; over the real store, with receivers that obey the test."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.intake_desk import HandClock
from reeldrop.domain.errors import NotTold, StoreUnavailable, Trouble
from reeldrop.domain.job import Claim, ClaimedFile, Cost, Job, JobId, MediaFacts, RelPath
from reeldrop.domain.lifecycle import Event
from reeldrop.domain.notices import Notice, Occasion
from reeldrop.engine.gate import Gate
from reeldrop.engine.notices import Notices
from reeldrop.engine.notices.closures import QUIET, STANDS, Closures
from reeldrop.engine.notices.line import GIVEN_UP, REFUSED
from reeldrop.engine.notices.wording import of_block
from reeldrop.engine.rooms import Rooms
from reeldrop.host.clock import SystemClock
from reeldrop.ports import Block, Clock, JobStore, Scope
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store

OF_JOBS = (Occasion.DELIVERED, Occasion.FAILED, Occasion.UNCERTAIN)
DELIVERED = (Event.DECLARED, Event.ACCEPTED, Event.COMPLETED, Event.FETCHED, Event.PLACED)
FAILED = (Event.REFUSED, Event.PLACED_FAILED)


class QuickClock(HandClock):
    """Whoever sleeps is awake at once, and later."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0)


@dataclass
class Ear:
    """A receiver; `answers` is what it does with each telling, True where nothing is said."""

    name: str = "ear"
    occasions: Collection[Occasion] = OF_JOBS
    heard: list[Notice] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    answer: Callable[[Notice], Awaitable[bool]] | None = None
    closed: bool = False

    async def tell(self, notice: Notice) -> bool:
        self.tries.append(notice.id)
        wanted = await self.answer(notice) if self.answer else True
        self.heard.append(notice)
        return wanted

    def hang(self) -> asyncio.Event:
        """Let each telling hang until the event that is returned is set."""
        done = asyncio.Event()
        self.answer = lambda _: done.wait()
        return done

    async def aclose(self) -> None:
        self.closed = True

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(n.record["event"], (n.record["job"] or {}).get("path", "")) for n in self.heard]


class Folder:
    """As much of an outbox as a notice asks for."""

    def real(self, path: RelPath) -> Path:
        return Path("/srv/out", path)


@dataclass
class World:
    """A store in which things happen, and the notices of one daemon after the other."""

    store: JobStore
    clock: QuickClock
    stopping: bool = False

    def notices(self, *receivers: Any, store: Any = None, clock: Clock | None = None) -> Notices:
        place: Any = type("Place", (), {"outbox": Folder()})
        nobody: Any = None
        rooms = Rooms(
            node="nas-1", clock=clock or self.clock, store=store or self.store, provider=nobody,
            catalogue=nobody, uploads=nobody, places={"main": place}, policy=nobody,
            stopping=lambda: self.stopping, transfers=nobody, pulse=nobody, receivers=receivers,
        )  # fmt: skip
        return Notices(rooms, Gate(self.clock))

    async def job(self, name: str, *events: Event, **fields: Any) -> Job:
        """Add a job and let `events` happen to it, from its start on."""
        path = RelPath(f"show/{name}.mov")
        job = Job(
            id=JobId(secrets.token_hex(16)), watch="main", path=path,
            folder=RelPath(f"show/{name}"), model="m", params={}, source_key=name, claimed=True,
            claim=Claim(RelPath(f".reeldrop/claims/{name}"), (ClaimedFile(path, path),)),
            created=self.clock.now(), updated=self.clock.now(), labels={"shot": 7},
        )  # fmt: skip
        await self.store.add([job])
        taken = await self.store.claim_next(self.clock.now())
        assert taken is not None
        for event in events:
            changes = fields if event is events[-1] else {}
            taken = await self.store.move(taken.evolve(**changes), event)
        return taken


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = QuickClock()
    store = await open_store(
        StoreSettings(url=f"sqlite:///{tmp_path}/state/r.db"),
        LimitSettings(in_flight=1000, submits_per_minute=1000),
        reconcile_window=1800.0,
        clock=clock,
    )
    await store.enrol_watch("main", "/in", "/out")
    yield World(store, clock)
    await store.close()


@asynccontextmanager
async def running(
    notices: Notices,
) -> AsyncGenerator[Callable[[Callable[[], Any]], Awaitable[None]]]:
    """Have a daemon's notices told meanwhile; what is given awaits a condition."""

    async def until(true: Callable[[], Any]) -> None:
        while not true():
            await asyncio.sleep(0.001)

    await notices.begin()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        lane = group.create_task(notices.lane(group.create_task))
        yield until
        lane.cancel()


async def told(notices: Notices, until: Callable[[], bool] | None = None) -> None:
    """Let the notices work until nothing is left, or until what is asked for; then end them."""
    async with running(notices) as wait:
        await wait(until or (lambda: resting(notices)))


def resting(notices: Notices) -> bool:
    return all(line.resting for line in notices._lines)


async def begun(world: World, *receivers: Ear) -> None:
    """Let a daemon run once, so that its receivers are not new any more."""
    await told(world.notices(*receivers))


async def failing(notice: Notice) -> bool:
    raise NotTold("no")


# ---------------------------------------------------------------------------- what is told


async def test_each_end_is_told_once_in_the_order_in_which_it_came(world: World) -> None:
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    await world.job("b", *FAILED)
    await world.job("c", Event.REFUSED, Event.PLACED_CANCELLED)
    await world.job("d", *DELIVERED)
    for _ in range(2):
        await told(world.notices(ear))
    assert ear.events == [
        ("delivered", "show/a.mov"),
        ("failed", "show/b.mov"),
        ("delivered", "show/d.mov"),
    ]


async def test_uncertain_is_told_when_a_person_is_needed_and_no_sooner(world: World) -> None:
    """Most of them are found in the provider's log within minutes: nobody is woken for those."""
    ear = Ear()
    await begun(world, ear)
    job = await world.job("a", Event.DECLARED, Event.OUTCOME_UNKNOWN)
    await told(world.notices(ear))
    assert ear.events == []
    held = job.evolve(held=True, reason="The log does not show it.")
    await world.store.update(held, "held", {"reason": held.reason})
    await told(world.notices(ear))
    assert ear.events == [("uncertain", "show/a.mov")]
    assert f"`reeldrop resolve {job.id[:12]}`" in ear.heard[0].message


async def test_a_notice_says_all_that_a_program_may_ask(world: World) -> None:
    ear = Ear()
    await begun(world, ear)
    world.clock.time += 5
    job = await world.job(
        "a",
        *DELIVERED,
        final=RelPath("show/a-2"),
        result=MediaFacts("a.mp4", 12),
        cost=Cost(3_900_000.0, None),
    )
    await told(world.notices(ear))
    record = ear.heard[0].record
    assert record["id"] == ear.heard[0].id == f"notice_{job.id}_{record['id'].rpartition('_')[2]}"
    assert (record["schema"], record["event"], record["node"]) == (1, "delivered", "nas-1")
    assert (record["watch"], record["at"]) == ("main", "2023-11-14T22:13:25.000Z")
    assert (record["folder"], record["result"]) == ("/srv/out/show/a-2", "/srv/out/show/a-2/a.mp4")
    assert record["job"]["labels"] == {"shot": 7}
    assert record["job"]["cost"] == {"credits": 3_900_000.0, "usd": None}
    assert record["block"] is None
    assert record["message"] == "show/a.mov is done and lies in /srv/out/show/a-2. It cost $1.95."


async def test_a_sentence_for_people_is_one_line_of_text_whatever_a_name_holds(
    world: World,
) -> None:
    ear = Ear()
    await begun(world, ear)
    trouble = Trouble("x", "odd\udcff.mov is\nno \ud800 video: " + "y" * 9000)
    await world.job("odd\udcff\n\x1b", *FAILED, error=trouble)
    await told(world.notices(ear))
    message = ear.heard[0].message
    assert message.startswith("show/odd\\udcff \\x1b.mov could not be done: odd")
    assert message.isprintable()
    assert len(message) <= 2000
    assert ear.heard[0].title.isprintable()
    assert ear.heard[0].record["job"]["path"] == "show/odd\udcff\n\x1b.mov"


async def test_who_wants_less_hears_less(world: World) -> None:
    failures, nothing = Ear("failures", [Occasion.FAILED]), Ear("nothing", [])
    await begun(world, failures, nothing)
    await world.job("a", *DELIVERED)
    await world.job("b", *FAILED)
    await told(world.notices(failures, nothing))
    assert (failures.events, nothing.events) == ([("failed", "show/b.mov")], [])


async def test_a_new_receiver_hears_nothing_of_the_past(world: World) -> None:
    """Whoever sets a webhook up must not get ten thousand posts of last year."""
    await world.job("a", *DELIVERED)
    ear = Ear()
    await begun(world, ear)
    await world.job("b", *DELIVERED)
    await begun(world)  # it was taken out of the settings
    await world.job("c", *DELIVERED)
    await told(world.notices(ear))
    await world.job("d", *DELIVERED)
    await told(world.notices(ear))
    assert ear.events == [("delivered", "show/d.mov")]


async def test_one_that_is_to_hear_more_hears_nothing_of_the_past_either(world: World) -> None:
    await begun(world, Ear("ear", [Occasion.FAILED]))
    await world.job("a", *DELIVERED)
    await told(world.notices(Ear("ear", [Occasion.FAILED])))
    more = Ear("ear")
    await told(world.notices(more))
    assert more.events == []


async def test_a_job_that_is_begun_anew_is_told_of_each_end(world: World) -> None:
    ear = Ear()
    await begun(world, ear)
    job = await world.job("a", *FAILED)
    again = await world.store.move(job, Event.AGAIN)
    await told(world.notices(ear))
    taken = await world.store.claim_next(world.clock.now())
    assert taken is not None
    assert taken.id == again.id
    for event in FAILED:
        taken = await world.store.move(taken, event)
    await told(world.notices(ear))
    assert ear.events == [("failed", "show/a.mov")] * 2
    assert len({notice.id for notice in ear.heard}) == 2


async def test_a_long_journal_is_read_in_stretches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeldrop.store.cursors.STRETCH", 3)
    ear = Ear(occasions=[Occasion.FAILED])
    await begun(world, ear)
    for number in range(4):
        await world.job(f"{number}", *DELIVERED)
    await world.job("bad", *FAILED)
    await told(world.notices(ear))
    assert ear.events == [("failed", "show/bad.mov")]


# ---------------------------------------------------------------------------- at least once


async def test_what_was_cut_off_is_told_again_under_the_same_id(world: World) -> None:
    """A kill between the telling and putting it down: twice is possible, never is not."""
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    await world.job("b", *DELIVERED)

    async def never(notice: Notice) -> bool:
        await asyncio.Event().wait()
        return True

    ear.answer = never
    await told(world.notices(ear), until=lambda: len(ear.tries) == 1)
    ear.answer = None
    await told(world.notices(ear))
    assert ear.events == [("delivered", "show/a.mov"), ("delivered", "show/b.mov")]
    assert ear.tries[0] == ear.tries[1]


async def test_a_stop_waits_until_it_is_put_down_what_was_told(world: World) -> None:
    """Cut off between the two, the next run would tell it again."""
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    putting_down, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        def __getattr__(self, name: str) -> Any:
            async def run(*args: Any) -> Any:
                if name == "set_cursor":
                    putting_down.set()
                    await go_on.wait()
                return await getattr(world.store, name)(*args)

            return run

    notices = world.notices(ear, store=Slow())
    async with running(notices) as until:
        await putting_down.wait()
        assert (len(ear.heard), notices.is_telling) == (1, True)
        go_on.set()
        await until(lambda: not notices.is_telling)


async def test_a_store_that_fails_for_a_while_loses_nothing(world: World) -> None:
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)

    class Failing:
        failures = 6

        def __getattr__(self, name: str) -> Any:
            async def run(*args: Any) -> Any:
                if name != "open_cursors" and self.failures:
                    self.failures -= 1
                    raise StoreUnavailable("busy")
                return await getattr(world.store, name)(*args)

            return run

    notices = world.notices(ear, store=Failing())
    await told(notices, until=lambda: bool(ear.heard))
    await told(world.notices(ear))
    assert set(ear.events) == {("delivered", "show/a.mov")}


async def test_what_happens_while_it_runs_is_told_when_it_is_heard_of(world: World) -> None:
    ear = Ear()
    notices = world.notices(ear)
    async with running(notices) as until:
        await until(lambda: resting(notices))
        for number, name in enumerate(("a", "b"), 1):
            await world.job(name, *DELIVERED)
            notices.changed()
            await until(lambda number=number: len(ear.heard) == number and resting(notices))
    assert ear.events == [("delivered", "show/a.mov"), ("delivered", "show/b.mov")]


async def test_a_job_that_nobody_knows_any_more_is_passed_over(world: World) -> None:
    """A person has changed the database by hand; the others are told all the same."""
    ear = Ear()
    await begun(world, ear)
    lost = await world.job("lost", *DELIVERED)
    await world.job("a", *DELIVERED)

    class Without:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.store, name)

        async def get(self, job_id: JobId) -> Job | None:
            return None if job_id == lost.id else await world.store.get(job_id)

    await told(world.notices(ear, store=Without()))
    assert ear.events == [("delivered", "show/a.mov")]


async def test_one_that_fails_is_tried_again_with_growing_pauses_and_told_of_twice_in_the_log(
    world: World,
) -> None:
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    await world.job("b", *DELIVERED)
    at: list[float] = []

    async def later(notice: Notice) -> bool:
        at.append(world.clock.time)
        if len(at) < 20:
            raise NotTold("no", retry_after=5000.0 if len(at) == 19 else None)
        return True

    ear.answer = later
    with capture_logs() as logs:
        await told(world.notices(ear), until=lambda: len(ear.heard) == 2)
    pauses = [after - before for before, after in pairwise(at)]
    assert pauses[:3] == [2.0, 4.0, 8.0]
    assert max(pauses) == pauses[-2] == 3600.0
    assert [each["event"] for each in logs if each["log_level"] != "debug"] == [
        "notice.failed",
        "notice.recovered",
    ]
    assert ear.events == [("delivered", "show/a.mov"), ("delivered", "show/b.mov")]


@pytest.mark.parametrize(("refused", "patience"), [(False, GIVEN_UP), (True, REFUSED)])
async def test_what_nobody_takes_is_given_up_and_those_after_it_are_told(
    world: World, refused: bool, patience: float
) -> None:
    ear = Ear()
    await begun(world, ear)
    bad = await world.job("bad", *DELIVERED)
    await world.job("good", *DELIVERED)
    began = world.clock.time

    async def not_that_one(notice: Notice) -> bool:
        if bad.id in notice.id:
            raise NotTold("no", refused=refused)
        return True

    ear.answer = not_that_one
    with capture_logs() as logs:
        await told(world.notices(ear), until=lambda: len(ear.heard) == 1)
    (given_up,) = [each for each in logs if each["event"] == "notice.given_up"]
    assert given_up["receiver"] == "ear"
    assert patience < world.clock.time - began < patience + 2 * 3600
    assert ear.events == [("delivered", "show/good.mov")]


async def test_a_bug_that_one_notice_meets_ends_neither_the_daemon_nor_the_line(
    world: World,
) -> None:
    """It would be met again at every start, for the line would still stand at it."""
    ear = Ear()
    await begun(world, ear)
    bad = await world.job("bad", *DELIVERED)
    await world.job("good", *DELIVERED)

    async def stumble(notice: Notice) -> bool:
        if bad.id in notice.id:
            raise ZeroDivisionError
        return True

    ear.answer = stumble
    with capture_logs() as logs:
        await told(world.notices(ear), until=lambda: len(ear.heard) == 1)
    assert {"notice.crashed", "notice.given_up"} <= {each["event"] for each in logs}
    assert ear.events == [("delivered", "show/good.mov")]


async def test_after_a_long_time_off_everything_is_tried_before_it_is_given_up(
    world: World,
) -> None:
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    world.clock.time += 30 * GIVEN_UP
    await told(world.notices(ear))
    assert ear.events == [("delivered", "show/a.mov")]


async def test_one_that_wants_nothing_more_is_left_alone(world: World) -> None:
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    await world.job("b", *DELIVERED)

    async def gone(notice: Notice) -> bool:
        return False

    ear.answer = gone
    await told(world.notices(ear))
    assert len(ear.tries) == 1
    ear.answer = None
    ear.heard.clear()
    await told(world.notices(ear))
    assert ear.events == [], "it begins anew, like one that is new"


async def test_one_that_hangs_holds_up_no_other(world: World) -> None:
    hanging, other = Ear("hanging"), Ear("other")
    await begun(world, hanging, other)
    await world.job("a", *DELIVERED)

    async def never(notice: Notice) -> bool:
        await asyncio.Event().wait()
        return True

    hanging.answer = never
    notices = world.notices(hanging, other)
    await told(notices, until=lambda: len(other.heard) == 1 and len(hanging.tries) == 1)


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_single_run_waits_for_first_tries_and_not_for_ever(
    world: World, hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeldrop.engine.notices.board.FIRST_TRIES", 0.2 if hangs else inf)
    good, bad = Ear("good"), Ear("bad")
    await begun(world, good, bad)
    await world.job("a", *DELIVERED)

    async def answer(notice: Notice) -> bool:
        if hangs:
            await asyncio.Event().wait()
        raise NotTold("no", retry_after=3600.0)

    bad.answer = answer
    notices = world.notices(good, bad, clock=SystemClock())
    waiting = asyncio.ensure_future(notices.first_tries())

    def over() -> bool:
        # Where one hangs the other may still be to come when the wait is over.
        return waiting.done() and (not hangs or bool(good.heard and bad.tries))

    await told(notices, until=over)
    assert len(good.heard) == len(bad.tries) == 1


async def test_nothing_new_is_begun_while_the_daemon_stops(world: World) -> None:
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    await world.job("b", *DELIVERED)

    async def stops(notice: Notice) -> bool:
        world.stopping = True
        return True

    ear.answer = stops
    await told(world.notices(ear))
    assert len(ear.heard) == 1
    world.stopping, ear.answer = False, None
    await told(world.notices(ear))
    assert ear.events == [("delivered", "show/a.mov"), ("delivered", "show/b.mov")]


# ---------------------------------------------------------------------------- others in their place


class StandingClock(HandClock):
    """Nothing that takes a second or more ever ends."""

    async def sleep(self, seconds: float) -> None:
        await (asyncio.Event().wait() if seconds >= 1 else asyncio.sleep(0))


async def test_what_is_being_told_is_told_to_its_end_and_the_rest_to_who_came(world: World) -> None:
    """A hook that takes its time when the settings change: it runs once, and the new one goes on."""
    old, new = Ear("hook"), Ear("hook")
    await begun(world, old)
    for name in ("a", "b"):
        await world.job(name, *DELIVERED)
    done = old.hang()
    notices = world.notices(old)
    async with running(notices) as until:
        await until(lambda: old.tries)
        notices.replace([new])
        for _ in range(100):
            await asyncio.sleep(0)
        assert new.tries == []
        done.set()
        await until(lambda: new.heard)
        assert old.closed
    assert (old.events, new.events) == (
        [("delivered", "show/a.mov")],
        [("delivered", "show/b.mov")],
    )


async def test_what_failed_is_told_at_once_to_who_came_in_its_place(world: World) -> None:
    """The address was wrong, and is mended: nobody waits for the next try in an hour."""
    wrong, right = Ear(answer=failing), Ear()
    await begun(world, wrong)
    await world.job("a", *DELIVERED)
    notices = world.notices(wrong, clock=StandingClock())
    async with running(notices) as until:
        await until(lambda: wrong.tries and resting(notices))
        notices.replace([right])
        await until(lambda: right.heard)
    assert (right.events, len(wrong.tries)) == ([("delivered", "show/a.mov")], 1)


async def test_a_block_that_could_not_be_told_is_told_to_who_came(world: World) -> None:
    """Once: the block stands, and those who come do not begin anew with it."""
    wrong, right = (Ear("ear", [Occasion.BLOCKED], answer=each) for each in (failing, None))
    notices = world.notices(wrong)
    notices._gate.offline("main", OFFLINE.reason)
    async with running(notices) as until:
        await until(lambda: wrong.tries)
        notices.replace([right])
        await until(lambda: right.heard)
        later = world.clock.time + 2 * QUIET
        await until(lambda: world.clock.time > later)
    assert len(right.heard) == 1
    assert set(wrong.tries) == {right.heard[0].id}


async def test_who_comes_hears_nothing_of_the_past_and_who_goes_nothing_more(world: World) -> None:
    goes, stays, comes = Ear("goes"), Ear("stays"), Ear("comes")
    notices = world.notices(goes, stays)
    async with running(notices) as until:
        await world.job("a", *DELIVERED)
        notices.changed()
        await until(lambda: goes.heard and stays.heard)
        notices.replace([stays, comes])
        await until(lambda: goes.closed and resting(notices))
        await world.job("b", *DELIVERED)
        notices.changed()
        await until(lambda: comes.heard and len(stays.heard) == 2)
        back = Ear("goes")
        notices.replace([back])
        await until(lambda: comes.closed and resting(notices))
        await world.job("c", *DELIVERED)
        notices.changed()
        await until(lambda: back.heard)
    paths = [[path for _, path in each.events] for each in (goes, stays, comes, back)]
    assert paths == [
        ["show/a.mov"], ["show/a.mov", "show/b.mov"], ["show/b.mov"], ["show/c.mov"],
    ]  # fmt: skip


async def test_one_that_hangs_when_others_come_holds_up_itself_alone(world: World) -> None:
    """A reload while one hook hangs: all the others are told, also by the reload after that."""
    hangs, other = Ear("hangs"), Ear("other")
    await begun(world, hangs, other)
    await world.job("a", *DELIVERED)
    done = hangs.hang()
    notices = world.notices(hangs, other)
    places = [(hangs, other)] + [(Ear("hangs"), Ear("other"), Ear("new")) for _ in range(2)]
    async with running(notices) as until:
        await until(lambda: hangs.tries and other.heard)
        for name, ears in zip("bc", places[1:], strict=True):
            notices.replace(ears)
            await until(lambda now=ears: all(line._receiver in now for line in notices._lines))
            await until(lambda now=ears: all(line.resting for line in notices._lines[1:]))
            await world.job(name, *DELIVERED)
            notices.changed()
            await until(lambda now=ears: all(ear.heard for ear in now[1:]))
            assert notices.is_telling, "a stop gives it its time all the same"
        assert hangs.tries
        assert not any(ears[0].tries for ears in places[1:])
        done.set()
        await until(lambda: len(places[2][0].heard) == 2)
        assert hangs.closed
        assert places[1][0].closed, "it came and went before its turn"
    assert [ear.events for ear in places[2]] == [
        [("delivered", "show/b.mov"), ("delivered", "show/c.mov")],
        [("delivered", "show/c.mov")],
        [("delivered", "show/c.mov")],
    ]
    assert hangs.events == [("delivered", "show/a.mov")]
    assert places[1][0].tries == []


async def test_who_is_taken_out_while_it_hears_is_new_when_it_comes_back(world: World) -> None:
    ear = Ear()
    await begun(world, ear)
    await world.job("a", *DELIVERED)
    done = ear.hang()
    notices = world.notices(ear)
    async with running(notices) as until:
        await until(lambda: ear.tries)
        notices.replace([])
        await until(lambda: not notices._lines)
        done.set()
        await until(lambda: ear.closed)
        await world.job("b", *DELIVERED)
        back = Ear()
        notices.replace([back])
        await until(lambda: notices._lines and resting(notices))
        await world.job("c", *DELIVERED)
        notices.changed()
        await until(lambda: back.heard)
    assert back.events == [("delivered", "show/c.mov")]


async def test_who_leaves_tries_nothing_again(world: World) -> None:
    """What was being told fails after the reload: the new one tells it, at once."""
    old, new = Ear(), Ear()
    await begun(world, old)
    await world.job("a", *DELIVERED)
    done = asyncio.Event()

    async def fails(notice: Notice) -> bool:
        await done.wait()
        raise NotTold("no")

    old.answer = fails
    notices = world.notices(old, clock=StandingClock())
    async with running(notices) as until:
        await until(lambda: old.tries)
        notices.replace([new])
        await until(lambda: notices._lines[0]._receiver is new)
        done.set()
        await until(lambda: new.heard)
    assert (len(old.tries), new.events) == (1, [("delivered", "show/a.mov")])


# ---------------------------------------------------------------------------- the queue

FUNDS = Block("The account has no funds.")
OFFLINE = Block("The inbox is away.", Scope.WATCH, "main")
RATE = Block("60 submits a minute", passing=True)


class Seen:
    """Closures, and what they tell of the blocks of each moment."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self._closures = Closures(self.clock)

    def after(self, seconds: float, *blocks: Block) -> list[tuple[str, str]]:
        self.clock.time += seconds
        return [(str(what), block.reason) for what, block, _ in self._closures.news(blocks)]


def test_a_block_is_told_once_when_it_has_come_to_stay_and_again_when_it_goes() -> None:
    seen = Seen()
    assert seen.after(0, FUNDS) == []
    assert seen.after(STANDS, FUNDS) == [("blocked", FUNDS.reason)]
    assert seen.after(100_000, FUNDS) == []
    assert seen.after(1, Block("another reason for the same")) == []
    assert seen.after(1) == [("unblocked", FUNDS.reason)]


def test_what_time_alone_ends_or_is_over_soon_is_nobodys_business() -> None:
    seen = Seen()
    assert seen.after(0, RATE, FUNDS) == []
    assert seen.after(STANDS - 1, RATE, FUNDS) == []
    assert seen.after(2, RATE) == []
    assert seen.after(1000, RATE) == []


def test_each_reach_is_told_by_itself() -> None:
    seen = Seen()
    seen.after(0, FUNDS, OFFLINE)
    assert seen.after(STANDS, FUNDS, OFFLINE) == [
        ("blocked", FUNDS.reason),
        ("blocked", OFFLINE.reason),
    ]


def test_one_that_comes_and_goes_is_told_now_and_then() -> None:
    """A share with a loose cable must not fill a mailbox."""
    seen = Seen()
    told = []
    for _ in range(40):
        told += seen.after(1, OFFLINE) + seen.after(STANDS, OFFLINE) + seen.after(10)
    assert told.count(("blocked", OFFLINE.reason)) == 40 * (STANDS + 11) // QUIET + 1
    assert told.count(("unblocked", OFFLINE.reason)) == told.count(("blocked", OFFLINE.reason))


async def test_the_gates_block_reaches_who_wants_to_hear_of_it(world: World) -> None:
    ear, other = Ear("ear", [Occasion.BLOCKED, Occasion.UNBLOCKED]), Ear("other")
    notices = world.notices(ear, other)
    notices._gate.offline("main", OFFLINE.reason)

    def both() -> bool:
        if ear.heard:
            notices._gate.offline("main", "")
        return len(ear.heard) == 2

    await told(notices, until=both)
    assert ear.heard[1].message == "Watch main goes on. It had waited: The inbox is away."
    assert ear.heard[0].id != ear.heard[1].id
    record = ear.heard[0].record
    assert (record["event"], record["watch"], record["job"]) == ("blocked", "main", None)
    assert record["block"] == {"scope": "watch", "of": "main", "reason": OFFLINE.reason}
    assert record["message"] == "Watch main waits: The inbox is away."
    assert other.heard == []


OF_QUEUE = (Occasion.BLOCKED, Occasion.UNBLOCKED)


@pytest.mark.parametrize("before", ["nobody", "hears of jobs", "hears of its end"])
async def test_who_comes_during_a_block_hears_of_it_and_of_its_end(
    world: World, before: str
) -> None:
    """That something is over means nothing to who has not heard of it."""
    stays, comes = Ear("stays", OF_QUEUE), Ear("comes", OF_QUEUE)
    had = {"nobody": [], "hears of jobs": OF_JOBS, "hears of its end": [Occasion.UNBLOCKED]}[before]
    notices = world.notices(stays, *([Ear("comes", had)] if had else []))
    notices._gate.offline("main", OFFLINE.reason)
    async with running(notices) as until:
        await until(lambda: stays.heard)
        again = Ear("stays", OF_QUEUE)
        notices.replace([again, comes])
        await until(lambda: comes.heard)
        notices._gate.offline("main", "")
        await until(lambda: len(comes.heard) == 2 and again.heard)
    assert [each.occasion for each in comes.heard] == list(OF_QUEUE)
    assert [each.occasion for each in (*stays.heard, *again.heard)] == list(OF_QUEUE)
    assert comes.heard[0].id == stays.heard[0].id


async def test_what_waits_of_the_queue_is_told_only_to_who_wants_to_hear_of_it(
    world: World,
) -> None:
    wrong, less = Ear("ear", OF_QUEUE, answer=failing), Ear("ear", [Occasion.UNBLOCKED])
    notices = world.notices(wrong)
    notices._gate.offline("main", OFFLINE.reason)
    async with running(notices) as until:
        await until(lambda: wrong.tries)
        notices.replace([less])
        await until(lambda: wrong.closed)
        notices._gate.offline("main", "")
        await until(lambda: less.heard)
    assert {each.occasion for each in less.heard} == {Occasion.UNBLOCKED}


async def test_where_too_much_waits_the_oldest_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that is the one that is being tried when others come."""
    monkeypatch.setattr("reeldrop.engine.notices.line.WAITING", 2)
    wrong, right = Ear("ear", OF_QUEUE, answer=failing), Ear("ear", OF_QUEUE)
    notices = world.notices(wrong, clock=StandingClock())
    blocks = [Block(f"{number}", Scope.WATCH, f"{number}") for number in range(3)]
    async with running(notices) as until:
        (line,) = notices._lines
        rooms = notices._rooms
        line.say(of_block(Occasion.BLOCKED, blocks[0], 0.0, rooms))
        await until(lambda: wrong.tries)
        for block in blocks[1:]:
            line.say(of_block(Occasion.BLOCKED, block, 0.0, rooms))
        notices.replace([right])
        await until(lambda: len(right.heard) == 2)
    assert [each.record["block"]["of"] for each in right.heard] == ["1", "2"]
