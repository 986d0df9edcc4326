"""job.json and error.txt: what is told of a drop, to programs and to people."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.intake_desk import png_bytes
from reeldrop import app
from reeldrop.app.building import intakes_of
from reeldrop.app.folders import inbox_names, paths_of
from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import (
    Claim,
    ClaimedFile,
    Job,
    JobId,
    MediaFacts,
    MediaFile,
    RelPath,
    Sent,
    Way,
)
from reeldrop.domain.lifecycle import State
from reeldrop.engine.cancelling import cancelled, cancelled_unknown
from reeldrop.engine.record import error_text, job_record
from reeldrop.settings import LimitSettings, Settings, UploadSettings

BACK = 'To run it again: mend what is wrong and move what lies in "source" back into the inbox.'


def failed(trouble: Trouble) -> list[str]:
    clip = RelPath("a.mov")
    claim = Claim(RelPath(".reeldrop/claims/1"), (ClaimedFile(RelPath("source/a.mov"), clip),))
    job = Job(JobId("1"), "main", clip, RelPath("a"), "m", {}, claim, "k", 0, 0, error=trouble)
    return error_text(job).decode().splitlines()


def test_a_kept_drop_is_not_asked_for_again_as_it_is() -> None:
    """The same bytes never run again: who mends the sidecar alone would wait for ever."""
    clip = RelPath("show/a.mov")
    claim = Claim(RelPath(""), (ClaimedFile(clip, clip),))
    trouble = Trouble("refused", "a.json: x is 1.", "Correct a.json and drop it again.")
    job = Job(JobId("1"), "main", clip, RelPath("a"), "m", {}, claim, "k", 0, 0, error=trouble)
    text = error_text(job).decode()
    assert "The same bytes under the same name are not run again" in text
    assert "another name" in text
    assert "drop it again" not in text


@pytest.mark.parametrize(
    ("trouble", "hint"),
    [
        (Trouble("refused", "a.json: x is 1.", "Correct a.json and drop it again."), []),
        (Trouble("unreadable", "a.mov is no video.", "Drop a video."), ["Drop a video.", ""]),
    ],
)
def test_the_way_back_is_told_once(trouble: Trouble, hint: list[str]) -> None:
    """Two ways to run it again in one file read as two different things to do."""
    lines = failed(trouble)
    assert lines == [
        "a.mov could not be done.", "", trouble.message, "", *hint, BACK, "", "Job 1"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (
            partial(cancelled, paid_before=False),
            "To run it after all: `reeldrop retry 1`, or move",
        ),
        (
            partial(cancelled, paid_before=True),
            "pay for it again: `reeldrop retry 1` with --pay-again",
        ),
        (cancelled_unknown, "pay for it again: `reeldrop retry 1` with --pay-again"),
    ],
    ids=["unpaid", "paid before", "unknown"],
)
def test_a_cancelled_drop_says_what_running_it_costs(
    ended: Callable[[Job], Job], words: str
) -> None:
    """Whoever moves the files back pays once more."""
    clip = RelPath("a.mov")
    claim = Claim(RelPath(".reeldrop/claims/1"), (ClaimedFile(RelPath("source/a.mov"), clip),))
    job = Job(
        JobId("1"), "main", clip, RelPath("a"), "m", {"prompt": "x"}, claim, "k", 0, 0,
        request_ids=("1.7",),
    )  # fmt: skip
    text = error_text(ended(job)).decode()
    assert text.startswith("a.mov was cancelled.\n")
    assert words in text


# ---------------------------------------------------------------- the way of each file


PARAMS = {
    "prompt": "x",
    "video_url": MediaFile(RelPath("a.mov")),
    "image_list": [MediaFile(RelPath("i.png")), "https://elsewhere.example/i.png"],
    "elements": [{"frontal_image_url": MediaFile(RelPath("f.png"))}],
}


def sent_job(**fields: Any) -> Job:
    clip = RelPath("a.mov")
    claim = Claim(RelPath(".reeldrop/claims/1"), (ClaimedFile(RelPath("source/a.mov"), clip),))
    media = (MediaFacts("i.png", 2, "bb"), MediaFacts("f.png", 3, "cc"))
    return Job(
        JobId("1"), "main", clip, RelPath("a"), "m", PARAMS, claim, "k", 0, 0,
        source=MediaFacts("a.mov", 1, "aa"), media=media,
    ).evolve(**fields)  # fmt: skip


def recorded(job: Job) -> dict[str, Any]:
    return json.loads(json.dumps(job_record(job, [], "node", State.DELIVERED, 0.0)))


def test_each_file_has_its_own_way_and_its_reason() -> None:
    """A small picture goes inside of a request whose clip is fetched."""
    record = recorded(
        sent_job(
            upload_mode="signed_url",
            sent=(
                Sent(RelPath("a.mov"), Way.SIGNED_URL, "200 MB is over the most"),
                Sent(RelPath("i.png"), Way.DATA_URI, "2 MB is not"),
                Sent(RelPath("f.png"), Way.DATA_URI, "asked for"),
            ),
        )
    )
    assert record["upload"] == "signed_url"
    assert record["params"] == {
        "prompt": "x",
        "video_url": {
            "file": "a.mov", "bytes": 1, "sha256": "aa",
            "upload": "signed_url", "why": "200 MB is over the most",
        },
        "image_list": [
            {
                "file": "i.png", "bytes": 2, "sha256": "bb",
                "upload": "data_uri", "why": "2 MB is not",
            },
            "https://elsewhere.example/i.png",
        ],
        "elements": [
            {
                "frontal_image_url": {
                    "file": "f.png", "bytes": 3, "sha256": "cc",
                    "upload": "data_uri", "why": "asked for",
                }
            }
        ],
    }  # fmt: skip


def test_a_clip_that_was_made_to_fit_has_the_way_of_what_was_made_of_it() -> None:
    """What was sent is the file that the daemon made; the record says so of bytes, digest and way."""
    sent = (Sent(RelPath("a.mov"), Way.DATA_URI, "0.008 MB is not over the most"),)
    fitted = MediaFacts("1.fit.mp4", 8, "dd")
    assert recorded(sent_job(sent=sent, fitted=fitted))["params"]["video_url"] == {
        "file": "a.mov", "bytes": 8, "sha256": "dd", "fitted": True,
        "upload": "data_uri", "why": "0.008 MB is not over the most",
    }  # fmt: skip


def test_a_job_that_never_sent_anything_names_no_way() -> None:
    """It was refused, cancelled, or took part in the generation of another."""
    record = recorded(sent_job())
    assert record["upload"] is None
    assert record["params"]["video_url"] == {"file": "a.mov", "bytes": 1, "sha256": "aa"}
    assert record["params"]["image_list"][0] == {"file": "i.png", "bytes": 2, "sha256": "bb"}


async def worked_off(settings: Settings) -> dict[str, dict[str, Any]]:
    """Run the daemon until nothing is left, and return each record by its folder."""
    stop = asyncio.Event()
    async with app.opened(settings, app.Options(once=True), stop) as rooms:
        await app.work(settings, rooms, stop, once=True)
    outbox = Path(settings.watch[0].outbox)
    return {
        str(path.parent.relative_to(outbox)): json.loads(path.read_text())
        for path in outbox.rglob("job.json")
    }


async def test_the_ways_of_all_files_of_a_real_submit_are_recorded(
    settings: Settings, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clip, image and element go the same ways; whoever takes part in a generation sent nothing."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    inbox = Path(settings.watch[0].inbox)
    (inbox / "i.png").write_bytes(png_bytes())
    (inbox / "f.png").write_bytes(png_bytes() + b"\0")
    spec = {
        "prompt": "x",
        "image_list": ["i.png"],
        "elements": [{"frontal_image_url": "f.png", "reference_image_urls": ["i.png"]}],
    }
    for name in ("a", "twin"):
        (inbox / f"{name}.mov").write_bytes(clip.read_bytes())
        (inbox / f"{name}.json").write_text(json.dumps(spec))
    small = settings.model_copy(
        update={
            "upload": UploadSettings(data_uri_max=len(png_bytes())),
            "limits": LimitSettings(min_free_disk=0, in_flight=1),
        }
    )
    records = await worked_off(small)

    assert set(records) == {"a", "twin"}
    [paid] = [record for record in records.values() if record["upload"]]
    [joined] = [record for record in records.values() if not record["upload"]]
    assert paid["generation_id"] == joined["generation_id"]
    most = "over upload.data_uri_max"
    clip_sent, image = paid["params"]["video_url"], paid["params"]["image_list"][0]
    element = paid["params"]["elements"][0]
    assert clip_sent["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert [clip_sent["upload"], image["upload"], element["frontal_image_url"]["upload"]] == (
        ["data_uri"] * 3
    )
    assert f"is {most}" in clip_sent["why"]
    assert "but neither upload.object_store nor" in clip_sent["why"]
    assert f"is not {most}" in image["why"]
    assert f"is {most}" in element["frontal_image_url"]["why"]
    assert element["reference_image_urls"] == [image]
    params = joined["params"]
    for told in (params["video_url"], params["image_list"][0], *params["elements"][0].values()):
        assert "upload" not in str(told)
        assert "why" not in str(told)


# ---------------------------------------------------------------- whose word on the way holds


@pytest.mark.parametrize(
    ("words", "bare"),
    [
        (("auto", "", ""), "auto"),
        (("data_uri", "", ""), "data_uri"),
        (("data_uri", "auto", ""), "auto"),
        (("auto", "data_uri", ""), "data_uri"),
        (("data_uri", "data_uri", "auto"), "auto"),
        (("auto", "data_uri", "signed_url"), "signed_url"),
    ],
)
async def test_the_nearest_word_on_the_way_holds(
    words: tuple[Any, Any, str],
    bare: str,
    settings: Settings,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sidecar > preset > the watch's preset > [[watch]] upload > [upload] mode; "auto" is a word, too."""
    monkeypatch.setenv("AIMLAPI_API_KEY", "k")
    inbox = Path(settings.watch[0].inbox)

    def put(name: str, text: Any) -> None:
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_text(json.dumps(text))

    put("p/_preset.json", {"reeldrop": {"upload": "signed_url"}})
    put("p/over.json", {"prompt": "y", "reeldrop": {"upload": "auto"}})
    put("p/under.json", {"prompt": "z"})
    for name in ("p/over", "p/under"):
        (inbox / f"{name}.mov").write_bytes(clip.read_bytes())
    mode, watch, default = words
    own = {"reeldrop": {"upload": default}} if default else {}
    chosen = settings.model_copy(
        update={
            "upload": UploadSettings(mode=mode),
            "watch": (
                settings.watch[0].model_copy(
                    update={"upload": watch, "defaults": {**settings.watch[0].defaults, **own}}
                ),
            ),
        }
    )
    async with app.opened(chosen, app.Options(once=True), asyncio.Event()) as rooms:
        [intake] = intakes_of(chosen, rooms, paths_of(chosen, inbox_names(chosen))).values()
        jobs: list[Job] = []
        while len(jobs) < 3:
            looked = await intake.look()
            jobs = await rooms.store.jobs()
            await intake.inbox.changed(min(looked.wait, 0.2))
    assert {job.path: job.upload for job in jobs} == {
        "a.mov": bare, "p/under.mov": "signed_url", "p/over.mov": "auto"
    }  # fmt: skip
