"""Bad drops are refused before anything is paid, each with a message that names key and value."""

from typing import Any

import pytest

from engine.intake_desk import (
    GOOD,
    QUIET,
    Desk,
    clip_bytes,
    desk,
    png_bytes,
    reasons,
    settings,
)
from reeldrop.domain.job import Job, RelPath
from reeldrop.domain.lifecycle import State, Verdict
from reeldrop.domain.spec import CLIP_LIST, clip_parameter

__all__ = ["desk", "settings"]

URL = "https://a.example/i.png"
BAD: dict[str, tuple[Any, list[str]]] = {
    "words": (b"make it blue", ["not JSON", "line 1, column 1"]),
    "empty": (b"", ["empty"]),
    "half": (b'{"prompt": "x"', ["not JSON", "line 1, column 15"]),
    "comma": (b'{"prompt": "x",}', ["comma"]),
    "list": (b'["x"]', ["no JSON object", '["x"]']),
    "too-big": (b'{"prompt": "' + b"x" * (1 << 20) + b'"}', ["1 MiB"]),
    "twice": (b'{"prompt": "x", "prompt": "y"}', ['"prompt"', "twice"]),
    "nan": (b'{"prompt": "x", "duration": NaN}', ["NaN"]),
    "typo": ({"promt": "x"}, ["promt", '"x"', "prompt"]),
    "no-prompt": ({}, ["prompt", "missing"]),
    "blank-prompt": ({"prompt": "  "}, ["prompt is empty; say what"]),
    "long-prompt": ({"prompt": "x" * 2501}, ["prompt", "2501", "2500"]),
    "number-prompt": ({"prompt": 5}, ["prompt", "5", "text"]),
    "duration": ({**GOOD, "duration": 7}, ["duration", "7", "5, 10"]),
    "duration-text": ({**GOOD, "duration": "long"}, ["duration", '"long"']),
    "ratio": ({**GOOD, "aspect_ratio": "4:3"}, ["aspect_ratio", '"4:3"', "16:9"]),
    "audio": ({**GOOD, "keep_audio": "yes"}, ["keep_audio", '"yes"']),
    "images": ({**GOOD, "image_list": [URL] * 5}, ["image_list", "5", "4"]),
    "element": (
        {**GOOD, "elements": [{"reference_image_urls": [URL]}]},
        ["elements[0].frontal_image_url"],
    ),
    "model": ({**GOOD, "model": "klingai/video-o1"}, ["model", '"klingai/video-o1"', "reference"]),
    "model-number": ({**GOOD, "model": 7}, ["model", "7"]),
    "own": ({**GOOD, "reeldrop": "fast"}, ["reeldrop", '"fast"']),
    "own-key": ({**GOOD, "reeldrop": {"nmae": "x"}}, ["reeldrop.nmae", '"x"', "name"]),
    "priority": ({**GOOD, "reeldrop": {"priority": "high"}}, ["reeldrop.priority", '"high"']),
    "name": ({**GOOD, "reeldrop": {"name": "../x"}}, ["reeldrop.name", '"../x"']),
    "fps": (
        {**GOOD, "reeldrop": {"fps": 24}},
        ["reeldrop.fps is 24;", 'numbered frames, like "video_url": "frames/####.png".'],
    ),
    "variant": (
        {**GOOD, "reeldrop": {"variants": [{"prompt": "x"}, {"duration": 7}]}},
        ["reeldrop.variants[1].duration", "7"],
    ),
    "variant-text": (
        {**GOOD, "reeldrop": {"variants": ["x", {"duration": 7}]}},
        ['reeldrop.variants[0] is "x"', "reeldrop.variants[1].duration is 7"],
    ),
    "variant-clip": (
        {**GOOD, "reeldrop": {"variants": [{"video_url": "b.mov"}]}},
        ["reeldrop.variants[0].video_url", '"b.mov"'],
    ),
    "outside": (
        {**GOOD, "image_list": ["../../secret.png"]},
        ["image_list[0]", "../../secret.png"],
    ),
    "absolute": (
        {**GOOD, "image_list": ["/etc/passwd"]},
        ["image_list[0]", "/etc/passwd", "absolute"],
    ),
    "backslash": ({**GOOD, "image_list": ["..\\x.png"]}, ["image_list[0]", "backslash"]),
    "nul": ({**GOOD, "image_list": ["a\0.png"]}, ["image_list[0]", "NUL"]),
    "http": (
        {**GOOD, "image_list": ["http://a.example/i.png"]},
        ["image_list[0]", "http://a.example"],
    ),
    "file": (
        {**GOOD, "image_list": ["file:///etc/passwd"]},
        ["image_list[0]", "file:///etc/passwd"],
    ),
    "data": ({**GOOD, "image_list": ["data:text,x"]}, ["image_list[0]", "base64"]),
    "link": ({**GOOD, "image_list": ["link.png"]}, ["image_list[0]", "link.png", "symbolic link"]),
    "no-image": ({**GOOD, "image_list": ["text.png"]}, ["image_list[0]", "text.png"]),
    "video": (
        {**GOOD, "image_list": ["refs/v.mp4"]},
        ['image_list[0] is "refs/v.mp4", which is a video; allowed: an image'],
    ),
    "nothing": (
        {**GOOD, "image_list": ["empty.png"]},
        ['image_list[0] is "empty.png", which is empty; allowed: an image'],
    ),
    "folder": ({**GOOD, "image_list": ["folder"]}, ["image_list[0]", "folder"]),
    "frames": (
        {**GOOD, "image_list": ["f/####.png"]},
        ['image_list[0] is "f/####.png"; only the video_url of a sidecar takes numbered frames'],
    ),
    "frames-twice": (
        {**GOOD, "video_url": "f/##_##.png"},
        ['video_url is "f/##_##.png", which has more than one run of #', "like frames/####.png."],
    ),
    "frames-variant": (
        {**GOOD, "reeldrop": {"variants": [{"video_url": "f/####.png"}]}},
        ["reeldrop.variants[0].video_url", "only a sidecar itself names its clip"],
    ),
    "frames-kind": ({**GOOD, "video_url": "f/####.tif"}, ["####.tif", "like frames/####.png"]),
    "clip-outside": ({**GOOD, "video_url": "../../x.mov"}, ["video_url", "../../x.mov"]),
    "clip-json": ({**GOOD, "video_url": "_preset.json"}, ["video_url", "_preset.json"]),
    "clip-picture": (
        {**GOOD, "video_url": "ok.png"},
        [
            'video_url is "ok.png"; allowed: a file that ends in .mp4, .mov …, numbered frames like '
            "frames/####.png or an https:// address."
        ],
    ),
    "data-video": (
        {**GOOD, "image_list": ["data:video/mp4;base64,aGk="]},
        ["image_list[0] is a data URI of video/mp4; allowed: an image."],
    ),
    "clip-number": ({**GOOD, "video_url": 5}, ["video_url", "5"]),
    "secret": ({**GOOD, "api_key": "k"}, ["api_key"]),
}


async def test_every_kind_of_bad_sidecar_is_refused_with_its_clip(desk: Desk) -> None:
    """Each message says what was found where; the good one beside them goes on."""
    (desk.folder / "link.png").symlink_to("/etc/passwd")
    desk.put("text.png", b"no picture")
    desk.put("folder/x.png", b"no picture")
    desk.put("refs/v.mp4")
    desk.put("empty.png", b"")
    for name, (body, _) in BAD.items():
        desk.drop(f"{name}.mov", body)
    desk.drop("good.mov")
    looked = await desk.settled()
    assert looked.jobs_added == len(BAD)
    desk.clock.time += desk.watch.incomplete_timeout
    both = [*looked.refused, *(await desk.intake.look()).refused]
    refused = {job.path.removesuffix(".mov"): job for job in both}
    wrong = {name: message(job) for name, job in refused.items() if not tells(job, BAD[name][1])}
    assert wrong == {}
    assert refused.keys() == BAD.keys()
    queued = await desk.jobs(State.QUEUED)
    assert set(queued) == {"good.mov"}


def message(job: Job) -> str:
    assert job.error is not None
    return job.error.message


def tells(job: Job, words: list[str]) -> bool:
    """Say whether the message names the sidecar and every word."""
    name = job.path.removesuffix(".mov")
    return all(word in message(job) for word in [f"{name}.json", *words])


async def test_a_refused_drop_is_claimed_whole_and_awaits_its_delivery(desk: Desk) -> None:
    """It goes the way of every other delivery, to `_failed`."""
    desk.drop("show/a.mov", {"promt": "x", "reeldrop": {"ticket": "t1", "labels": {"a": 1}}})
    job = (await desk.settled()).refused[0]
    assert (job.state, job.verdict, job.claimed) == (State.DELIVERING, Verdict.FAILED, True)
    assert (job.folder, job.ticket, job.labels) == ("show/a", "t1", {"a": 1})
    assert desk.claimed(job) == {"source/a.mov", "source/a.json"}
    assert desk.left() == set()


async def test_a_sidecar_that_names_a_picture_as_its_clip_takes_nothing_but_itself(
    desk: Desk,
) -> None:
    """The picture is somebody's reference file; nothing could ever make a clip of it."""
    desk.put("ok.png", png_bytes())
    desk.spec("b.json", {**GOOD, "video_url": "ok.png"})
    desk.spec("c.json", {**GOOD, "video_url": "data:image/png;base64,aGk="})
    refused = {str(job.path): job for job in (await desk.settled()).refused}
    assert {path: message(job) for path, job in refused.items()} == {
        "b.json": 'b.json: video_url is "ok.png"; '
        "allowed: a file that ends in .mp4, .mov …, numbered frames like frames/####.png or an "
        "https:// address.",
        "c.json": "c.json: video_url is a data URI of image/png; allowed: a video.",
    }
    assert refused["b.json"].folder == "b"
    assert desk.claimed(refused["b.json"]) == {"source/b.json"}
    assert desk.left() == {"ok.png"}


async def test_a_list_of_videos_does_not_take_a_picture_as_its_clip(desk: Desk) -> None:
    """Its first entry is the clip where no clip goes by the sidecar's name."""
    model = next(m for m in desk.catalogue.names() if takes_a_list(desk, m))
    desk.put("ok.png", png_bytes())
    desk.spec("b.json", {**GOOD, "model": model, "video_urls": ["ok.png"]})
    (job,) = (await desk.settled()).refused
    assert 'b.json: video_urls[0] is "ok.png"; allowed: a file that ends in' in message(job)
    assert desk.left() == {"ok.png"}


def takes_a_list(desk: Desk, name: str) -> bool:
    model = desk.catalogue.find(name)
    return model is not None and clip_parameter(model) == CLIP_LIST


async def test_all_faults_are_told_at_once(desk: Desk) -> None:
    """One look at error.txt must be enough to mend the sidecar."""
    body = {"prompt": "", "duration": 7, "frames": 3, "image_list": ["/x"], "reeldrop": {"nmae": 1}}
    desk.drop("a.mov", body)
    text = message((await desk.settled()).refused[0])
    for key in ("prompt", "duration", "frames", "image_list[0]", "reeldrop.nmae"):
        assert f"a.json: {key} " in text


async def test_a_sidecar_that_is_still_being_written_is_not_refused(desk: Desk) -> None:
    """Its second half may come a moment later."""
    desk.put("a.mov")
    desk.spec("a.json", b'{"prompt": ')
    await desk.intake.look()
    desk.clock.time += 4
    assert (await desk.intake.look()).still_settling
    desk.spec("a.json", GOOD)
    assert (await desk.settled()).refused == ()
    assert (await desk.jobs())["a.mov"].error is None


async def test_a_bad_sidecar_without_its_clip_waits_and_says_both(desk: Desk) -> None:
    """The clip shall go with it to where the message is."""
    desk.spec("a.json", {"promt": "x"})
    looked = await desk.settled()
    assert looked.jobs_added == 0
    assert "waiting for a clip named a.mp4" in reasons(looked)["a.json"]
    assert "promt" in reasons(looked)["a.json"]
    desk.put("a.mov")
    refused = (await desk.settled()).refused
    assert desk.claimed(refused[0]) == {"source/a.mov", "source/a.json"}


async def test_a_bad_sidecar_waits_until_its_clip_is_whole(desk: Desk) -> None:
    """Moving a file that is being written would break its writer."""
    desk.drop("a.mov", {"promt": "x"})
    desk.put("a.mov", clip_bytes()[:-2000])
    assert (await desk.settled()).refused == ()
    desk.put("a.mov")
    assert len((await desk.settled()).refused) == 1


async def test_what_is_no_video_is_refused(desk: Desk) -> None:
    """Its name alone does not make it one."""
    desk.drop("a.mov")
    desk.put("a.mov", b"%PDF-1.7 not a film at all, whatever its name may say")
    job = (await desk.settled()).refused[0]
    assert "a.mov" in message(job)
    assert "PDF" in message(job)


@pytest.mark.parametrize("name", ["x.json", "show/x.json"])
async def test_a_sidecar_that_can_have_no_clip_is_refused_at_once(desk: Desk, name: str) -> None:
    """Waiting would not help it."""
    desk.spec(name, {**GOOD, "video_url": "http://a.example/v.mp4"})
    job = (await desk.settled()).refused[0]
    assert "video_url" in message(job)
    assert "http://a.example/v.mp4" in message(job)


async def test_what_was_refused_can_be_mended_and_dropped_again(desk: Desk) -> None:
    """The way back is a drag of files."""
    desk.drop("a.mov", {"promt": "x"})
    job = (await desk.settled()).refused[0]
    source = desk.folder / job.claim.folder / "source"
    desk.spec("a.json", GOOD)
    (source / "a.mov").rename(desk.folder / "a.mov")
    looked = await desk.settled()
    assert reasons(looked) == {"a.mov": "waiting for an earlier job of the same file to end"}


async def told(desk: Desk) -> dict[str, tuple[str, str]]:
    """Wait until everything has been refused, and return messages and hints by path."""
    await desk.settled()
    desk.clock.time += 3600
    refused = (await desk.intake.look()).refused
    return {job.path: (job.error.message, job.error.hint) for job in refused if job.error}


async def test_what_never_came_is_named_with_what_waited_for_it(desk: Desk) -> None:
    """People read one line in a folder, and must know what to do from it."""
    desk.spec("noclip.json", GOOD)
    desk.spec("no/x.json", {**GOOD, "video_url": "plates/a.mov"})
    desk.put("nosidecar.mov")
    desk.drop("show/noimg.mov", {**GOOD, "image_list": [URL, "nothere.png"]})
    assert await told(desk) == {
        "noclip.json": (
            "noclip.json has waited 60 min for its clip, and none came.",
            "Drop it again together with a clip named noclip.mp4, .mov …",
        ),
        "no/x.json": (
            'no/x.json: video_url is "plates/a.mov", and no such file has come in 60 min.',
            "Drop it again together with the clip no/plates/a.mov.",
        ),
        "nosidecar.mov": (
            "nosidecar.mov has waited 60 min for its sidecar, and none came.",
            "Drop it again together with the sidecar nosidecar.json.",
        ),
        "show/noimg.mov": (
            'show/noimg.json: image_list[1] is "nothere.png", and no such file has come in 60 min.',
            "Drop it again together with show/nothere.png.",
        ),
    }


async def test_what_is_waited_for_is_named_with_key_and_value(desk: Desk) -> None:
    """Most of these are typing mistakes; the line on the status page must show them."""
    desk.spec("no/x.json", {**GOOD, "video_url": "plates/a.mov"})
    desk.spec("odd.json", {**GOOD, "video_url": "a.mp4"})
    desk.drop("b/noimg.mov", {**GOOD, "image_list": ["nope.png"]})
    desk.drop("b/coming.mov", {**GOOD, "image_list": ["slow.png"]})
    desk.put("b/slow.png", b"")
    assert reasons(await desk.settled()) == {
        "no/x.json": 'waiting for clip no/plates/a.mov (no/x.json: video_url is "plates/a.mov")',
        "odd.json": 'waiting for clip a.mp4 (odd.json: video_url is "a.mp4")',
        "b/noimg.mov": 'waiting for b/nope.png (b/noimg.json: image_list[0] is "nope.png")',
        "b/coming.mov": 'still arriving: b/slow.png (b/coming.json: image_list[0] is "slow.png")',
    }


async def test_a_message_names_a_file_once(desk: Desk) -> None:
    """The decoder names the file as well."""
    desk.drop("show/half.mov")
    desk.put("show/half.mov", clip_bytes()[:-2000])
    desk.drop("show/pdf.mov")
    desk.put("show/pdf.mov", b"%PDF-1.7 not a film at all, whatever its name may say")
    desk.drop("text.mov", {**GOOD, "image_list": ["text.png"]})
    desk.put("text.png", b"no picture")
    await desk.intake.look()
    desk.clock.time += QUIET
    refused = list((await desk.intake.look()).refused)
    desk.clock.time += 900
    refused += (await desk.intake.look()).refused
    for job in refused:
        name = "text.png" if job.path == "text.mov" else job.path
        assert message(job).count(name.rpartition("/")[2]) == 1, message(job)
        assert name in message(job)
        assert message(job).endswith(".")
    assert len(refused) == 3


async def test_a_reference_whose_writer_ends_while_it_is_judged_is_not_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found wrong was half of it; when the writers were asked for, there was none any more."""
    desk.drop("a.mp4", GOOD | {"image_list": ["late.png"]})
    picture = desk.put("late.png", png_bytes()[:60])
    asked = desk.inbox.written_by_another

    async def ended_meanwhile(path: RelPath) -> bool | None:
        if path == "late.png":
            picture.write_bytes(png_bytes())
        return await asked(path)

    monkeypatch.setattr(desk.inbox, "written_by_another", ended_meanwhile)
    await desk.settled()
    assert await desk.jobs() == {}
    await desk.settled()
    assert [job.state for job in (await desk.jobs()).values()] == [State.QUEUED]
