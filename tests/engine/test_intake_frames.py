"""A folder of numbered frames that a sidecar names is one clip: when it is complete, and what it becomes."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from engine.intake_desk import GOOD, Desk, desk, png_bytes, reasons
from reeldrop.domain.fit import Fit
from reeldrop.domain.frames import MOST, clip_of, frames_of
from reeldrop.domain.job import Job, MediaFile, RelPath
from reeldrop.domain.lifecycle import Event
from stills import png

__all__ = ["desk"]

SPEC: dict[str, Any] = {**GOOD, "video_url": "f/####.png", "reeldrop": {"fps": 24}}
LOOK = 5.0
"""Seconds between two looks: the daemon never looks more seldom while anything waits."""
WHOLE = range(1, 73)
"""Three seconds of frames: the least that the model takes."""


@pytest.fixture
def settings() -> Mapping[str, Any]:
    return {}


def render(desk: Desk, numbers: Iterable[int] = WHOLE, folder: str = "f") -> None:
    for number in numbers:
        desk.put(f"{folder}/{number:04}.png", png(number))


async def pass_by(desk: Desk, seconds: float) -> int:
    """Let time pass with a daemon that looks; return how many jobs it has taken."""
    taken, end = 0, desk.clock.time + seconds
    while desk.clock.time < end:
        desk.clock.time = min(end, desk.clock.time + LOOK)
        taken += (await desk.intake.look()).jobs_added
    return taken


async def the_job(desk: Desk) -> Job:
    [job] = await desk.store.jobs()
    return job


def message(job: Job) -> str:
    assert job.error is not None
    return job.error.message


async def test_frames_become_one_job_with_all_their_files(desk: Desk) -> None:
    """They are always made into a film: nothing else could be sent."""
    desk.spec("show/shot010.json", {**SPEC, "video_url": "f/####.PNG"})
    render(desk, WHOLE, "show/f")
    desk.put("show/f/notes.txt", b"x")
    looked = await desk.settled()
    assert (looked.jobs_added, looked.waiting) == (1, ())
    job = await the_job(desk)
    assert (job.path, job.folder) == ("show/shot010.json", "show/shot010")
    assert job.params["video_url"] == MediaFile(RelPath("show/f/####.PNG"))
    assert isinstance(job.fit, Fit)
    assert (job.fit.frames, job.fit.fps, job.fit.bytes) == (72, 24.0, 200_000_000)
    assert job.source is not None
    assert (job.source.name, job.source.seconds, job.source.fps) == ("####.PNG", 3.0, 24.0)
    assert (job.source.width, job.source.height) == (1280, 720)
    assert job.source.bytes == sum(len(png(number)) for number in WHOLE)
    assert [file.at for file in frames_of(job)] == [f"source/f/{each:04}.png" for each in WHOLE]
    assert clip_of(job) == "show/f/####.PNG"
    assert desk.claimed(job) == {"source/shot010.json", *(file.at for file in frames_of(job))}
    assert desk.left() == {"show/f/notes.txt"}


async def test_a_list_of_videos_may_begin_with_frames(desk: Desk) -> None:
    """For a model that takes several, the clip is the first entry."""
    model = "alibaba/wan-2-6-r2v"
    spec = {"prompt": "x", "model": model, "video_urls": ["f/####.png"], "reeldrop": {"fps": "24"}}
    desk.spec("a.json", spec)
    render(desk)
    await desk.settled()
    assert (await the_job(desk)).params["video_urls"] == [MediaFile(RelPath("f/####.png"))]


async def test_no_frame_at_all_waits_like_a_clip_that_is_missing(desk: Desk) -> None:
    """Renders begin hours after the sidecar was written."""
    desk.spec("a.json", SPEC)
    looked = await desk.settled()
    assert reasons(looked) == {
        "a.json": 'waiting for frames f/####.png (a.json: video_url is "f/####.png")'
    }
    assert not looked.still_settling
    desk.clock.time += desk.watch.sidecar_timeout
    [refused] = (await desk.intake.look()).refused
    assert message(refused).startswith('a.json: video_url is "f/####.png", and no such file has')
    assert refused.error is not None
    assert refused.error.hint.endswith("the frames f/####.png.")


async def test_frames_that_nobody_names_are_just_files(desk: Desk) -> None:
    """Never a job for each frame."""
    render(desk)
    desk.spec("_preset.json", GOOD)
    looked = await desk.settled()
    assert (looked.jobs_added, looked.waiting) == (0, ())
    assert len(desk.left()) == 73


async def test_the_frames_of_a_slow_renderer_are_waited_for(desk: Desk) -> None:
    """One a minute: the clip is long enough long before it is finished."""
    desk.spec("a.json", SPEC)
    render(desk, range(1, 71))
    for number in range(71, 77):
        render(desk, [number])
        assert await pass_by(desk, 60.0) == 0
    assert reasons(await desk.intake.look()) == {"a.json": "still arriving: 76 frames so far"}
    assert await pass_by(desk, 120.0 - LOOK) == 0
    assert await pass_by(desk, 2 * LOOK) == 1
    assert len(frames_of(await the_job(desk))) == 76


async def test_a_renderer_that_is_at_work_at_the_start_is_waited_for(desk: Desk) -> None:
    """What the daemon did not see is told by the times of the files, where they are new."""
    desk.spec("a.json", SPEC)
    render(desk, range(1, 101))
    now = desk.clock.now()
    for number in range(1, 101):
        os.utime(desk.folder / f"f/{number:04}.png", (now, now - 60.0 * (100 - number)))
    await desk.intake.look()
    assert await pass_by(desk, 3 * 60.0 - LOOK) == 0
    assert await pass_by(desk, 2 * LOOK) == 1


async def test_what_was_rendered_slowly_and_long_ago_is_taken_at_once(desk: Desk) -> None:
    """A copy that keeps the times of its files is no renderer at work."""
    desk.spec("a.json", SPEC)
    render(desk)
    for number in WHOLE:
        os.utime(desk.folder / f"f/{number:04}.png", (1, 1_600_000_000 + 60 * number))
    assert (await desk.settled()).jobs_added == 1


async def test_a_gap_waits_and_is_refused_with_what_is_missing(desk: Desk) -> None:
    """Farms render in pieces, and a piece may fail."""
    desk.spec("a.json", SPEC)
    render(desk, [number for number in range(1, 80) if number not in (13, 20, 21, 22)])
    looked = await desk.settled()
    assert reasons(looked) == {"a.json": "waiting for f/0013.png, f/0020.png to 0022.png"}
    assert looked.still_settling
    assert await pass_by(desk, desk.watch.incomplete_timeout) == 1
    job = await the_job(desk)
    assert message(job) == (
        "a.json: the frames 0001.png to 0079.png lack f/0013.png, f/0020.png to 0022.png."
    )
    assert len(job.claim.source) == 76


async def test_a_gap_that_is_filled_is_no_gap(desk: Desk) -> None:
    desk.spec("a.json", SPEC)
    render(desk, [number for number in WHOLE if number != 13])
    await desk.settled()
    render(desk, [13])
    assert await pass_by(desk, 60.0) == 1


async def test_a_frame_that_is_a_link_is_not_waited_for(desk: Desk) -> None:
    """It would never be seen; its reason is told instead."""
    desk.spec("a.json", SPEC)
    render(desk)
    (desk.folder / "f/0013.png").unlink()
    (desk.folder / "f/0013.png").symlink_to("0012.png")
    [refused] = (await desk.settled()).refused
    assert "lack f/0013.png (" in message(refused)
    assert "symbolic link" in message(refused)


async def test_too_few_frames_are_still_arriving_and_then_refused_with_the_numbers(
    desk: Desk,
) -> None:
    """A pause before the shortest clip is there says nothing."""
    desk.spec("a.json", SPEC)
    render(desk, range(1, 61))
    looked = await desk.settled()
    assert reasons(looked) == {"a.json": "still arriving: 60 of at least 72 frames"}
    assert await pass_by(desk, desk.watch.incomplete_timeout) == 1
    assert message(await the_job(desk)) == "f/####.png is 2.5 s long; allowed: 3 to 10.05 s."


async def test_one_frame_is_no_clip(desk: Desk) -> None:
    """Also where nothing is known of the model's shortest."""
    model = next(
        name for name in desk.catalogue.names()
        if (found := desk.catalogue.find(name)) and found.limits.clip.seconds[0] is None
        and "video_url" in found.schema["properties"]
        and set(found.schema["required"]) <= {"model", "prompt", "video_url"}
    )  # fmt: skip
    desk.spec("a.json", {**SPEC, "model": model})
    render(desk, [7])
    assert reasons(await desk.settled()) == {"a.json": "still arriving: 1 of at least 2 frames"}
    assert await pass_by(desk, desk.watch.incomplete_timeout) == 1
    assert "f/####.png is one frame, which is no clip" in message(await the_job(desk))


async def test_a_torn_frame_is_still_arriving_and_then_refused(desk: Desk) -> None:
    """The last one is written while the others lie there."""
    desk.spec("a.json", SPEC)
    render(desk)
    desk.put("f/0072.png", png(72)[:-20])
    looked = await desk.settled()
    assert looked.still_settling
    assert reasons(looked)["a.json"].startswith("still arriving: 0072.png")
    desk.put("f/0072.png", png(72))
    assert await pass_by(desk, 12 * LOOK) == 1

    desk.spec("b.json", {**SPEC, "video_url": "g/####.png"})
    render(desk, WHOLE, "g")
    desk.put("g/0030.png", png(30)[:-20])
    await desk.settled()
    assert await pass_by(desk, desk.watch.incomplete_timeout) == 1
    assert "0030.png" in message((await desk.jobs())["b.json"])


async def test_a_frame_that_is_being_written_is_waited_for(desk: Desk) -> None:
    """Its writer tells nobody when it pauses."""
    desk.spec("a.json", SPEC)
    render(desk)
    with (desk.folder / "f/0072.png").open("ab") as writer:
        looked = await desk.settled()
        assert reasons(looked) == {"a.json": "still arriving: 0072.png is open for writing"}
        writer.flush()
    assert await pass_by(desk, 2 * LOOK) == 1


async def test_frames_of_two_sizes_are_refused(desk: Desk) -> None:
    desk.spec("a.json", SPEC)
    render(desk)
    desk.put("f/0030.png", png_bytes())
    [refused] = (await desk.settled()).refused
    assert "0030.png" in message(refused)


async def test_too_many_frames_are_refused_with_their_number_and_left_where_they_are(
    desk: Desk,
) -> None:
    desk.spec("a.json", {**SPEC, "video_url": "f/#.png"})
    (desk.folder / "f").mkdir()
    for number in range(MOST + 1):
        (desk.folder / f"f/{number}.png").touch()
    [refused] = (await desk.settled()).refused
    assert message(refused) == "a.json: f/#.png are 3,601 frames; a clip has at most 3,600."
    assert len(desk.left()) == MOST + 1


async def test_frames_without_a_rate_are_refused_with_an_example(desk: Desk) -> None:
    """Nothing else tells how long they are."""
    desk.spec("a.json", {**GOOD, "video_url": "f/####.png"})
    render(desk)
    [refused] = (await desk.settled()).refused
    assert message(refused) == (
        'a.json: video_url is "f/####.png"; numbered frames go with reeldrop.fps, their frames per '
        'second. Add "reeldrop": {"fps": 24}.'
    )
    assert len(refused.claim.source) == 73


async def test_a_preset_may_give_the_rate_of_a_folder_and_no_pattern(desk: Desk) -> None:
    """The rate holds for frames alone: a film beside them has its own."""
    desk.spec("_preset.json", {"reeldrop": {"fps": 25}})
    desk.spec("a.json", {**GOOD, "video_url": "f/####.png"})
    render(desk, range(1, 76))
    desk.drop("film.mov")
    assert (await desk.settled()).jobs_added == 2
    fit = (await desk.jobs())["a.json"].fit
    assert fit is not None
    assert fit.fps == 25.0
    desk.spec("_preset.json", {"video_url": "f/####.png"})
    desk.drop("b.mov")
    waits = reasons(await desk.settled())["b.mov"]
    assert "only a sidecar itself names its clip" in waits


async def test_frames_that_two_sidecars_name_are_ambiguous(desk: Desk) -> None:
    """Nothing is paid for, and the frames wait for one of them."""
    desk.spec("a.json", SPEC)
    desk.spec("b.json", {**SPEC, "prompt": "y"})
    render(desk)
    [refused] = (await desk.settled()).refused
    assert "a.json and b.json name the same frames, f/####.png" in message(refused)
    assert len(desk.left()) == 72
    desk.spec("c.json", SPEC)
    assert (await desk.settled()).jobs_added == 1


async def test_variants_share_their_frames(desk: Desk) -> None:
    variants = [{"prompt": "x"}, {"prompt": "y"}]
    desk.spec("a.json", {**SPEC, "reeldrop": {"fps": 24, "variants": variants}})
    render(desk)
    assert (await desk.settled()).jobs_added == 2
    jobs = await desk.store.jobs()
    assert {job.folder for job in jobs} == {"a-v1", "a-v2"}
    assert len({job.claim.folder for job in jobs}) == 1


async def test_the_rate_and_every_frame_make_a_spec_the_same(desk: Desk) -> None:
    """Identical drops are found by it."""
    for name, fps, last in (("a", 24, 72), ("b", 24.0, 72), ("c", 25, 75), ("d", 24, 73)):
        folder = f"{name}/f"
        desk.spec(f"{name}/x.json", {**SPEC, "reeldrop": {"fps": fps}})
        render(desk, range(1, last + 1), folder)
    render(desk, WHOLE, "e/f")
    desk.spec("e/x.json", {**SPEC, "reeldrop": {"fps": 25}})
    render(desk, range(73, 76), "e/f")
    assert (await desk.settled()).jobs_added == 5
    keys = {path[0]: job.spec_key for path, job in (await desk.jobs()).items()}
    assert keys["a"] == keys["b"]
    assert len(set(keys.values())) == 3
    assert keys["c"] == keys["e"]


async def test_a_frame_that_is_replaced_before_it_is_taken_is_judged_anew(desk: Desk) -> None:
    """The sidecar and the other frames are put back."""
    desk.spec("a.json", SPEC)
    render(desk)
    real_claim = desk.inbox.claim
    replaced = desk.folder / "f/0050.png"

    async def claim_late(claim: Any) -> None:
        if replaced.read_bytes() == png(50):
            replaced.write_bytes(png(51))
        await real_claim(claim)

    desk.inbox.claim = claim_late  # type: ignore[method-assign]
    await desk.settled()
    await pass_by(desk, 4 * LOOK)
    assert (await desk.jobs()).keys() <= {"a.json"}
    await pass_by(desk, 4 * LOOK)
    job = await the_job(desk)
    assert (desk.folder / job.claim.folder / "source/f/0050.png").read_bytes() == png(51)


# ------------------------------------------------------------------ kept inboxes


class TestKept:
    """Files stay where they are; all frames together are known by path and bytes."""

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        return {"archive": "keep"}

    async def test_kept_frames_run_once_and_again_with_other_bytes(self, desk: Desk) -> None:
        desk.spec("a.json", SPEC)
        render(desk)
        assert (await desk.settled()).jobs_added == 1
        await self.ended(desk)
        assert len(desk.left()) == 73
        await self.nothing_runs(desk)

        os.utime(desk.folder / "f/0030.png", (1, 1))
        await self.nothing_runs(desk)
        desk.spec("a.json", {**SPEC, "prompt": "another"})
        looked = await desk.settled()
        assert looked.jobs_added == 0
        assert "taken before this sidecar was changed" in reasons(looked)["a.json"]
        desk.spec("a.json", SPEC)
        await self.nothing_runs(desk)

        desk.put("f/0030.png", png(31))
        assert await pass_by(desk, 4 * LOOK) == 1
        await self.ended(desk)
        await self.nothing_runs(desk)

        render(desk, [73])
        assert await pass_by(desk, 4 * LOOK) == 1

    async def test_known_frames_are_not_looked_at_again_until_anything_is_new(
        self, desk: Desk
    ) -> None:
        """A sidecar that comes may name them: then they are seen again, with all that are known."""
        desk.spec("a.json", SPEC)
        render(desk)
        assert (await desk.settled()).jobs_added == 1
        await self.ended(desk)
        assert await self.judged(desk) == 73
        assert await self.judged(desk) == 0

        desk.spec("b/c.json", {**SPEC, "video_url": "../f/007#.png"})
        await desk.settled()
        assert await self.judged(desk) > 73
        (desk.folder / "b/c.json").unlink()
        assert await self.judged(desk) == 73
        await self.nothing_runs(desk)

        desk.spec("a.json", {**SPEC, "prompt": "another"})
        for _ in range(3):
            assert "a.json" in reasons(await desk.settled())

    async def judged(self, desk: Desk) -> int:
        """Return how many files the next look takes into account."""
        desk.clock.time += LOOK
        await desk.intake.look()
        return len(desk.intake._shelf.entries)

    async def ended(self, desk: Desk) -> None:
        while (job := await desk.store.claim_next(desk.clock.now())) is not None:
            job = await desk.store.move(job.evolve(error=None), Event.REFUSED)
            await desk.store.move(job, Event.PLACED_FAILED)

    async def nothing_runs(self, desk: Desk) -> None:
        for _ in range(2):
            looked = await desk.settled()
            assert (looked.jobs_added, looked.waiting, looked.still_settling) == (0, (), False)
            desk.intake = desk.another()
