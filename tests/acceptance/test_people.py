"""What people may ask for, beside a daemon and without one: retry, cancel, pause, resume, resolve."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import av
import pytest

from acceptance.awaiting import claimed, ended, in_state
from acceptance.world import Site, eventually, large_clip, tree
from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, MediaFile, RelPath
from reeldrop.domain.lifecycle import Event, Verdict
from reeldrop.engine.walls import PROBE_INTERVAL
from reeldrop.files import reclaim
from reeldrop.files.confined import root_of
from reeldrop.host.clock import SystemClock
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Cut, Ending, Fault, Route
from reeldrop.store import open_desk, open_store

pytestmark = pytest.mark.timeout(180)
"""Seconds: each has several commands and starts, one after the other."""
GOOD = {"prompt": "x"}
RUNNING = {"status": "generating", "video": None}


def submits(api: Simulator) -> int:
    return sum(seen.method == "POST" for seen in api.ledger.requests)


async def job_of(site: Site, path: str) -> dict[str, Any]:
    [job] = [job for job in await site.jobs() if job["path"] == path]
    return job


async def said(site: Site, code: int, *words: str) -> str:
    """Run a command, see its exit code, and return what it printed."""
    ended, out, errors = await site.command(*words)
    assert ended == code, (out, errors)
    assert "Traceback" not in errors, errors
    return out + errors


# ---------------------------------------------------------------------------- retry


@pytest.mark.parametrize("running", [True, False])
async def test_a_delivered_job_is_made_again_only_where_it_may_be_paid_again(
    site: Site, api: Simulator, running: bool
) -> None:
    """Its price is named before anybody agrees to it; the first delivery stays where it is."""
    await site.start()
    site.drop("a.mov", GOOD)
    await site.finished("a")
    first = await in_state(site, "a.mov", "delivered")
    if not running:
        await site.stop()

    told = await said(site, 1, "retry", first.id)
    assert "--pay-again" in told
    assert f"{api.ledger.accepted[0].price:.2f}" in told
    assert "a.mov" in told

    await said(site, 0, "retry", "--pay-again", first.id[:10])
    if not running:
        await site.start()
    again = await site.finished("a-2")
    assert (again["id"], again["attempts"]) == (first.id, 2)
    assert len(api.ledger.accepted) == 2
    assert tree(site.outbox / "a") == tree(site.outbox / "a-2") | {"a.mp4"} - {"a-2.mp4"}
    await eventually(lambda: tree(site.inbox) == {".reeldrop/owner.json"})


async def test_a_failed_generation_is_made_again_for_nothing(site: Site, api: Simulator) -> None:
    """It cost nothing; the folder of the failure goes, as it is none any more."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await site.start()
    site.drop("show/a.mov", GOOD)
    failed = await ended(site, "_failed/show/a")
    await said(site, 0, "retry", failed["id"])
    record = await site.finished("show/a")
    assert record["id"] == failed["id"]
    assert record["error"] is None
    await eventually(lambda: not (site.outbox / "_failed/show/a").exists())
    assert (site.outbox / "show/a/source/a.mov").read_bytes() == site.clip.read_bytes()


async def test_a_folder_that_somebody_put_something_into_stays(site: Site, api: Simulator) -> None:
    """What is not ours is not ours to remove."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await site.start()
    site.drop("a.mov", GOOD)
    failed = await ended(site, "_failed/a")
    (site.outbox / "_failed/a/notes.txt").write_text("ask Ana")
    await said(site, 0, "retry", failed["id"])
    await site.finished("a")
    assert (site.outbox / "_failed/a/notes.txt").read_text() == "ask Ana"
    assert (site.outbox / "_failed/a/source/a.mov").exists()


async def test_an_edited_source_is_another_drop(site: Site, api: Simulator) -> None:
    """`retry` runs what was dropped; whoever mended it moves it back."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await site.start()
    site.drop("a.mov", GOOD)
    failed = await ended(site, "_failed/a")
    (site.outbox / "_failed/a/source/a.json").write_text(json.dumps({"prompt": "better"}))
    told = await said(site, 1, "retry", failed["id"])
    assert "source" in told
    assert "a.json" in told
    assert len(api.ledger.accepted) == 1
    await eventually(lambda: tree(site.inbox) == {".reeldrop/owner.json"})


async def test_a_changed_reference_is_named(site: Site, api: Simulator) -> None:
    """References stay in the inbox, where anybody may change them."""
    picture = site.inbox / "look.png"
    _make_png(picture)
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR, times=2))
    await site.start()
    site.drop("a.mov", GOOD | {"image_list": ["look.png"]})
    failed = await ended(site, "_failed/a")
    await said(site, 0, "retry", failed["id"])
    await eventually(lambda: len(api.ledger.accepted) == 2)
    await in_state(site, "a.mov", "failed")
    picture.write_bytes(picture.read_bytes() + b"more")
    assert "look.png" in await said(site, 1, "retry", failed["id"])
    assert len(api.ledger.accepted) == 2


def _make_png(path: Path) -> None:
    with av.open(str(path), "w", format="image2", options={"update": "1"}) as out:
        stream = out.add_stream("png", rate=1)
        stream.width = stream.height = 512
        stream.pix_fmt = "rgb24"
        frame = av.VideoFrame(512, 512, "rgb24")
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        out.mux(stream.encode(frame))
        out.mux(stream.encode())


async def test_a_refused_drop_is_mended_not_retried(site: Site) -> None:
    """There is nothing in it that could be submitted."""
    await site.start()
    site.drop("a.mov", {"promt": "x"})
    failed = await ended(site, "_failed/a")
    told = await said(site, 1, "retry", failed["id"])
    assert "mend" in told


async def test_a_kept_drop_is_run_again(site: Site, api: Simulator) -> None:
    """Its files never left the inbox; a changed one is not what was dropped."""
    site.configure(watch={"archive": "keep"})
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await site.start()
    clip = site.drop("a.mov", GOOD)
    failed = await ended(site, "_failed/a")
    await said(site, 0, "retry", failed["id"])
    await site.finished("a")
    await in_state(site, "a.mov", "delivered")
    clip.write_bytes(clip.read_bytes() + b"more")
    told = await said(site, 1, "retry", "--pay-again", failed["id"])
    assert "a.mov" in told


async def test_what_waits_is_tried_at_once(site: Site, api: Simulator) -> None:
    """A late generation is asked every ten minutes, unless a person cannot wait."""
    site.configure(api={"generation_timeout": 0.3})
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: "job.late" in site.log)
    api.faults.clear()
    job = await job_of(site, "a.mov")
    await said(site, 0, "retry", job["id"])
    await site.finished("a")
    assert len(api.ledger.accepted) == 1


async def test_nobody_can_name_a_job_that_is_not_there(site: Site) -> None:
    """2 is wrong usage."""
    await site.start()
    for command in ("retry", "cancel"):
        assert "no job is called" in await said(site, 2, command, "abc")
    assert "say either" in await said(site, 2, "resolve", "abc")


async def lost_result(site: Site, api: Simulator) -> dict[str, Any]:
    """Return the record of a job whose paid result could not be fetched."""
    gone = {"status": "error", "error": {"name": "Gone", "message": "expired"}, "video": None}
    api.faults.add(Fault(Route.FILE, status=404, times=0), Fault(Route.POLL, fields=gone, skip=1))
    site.configure(api={"poll_interval": 1.0})
    await site.start()
    site.drop("a.mov", GOOD)
    lost = await ended(site, "_failed/a")
    assert lost["error"]["code"] == "result_lost"
    api.faults.clear()
    return lost


async def test_a_result_that_was_lost_is_asked_for_again(site: Site, api: Simulator) -> None:
    """It is paid for: nothing is submitted, whatever else is said."""
    lost = await lost_result(site, api)
    assert "reeldrop retry" in (site.outbox / "_failed/a/error.txt").read_text()
    assert "costs nothing" in await said(site, 0, "retry", lost["id"])
    await site.finished("a")
    await in_state(site, "a.mov", "delivered")
    assert {"a.mp4", "source/a.mov"} <= tree(site.outbox / "a")
    assert not (site.outbox / "_failed/a").exists()
    assert submits(api) == 1


@pytest.mark.parametrize("change", ["gone", "edited"])
async def test_the_clip_outlives_its_sidecar(site: Site, api: Simulator, change: str) -> None:
    """What is left of the sources is shown beside the result; nothing of it may go with the failure."""
    lost = await lost_result(site, api)
    sidecar = site.outbox / "_failed/a/source/a.json"
    if change == "gone":
        sidecar.unlink()
    else:
        sidecar.write_text(json.dumps({"prompt": "better"}))
    left = tree(site.outbox / "_failed/a")
    await said(site, 0, "retry", lost["id"])
    record = await site.finished("a")
    assert record["source"]["name"] == record["params"]["video_url"]["file"]
    assert (site.outbox / "a/source/a.mov").read_bytes() == site.clip.read_bytes()
    assert not (site.outbox / "a/source/a.json").exists()
    assert tree(site.outbox / "_failed/a") == left


async def test_what_lost_its_clip_is_finished_but_not_begun_anew(
    site: Site, api: Simulator
) -> None:
    """Its result is paid for; a new submit would have nothing to send, again and again."""
    lost = await lost_result(site, api)
    (site.outbox / "_failed/a/source/a.mov").unlink()
    await said(site, 0, "retry", lost["id"])
    await site.finished("a")
    await in_state(site, "a.mov", "delivered")
    told = await said(site, 1, "retry", "--pay-again", lost["id"])
    assert "a.mov" in told
    assert "drop it again" in told
    assert "crashed" not in site.log


async def test_a_drop_whose_clip_was_never_taken_is_not_begun_anew(site: Site) -> None:
    """Its job knows what to submit, and has nothing to read it from."""
    await site.start()
    await site.stop()
    clip = RelPath("a.mov")
    job = Job(
        id=JobId("a" * 32), watch="main", path=clip, folder=RelPath("a"), model="a/model",
        params={"video_url": MediaFile(clip)}, claim=Claim(RelPath(""), ()), source_key="a",
        created=time.time(), updated=time.time(), claimed=True, verdict=Verdict.FAILED,
        error=Trouble("source_vanished", "a.mov has gone."), final=RelPath("_failed/a"),
    )  # fmt: skip
    settings = StoreSettings(url=f"sqlite:///{site.state}/reeldrop.db")
    store = await open_store(settings, LimitSettings(), reconcile_window=1.0, clock=SystemClock())
    await store.add([job])
    await store.move(await store.move(job, Event.REFUSED), Event.PLACED_FAILED)
    await store.close()
    told = await said(site, 1, "retry", job.id)
    assert "a.mov" in told
    assert "drop it again" in told
    assert (await job_of(site, "a.mov"))["state"] == "failed"


def dragged_back(site: Site, source: Path) -> None:
    """Move a clip and its sidecar back into the inbox as a person does."""
    for name in ("a.json", "a.mov"):
        (source / name).rename(site.inbox / name)


async def test_a_lost_result_is_had_while_its_clip_runs_anew(site: Site, api: Simulator) -> None:
    """Whoever moved it back has begun another job with the very same file."""
    lost = await lost_result(site, api)
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    dragged_back(site, site.outbox / "_failed/a/source")
    await eventually(lambda: len(api.ledger.accepted) == 2)
    assert "costs nothing" in await said(site, 0, "retry", lost["id"])
    api.faults.clear()
    records = [await site.finished("a"), await site.finished("a-2")]
    assert lost["id"] in {record["id"] for record in records}
    assert len({record["generation_id"] for record in records}) == 2
    assert submits(api) == 2


async def test_what_was_dropped_again_is_not_begun_anew_beside_it(
    site: Site, api: Simulator
) -> None:
    """Also where it had been begun anew before: one submit is enough."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR, times=2))
    await site.start()
    site.drop("a.mov", GOOD)
    failed = await ended(site, "_failed/a")
    await said(site, 0, "retry", failed["id"])
    await eventually(lambda: len(api.ledger.accepted) == 2)
    await in_state(site, "a.mov", "failed")
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    [source] = site.outbox.glob("_failed/*/source")
    dragged_back(site, source)
    await eventually(lambda: len(api.ledger.accepted) == 3)
    assert "under way" in await said(site, 1, "retry", failed["id"])
    assert len(api.ledger.accepted) == 3


async def test_a_duplicate_is_not_paid_for_without_a_word(site: Site, api: Simulator) -> None:
    """It was refused because it had been paid for; its folder says what to add."""
    site.configure(watch={"duplicates": "always"})
    await site.start()
    site.drop("a.mov", GOOD)
    await site.finished("a")
    await in_state(site, "a.mov", "delivered")
    site.drop("b.mov", GOOD)
    refused = await ended(site, "_failed/b")
    assert refused["error"]["code"] == "duplicate"
    assert "--pay-again" in await said(site, 1, "retry", refused["id"])
    assert len(api.ledger.accepted) == 1
    await said(site, 0, "retry", "--pay-again", refused["id"])
    await site.finished("b")
    assert len(api.ledger.accepted) == 2


async def test_a_generation_that_fails_after_a_delivery_is_made_again_for_nothing(
    site: Site, api: Simulator
) -> None:
    """It was agreed to that it be paid again, and nothing has come of that yet."""
    await site.start()
    site.drop("a.mov", GOOD)
    first = await ended(site, "a")
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await said(site, 0, "retry", "--pay-again", first["id"])
    await ended(site, "_failed/a")
    await said(site, 0, "retry", first["id"])
    assert (await site.finished("a-2"))["id"] == first["id"]
    await in_state(site, "a.mov", "delivered")
    assert "--pay-again" in await said(site, 1, "retry", first["id"])
    assert len(api.ledger.accepted) == 3


async def test_a_copy_that_no_job_was_begun_with_is_swept(site: Site, api: Simulator) -> None:
    """A kill between the copy and the record of it: the clip lies where it was shown, and nowhere else."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await site.start()
    site.drop("a.mov", GOOD)
    failed = await ended(site, "_failed/a")
    await site.stop()
    before = tree(site.outbox / "_failed")
    claim = Claim(RelPath("old"), (ClaimedFile(RelPath("source/a.mov"), RelPath("a.mov")),))
    with root_of(str(site.inbox)) as inbox:
        reclaim.again(inbox, claim, site.outbox, RelPath("_failed/a"))
    await site.start()
    assert tree(site.inbox) == {".reeldrop/owner.json"}
    assert [job["id"] for job in await site.jobs()] == [failed["id"]]
    assert tree(site.outbox / "_failed") == before
    await said(site, 0, "retry", failed["id"])
    await site.finished("a")


# ---------------------------------------------------------------------------- cancel


@pytest.mark.parametrize("running", [True, False])
async def test_a_queued_job_is_cancelled_unpaid_and_retried_for_nothing(
    site: Site, api: Simulator, running: bool
) -> None:
    """Its folder says so and holds the source."""
    site.configure(limits={"in_flight": 1})
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await in_state(site, "a.mov", "generating")
    site.drop("b.mov", {"prompt": "other"})
    job = await claimed(site, "b.mov")
    if not running:
        await site.stop()
    assert "nothing was paid" in await said(site, 0, "cancel", job.id)
    if not running:
        await site.start()
    record = await site.finished("_failed/b")
    assert (record["state"], record["error"]["code"]) == ("cancelled", "cancelled")
    text = (site.outbox / "_failed/b/error.txt").read_text()
    assert "b.mov was cancelled" in text
    assert "nothing was paid" in text
    assert (site.outbox / "_failed/b/source/b.mov").exists()
    assert len(api.ledger.accepted) == 1

    api.faults.clear()
    await in_state(site, "b.mov", "cancelled")
    await said(site, 0, "retry", job.id)
    await site.finished("b")
    assert len(api.ledger.accepted) == 2


async def test_an_upload_is_broken_off(site: Site, api: Simulator) -> None:
    """Its end is still here: nothing can have been made."""
    api.faults.add(Fault(Route.SUBMIT, answer="unavailable", early=True, delay=30.0))
    await site.start()
    site.drop("a.mov", GOOD, clip=large_clip(site, 12_000_000))
    job = await in_state(site, "a.mov", "uploading")
    await eventually(lambda: api.ledger.requests)
    assert "nothing was paid" in await said(site, 0, "cancel", job.id)
    record = await site.finished("_failed/a")
    assert record["state"] == "cancelled"
    assert record["attempts"] == 0
    assert not api.ledger.accepted


async def test_what_is_paid_for_is_kept_though_cancelled(site: Site, api: Simulator) -> None:
    """The result lies in _failed, and the folder says why."""
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    job = await in_state(site, "a.mov", "generating")
    assert "paid" in await said(site, 0, "cancel", job.id)
    await site.stop(signal.SIGKILL)
    api.faults.clear()
    await site.start()
    record = await site.finished("_failed/a")
    assert record["state"] == "cancelled"
    assert {"a.mp4", "error.txt", "job.json", "source/a.mov"} <= tree(site.outbox / "_failed/a")
    text = (site.outbox / "_failed/a/error.txt").read_text()
    assert "a.mp4" in text
    assert "pay for it again" in text
    assert len(api.ledger.accepted) == 1

    await in_state(site, "a.mov", "cancelled")
    assert "--pay-again" in await said(site, 1, "retry", job.id)
    assert "is cancelled" in await said(site, 0, "cancel", job.id)


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        # However slow the command is, it comes before the end.
        (
            (Fault(Route.SUBMIT, delay=3.0), Fault(Route.POLL, fields=RUNNING, times=0)),
            "submitting",
        ),
        ((Fault(Route.FILE, status=503, times=0),), "downloading"),
    ],
    ids=["submitting", "downloading"],
)
async def test_whatever_is_paid_for_is_kept(
    site: Site, api: Simulator, faults: tuple[Fault, ...], state: str
) -> None:
    """In whatever state it is cancelled."""
    api.faults.add(*faults)
    await site.start()
    site.drop("a.mov", GOOD)
    job = await in_state(site, "a.mov", state)
    assert "its result is kept" in await said(site, 0, "cancel", job.id)
    api.faults.clear()
    record = await site.finished("_failed/a")
    assert (record["state"], record["attempts"]) == ("cancelled", 1)
    assert (site.outbox / "_failed/a/a.mp4").exists()


async def test_a_refused_submit_of_a_cancelled_job_is_not_tried_again(
    site: Site, api: Simulator
) -> None:
    """It would be sent again, were it wanted."""
    api.faults.add(Fault(Route.SUBMIT, answer="unavailable", delay=6.0))
    await site.start()
    site.drop("a.mov", GOOD)
    job = await in_state(site, "a.mov", "submitting")
    await said(site, 0, "cancel", job.id)
    record = await site.finished("_failed/a")
    assert (record["state"], record["attempts"], api.ledger.accepted) == ("cancelled", 1, [])
    assert "nothing was paid" in (site.outbox / "_failed/a/error.txt").read_text()


async def test_a_held_job_is_given_up_without_a_daemon(site: Site, api: Simulator) -> None:
    """It ends at once; its folder is there after the next start."""
    site.configure(api={"reconcile_window": 0.3})
    job = await uncertain(site, api, Fault(Route.SUBMIT, answer="html_502"))
    await eventually(lambda: "job.held" in site.log)
    await site.stop()
    assert "nobody knows" in await said(site, 0, "cancel", job.id)
    await site.start()
    assert (await site.finished("_failed/a"))["state"] == "cancelled"
    assert submits(api) == 1


async def test_a_cancelled_generation_that_fails_costs_nothing(site: Site, api: Simulator) -> None:
    """It is cancelled, not failed; and may be run again for nothing."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    job = await in_state(site, "a.mov", "generating")
    await said(site, 0, "cancel", job.id)
    api.faults.clear()
    record = await site.finished("_failed/a")
    assert (record["state"], record["error"]["code"]) == ("cancelled", "generation_failed")
    await in_state(site, "a.mov", "cancelled")
    await said(site, 0, "retry", job.id)
    await site.finished("a")


async def test_a_submit_of_unknown_outcome_can_be_given_up(site: Site, api: Simulator) -> None:
    """Held or not: it ends, and names what the provider can tell it by."""
    site.configure(api={"reconcile_window": 0.3})
    api.faults.add(Fault(Route.SUBMIT, answer="html_502"))
    await site.start()
    site.drop("a.mov", GOOD)
    job = await in_state(site, "a.mov", "uncertain")
    await said(site, 0, "cancel", job.id)
    record = await site.finished("_failed/a")
    assert record["state"] == "cancelled"
    assert record["request_ids"][0] in (site.outbox / "_failed/a/error.txt").read_text()
    await in_state(site, "a.mov", "cancelled")
    assert "--pay-again" in await said(site, 1, "retry", job.id)


async def test_what_is_delivered_cannot_be_cancelled(site: Site) -> None:
    """It is there already."""
    await site.start()
    site.drop("a.mov", GOOD)
    record = await site.finished("a")
    await in_state(site, "a.mov", "delivered")
    assert "delivered" in await said(site, 1, "cancel", record["id"])


async def test_a_job_that_was_paid_for_once_is_not_told_to_be_free(site: Site) -> None:
    """Nothing was paid for this time; to run it costs again, and its folder says so."""
    await site.start()
    site.drop("a.mov", GOOD)
    record = await site.finished("a")
    await in_state(site, "a.mov", "delivered")
    await said(site, 0, "pause")
    await said(site, 0, "retry", "--pay-again", record["id"])
    assert "nothing was paid for it this time" in await said(site, 0, "cancel", record["id"])
    await site.finished("_failed/a")
    text = (site.outbox / "_failed/a/error.txt").read_text()
    assert "nothing was paid for it this time" in text
    assert "--pay-again" in text


async def test_a_job_that_joined_another_is_not_told_to_cost(site: Site, api: Simulator) -> None:
    """The generation is paid for whether it is wanted here or not."""
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await in_state(site, "a.mov", "generating")
    site.drop("b.mov", GOOD)
    job = await in_state(site, "b.mov", "generating")
    told = await said(site, 0, "cancel", job.id)
    assert "another drop" in told
    assert "has to be paid" not in told
    api.faults.clear()
    await site.finished("a")
    assert (await site.finished("_failed/b"))["state"] == "cancelled"
    assert len(api.ledger.accepted) == 1


# ---------------------------------------------------------------------------- pause and resume


async def test_a_pause_outlives_a_restart_and_a_resume_ends_it(site: Site, api: Simulator) -> None:
    """What is submitted goes on meanwhile, and drops are taken."""
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await in_state(site, "a.mov", "generating")
    assert "Paused" in await said(site, 0, "pause")
    assert "Already paused" in await said(site, 0, "pause")
    api.faults.clear()
    await site.finished("a")
    site.drop("b.mov", {"prompt": "other"})
    await in_state(site, "b.mov", "queued")
    assert "paused" in (await job_of(site, "b.mov"))["reason"]
    await site.stop()
    await site.start()
    # Once this one is queued the queue has been asked for the other.
    site.drop("c.mov", {"prompt": "third"})
    await in_state(site, "c.mov", "queued")
    assert len(api.ledger.accepted) == 1

    assert "Resumed" in await said(site, 0, "resume")
    await site.finished("b")
    await site.finished("c")
    assert len(api.ledger.accepted) == 3
    assert "Nothing was paused" in await said(site, 0, "resume")


async def test_a_pause_needs_neither_daemon_nor_folders(site: Site, api: Simulator) -> None:
    """It is often asked for because a share is away."""
    await site.start()
    await site.stop()
    away = site.inbox.rename(site.inbox.with_name("away"))
    await said(site, 0, "pause")
    away.rename(site.inbox)
    site.drop("a.mov", GOOD)
    await site.start()
    await in_state(site, "a.mov", "queued")
    await said(site, 0, "resume")
    await site.finished("a")


async def test_a_resume_tries_a_blocked_queue_at_once(site: Site, api: Simulator) -> None:
    """Whoever has filled the account does not wait for the next probe."""
    api.faults.add(Fault(Route.SUBMIT, answer="out_of_funds"))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: "queue.blocked" in site.log)
    await said(site, 0, "resume")
    # By itself it would be tried half a minute after the refusal.
    await eventually(lambda: api.ledger.accepted, PROBE_INTERVAL / 2)
    await site.finished("a")


# ---------------------------------------------------------------------------- resolve


async def uncertain(site: Site, api: Simulator, *faults: Fault) -> Job:
    """Return a job of which nobody knows whether it was paid for."""
    api.faults.add(*faults)
    await site.start()
    site.drop("a.mov", GOOD)
    return await in_state(site, "a.mov", "uncertain")


@pytest.mark.parametrize("running", [True, False])
async def test_what_was_not_submitted_is_submitted_again_on_a_persons_word(
    site: Site, api: Simulator, running: bool
) -> None:
    """Only then, and only once."""
    job = await uncertain(site, api, Fault(Route.SUBMIT, answer="html_502"))
    assert "resolve" in await said(site, 3, "retry", job.id)
    if not running:
        await site.stop()
    assert "submitted again" in await said(site, 0, "resolve", job.id, "--not-submitted")
    if not running:
        await site.start()
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 2)
    assert "nothing to resolve" in await said(site, 1, "resolve", job.id, "--not-submitted")


async def test_the_log_stands_over_a_persons_word(site: Site, api: Simulator) -> None:
    """What it shows is adopted: a person who is wrong must not pay twice."""
    silent = Fault(Route.LOGS, answer="html_502", times=0)
    job = await uncertain(site, api, silent, Fault(Route.SUBMIT, cut=Cut.ANSWER))
    # A daemon that runs may find it in the log before the command is there.
    await site.stop()
    api.faults.clear()
    told = await said(site, 0, "resolve", job.id, "--not-submitted")
    assert api.ledger.accepted[0].id in told
    await site.start()
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)


async def test_a_log_that_does_not_answer_leaves_it_open(site: Site, api: Simulator) -> None:
    """75: try again later; nothing was changed."""
    silent = Fault(Route.LOGS, answer="html_502", times=0)
    job = await uncertain(site, api, silent, Fault(Route.SUBMIT, cut=Cut.ANSWER))
    assert "did not answer" in await said(site, 75, "resolve", job.id, "--not-submitted")
    assert (await job_of(site, "a.mov"))["state"] == "uncertain"
    assert submits(api) == 1


async def test_a_generation_that_a_person_names_is_gone_on_with(site: Site, api: Simulator) -> None:
    """If the API knows it, and no other job has it."""
    silent = Fault(Route.LOGS, answer="html_502", times=0)
    job = await uncertain(site, api, silent, Fault(Route.SUBMIT, cut=Cut.ANSWER))
    made = api.ledger.accepted[0].id
    site.drop("b.mov", {"prompt": "other"})
    await site.finished("b")
    taken = api.ledger.accepted[1].id
    assert "b.mov" in await said(site, 1, "resolve", job.id, "--generation-id", taken)
    assert "knows no" in await said(site, 1, "resolve", job.id, "--generation-id", "x:1")
    await said(site, 0, "resolve", job.id, "--generation-id", made)
    record = await site.finished("a")
    assert record["generation_id"] == made
    assert submits(api) == 2


# ---------------------------------------------------------------------------- several at once


async def test_two_commands_at_once_without_a_daemon(site: Site, api: Simulator) -> None:
    """One of them carries out both."""
    site.configure(limits={"in_flight": 1})
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await in_state(site, "a.mov", "generating")
    site.drop("b.mov", {"prompt": "other"})
    job = await claimed(site, "b.mov")
    await site.stop()
    told = await asyncio.gather(
        said(site, 0, "pause"), said(site, 0, "cancel", job.id), said(site, 0, "pause")
    )
    assert sum("Already" in each for each in told) == 1
    assert (await job_of(site, "b.mov"))["state"] == "delivering"


async def test_two_retries_at_once_pay_once(site: Site, api: Simulator) -> None:
    """The second finds it queued already."""
    await site.start()
    site.drop("a.mov", GOOD)
    record = await site.finished("a")
    await in_state(site, "a.mov", "delivered")
    await said(site, 0, "pause")
    await asyncio.gather(*(said(site, 0, "retry", "--pay-again", record["id"]) for _ in range(2)))
    await said(site, 0, "resume")
    await site.finished("a-2")
    assert len(api.ledger.accepted) == 2
    assert not list((site.inbox / ".reeldrop/claims").glob("part-*"))


async def test_an_order_that_nobody_waits_for_is_not_carried_out(
    site: Site, api: Simulator
) -> None:
    """A command that was killed long ago must not pause tomorrow's daemon."""
    await site.start()
    await site.stop()
    with open_desk(StoreSettings(url=f"sqlite:///{site.state}/reeldrop.db")) as desk:
        number = desk.place("pause", {}, time.time() - 120.0)
        await site.start()
        answer = await eventually(lambda: desk.answer(number))
    assert answer["code"] == 75
    site.drop("a.mov", GOOD)
    await site.finished("a")


async def test_an_order_that_was_broken_off_is_not_begun_again(site: Site, api: Simulator) -> None:
    """Whoever asked is told that nobody knows what came of it; a new submit could be paid twice."""
    job = await uncertain(
        site,
        api,
        Fault(Route.LOGS, delay=30.0, times=0),
        Fault(Route.SUBMIT, cut=Cut.ANSWER),
    )
    asking = asyncio.ensure_future(site.command("resolve", job.id, "--not-submitted"))
    with open_desk(StoreSettings(url=f"sqlite:///{site.state}/reeldrop.db")) as desk:
        await eventually(lambda: desk.answer(1) == {})
    await site.stop(signal.SIGKILL)
    code, _, errors = await asking
    assert code == 75
    assert "reeldrop show" in errors
    api.faults.clear()
    await site.start()
    await site.finished("a")
    assert len(api.ledger.accepted) == 1


async def test_the_api_key_is_not_needed_to_pause(site: Site) -> None:
    """Only what asks the API needs it."""
    await site.start()
    await site.stop()
    del site.environment["AIMLAPI_API_KEY"]
    await said(site, 0, "pause")
