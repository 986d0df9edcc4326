"""Complete drops become jobs, exactly once, and everything else waits visibly."""

import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.intake_desk import GOOD, QUIET, Desk, clip_bytes, desk, png_bytes, reasons, settings
from reeldrop.domain.errors import StoreUnavailable
from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.lifecycle import State
from reeldrop.domain.spec import Fault, Model
from reeldrop.engine.intake.terms import Looked
from reeldrop.files.mounts import mount_of
from reeldrop.ports import Catalogue, JobStore

__all__ = ["desk", "settings"]


def file(path: str) -> MediaFile:
    return MediaFile(RelPath(path))


async def test_a_drop_becomes_a_job_when_it_has_settled_and_not_before(desk: Desk) -> None:
    """The first look proves nothing: somebody on another host may still be writing."""
    desk.drop("show/a.mov")
    first = await desk.intake.look()
    assert (first.jobs_added, first.still_settling, first.wait) == (0, True, 5.0)
    assert reasons(first) == {"show/a.mov": "still arriving"}

    desk.clock.time += first.wait
    second = await desk.intake.look()
    assert (second.jobs_added, second.still_settling, second.waiting) == (1, False, ())
    job = (await desk.jobs())["show/a.mov"]
    assert (job.state, job.claimed, job.folder) == (State.QUEUED, True, "show/a")
    assert job.params == {"prompt": "as a woodcut", "video_url": MediaFile(job.path)}
    assert job.model == "klingai/video-o1-video-to-video-reference"
    assert job.source is not None
    assert job.source.bytes == len(clip_bytes())
    assert desk.left() == set()
    assert desk.claimed(job) == {"source/a.mov", "source/a.json"}


async def test_a_taken_drop_is_not_taken_again(desk: Desk) -> None:
    """Twice would be paid twice."""
    desk.drop("a.mov")
    await desk.settled()
    again = await desk.settled()
    assert again.jobs_added == 0
    assert len(await desk.jobs()) == 1


async def test_the_sidecar_may_come_first_or_last(desk: Desk) -> None:
    """People drop as they like; what is missing is said."""
    desk.put("a.mov")
    desk.spec("b.json", GOOD)
    looked = await desk.settled()
    assert reasons(looked) == {
        "a.mov": "waiting for sidecar a.json",
        "b.json": "waiting for a clip named b.mp4, .mov …",
    }
    assert not looked.still_settling
    assert list(await desk.store.waiting()) == list(looked.waiting)

    desk.spec("a.json", GOOD)
    desk.put("b.mov")
    assert (await desk.settled()).jobs_added == 2
    assert await desk.store.waiting() == []


async def test_what_waits_keeps_its_time_and_is_written_only_when_it_changes(desk: Desk) -> None:
    """The status page shows since when; a store must not be written at every look."""
    desk.put("a.mov")
    first = await desk.settled()
    desk.clock.time += 60
    second = await desk.intake.look()
    assert second.waiting is first.waiting


async def test_a_slow_copy_with_pauses_is_taken_once_and_whole(desk: Desk) -> None:
    """Quiet alone proves nothing: a container that is not whole is still arriving."""
    whole = clip_bytes()
    desk.spec("a.json", GOOD)
    for part in (0.2, 0.6, 0.9):
        desk.put("a.mov", whole[: int(len(whole) * part)])
        looked = await desk.settled()
        assert looked.jobs_added == 0
        assert looked.still_settling
        assert reasons(looked)["a.mov"].startswith("still arriving")
    desk.put("a.mov")
    assert (await desk.settled()).jobs_added == 1
    assert len(await desk.jobs()) == 1


async def test_a_torso_is_refused_after_incomplete_timeout(desk: Desk) -> None:
    """A cancelled copy must not wait for ever, and must not be paid for."""
    desk.drop("a.mov")
    desk.put("a.mov", clip_bytes()[:-2000])
    await desk.settled()
    desk.clock.time += 900
    looked = await desk.intake.look()
    assert [job.error and job.error.code for job in looked.refused] == ["not_whole"]
    assert looked.refused[0].state is State.DELIVERING


async def test_an_empty_clip_waits_and_is_then_refused(desk: Desk) -> None:
    """Some tools make the name long before the content."""
    desk.drop("a.mov")
    desk.put("a.mov", b"")
    assert (await desk.settled()).still_settling
    desk.clock.time += 900
    looked = await desk.intake.look()
    assert [job.error and job.error.code for job in looked.refused] == ["empty"]


async def test_a_file_that_is_open_for_writing_is_not_taken(desk: Desk, tmp_path: Path) -> None:
    """Its writer may pause for longer than any quiet time."""
    fd = os.open(desk.folder, os.O_RDONLY)
    local = mount_of(fd).local
    os.close(fd)
    if not local:
        pytest.skip("NOT TESTED, leases need a local file system")
    desk.drop("a.mov")
    with (desk.folder / "a.mov").open("ab"):
        looked = await desk.settled()
        assert looked.still_settling
        assert "open for writing" in reasons(looked)["a.mov"]
    desk.clock.time += looked.wait
    assert (await desk.intake.look()).jobs_added == 1


async def test_names_pair_whatever_their_case_and_unicode_form(desk: Desk) -> None:
    """macOS writes other bytes for the same name."""
    desk.put(unicodedata.normalize("NFD", "Schön.MOV"))
    desk.spec(unicodedata.normalize("NFC", "schön.json"), GOOD)
    assert (await desk.settled()).jobs_added == 1


async def test_odd_names_are_taken_like_others(desk: Desk) -> None:
    """A name is bytes; none of them may stop the daemon."""
    names = [
        b"new\nline",
        b"tab\t\"quote'",
        "☃ عربى".encode(),
        b"-rf",
        b"inv\xff\xfealid",
        b"x" * 240,
    ]
    for name in names:
        desk.put(name + b".mov")
        desk.put(name + b".json", b'{"prompt": "x"}')
    looked = await desk.settled()
    assert looked.waiting == ()
    assert looked.jobs_added == len(names)
    assert {os.fsencode(path) for path in await desk.jobs()} == {name + b".mov" for name in names}


async def test_presets_are_merged_from_far_to_near_and_their_paths_are_their_own(
    desk: Desk,
) -> None:
    """The nearest wins key by key; a path in a preset is relative to the preset."""
    desk.put("style.png", png_bytes())
    preset = {"prompt": "far", "aspect_ratio": "9:16", "image_list": ["style.png"]}
    desk.spec("_preset.json", {**preset, "reeldrop": {"priority": 3}})
    desk.spec("show/_preset.json", {"duration": "10", "reeldrop": {"labels": {"show": "A"}}})
    desk.drop("show/a.mov", {"prompt": "near"})
    await desk.settled()
    job = (await desk.jobs())["show/a.mov"]
    assert job.params == {
        "prompt": "near",
        "aspect_ratio": "9:16",
        "duration": 10,
        "image_list": [file("style.png")],
        "video_url": file("show/a.mov"),
    }
    assert (job.priority, job.labels) == (3, {"show": "A"})
    assert desk.left() == {"style.png", "_preset.json", "show/_preset.json"}
    kept = {file.origin for file in job.claim.references}
    assert kept == {"style.png", "_preset.json", "show/_preset.json"}


async def test_a_clip_whose_preset_is_complete_is_taken_after_the_grace(desk: Desk) -> None:
    """It needs no sidecar; but one that is just arriving must be waited for."""
    desk.spec("_preset.json", GOOD)
    desk.put("a.mov")
    looked = await desk.settled()
    assert (looked.jobs_added, looked.still_settling, looked.wait) == (0, True, 2.0)
    desk.clock.time += looked.wait
    assert (await desk.intake.look()).jobs_added == 1


async def test_the_grace_does_not_run_while_another_file_of_the_folder_arrives(desk: Desk) -> None:
    """The sidecar of the first clip may be the last file that a copy brings."""
    desk.spec("_preset.json", GOOD)
    desk.put("a.mov")
    await desk.settled()
    for size in range(1, 8):
        desk.put("big.exr", b"x" * size)
        desk.clock.time += 3
        assert (await desk.intake.look()).jobs_added == 0
    desk.spec("a.json", {"prompt": "mine"})
    await desk.settled()
    assert (await desk.jobs())["a.mov"].params["prompt"] == "mine"


async def test_a_broken_preset_pauses_its_folder_alone_and_says_so(desk: Desk) -> None:
    """Whoever mends it must not have to drop every clip again."""
    desk.spec("x/_preset.json", b'{"prompt": }')
    desk.spec("y/_preset.json", {"promt": "slip"})
    for folder in "xyz":
        desk.drop(f"{folder}/a.mov")
    looked = await desk.settled()
    assert looked.jobs_added == 1
    assert "x/_preset.json is not JSON" in reasons(looked)["x/a.mov"]
    assert "y/_preset.json: promt" in reasons(looked)["y/a.mov"]
    assert not looked.still_settling
    desk.spec("x/_preset.json", {})
    desk.spec("y/_preset.json", {})
    assert (await desk.settled()).jobs_added == 2


async def test_a_reference_is_waited_for_copied_and_stays(desk: Desk) -> None:
    """Many drops use one picture; it must be there for all of them."""
    desk.drop("a.mov", {**GOOD, "image_list": ["refs/STYLE.png"]})
    looked = await desk.settled()
    words = 'a.json: image_list[0] is "refs/STYLE.png"'
    assert reasons(looked) == {"a.mov": f"waiting for refs/STYLE.png ({words})"}
    assert not looked.still_settling
    desk.put("refs/style.png", png_bytes())
    await desk.settled()
    job = (await desk.jobs())["a.mov"]
    assert job.params["image_list"] == [file("refs/style.png")]
    assert desk.left() == {"refs/style.png"}
    assert {"refs/1-style.png"} <= desk.claimed(job)


async def test_a_reference_that_never_comes_is_said_in_the_end(desk: Desk) -> None:
    """The drop goes to where people look for failures."""
    desk.drop("a.mov", {**GOOD, "image_list": ["none.png"]})
    await desk.settled()
    desk.clock.time += 3600
    looked = await desk.intake.look()
    error = looked.refused[0].error
    assert error is not None
    assert (error.code, "none.png" in error.message) == ("missing_file", True)


async def test_a_video_that_a_spec_uses_is_no_drop_of_its_own(desk: Desk) -> None:
    """A mask beside a complete preset would be restyled, and paid for, like a clip."""
    model = "alibaba/wan2.2-vace-fun-a14b-inpainting"
    desk.spec("_preset.json", GOOD)
    desk.drop("a.mov", {"model": model, "mask_video_url": "mask.mov"})
    desk.put("mask.mov")
    for _ in range(4):
        await desk.settled()
    assert set(await desk.jobs()) == {"a.mov"}
    desk.intake = desk.another()
    for _ in range(4):
        await desk.settled()
    assert set(await desk.jobs()) == {"a.mov"}
    assert desk.left() == {"_preset.json", "mask.mov"}


async def test_a_sidecar_may_name_its_clip(desk: Desk) -> None:
    """And has it alone, wherever it lies below the inbox."""
    desk.put("show/plates/a.mov")
    desk.spec("show/x.json", {**GOOD, "video_url": "plates/a.mov"})
    await desk.settled()
    job = (await desk.jobs())["show/plates/a.mov"]
    assert job.params["video_url"] == file("show/plates/a.mov")
    assert desk.claimed(job) == {"source/plates/a.mov", "source/x.json"}


async def test_a_sidecar_with_a_url_needs_no_clip(desk: Desk) -> None:
    """The provider fetches the video itself."""
    desk.spec("x.json", {**GOOD, "video_url": "https://a.example/v.mp4"})
    await desk.settled()
    job = (await desk.jobs())["x.json"]
    assert job.params["video_url"] == "https://a.example/v.mp4"
    assert (job.folder, job.source) == ("x", None)


async def test_for_a_model_with_a_list_of_videos_the_clip_comes_first(desk: Desk) -> None:
    """Others that the sidecar names follow it."""
    model = "alibaba/wan-2-6-r2v"
    url = "https://a.example/v.mp4"
    desk.drop("a.mov", {**GOOD, "model": model, "video_urls": [url]})
    desk.drop("b.mov", {**GOOD, "model": model, "video_urls": ["b.mov", url]})
    desk.drop("c.mov", {**GOOD, "model": model})
    await desk.settled()
    jobs = await desk.jobs()
    assert jobs["a.mov"].params["video_urls"] == [file("a.mov"), url]
    assert jobs["b.mov"].params["video_urls"] == [file("b.mov"), url]
    assert jobs["c.mov"].params["video_urls"] == [file("c.mov")]


async def test_every_variant_is_a_job_of_its_own_from_one_claim(desk: Desk) -> None:
    """The clip is moved once and used by all."""
    variants = [
        {"prompt": "one"},
        {"prompt": "two", "reeldrop": {"name": "second", "priority": 7}},
        {"duration": 10},
    ]
    desk.drop(
        "s/a.mov", {**GOOD, "reeldrop": {"ticket": "t", "labels": {"x": 1}, "variants": variants}}
    )
    assert (await desk.settled()).jobs_added == 3
    jobs = sorted(await desk.store.jobs(), key=lambda job: job.folder)
    assert [job.folder for job in jobs] == ["s/a-v1", "s/a-v3", "s/second"]
    assert [job.params["prompt"] for job in jobs] == ["one", GOOD["prompt"], "two"]
    assert [job.priority for job in jobs] == [0, 0, 7]
    assert {(job.claim.folder, job.ticket, job.labels["x"], job.claimed) for job in jobs} == {
        (jobs[0].claim.folder, "t", 1, True)
    }


async def test_drops_are_taken_oldest_first(desk: Desk) -> None:
    """Two days of files found at start are worked off in their order."""
    for age, name in ((1, "b"), (3, "c"), (2, "a")):
        desk.drop(f"{name}.mov")
        for kind in ("mov", "json"):
            os.utime(desk.folder / f"{name}.{kind}", (1000 - age, 1000 - age))
    await desk.settled()
    jobs = sorted(await desk.store.jobs(), key=lambda job: job.created)
    assert [job.path for job in jobs] == ["c.mov", "a.mov", "b.mov"]
    assert len({job.created for job in jobs}) == 3


async def test_a_lone_clip_and_a_lone_sidecar_are_refused_after_the_time_out(desk: Desk) -> None:
    """Waiting ends, and says for what."""
    desk.put("a.mov")
    desk.spec("b.json", GOOD)
    await desk.settled()
    desk.clock.time += 3600
    looked = await desk.intake.look()
    errors = {str(job.path): job.error for job in looked.refused if job.error}
    assert {path: error.code for path, error in errors.items()} == {
        "a.mov": "no_sidecar",
        "b.json": "no_clip",
    }
    assert "sidecar a.json" in errors["a.mov"].hint
    assert desk.left() == set()


async def test_ambiguous_files_are_refused_together_when_all_are_complete(desk: Desk) -> None:
    """None of them is left behind to be paired wrongly later."""
    for name in ("a.mov", "a.mp4"):
        desk.put(name)
    desk.put("a.mp4", clip_bytes()[:-2000])
    desk.spec("a.json", GOOD)
    assert (await desk.settled()).refused == ()
    desk.put("a.mp4")
    looked = await desk.settled()
    assert len(looked.refused) == 1
    assert desk.claimed(looked.refused[0]) == {"source/a.mov", "source/a.mp4", "source/a.json"}
    assert looked.refused[0].error is not None
    assert looked.refused[0].error.code == "ambiguous"


async def test_a_changed_file_under_a_taken_name_is_a_new_drop(desk: Desk) -> None:
    """Reusing names is how people work."""
    desk.drop("a.mov")
    await desk.settled()
    desk.drop("a.mov", {"prompt": "second"})
    assert (await desk.settled()).jobs_added == 1
    assert len(await desk.store.jobs()) == 2


async def test_a_file_that_is_deleted_while_it_waits_is_forgotten(desk: Desk) -> None:
    """The user changed his mind."""
    path = desk.put("a.mov")
    await desk.settled()
    path.unlink()
    looked = await desk.settled()
    assert (looked.waiting, looked.refused) == ((), ())


async def test_a_linked_file_is_shown_and_never_followed(desk: Desk, tmp_path: Path) -> None:
    """A link may point at anything of this host."""
    secret = tmp_path / "secret.mov"
    secret.write_bytes(clip_bytes())
    (desk.folder / "a.mov").symlink_to(secret)
    desk.spec("a.json", GOOD)
    looked = await desk.settled()
    assert looked.jobs_added == 0
    assert "symbolic link" in reasons(looked)["a.mov"]


async def test_an_inbox_that_does_not_answer_proves_nothing_and_is_shown(desk: Desk) -> None:
    """No job is invented or ended because a share has gone for a while; people are told which."""
    desk.drop("a.mov")
    first = await desk.intake.look()
    desk.folder.rename(desk.folder.with_name("gone"))
    offline = await desk.intake.look()
    for _ in range(2):
        assert offline.wait > 0
        assert offline.still_settling
        assert (
            offline.offline == f"The inbox {desk.folder} does not answer: No such file or directory"
        )
        assert reasons(offline) == {"": offline.offline, **reasons(first)}
        assert list(offline.waiting) == await desk.store.waiting()
        desk.clock.time += 60
        offline = await desk.intake.look()
    assert {waiting.since for waiting in offline.waiting} == {1_700_000_000.0}
    desk.folder.with_name("gone").rename(desk.folder)
    back = await desk.intake.look()
    assert (back.jobs_added, back.offline, reasons(back)) == (0, "", reasons(first))
    back = await desk.settled()
    assert (back.jobs_added, back.waiting) == (1, ())
    assert await desk.store.waiting() == []


async def test_a_look_that_fails_says_what_it_has_added_before(desk: Desk) -> None:
    """The workers are waked by it; a job that nobody is told of would lie for a minute."""
    desk.drop("a.mov")
    desk.put("b.mov")
    await desk.intake.look()
    desk.clock.time += QUIET
    desk.intake = desk.another(store=Failing(desk.store, "set_waiting"))
    await desk.intake.look()
    desk.clock.time += QUIET
    looked = await desk.intake.look()
    assert (looked.jobs_added, looked.offline) == (1, "the job store does not answer")
    assert len(await desk.store.jobs()) == 1


async def test_a_store_that_fails_ends_the_look_and_not_the_daemon(desk: Desk) -> None:
    """It may come back; no drop is blamed for it, and none is taken twice."""
    for name in "abc":
        desk.drop(f"{name}.mov")
    desk.intake = desk.another(store=Failing(desk.store, "add"))
    looked = await desk.settled()
    assert (looked.jobs_added, looked.offline) == (0, "the job store does not answer")
    assert set(reasons(looked).values()) == {"still arriving"}
    assert looked.wait > 0
    desk.intake = desk.another()
    assert (await desk.settled()).jobs_added == 3


class Failing:
    """A store that fails at one of its methods."""

    def __init__(self, store: JobStore, name: str) -> None:
        self._store, self._name = store, name

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            raise StoreUnavailable("the job store does not answer")
        return getattr(self._store, name)


class Faulty:
    """A catalogue that has a bug which one prompt meets."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.names, self.find = catalogue.names, catalogue.find

    def check(self, model: Model, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
        if params.get("prompt") == "the bug":
            raise ZeroDivisionError("by nothing")
        return self._catalogue.check(model, params)


class TestChanges:
    """What no size and no mtime tells."""

    async def test_a_reserved_file_filled_with_its_time_set_back_is_taken(self, desk: Desk) -> None:
        """Copy tools reserve the room first and set the time last; the verdict is on other bytes."""
        whole = clip_bytes()
        desk.spec("a.json", GOOD)
        clip = desk.folder / "a.mov"
        with clip.open("wb") as file:
            file.truncate(len(whole))
        os.utime(clip, (1, 1))
        assert "not a whole video" in reasons(await desk.settled())["a.mov"]
        desk.clock.time += desk.watch.incomplete_timeout - 2 * QUIET
        with clip.open("r+b") as file:
            file.write(whole)
        os.utime(clip, (1, 1))
        looked = await desk.settled()
        assert (looked.jobs_added, looked.refused) == (1, ())

    async def test_the_time_outs_run_from_a_change_that_no_mtime_tells(self, desk: Desk) -> None:
        """A slow copy into a reserved file, its time set back after each part, is no broken clip."""
        desk.spec("a.json", GOOD)
        clip = desk.put("a.mov", clip_bytes()[:-2000])
        for _ in range(3):
            os.utime(clip, (1, 1))
            assert (await desk.settled()).refused == ()
            desk.clock.time += desk.watch.incomplete_timeout - 2 * QUIET
        os.utime(clip, (1, 1))
        assert (await desk.settled()).refused == ()
        desk.clock.time += desk.watch.incomplete_timeout
        assert len((await desk.intake.look()).refused) == 1

    async def test_a_sidecar_mended_with_its_time_kept_is_read_again(self, desk: Desk) -> None:
        """An editor that keeps times would leave the old words in force."""
        half = desk.spec("a.json", b'{"prompt": "x"]')
        os.utime(half, (1, 1))
        assert "not JSON" in reasons(await desk.settled())["a.json"]
        with half.open("r+b") as file:
            file.write(b'{"prompt": "x"}')
        os.utime(half, (1, 1))
        desk.put("a.mov")
        looked = await desk.settled()
        assert (looked.jobs_added, looked.refused) == (1, ())

    async def test_what_waits_is_looked_for_again_soon(self, desk: Desk) -> None:
        """A clip that is deleted gives no hint, and must not stand on the page for a minute."""
        clip = desk.put("a.mov")
        looked = await desk.settled()
        assert (reasons(looked).keys(), looked.wait) == ({"a.mov"}, 5.0)
        clip.unlink()
        looked = await desk.intake.look()
        assert (looked.waiting, looked.wait) == ((), 60.0)


class TestBugs:
    """One drop meets a bug."""

    async def test_the_others_go_on_and_the_bug_is_logged_once(self, desk: Desk) -> None:
        """It must not end the daemon for everybody, again after every start."""
        desk.intake = desk.another(catalogue=Faulty(desk.catalogue))
        desk.drop("a.mov", {"prompt": "the bug"})
        desk.drop("b.mov")
        with capture_logs() as logs:
            assert (await desk.settled()).jobs_added == 1
            looked = await desk.settled()
        assert "ZeroDivisionError: by nothing" in reasons(looked)["a.mov"]
        assert (looked.still_settling, looked.wait) == (False, 5.0)
        crashes = [entry for entry in logs if entry["event"] == "drop.crashed"]
        assert [(entry["path"], entry["log_level"]) for entry in crashes] == [("a.mov", "error")]
        assert isinstance(crashes[0]["exc_info"], ZeroDivisionError)
        assert desk.left() == {"a.mov", "a.json"}

    async def test_it_is_tried_again_and_told_again_when_a_file_has_changed(
        self, desk: Desk
    ) -> None:
        """The user may get round the bug; a new version of the file may meet another."""
        desk.intake = desk.another(catalogue=Faulty(desk.catalogue))
        desk.drop("a.mov", {"prompt": "the bug"})
        await desk.settled()
        with capture_logs() as logs:
            desk.put("a.mov", clip_bytes() + b"\0\0\0\x08free")
            await desk.settled()
        assert [entry["event"] for entry in logs].count("drop.crashed") == 1
        desk.spec("a.json", GOOD)
        assert (await desk.settled()).jobs_added == 1

    async def test_a_bug_beside_the_judging_is_no_different(self, desk: Desk) -> None:
        """Sidecars are also read to find which clips others use."""
        desk.intake = desk.another(catalogue=Faulty(desk.catalogue))
        desk.drop("a.mov", {"prompt": "the bug", "mask_video_url": "mask.mov"})
        desk.put("lone.mov")
        desk.drop("b.mov")
        assert (await desk.settled()).jobs_added == 1
        looked = await desk.intake.look()
        assert "ZeroDivisionError" in reasons(looked)["a.mov"]
        assert reasons(looked)["lone.mov"] == "waiting for sidecar lone.json"


class TestEvents:
    """With the file system's own hints."""

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"backend": "inotify"}

    async def arrive(self, desk: Desk, elsewhere: Path, files: Mapping[str, bytes]) -> Looked:
        """Rename files in; return the first look at which all of them have been told of."""
        await desk.intake.look()
        if not desk.inbox._watcher.complete:
            pytest.skip("NOT TESTED, this file system gives no hints")
        for name, content in files.items():
            (elsewhere / name).write_bytes(content)
            (elsewhere / name).rename(desk.folder / name)
        while True:
            await desk.inbox.changed(5)
            told = (await desk.inbox.scan()).evidence
            if told.keys() >= files.keys():
                return await desk.intake.look()

    async def test_what_is_renamed_into_place_is_taken_at_once(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        """Nothing is waited for where nothing needs it."""
        files = {"a.json": b'{"prompt": "x"}', "a.mov": clip_bytes()}
        assert (await self.arrive(desk, tmp_path, files)).jobs_added == 1

    async def test_a_sidecar_that_does_not_parse_is_waited_for_even_then(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        """Some editors rename a file into place and write its end afterwards."""
        files = {"a.json": b'{"prompt": ', "a.mov": clip_bytes()}
        looked = await self.arrive(desk, tmp_path, files)
        assert (looked.jobs_added, looked.still_settling) == (0, True)
        desk.clock.time += looked.wait
        assert len((await desk.intake.look()).refused) == 1
