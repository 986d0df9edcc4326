"""A job is recorded before its files move, and given to the workers only when they have."""

from collections.abc import Mapping
from typing import Any

import pytest

from engine.intake_desk import GOOD, Desk, clip_bytes, desk, settings
from reeldrop.domain.lifecycle import State
from reeldrop.engine.intake_claims import Claims

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
    assert (await desk.intake.look()).jobs_added == 0
    job = (await desk.store.jobs())[0]
    assert (job.claimed, job.reason) == (True, "")


async def test_claims_of_another_daemon_that_are_made_are_left_alone(desk: Desk) -> None:
    """Only what is not claimed is claimed."""
    desk.drop("a.mov")
    await desk.settled()
    claims = Claims(desk.inbox, desk.store)
    claims.expect(await desk.store.jobs())
    assert claims.pending == ()


class TestKept:
    """A watch that leaves its files where they are."""

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"archive": "keep"}

    async def test_a_kept_drop_is_taken_once_and_stays(self, desk: Desk) -> None:
        """Over restarts, too."""
        desk.drop("a.mov")
        assert (await desk.settled()).jobs_added == 1
        job = (await desk.store.jobs())[0]
        assert (job.claim.kept, job.claimed) == (True, True)
        for _ in range(2):
            looked = await desk.settled()
            assert (looked.jobs_added, looked.waiting) == (0, ())
            desk.intake = desk.another()
        assert desk.left() == {"a.mov", "a.json"}

    async def test_other_bytes_under_the_name_are_a_new_drop(self, desk: Desk) -> None:
        """With the same sidecar."""
        desk.drop("a.mov")
        await desk.settled()
        claimed = await desk.store.claim_next(desk.clock.now())
        assert claimed is not None
        desk.put("a.mov", clip_bytes() + b"\0\0\0\x08free")
        assert (await desk.settled()).jobs_added == 1

    async def test_a_changed_sidecar_runs_nothing_again(self, desk: Desk) -> None:
        """The clip is what is known."""
        desk.drop("a.mov")
        await desk.settled()
        desk.spec("a.json", {"prompt": "another"})
        looked = await desk.settled()
        assert (looked.jobs_added, looked.waiting) == (0, ())

    async def test_a_refused_kept_drop_is_refused_once(self, desk: Desk) -> None:
        """Not again at every look."""
        desk.drop("a.mov", {"promt": "x"})
        assert len((await desk.settled()).refused) == 1
        assert (await desk.settled()).refused == ()
        desk.intake = desk.another()
        assert (await desk.settled()).refused == ()


async def test_a_burst_of_drops_is_taken_whole_and_once(desk: Desk) -> None:
    """A farm drops a whole show at once; none may be lost or taken twice."""
    for n in range(150):
        desk.put(f"s{n % 7}/{n:03}.mov")
        desk.spec(f"s{n % 7}/{n:03}.json", GOOD)
    added = (await desk.settled()).jobs_added
    assert added == 150
    assert desk.left() == set()
    assert len(await desk.store.jobs()) == 150
