"""What was delivered and comes again is listed and not run; one ticket is one job for ever."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from engine.intake_desk import GOOD, Desk, clip_bytes, desk, png_bytes, reasons, settings
from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import GenerationId, Job, MediaFacts, RelPath
from reeldrop.domain.lifecycle import Event, State, Verdict
from reeldrop.domain.sameness import files_in

__all__ = ["desk", "settings"]

THEN = 1_600_000_000_000_000_000
"""When the clips were made; a sync tool keeps it."""


class Counting:
    """A port that counts what it is asked; it answers as it always does."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] += 1
        return getattr(self._port, name)


def come(desk: Desk, body: Any = GOOD, content: bytes | None = None, mtime: int = THEN) -> None:
    """Let the drop `a` come, with the time of its clip."""
    desk.drop("a.mov", body)
    desk.put("a.mov", content)
    os.utime(desk.folder / "a.mov", ns=(mtime, mtime))


async def taken(desk: Desk) -> Job:
    """Take the next job, and record what a submit of it would have sent."""
    job = await desk.store.claim_next(desk.clock.now())
    assert job is not None

    def read(origin: RelPath) -> str:
        path = desk.folder / job.claim.path_of(origin)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    digests = {origin: read(origin) for origin in files_in(job.params)}
    source = job.source and replace(job.source, sha256=digests[job.path])
    media = tuple(replace(each, sha256=digests[RelPath(each.name)]) for each in job.media)
    sent = job.evolve(
        attempts=1, request_ids=(job.request_id,), submitted=desk.clock.now(), source=source,
        media=media,
    )  # fmt: skip
    return await desk.store.move(sent, Event.DECLARED)


async def delivered(desk: Desk) -> Job:
    """Bring the next job to its delivery."""
    job = await taken(desk)
    generation = GenerationId(f"gen-{job.id}")
    job = await desk.store.move(job.evolve(generation_id=generation), Event.ACCEPTED)
    job = await desk.store.move(job, Event.COMPLETED)
    job = await desk.store.move(
        job.evolve(verdict=Verdict.DELIVERED, final=job.folder), Event.FETCHED
    )
    return await desk.store.move(job, Event.PLACED)


async def failed(desk: Desk, code: str) -> Job:
    """Bring the next job to a failure."""
    job = await taken(desk)
    generation = GenerationId(f"gen-{job.id}")
    job = await desk.store.move(job.evolve(generation_id=generation), Event.ACCEPTED)
    trouble = Trouble(code, "It went wrong.")
    job = await desk.store.move(job.evolve(verdict=Verdict.FAILED, error=trouble), Event.REFUSED)
    return await desk.store.move(job, Event.PLACED_FAILED)


async def test_it_is_listed_and_read_once(desk: Desk) -> None:
    """A large folder that is synced again must not be hashed at every look."""
    come(desk)
    await desk.settled()
    job = await delivered(desk)
    store, inbox = Counting(desk.store), Counting(desk.inbox)
    desk.inbox = inbox  # type: ignore[assignment]
    desk.intake = desk.another(store=store)
    come(desk)
    looked = await desk.settled()
    assert reasons(looked) == {
        "a.mov": f"is the file of job {job.id[:8]} again, which was delivered as a: not run; "
        f"`reeldrop retry {job.id[:8]} --pay-again` runs it, or take the file away"
    }
    assert (looked.jobs_added, looked.still_settling) == (0, False)
    for _ in range(3):
        assert (await desk.settled()).waiting == looked.waiting
    assert (inbox.asked["sha256"], store.asked["delivered_like"]) == (1, 1)
    assert desk.left() == {"a.mov", "a.json"}


async def test_it_holds_up_nothing_else(desk: Desk) -> None:
    """Neither other clips nor a run that works off what is there."""
    come(desk)
    await desk.settled()
    await delivered(desk)
    come(desk)
    desk.drop("b.mov")
    assert (await desk.settled()).jobs_added == 1


ONE, TWO = (clip_bytes() + b"\0\0\0\x0cfree" + word for word in (b"1111", b"2222"))
"""Whole clips of one size; a `free` box means nothing."""


@pytest.mark.parametrize(
    ("body", "content", "mtime"),
    [(GOOD, TWO, THEN), (GOOD, ONE, THEN + 1), ({"prompt": "as a fresco"}, ONE, THEN)],
    ids=["bytes", "time", "spec"],
)
async def test_anything_else_runs(desk: Desk, body: Any, content: bytes, mtime: int) -> None:
    """Only the same path, size, time, bytes and spec are the same file."""
    come(desk, content=ONE)
    await desk.settled()
    await delivered(desk)
    come(desk, body, content, mtime)
    assert (await desk.settled()).jobs_added == 1


async def test_another_picture_of_the_same_size_runs(desk: Desk) -> None:
    """References are part of what was asked for."""
    body = {**GOOD, "image_list": ["style.png"]}
    desk.put("style.png", png_bytes() + b"1")
    come(desk, body)
    await desk.settled()
    await delivered(desk)
    come(desk, body)
    assert (await desk.settled()).jobs_added == 0
    desk.put("style.png", png_bytes() + b"2")
    assert (await desk.settled()).jobs_added == 1


async def test_of_variants_that_are_alike_as_many_run_as_were_not_delivered(desk: Desk) -> None:
    """One of two takes failed: its files go back, and the other take is not paid for again."""
    body = {**GOOD, "reeldrop": {"variants": [{}, {}]}}
    come(desk, body)
    await desk.settled()
    done = await delivered(desk)
    lost = await failed(desk, "generation_failed")
    come(desk, body)
    assert (await desk.settled()).jobs_added == 1
    [again] = await desk.store.jobs([State.QUEUED])
    assert (again.folder, done.folder != again.folder) == (lost.folder, True)


class TestTickets:
    """Two drops with one ticket are one job."""

    BODY: Mapping[str, Any] = {**GOOD, "reeldrop": {"ticket": "farm-17"}}

    async def test_the_second_is_listed(self, desk: Desk) -> None:
        """At once, and after the first has been delivered."""
        desk.drop("a.mov", self.BODY)
        await desk.settled()
        desk.drop("b.mov", self.BODY)
        looked = await desk.settled()
        [job] = await desk.store.jobs()
        assert reasons(looked) == {
            "b.mov": f"has the ticket of job {job.id[:8]} (a.mov, queued): two drops with one ticket "
            "are one job, this one is not run; take it away, or give it another ticket"
        }
        assert (looked.jobs_added, looked.still_settling) == (0, False)
        await delivered(desk)
        again = f"`reeldrop retry {job.id[:8]} --pay-again` runs that again"
        assert again in reasons(await desk.settled())["b.mov"]

    async def test_two_at_the_same_instant_are_one(self, desk: Desk) -> None:
        """Whichever is first."""
        desk.drop("a.mov", self.BODY)
        desk.drop("b.mov", self.BODY)
        looked = await desk.settled()
        assert (looked.jobs_added, len(looked.waiting)) == (1, 1)

    async def test_variants_share_the_ticket_of_their_drop(self, desk: Desk) -> None:
        """They are the one job of that ticket."""
        own = {"ticket": "farm-17", "variants": [{}, {"prompt": "as a fresco"}]}
        desk.drop("a.mov", {**GOOD, "reeldrop": own})
        assert (await desk.settled()).jobs_added == 2

    async def test_one_that_failed_unpaid_may_be_dropped_again(self, desk: Desk) -> None:
        """Nothing was made for that ticket."""
        desk.drop("a.mov", self.BODY)
        await desk.settled()
        await failed(desk, "generation_failed")
        desk.drop("b.mov", self.BODY)
        assert (await desk.settled()).jobs_added == 1

    async def test_one_that_failed_paid_is_a_person_s_to_begin_again(self, desk: Desk) -> None:
        """Its money is spent: a farm that repeats its task must not spend it twice."""
        desk.drop("a.mov", self.BODY)
        await desk.settled()
        await failed(desk, "result_lost")
        desk.drop("b.mov", self.BODY)
        looked = await desk.settled()
        assert "(a.mov, failed)" in reasons(looked)["b.mov"]


class TestNever:
    """`duplicates = "never"` runs every drop."""

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"duplicates": "never"}

    async def test_also_one_that_comes_again(self, desk: Desk) -> None:
        come(desk)
        await desk.settled()
        await delivered(desk)
        come(desk)
        assert (await desk.settled()).jobs_added == 1


async def test_references_are_known_by_size_before_they_are_sent(desk: Desk) -> None:
    """What a job will send is in its record, also where it is never submitted."""
    desk.put("style.png", png_bytes())
    come(desk, {**GOOD, "image_list": ["style.png", "style.png"]})
    await desk.settled()
    [job] = await desk.store.jobs()
    assert job.media == (MediaFacts("style.png", len(png_bytes())),)
