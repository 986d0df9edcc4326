"""A job is recorded before its files move, and given to the workers only when they have."""

from typing import Any

import pytest

from engine.intake_desk import GOOD, Desk, clip_bytes, desk, png_bytes, reasons, settings
from reeldrop.domain.lifecycle import State
from reeldrop.engine.intake.claims import Claims

__all__ = ["desk", "settings"]


class Killed(BaseException):
    """Stands for the end of the process."""


async def killed_before_the_claim(desk: Desk) -> None:
    """Let the daemon die when the job is recorded and no file has moved."""

    async def die(_claim: object) -> None:
        raise Killed

    desk.inbox.claim = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await desk.settled()
    del desk.inbox.claim


async def unclaimed(desk: Desk) -> list[Any]:
    return [job for job in await desk.store.jobs([State.QUEUED]) if not job.claimed]


async def test_a_recorded_job_without_its_claim_is_not_for_the_workers(desk: Desk) -> None:
    """Nothing is paid for a clip that is not ours."""
    desk.drop("a.mov")
    await killed_before_the_claim(desk)
    assert desk.left() == {"a.mov", "a.json"}
    assert await desk.store.claim_next(desk.clock.now()) is None


async def test_the_next_start_finishes_the_claim(desk: Desk) -> None:
    """And the scan after it finds nothing to add."""
    desk.drop("a.mov")
    await killed_before_the_claim(desk)
    desk.intake = desk.another()
    assert await desk.intake.finish_claims(await unclaimed(desk)) == []
    assert desk.left() == set()
    assert (await desk.settled()).jobs_added == 0
    assert await desk.store.claim_next(desk.clock.now()) is not None


async def test_a_refusal_is_finished_as_a_refusal(desk: Desk) -> None:
    """What was judged bad must not be submitted because of a crash."""
    desk.drop("a.mov", {"promt": "x"})
    await killed_before_the_claim(desk)
    desk.intake = desk.another()
    refused = await desk.intake.finish_claims(await unclaimed(desk))
    assert [(job.path, job.state) for job in refused] == [("a.mov", State.DELIVERING)]
    assert await desk.store.claim_next(desk.clock.now()) is None


async def test_a_clip_that_has_gone_before_its_claim_ends_the_job(desk: Desk) -> None:
    """Nobody waits for what its owner has taken away."""
    desk.drop("a.mov")
    await killed_before_the_claim(desk)
    for name in desk.left():
        (desk.folder / name).unlink()
    desk.intake = desk.another()
    assert await desk.intake.finish_claims(await unclaimed(desk)) == []
    looked = await desk.intake.look()
    assert [job.error and job.error.code for job in looked.refused] == ["source_vanished"]
    assert not looked.still_settling


async def test_a_claim_that_cannot_be_made_waits_unpaid_and_is_tried_again(desk: Desk) -> None:
    """A folder may be closed to us for a while; here something else has our work folder's name."""
    desk.drop("show/a.mov")
    in_the_way = desk.put(".reeldrop", b"")
    looked = await desk.settled()
    assert looked.jobs_added == 1
    job = (await desk.store.jobs())[0]
    assert not job.claimed
    assert job.reason
    assert await desk.store.claim_next(desk.clock.now()) is None
    assert "show/a.mov" in desk.left()

    in_the_way.unlink()
    assert (await desk.intake.look()).jobs_added == 1, "the queue would sleep on"
    job = (await desk.store.jobs())[0]
    assert (job.claimed, job.reason) == (True, "")


async def test_claims_of_another_daemon_that_are_made_are_left_alone(desk: Desk) -> None:
    """Only what is not claimed is claimed."""
    desk.drop("a.mov")
    await desk.settled()
    claims = Claims(desk.inbox, desk.store)
    claims.expect(await desk.store.jobs())
    assert claims.pending == ()


async def test_a_sidecar_that_has_gone_before_the_claim_lets_its_clip_wait_again(
    desk: Desk,
) -> None:
    """Its user took it back to correct it: the clip lies there, and nothing is to be held for ever."""
    desk.drop("show/a.mov")
    await killed_before_the_claim(desk)
    (desk.folder / "show/a.json").unlink()
    desk.intake = desk.another()
    assert await desk.intake.finish_claims(await unclaimed(desk)) == []
    await desk.intake.look()
    looked = await desk.settled()
    assert (looked.refused, await desk.store.jobs()) == ((), [])
    assert reasons(looked) == {"show/a.mov": "waiting for sidecar a.json"}
    assert desk.left() == {"show/a.mov"}

    desk.spec("show/a.json", {"prompt": "corrected"})
    assert (await desk.settled()).jobs_added == 1
    job = (await desk.jobs())["show/a.mov"]
    assert (job.claimed, job.params["prompt"]) == (True, "corrected")


@pytest.mark.parametrize("part", ["a.mov", "a.json", "style.png"])
async def test_what_was_replaced_before_the_claim_is_judged_anew(desk: Desk, part: str) -> None:
    """A render farm writes the next version under the same name; nobody has looked at that one."""
    desk.put("style.png", png_bytes())
    desk.drop("a.mov", {**GOOD, "image_list": ["style.png"]})
    await killed_before_the_claim(desk)
    first = (await desk.store.jobs())[0]
    bad = b'{"prompt": ""}' if part == "a.json" else b"no picture and no film"
    desk.put(f"new {part}", bad).rename(desk.folder / part)
    desk.intake = desk.another()
    await desk.intake.finish_claims(await unclaimed(desk))
    assert await desk.store.claim_next(desk.clock.now()) is None

    await desk.intake.look()
    (job,) = (await desk.settled()).refused
    assert job.id != first.id
    assert await desk.store.get(first.id) is None
    assert "source/a.mov" in desk.claimed(job)
    assert await desk.store.claim_next(desk.clock.now()) is None


async def test_variants_of_a_replaced_drop_are_all_withdrawn(desk: Desk) -> None:
    """One that stayed would be submitted with what nobody judged."""
    desk.drop("a.mov", {**GOOD, "reeldrop": {"variants": [{"duration": 5}, {"duration": 10}]}})
    await killed_before_the_claim(desk)
    desk.spec("a.json", {"prompt": "other"})
    desk.intake = desk.another()
    await desk.intake.finish_claims(await unclaimed(desk))
    await desk.intake.look()
    await desk.settled()
    assert [job.params["prompt"] for job in await desk.store.jobs()] == ["other"]


async def test_a_half_made_claim_that_cannot_be_put_back_is_shown_with_what_it_holds(
    desk: Desk,
) -> None:
    """A new clip has the old one's name: the old one must not lie in a hidden folder for ever."""
    desk.drop("a.mov")
    await killed_before_the_claim(desk)
    (job,) = await unclaimed(desk)
    source = desk.folder / job.claim.folder / "source"
    source.mkdir(parents=True)
    (desk.folder / "a.mov").rename(source / "a.mov")
    (desk.folder / "a.json").unlink()
    desk.put("a.mov", clip_bytes() + b"\0\0\0\x08free")
    desk.intake = desk.another()
    await desk.intake.finish_claims(await unclaimed(desk))

    (job,) = (await desk.intake.look()).refused
    assert job.error is not None
    assert job.error.code == "source_vanished"
    assert [file.origin for file in job.claim.source] == ["a.mov"]
    assert desk.claimed(job) == {"source/a.mov"}
    assert reasons(await desk.settled()) == {"a.mov": "waiting for sidecar a.json"}


async def test_a_burst_of_drops_is_taken_whole_and_once(desk: Desk) -> None:
    """A farm drops a whole show at once; none may be lost or taken twice."""
    for n in range(150):
        desk.put(f"s{n % 7}/{n:03}.mov")
        desk.spec(f"s{n % 7}/{n:03}.json", GOOD)
    added = (await desk.settled()).jobs_added
    assert added == 150
    assert desk.left() == set()
    assert len(await desk.store.jobs()) == 150
