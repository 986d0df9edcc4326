"""The contract of `ports.JobStore`, over every store there is."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from reeldrop.domain.errors import Lost, Trouble
from reeldrop.domain.job import (
    Claim,
    ClaimedFile,
    Cost,
    GenerationId,
    Job,
    MediaFacts,
    MediaFile,
    RelPath,
    Waiting,
)
from reeldrop.domain.lifecycle import Event, IllegalTransition, State, Verdict
from reeldrop.domain.retry import LONGEST_WAIT
from reeldrop.ports import JobStore, KeptFile

ODD_NAMES = [
    "sch\udcf6n.mp4",
    "🎬.mp4",
    "two\nlines.mp4",
    'a"b\\c.mp4',
    "nul\x00.mp4",
    "e\u0301.mp4",
]
TO_GENERATING = (Event.DECLARED, Event.ACCEPTED)
WAY_TO = {
    State.UPLOADING: (),
    State.SUBMITTING: (Event.DECLARED,),
    State.GENERATING: TO_GENERATING,
    State.UNCERTAIN: (Event.DECLARED, Event.OUTCOME_UNKNOWN),
    State.DOWNLOADING: (*TO_GENERATING, Event.COMPLETED),
    State.DELIVERING: (*TO_GENERATING, Event.COMPLETED, Event.FETCHED),
    State.DELIVERED: (*TO_GENERATING, Event.COMPLETED, Event.FETCHED, Event.PLACED),
}


async def bring(store: JobStore, job: Job, state: State, now: float) -> Job:
    """Add `job`, claim it and walk it to `state`."""
    assert await store.add([job])
    claimed = await store.claim_next(now)
    assert claimed is not None
    for event in WAY_TO[state]:
        claimed = await store.move(claimed, event)
    return claimed


class TestRecords:
    async def test_a_job_comes_back_as_it_was_given(self, store, new_job, clock):
        """What is not written is lost at the next stop: every field, with every value."""
        job = new_job(
            params={"prompt": "p", "image_list": [MediaFile(RelPath("ref/a.png")), "https://x/y"]},
            claim=Claim(
                RelPath("sub/.reeldrop/claims/1"),
                (ClaimedFile(RelPath("a.mov"), RelPath("sub/a.mov")),),
                (ClaimedFile(RelPath("ref/a.png"), RelPath("ref/a.png")),),
            ),
            priority=-3,
            upload="data_uri",
            labels={"shot": 10, "deep": {"a": [None, True, 1.5]}},
            ticket="farm-17",
            reason="waits for the API",
            late=True,
            not_before=clock.now() - 1.25,
            tries=4,
            attempts=2,
            request_ids=("x.1", "x.2"),
            upload_mode="data_uri",
            generation_id=GenerationId("gen:/1"),
            submitted=clock.now() - 9,
            result_url="https://cdn/x.mp4",
            download=RelPath("x.part"),
            verdict=Verdict.FAILED,
            staged=RelPath(".reeldrop/staging/x"),
            final=RelPath("show/x-2"),
            source=MediaFacts("a.mov", 12, "00ff", 3.0, 1280, 720, 24.0, "h264"),
            media=(MediaFacts("ref/a.png", 3),),
            result=MediaFacts("x.mp4", 99, seconds=5.0),
            cost=Cost(1.5, 0.25),
            error=Trouble("rejected", "no", "try again"),
        )
        assert await store.add([job])
        assert await store.get(job.id) == job

    @pytest.mark.parametrize("name", ODD_NAMES)
    async def test_any_name_a_disk_can_hold_comes_back(self, store, new_job, name):
        """File names are bytes; a clip whose name is no text is a clip all the same."""
        path = RelPath(f"fol{name}der/{name}")
        folder = RelPath(f"fol{name}der/.reeldrop/claims/1")
        claim = Claim(folder, (ClaimedFile(RelPath(name), path),))
        job = new_job(path=path, claim=claim, source_key=f"main:{path}", labels={name: name})
        await store.add([job])
        assert [job] == await store.jobs_of_claim(folder, "main")
        assert await store.add([new_job(source_key=f"main:{path}")]) is False
        await store.set_waiting("main", [Waiting("main", path, f"waits for {name}", 1.0)])
        assert [Waiting("main", path, f"waits for {name}", 1.0)] == await store.waiting()

    async def test_an_unknown_job_is_none(self, store, new_job):
        assert await store.get(new_job().id) is None

    async def test_jobs_come_newest_change_first_and_filtered(self, store, new_job, clock):
        """Status pages ask for what has changed lately, in some states, so many."""
        first, second, third = new_job(), new_job(), new_job()
        for job in (first, second, third):
            await store.add([job])
        clock.time += 10
        changed = await store.update(third, "noted")
        clock.time += 10
        taken = await store.claim_next(clock.now())
        assert first.id == taken.id
        assert [taken, changed, second] == await store.jobs()
        assert [taken, changed] == await store.jobs(limit=2)
        assert [taken] == await store.jobs([State.UPLOADING])
        assert [taken] == await store.jobs(since=clock.now())
        assert [changed, second] == await store.jobs([State.QUEUED, State.FAILED])
        assert await store.jobs([]) == []

    async def test_the_journal_tells_every_change_in_its_order(self, store, new_job, clock):
        """The record shows every state with its time; nothing may be missing from it."""
        job = await bring(store, new_job(), State.UPLOADING, clock.now())
        clock.time += 5
        job = await store.update(job, "slowed", {"why": "\udcff"})
        job = await store.move(job, Event.DECLARED, {"request_id": job.request_id})
        told = [(e.event, e.state, e.token, e.note) for e in await store.journal(job.id)]
        assert told == [
            ("added", State.QUEUED, 0, {}),
            ("taken", State.UPLOADING, 1, {}),
            ("slowed", State.UPLOADING, 1, {"why": "\udcff"}),
            ("declared", State.SUBMITTING, 1, {"request_id": f"{job.id}.1"}),
        ]
        assert [entry.at - clock.now() + 5 for entry in await store.journal(job.id)] == [0, 0, 5, 5]

    async def test_a_store_keeps_its_name_over_restarts(self, store, open_again):
        """The markers in the folders name their store; a new name would lock its owner out."""
        name = await store.store_id()
        assert len(bytes.fromhex(name)) == 16
        assert name == await (await open_again()).store_id()


class TestSources:
    async def test_one_source_has_one_job_that_is_not_final(self, store, new_job, clock):
        """A scan that sees a claim half made must not run the clip twice."""
        job = new_job()
        assert await store.add([job])
        assert await store.add([new_job(source_key=job.source_key)]) is False
        assert len(await store.jobs()) == 1

    async def test_a_source_whose_job_has_ended_runs_again(self, store, new_job, clock):
        """What is dragged back from `_failed/` is the same file, and shall run."""
        ended = await bring(store, new_job(), State.DELIVERED, clock.now())
        assert await store.add([new_job(source_key=ended.source_key)])

    async def test_of_a_hundred_callers_with_one_source_one_wins(self, store, new_job):
        jobs = [new_job(source_key="main:same") for _ in range(100)]
        added = await asyncio.gather(*(store.add([job]) for job in jobs))
        assert sum(added) == 1

    async def test_the_jobs_of_one_drop_are_recorded_all_or_none(self, store, new_job):
        """Variants share a clip: one of them alone would leave the others unmade for ever."""
        under_way = new_job()
        await store.add([under_way])
        assert await store.add([new_job(), new_job(source_key=under_way.source_key)]) is False
        assert len(await store.jobs()) == 1

    async def test_kept_files_are_known_from_the_moment_their_job_is(self, store, new_job):
        """A kept clip stays in the inbox: what is not remembered would be paid for again."""
        clip, sidecar = RelPath("a\udcff.mp4"), RelPath("a\udcff.json")
        claim = Claim(RelPath(""), (ClaimedFile(clip, clip), ClaimedFile(sidecar, sidecar)))
        job = new_job(claim=claim)
        files = [
            KeptFile(clip, "1:2:3:4", "aa", job.id),
            KeptFile(sidecar, "1:3:3:4", "bb", job.id),
        ]
        await store.add([job], files)
        assert await store.known_kept("main") == files
        assert await store.known_kept("other") == []

    async def test_a_kept_file_is_known_under_every_stat_key_it_has_had(self, store, new_job):
        """A file that was touched is read once more, not at every start."""
        job, file = kept_job(new_job)
        await store.add([job], [file])
        for _ in range(2):
            await store.remember_kept("main", replace(file, key="another"))
        assert await store.known_kept("main") == [file, replace(file, key="another")]

    async def test_a_kept_job_that_is_refused_is_not_remembered(self, store, new_job):
        job, file = kept_job(new_job, source_key="main:same")
        await store.add([new_job(source_key="main:same")])
        assert await store.add([job], [file]) is False
        assert await store.known_kept("main") == []

    async def test_a_kept_claim_without_its_files_is_not_recorded(self, store, new_job):
        """It would run again at every scan; the mistake must show at once."""
        job, _ = kept_job(new_job)
        with pytest.raises(AssertionError, match="remembered"):
            await store.add([job])
        assert await store.get(job.id) is None

    async def test_kept_drops_share_no_claim(self, store, new_job):
        job, file = kept_job(new_job)
        await store.add([job], [file])
        assert await store.jobs_of_claim(RelPath(""), "main") == []

    async def test_a_job_that_never_had_its_files_can_be_withdrawn(self, store, new_job):
        """What was replaced before it was ours has not been run: its source is free again."""
        job, file = kept_job(new_job, claimed=False)
        await store.add([job], [file])
        await store.withdraw(job)
        assert await store.get(job.id) is None
        assert await store.known_kept("main") == []
        assert [entry.event for entry in await store.journal(job.id)] == ["added", "withdrawn"]
        assert await store.add([job], [file])

    async def test_a_file_that_an_earlier_job_took_is_not_forgotten_with_a_later_one(
        self, store, new_job, clock
    ):
        """A new clip beside the sidecar of an old one: withdrawn, it must not let the old one run."""
        first, file = kept_job(new_job)
        await store.add([first], [file])
        sent = await store.claim_next(clock.now())
        await store.move(sent, Event.DECLARED)
        later, _ = kept_job(new_job, claimed=False)
        other = replace(file, key="another", job=later.id)
        await store.add([later], [replace(file, job=later.id), other])
        assert await store.known_kept("main") == [file, other]
        await store.withdraw(later)
        assert await store.known_kept("main") == [file]

    async def test_a_sidecar_is_that_of_the_clip_that_stands_in_for_another(self, store, new_job):
        """The earlier one was replaced before it was sent, and is withdrawn: the later one runs."""
        first, file = kept_job(new_job, claimed=False)
        await store.add([first], [file])
        later, _ = kept_job(new_job)
        await store.add([later], [theirs := replace(file, job=later.id)])
        await store.withdraw(first)
        assert await store.known_kept("main") == [theirs]

    async def test_what_is_refused_without_its_files_leaves_none_known(self, store, new_job):
        """Its clip had gone; when it comes back it is to be run."""
        job, file = kept_job(new_job, claimed=False)
        await store.add([job], [file])
        trouble = Trouble("source_vanished", "a.mp4 has gone.", "Drop it again.")
        empty = Claim(RelPath(""), ())
        await store.move(replace(job, claim=empty, claimed=True, error=trouble), Event.REFUSED)
        assert await store.known_kept("main") == []

    async def test_what_is_refused_with_its_files_stays_known(self, store, new_job):
        """Else it would be refused again at every look."""
        job, file = kept_job(new_job)
        await store.add([job], [file])
        trouble = Trouble("refused", "a.json: promt is unknown.", "Correct it.")
        await store.move(replace(job, error=trouble), Event.REFUSED)
        assert await store.known_kept("main") == [file]

    async def test_a_job_that_has_its_files_is_not_withdrawn(self, store, new_job, clock):
        """It may be paid for already."""
        claimed = new_job()
        await store.add([claimed])
        moved = await bring(store, new_job(), State.GENERATING, clock.now())
        for job in (claimed, moved, replace(moved, state=State.QUEUED, claimed=False)):
            with pytest.raises(Lost):
                await store.withdraw(job)
        assert len(await store.jobs()) == 2


def kept_job(new_job: Any, **fields: Any) -> tuple[Job, KeptFile]:
    clip = RelPath("a.mp4")
    job = new_job(claim=Claim(RelPath(""), (ClaimedFile(clip, clip),)), **fields)
    return job, KeptFile(clip, "1:2:3:4", "aa", job.id)


class TestGuards:
    async def test_a_move_is_lost_once_another_has_moved_the_job(self, store, new_job, clock):
        """Of two that believe to own a job one must stop, or it is paid for twice."""
        job = await bring(store, new_job(), State.UPLOADING, clock.now())
        await store.move(job, Event.DECLARED)
        with pytest.raises(Lost):
            await store.move(job, Event.DECLARED)
        assert (await store.get(job.id)).state == State.SUBMITTING

    async def test_a_move_under_an_old_token_is_lost(self, store, open_again, new_job, clock):
        """A daemon that slept through its own death must not go on with its job."""
        job = await bring(store, new_job(), State.GENERATING, clock.now())
        (adopted,) = await (await open_again()).adopt()
        with pytest.raises(Lost):
            await store.move(job, Event.COMPLETED)
        with pytest.raises(Lost):
            await store.update(job, "polled")
        assert adopted == await store.get(job.id)

    @pytest.mark.parametrize(
        "stale",
        [{"owner": "0" * 32}, {"owner": None}, {"token": 1}, {"state": State.SUBMITTING}],
        ids=str,
    )
    async def test_owner_token_and_state_must_all_be_the_rows(self, store, new_job, clock, stale):
        """Each of the three alone tells of another who works, or worked, on the job."""
        job = await bring(store, new_job(), State.UPLOADING, clock.now())
        await store.move(job, Event.RETURNED)
        job = await store.claim_next(clock.now())
        believed = replace(job, **stale)
        with pytest.raises(Lost):
            await store.move(believed, Event.REFUSED)
        with pytest.raises(Lost):
            await store.update(believed, "noted")
        assert await store.get(job.id) == job
        assert len(await store.journal(job.id)) == 4

    async def test_two_moves_of_one_job_at_once_make_one(self, store, new_job, clock):
        job = await bring(store, new_job(), State.UPLOADING, clock.now())
        answers = await asyncio.gather(
            store.move(job, Event.DECLARED),
            store.move(job, Event.RETURNED),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, Lost) for answer in answers) == 1
        assert len(await store.journal(job.id)) == 3

    async def test_a_cancelled_queued_job_cannot_be_claimed_any_more(self, store, new_job, clock):
        job = new_job()
        await store.add([job])
        cancelled = await store.move(job, Event.CANCEL)
        assert cancelled.owner is not None
        assert cancelled.token == job.token + 1
        assert await store.claim_next(clock.now()) is None

    async def test_an_arrow_that_is_not_in_the_table_changes_nothing(self, store, new_job):
        job = new_job()
        await store.add([job])
        with pytest.raises(IllegalTransition):
            await store.move(job, Event.ACCEPTED)
        assert [job] == await store.jobs()

    @pytest.mark.parametrize("state", WAY_TO)
    async def test_only_states_with_work_in_them_have_an_owner(self, store, new_job, clock, state):
        job = await bring(store, new_job(), state, clock.now())
        working = state not in {State.UNCERTAIN, State.DELIVERED}
        assert working == (job.owner is not None)
        assert job == await store.get(job.id)

    async def test_a_late_answer_heals_an_uncertain_job(self, store, new_job, clock):
        """The generation was paid for: whoever learns its id shall bring the result home."""
        job = await bring(store, new_job(), State.UNCERTAIN, clock.now())
        healed = await store.move(job.evolve(generation_id=GenerationId("late")), Event.ACCEPTED)
        assert (healed.state, healed.token) == (State.GENERATING, job.token + 1)
        assert healed.owner is not None

    async def test_every_attempt_has_its_own_request_id(self, store, new_job, clock):
        """The provider's log is searched by it; two attempts under one id cannot be told apart."""
        job = await bring(store, new_job(), State.UPLOADING, clock.now())
        first = job.request_id
        await store.move(job, Event.RETURNED)
        assert first != (await store.claim_next(clock.now())).request_id


class TestAdoption:
    @pytest.mark.parametrize(
        ("left", "found"),
        [
            (State.UPLOADING, State.QUEUED),
            (State.SUBMITTING, State.UNCERTAIN),
            (State.GENERATING, State.GENERATING),
            (State.DOWNLOADING, State.DOWNLOADING),
            (State.DELIVERING, State.DELIVERING),
        ],
    )
    async def test_a_dead_daemons_job_goes_on(self, store, open_again, new_job, clock, left, found):
        """What was certainly not sent is sent again, what may have been sent never is."""
        job = await bring(store, new_job(), left, clock.now())
        clock.time += 60
        heir = await open_again()
        adopted = await heir.adopt()
        now = await heir.get(job.id)
        assert (now.state, now.token) == (found, job.token + 1)
        assert adopted == ([now] if now.owner else [])
        assert (now.owner is None) == (found in {State.QUEUED, State.UNCERTAIN})
        assert now.owner != job.owner
        last = (await heir.journal(job.id))[-1]
        assert (last.state, last.token, last.note) == (found, now.token, {"from": job.owner})

    async def test_an_uncertain_job_says_why_it_is_held(self, store, open_again, new_job, clock):
        job = await bring(store, new_job(), State.SUBMITTING, clock.now())
        heir = await open_again()
        await heir.adopt()
        assert "may have been paid for" in (await heir.get(job.id)).reason

    async def test_jobs_that_nobody_owned_are_left_alone(self, store, open_again, new_job, clock):
        uncertain = await bring(store, new_job(), State.UNCERTAIN, clock.now())
        delivered = await bring(store, new_job(), State.DELIVERED, clock.now())
        queued = new_job()
        await store.add([queued])
        heir = await open_again()
        assert await heir.adopt() == []
        for job in (uncertain, delivered, queued):
            assert job == await heir.get(job.id)

    async def test_what_is_owned_by_this_daemon_is_not_adopted(self, store, new_job, clock):
        job = await bring(store, new_job(), State.GENERATING, clock.now())
        await store.adopt()
        assert job == await store.get(job.id)

    async def test_a_wait_that_a_wrong_clock_kept_is_not_waited_out(
        self, store, open_again, new_job, clock
    ):
        job = await bring(store, new_job(), State.GENERATING, clock.now())
        await store.update(job.evolve(not_before=clock.now() + 10 * LONGEST_WAIT), "polled")
        (adopted,) = await (await open_again()).adopt()
        assert clock.now() == adopted.not_before


class TestTheQueue:
    async def test_the_oldest_of_the_highest_priority_goes_first(self, store, new_job, clock):
        now = clock.now()
        low_old, high_new, high_old = (
            new_job(priority=0, created=now - 500),
            new_job(priority=1, created=now - 10),
            new_job(priority=1, created=now - 20),
        )
        for job in (low_old, high_new, high_old):
            await store.add([job])
        order = [(await store.claim_next(now)).id for _ in range(3)]
        assert [high_old.id, high_new.id, low_old.id] == order

    async def test_ten_minutes_of_waiting_are_worth_one_priority(self, store, new_job, clock):
        """Without it a low priority would starve behind a stream of higher ones."""
        patient, favoured = new_job(created=clock.now() - 601, priority=0), new_job(priority=1)
        await store.add([favoured])
        await store.add([patient])
        assert patient.id == (await store.claim_next(clock.now())).id

    async def test_jobs_of_one_moment_go_in_the_order_they_came(self, store, new_job, clock):
        """Variants of one clip are made at one instant; v1 is expected first."""
        jobs = [new_job() for _ in range(20)]
        for job in jobs:
            await store.add([job])
        claimed = [(await store.claim_next(clock.now())).id for _ in jobs]
        assert [job.id for job in jobs] == claimed

    async def test_a_job_that_waits_lets_others_pass(self, store, new_job, clock):
        waiting = new_job(not_before=clock.now() + 30, priority=9)
        other = new_job()
        await store.add([waiting])
        assert clock.now() + 30 == (await store.outlook(clock.now())).at
        await store.add([other])
        assert other.id == (await store.claim_next(clock.now())).id
        assert await store.claim_next(clock.now()) is None
        assert waiting.id == (await store.claim_next(clock.now() + 30)).id

    async def test_a_queue_is_not_frozen_by_a_clock_set_back(self, store, new_job, clock):
        """A wait further ahead than any rule sets was kept by a wrong clock; it is over."""
        job = new_job(not_before=clock.now() + LONGEST_WAIT + 1)
        await store.add([job])
        assert clock.now() >= (await store.outlook(clock.now())).at
        assert job.id == (await store.claim_next(clock.now())).id

    async def test_a_claimed_job_moves_and_so_has_no_reason_to_wait(self, store, new_job, clock):
        await store.add([new_job(reason="the API asks for fewer requests")])
        claimed = await store.claim_next(clock.now())
        assert (claimed.reason, claimed.token) == ("", 1)
        assert claimed.state is State.UPLOADING
        assert claimed.owner

    async def test_an_empty_queue_has_nothing_due(self, store, clock):
        assert await store.claim_next(clock.now()) is None
        assert (await store.outlook(clock.now())).at is None

    async def test_a_hundred_callers_never_claim_one_job_twice(self, store, new_job, clock):
        await asyncio.gather(*(store.add([new_job()]) for _ in range(60)))
        claims = await asyncio.gather(*(store.claim_next(clock.now()) for _ in range(100)))
        claimed = [job.id for job in claims if job is not None]
        assert 60 == len(claimed) == len(set(claimed))


class TestLimits:
    @pytest.mark.parametrize(
        ("state", "counts"),
        [
            (State.UPLOADING, True),
            (State.SUBMITTING, True),
            (State.GENERATING, True),
            (State.UNCERTAIN, True),
            (State.DOWNLOADING, False),
            (State.DELIVERING, False),
            (State.DELIVERED, False),
        ],
    )
    async def test_in_flight_counts_what_may_be_at_the_provider(
        self, open_again, new_job, clock, state, counts
    ):
        store = await open_again(in_flight=1)
        await bring(store, new_job(), state, clock.now())
        await store.add([new_job()])
        assert counts == (await store.claim_next(clock.now()) is None)

    async def test_a_late_generation_does_not_stop_the_queue(self, open_again, new_job, clock):
        store = await open_again(in_flight=1)
        job = await bring(store, new_job(), State.GENERATING, clock.now())
        await store.add([new_job()])
        assert (await store.outlook(clock.now())).at is None
        await store.update(job.evolve(late=True, reason="late"), "late")
        assert await store.claim_next(clock.now())

    async def test_an_uncertain_job_gives_its_place_back_after_the_window(
        self, open_again, new_job, clock
    ):
        """Held for a person it may lie for days, and must not hold the others up."""
        store = await open_again(in_flight=1, reconcile_window=100.0)
        uncertain = await bring(store, new_job(), State.UNCERTAIN, clock.now())
        await store.add([new_job()])
        since = clock.now()
        clock.time += 99
        await store.update(uncertain, "looked_up")
        assert await store.claim_next(clock.now()) is None
        assert since + 100 == (await store.outlook(clock.now())).at
        clock.time += 1
        assert await store.claim_next(clock.now())

    async def test_submits_of_a_minute_are_counted_over_a_restart(self, open_again, new_job, clock):
        """The provider does not know that we were restarted."""
        store = await open_again(submits_per_minute=2)
        start = clock.now()
        await bring(store, new_job(), State.GENERATING, clock.now())
        clock.time += 10
        await bring(store, new_job(), State.DELIVERED, clock.now())
        heir = await open_again(submits_per_minute=2)
        await heir.adopt()
        await heir.add([new_job()])
        assert await heir.claim_next(clock.now()) is None
        assert start + 61 == (await heir.outlook(clock.now())).at
        assert await heir.claim_next(start + 61)

    async def test_an_upload_holds_its_place_in_the_minute(self, open_again, new_job, clock):
        """It will be a submit as soon as its body is through."""
        store = await open_again(submits_per_minute=1)
        job = await bring(store, new_job(), State.UPLOADING, clock.now())
        await store.add([new_job()])
        assert await store.claim_next(clock.now()) is None
        await store.move(job.evolve(not_before=clock.now() + 5), Event.RETURNED)
        assert await store.claim_next(clock.now())

    async def test_submits_that_a_wrong_clock_dated_ahead_stop_nothing(
        self, open_again, new_job, clock
    ):
        store = await open_again(submits_per_minute=1, in_flight=10)
        clock.time += 86_400
        await bring(store, new_job(), State.GENERATING, clock.now())
        clock.time -= 86_400
        await store.add([new_job()])
        assert await store.claim_next(clock.now())


class TestWaiting:
    async def test_a_watch_replaces_only_its_own(self, store):
        first = Waiting("a", RelPath("x.mp4"), "waiting for sidecar x.json", 1.0)
        second = Waiting("a", RelPath("b.mp4"), "still arriving", 2.0)
        other = Waiting("b", RelPath("y.mp4"), "still arriving", 3.0)
        await store.set_waiting("a", [first, second])
        await store.set_waiting("b", [other])
        assert [first, second, other] == await store.waiting()
        await store.set_waiting("a", [])
        assert [other] == await store.waiting()


class TestTheEnd:
    async def test_what_was_asked_for_before_the_end_is_done(self, open_again, new_job):
        store = await open_again()
        adding = [asyncio.ensure_future(store.add([new_job()])) for _ in range(50)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*adding)
        assert len(await (await open_again()).jobs()) == 50

    @pytest.mark.parametrize("ask", ["add", "jobs", "waiting", "adopt"])
    async def test_a_closed_store_says_so(self, open_again, new_job, ask):
        store = await open_again()
        await store.close()
        given: dict[str, list[Any]] = {"add": [[new_job()]]}
        with pytest.raises(RuntimeError, match="closed"):
            await getattr(store, ask)(*given.get(ask, []))

    async def test_a_caller_that_gives_up_does_not_undo_its_change(
        self, open_again, new_job, clock
    ):
        """A stop that cancels the caller must not lose the id of a paid generation."""
        store = await open_again()
        job = await bring(store, new_job(), State.SUBMITTING, clock.now())
        moving = asyncio.ensure_future(
            store.move(job.evolve(generation_id=GenerationId("g")), Event.ACCEPTED)
        )
        await asyncio.sleep(0)
        moving.cancel()
        await store.close()
        assert (await (await open_again()).get(job.id)).generation_id == "g"


class TestOneDrop:
    """The variants of a drop stay its variants, whatever a person does to one of them."""

    async def test_a_variant_that_was_begun_anew_is_still_no_rival(self, store, new_job, clock):
        """Its claim is another one by then."""
        path, made = RelPath("a.mov"), clock.now()
        one, two = (
            new_job(path=path, created=made, spec_key="same", claim=Claim(RelPath(folder), ()))
            for folder in ("first", "second")
        )
        await store.add([one, two])
        await store.claim_next(clock.now())
        second = await store.claim_next(clock.now())
        assert await store.rivals(second, delivered=False) == []
        assert [each.id for each in await store.siblings(second)] == [one.id]

    async def test_a_ticket_is_shared_by_the_variants_of_one_drop(self, store, new_job, clock):
        one, two = (
            new_job(created=clock.now(), ticket="t", claim=Claim(RelPath(each), ()))
            for each in "ab"
        )
        await store.add([one])
        assert await store.obstacle(two) is None
        clock.time += 1
        assert (await store.obstacle(new_job(created=clock.now(), ticket="t"))).id == one.id
