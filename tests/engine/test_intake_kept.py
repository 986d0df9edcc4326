"""`archive = "keep"`: files stay where they are, are known by path and bytes, and are paid for once."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from engine.intake_desk import GOOD, Desk, clip_bytes, desk, reasons
from reeldrop.domain.errors import FileBusy
from reeldrop.domain.job import JobId, RelPath
from reeldrop.domain.lifecycle import Event
from reeldrop.engine.intake.kept import Kept

__all__ = ["desk"]


@pytest.fixture
def settings() -> Mapping[str, Any]:
    return {"archive": "keep"}


OTHER = clip_bytes() + b"\0\0\0\x08free"
"""Another whole clip."""


async def taken(desk: Desk, name: str = "a.mov", body: Any = GOOD) -> None:
    """Drop a clip, have it taken, and let its job be under way no more."""
    desk.drop(name, body)
    assert (await desk.settled()).jobs_added == 1
    await ended(desk)


async def ended(desk: Desk) -> None:
    """Take every job, so that the next look finds its source free where nothing else knows it."""
    while (job := await desk.store.claim_next(desk.clock.now())) is not None:
        error = FileBusy("ended by the test").trouble()
        job = await desk.store.move(job.evolve(error=error), Event.REFUSED)
        await desk.store.move(job, Event.PLACED_FAILED)


async def nothing_runs(desk: Desk) -> None:
    """Look, also as a daemon that has just been started, and find nothing to do."""
    for _ in range(2):
        looked = await desk.settled()
        assert (looked.jobs_added, looked.waiting, looked.still_settling) == (0, (), False)
        desk.intake = desk.another()


async def test_a_kept_drop_is_taken_once_and_stays(desk: Desk) -> None:
    """Over restarts, too."""
    await taken(desk)
    job = (await desk.store.jobs())[0]
    assert (job.claim.kept, job.claimed) == (True, True)
    await nothing_runs(desk)
    assert desk.left() == {"a.mov", "a.json"}


@pytest.mark.parametrize("down", [False, True])
async def test_a_touched_clip_is_known_by_its_bytes(desk: Desk, down: bool) -> None:
    """A restored backup or a `touch` would otherwise be paid for a second time."""
    await taken(desk)
    if down:
        desk.intake = desk.another()
    os.utime(desk.folder / "a.mov", (1, 1))
    await nothing_runs(desk)
    desk.put("copy", clip_bytes()).rename(desk.folder / "a.mov")
    await nothing_runs(desk)
    known = await desk.store.known_kept(desk.watch.name)
    assert len([file for file in known if file.path == "a.mov"]) == 3
    assert len({file.sha256 for file in known if file.path == "a.mov"}) == 1


async def test_a_touched_clip_is_not_run_again_when_its_sidecar_or_preset_has_changed(
    desk: Desk,
) -> None:
    """The clip is what is known; what is said of it changes nothing that was paid for."""
    await taken(desk)
    os.utime(desk.folder / "a.mov", (1, 1))
    desk.spec("a.json", {"prompt": "another"})
    desk.spec("_preset.json", {"aspect_ratio": "9:16"})
    [job] = await desk.store.jobs()
    for _ in range(2):
        assert (await desk.settled()).jobs_added == 0
        looked = await desk.settled()
        assert (looked.jobs_added, looked.still_settling) == (0, False)
        assert f"its clip a.mov is job {job.id[:8]}" in reasons(looked)["a.json"]
        desk.intake = desk.another()
    (desk.folder / "a.json").unlink()
    os.utime(desk.folder / "a.mov", (2, 2))
    await nothing_runs(desk)


async def test_other_bytes_under_the_name_are_a_new_drop(desk: Desk) -> None:
    """With the same sidecar; and the first ones, when they come back, are known."""
    await taken(desk)
    desk.put("a.mov", OTHER)
    assert (await desk.settled()).jobs_added == 1
    await ended(desk)
    desk.put("a.mov", clip_bytes())
    await nothing_runs(desk)


async def test_the_same_bytes_under_another_name_are_another_drop(desk: Desk) -> None:
    """A clip is known by its path as well: whoever copies it asks for another result."""
    await taken(desk)
    await taken(desk, "b.mov")


async def test_a_clip_that_is_still_arriving_is_not_read_for_its_bytes(desk: Desk) -> None:
    """Half a file has other bytes than the whole one; it must not become a drop of its own."""
    await taken(desk)
    whole = clip_bytes()
    desk.put("a.mov", whole[: len(whole) // 2])
    looked = await desk.settled()
    assert (looked.jobs_added, looked.still_settling) == (0, True)
    desk.put("a.mov")
    await nothing_runs(desk)


async def test_a_sidecar_with_a_url_is_known_by_its_own_bytes(desk: Desk) -> None:
    """It is all that there is of the drop."""
    body = {**GOOD, "video_url": "https://a.example/v.mp4"}
    desk.spec("x.json", body)
    assert (await desk.settled()).jobs_added == 1
    await ended(desk)
    os.utime(desk.folder / "x.json", (1, 1))
    await nothing_runs(desk)
    desk.spec("x.json", {**body, "prompt": "another"})
    assert (await desk.settled()).jobs_added == 1


async def test_a_changed_sidecar_that_names_a_taken_clip_waits_for_nothing(desk: Desk) -> None:
    """Its clip is there, so that "waiting for clip" would be untrue; another clip may be named."""
    desk.put("plates/a.mov")
    desk.spec("x.json", {**GOOD, "video_url": "plates/a.mov"})
    assert (await desk.settled()).jobs_added == 1
    await ended(desk)
    desk.spec("x.json", {"prompt": "another", "video_url": "plates/a.mov"})
    await nothing_runs(desk)
    desk.put("plates/b.mov")
    desk.spec("x.json", {"prompt": "another", "video_url": "plates/b.mov"})
    assert (await desk.settled()).jobs_added == 1


async def test_a_refused_kept_drop_is_refused_once(desk: Desk) -> None:
    """Not again at every look, and not for being touched."""
    desk.drop("a.mov", {"promt": "x"})
    assert len((await desk.settled()).refused) == 1
    await nothing_runs(desk)
    os.utime(desk.folder / "a.mov", (1, 1))
    await nothing_runs(desk)


async def test_a_clip_that_was_replaced_before_it_was_ours_has_not_been_run(desk: Desk) -> None:
    """What was withdrawn must not count as paid for: it may come back."""
    desk.drop("a.mov")

    async def replaced(path: RelPath, key: str = "") -> str:
        """Do what a farm does while the clip is read: it writes the next version."""
        digest = await read(path, key)
        desk.put("next", OTHER).rename(desk.folder / "a.mov")
        return digest

    read, desk.inbox.sha256 = desk.inbox.sha256, replaced  # type: ignore[method-assign]
    await desk.settled()
    del desk.inbox.sha256
    looked = await desk.intake.look()
    assert reasons(looked) == {"a.mov": "still arriving"}
    assert await desk.store.jobs() == []
    assert await desk.store.known_kept(desk.watch.name) == []
    desk.put("a.mov")
    assert (await desk.settled()).jobs_added == 1


async def waits_for_its_claim(desk: Desk) -> None:
    """Drop a clip whose job is recorded while nothing can be claimed, and look once more."""

    async def busy(_claim: object) -> None:
        raise FileBusy("the folder is closed")

    desk.drop("a.mov")
    desk.inbox.claim = busy  # type: ignore[method-assign]
    assert (await desk.settled()).jobs_added == 1
    await desk.intake.look()
    del desk.inbox.claim


@pytest.mark.parametrize("down", [False, True])
async def test_a_clip_that_had_gone_before_it_was_ours_is_run_when_it_comes_back(
    desk: Desk, down: bool
) -> None:
    """Nothing was made of it; the same bytes at the same path must not count as paid for."""
    await waits_for_its_claim(desk)
    (desk.folder / "a.mov").rename(desk.folder / "away")
    (job,) = (await desk.intake.look()).refused
    assert job.error is not None
    assert job.error.code == "source_vanished"
    assert await desk.store.known_kept(desk.watch.name) == []
    await desk.store.move(job, Event.PLACED_FAILED)
    if down:
        desk.intake = desk.another()
    desk.put("a.mov")
    assert (await desk.settled()).jobs_added == 1


async def test_a_clip_whose_job_was_withdrawn_is_not_hidden_until_the_next_start(
    desk: Desk,
) -> None:
    """Its sidecar was corrected before it was ours: the clip itself has not changed."""
    await waits_for_its_claim(desk)
    desk.spec("a.json", {"prompt": "corrected"})
    looked = await desk.settled()
    assert (looked.jobs_added, len(await desk.store.jobs())) == (1, 1)
    assert (await desk.jobs())["a.mov"].params["prompt"] == "corrected"


async def test_a_withdrawn_job_does_not_forget_the_files_of_an_earlier_one(desk: Desk) -> None:
    """A sidecar with a new clip beside it is still the one that was run with the old clip."""
    await taken(desk)
    first = await desk.store.known_kept(desk.watch.name)
    known = Kept(desk.watch.name, desk.store)
    await known.load()
    known.remember(replace(file, job=JobId("later")) for file in first)
    await known.reload()
    assert all(known.knows(entry) for entry in (await desk.inbox.scan()).entries)


async def test_a_file_that_is_not_the_one_that_was_seen_gives_no_digest(desk: Desk) -> None:
    """Its bytes would be remembered under the stat key of another."""
    desk.put("a.mov")
    (entry,) = (await desk.inbox.scan()).entries
    assert len(await desk.inbox.sha256(entry.path, entry.key)) == 64
    desk.put("a.mov", OTHER)
    with pytest.raises(FileBusy, match=r"a\.mov"):
        await desk.inbox.sha256(entry.path, entry.key)
    assert entry.path == RelPath("a.mov")


VARIANTS = {**GOOD, "reeldrop": {"variants": [{"prompt": "as clay"}, {"prompt": "as ink"}]}}


async def test_a_variant_whose_clip_was_replaced_fails_where_another_was_sent(desk: Desk) -> None:
    """Were it forgotten, the clip would run once more in both ways when somebody puts it back."""
    desk.drop("a.mov", VARIANTS)
    assert (await desk.settled()).jobs_added == 2
    sent = await desk.store.claim_next(desk.clock.now())
    given_back = await desk.store.claim_next(desk.clock.now())
    assert sent is not None
    assert given_back is not None
    await desk.store.move(sent, Event.DECLARED)
    given_back = await desk.store.move(given_back.evolve(claimed=False), Event.RETURNED)
    desk.put("a.mov", OTHER)
    desk.intake.take_back(given_back)
    (failed,) = (await desk.intake.look()).refused

    assert (failed.id, failed.error and failed.error.code) == (given_back.id, "drop_changed")
    await desk.settled()
    jobs = len(await desk.store.jobs())
    desk.put("a.mov")
    await desk.settled()
    assert len(await desk.store.jobs()) == jobs


async def test_a_job_that_was_sent_before_is_not_forgotten_when_its_clip_is_replaced(
    desk: Desk,
) -> None:
    """A person had it begun anew: what it cost, and its ticket, are still its own."""
    desk.drop("a.mov", GOOD)
    await desk.settled()
    job = await desk.store.claim_next(desk.clock.now())
    assert job is not None
    job = await desk.store.move(job.evolve(request_ids=(job.request_id,)), Event.DECLARED)
    job = await desk.store.move(job.evolve(claimed=False), Event.NOT_ACCEPTED)
    desk.put("a.mov", OTHER)
    desk.intake.take_back(job)
    (failed,) = (await desk.intake.look()).refused
    assert failed.id == job.id
