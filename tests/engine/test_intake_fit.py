"""Clip and images against the limits of the model, and what `conform` decides, before anything is paid."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import pytest

from engine.intake_desk import GOOD, Desk, clip_bytes, desk, png_bytes, settings
from reeldrop.domain.fit import Fit
from reeldrop.domain.job import Job
from reeldrop.simulator.footage import make_clip

__all__ = ["desk", "settings"]

AUTO = pytest.mark.parametrize("settings", [{"conform": "auto"}])
PIXELS = {"png": "rgb24", "bmp": "bgr24"}
FREE = "alibaba/wan-2-6-r2v"
"""A model of which no limits are known."""


@cache
def film(suffix: str = "mov", **facts: Any) -> bytes:
    """A clip outside of what Kling O1 takes."""
    with TemporaryDirectory() as folder:
        path = Path(folder, f"clip.{suffix}")
        given: dict[str, Any] = {"seconds": 1.0, "width": 320, "height": 180, "audio": False}
        make_clip(path, **given | facts)
        return path.read_bytes()


@cache
def picture(width: int, height: int, codec: str = "png") -> bytes:
    """A black image."""
    frame = av.VideoFrame(width, height, PIXELS[codec])
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as out:
        stream = out.add_stream(codec, rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, frame.format.name
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file.getvalue()


async def refused(desk: Desk) -> Job:
    [job] = (await desk.settled()).refused
    assert job.error is not None
    return job


def message(job: Job) -> str:
    assert job.error is not None
    return job.error.message


async def test_a_clip_outside_the_limits_is_refused_with_every_number(desk: Desk) -> None:
    """Nothing of it was uploaded; one look must be enough to make it anew."""
    desk.put("show/a.mov", film(fps=12))
    desk.spec("show/a.json", GOOD)
    job = await refused(desk)
    assert job.error is not None
    assert job.error.code == "unfit"
    assert job.error.message.splitlines() == [
        "show/a.mov is 1 s long; allowed: 3 to 10.05 s.",
        "show/a.mov has 320 x 180 pixels; allowed: 720 to 2160 pixels a side.",
        "show/a.mov has 12 frames per second; allowed: 24 to 60.",
    ]
    assert desk.claimed(job) == {"source/a.mov", "source/a.json"}


async def test_the_setting_that_would_help_is_named(desk: Desk) -> None:
    """Few people know that clips can be made to fit."""
    desk.put("a.mov", film(seconds=3.0))
    desk.spec("a.json", GOOD)
    assert 'conform = "auto"' in message(await refused(desk))


async def test_clip_images_and_sidecar_are_told_together(desk: Desk) -> None:
    """Everything that is wrong with a drop, at once."""
    desk.put("a.mov", film(seconds=3.0))
    desk.put("small.png", picture(100, 100))
    spec = {"prompt": "", "image_list": ["small.png"], "reeldrop": {"priority": "high"}}
    desk.spec("a.json", spec)
    job = await refused(desk)
    assert job.error is not None
    assert job.error.code == "refused"
    for part in ("a.json: prompt ", "a.json: reeldrop.priority ", "a.mov has 320 x 180 pixels"):
        assert part in job.error.message
    said = 'a.json: image_list[0] is "small.png", which has 100 x 100 pixels; allowed: 300 or more'
    assert said in job.error.message


async def test_a_model_without_limits_takes_the_clip_as_it_is(desk: Desk) -> None:
    """Nothing is known to be wrong with it."""
    desk.put("a.mov", film())
    desk.spec("a.json", {**GOOD, "model": FREE})
    await desk.settled()
    job = (await desk.jobs())["a.mov"]
    assert (job.error, job.fit) == (None, None)


async def test_each_variant_is_held_against_its_own_model(desk: Desk) -> None:
    """The model is named where there are several."""
    desk.put("a.mov", film(seconds=3.0))
    desk.spec("a.json", {**GOOD, "reeldrop": {"variants": [{}, {"model": FREE}]}})
    assert "(klingai/video-o1-video-to-video-reference)." in message(await refused(desk))


@AUTO
async def test_variants_carry_each_its_own_fit(desk: Desk) -> None:
    """What is sent differs, and so does what counts as the same drop."""
    desk.put("a.mov", film(seconds=3.0))
    desk.spec("a.json", {**GOOD, "reeldrop": {"variants": [{}, {"model": FREE}]}})
    await desk.settled()
    fits = {job.model: job.fit for job in await desk.store.jobs()}
    assert fits[FREE] is None
    assert fits["klingai/video-o1-video-to-video-reference"] == Fit(1280, 720, bytes=200_000_000)


@AUTO
async def test_auto_refuses_what_would_have_to_be_cut(desk: Desk) -> None:
    """The user would miss the end of the clip."""
    desk.put("a.mov", film(seconds=11.0, fps=2))
    desk.spec("a.json", GOOD)
    text = message(await refused(desk))
    assert "a.mov is 11 s long; allowed: 3 to 10.05 s." in text
    assert 'conform = "trim"' in text


@AUTO
async def test_a_clip_that_fits_is_sent_as_it_is(desk: Desk) -> None:
    """Each encoding costs quality and time."""
    desk.drop("a.mov")
    await desk.settled()
    assert (await desk.jobs())["a.mov"].fit is None


@pytest.mark.parametrize("settings", [{"sidecar_timeout": 60.0}])
async def test_a_clip_without_its_sidecar_waits_whatever_it_is(desk: Desk) -> None:
    """Its model is not known before."""
    desk.put("a.mov", film())
    looked = await desk.settled()
    assert looked.refused == ()
    assert len(looked.waiting) == 1


async def test_a_bad_clip_is_not_refused_while_another_part_of_its_drop_may_come(
    desk: Desk,
) -> None:
    """A sidecar that comes within the grace may name another model."""
    desk.spec("_preset.json", GOOD)
    desk.put("a.mov", film())
    desk.put("b.mov", clip_bytes()[:-2000])
    assert (await desk.settled()).refused == ()
    desk.put("b.mov")
    desk.spec("a.json", {"model": FREE})
    await desk.settled()
    assert (await desk.jobs())["a.mov"].error is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: picture(299, 400), "which has 299 x 400 pixels; allowed: 300 or more pixels a side"),
        (lambda: picture(1200, 400), "which is 3 times as wide as high (1200 x 400); allowed: 0.4 to 2.5"),
        (lambda: png_bytes() + bytes(10_000_000), "MB; allowed: up to 10 MB"),
        (lambda: picture(400, 400, "bmp"), "which is an image of the kind bmp; allowed: png, jpeg"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("key", "spec"),
    [
        ("image_list[1]", {"image_list": ["good.png", "a.img"]}),
        (
            "elements[0].frontal_image_url",
            {"elements": [{"frontal_image_url": "a.img", "reference_image_urls": ["good.png"]}]},
        ),
        (
            "elements[0].reference_image_urls[0]",
            {"elements": [{"frontal_image_url": "good.png", "reference_image_urls": ["a.img"]}]},
        ),
    ],
)
async def test_an_image_outside_the_limits_is_refused_by_key_and_file(
    desk: Desk, content: Callable[[], bytes], said: str, key: str, spec: dict[str, Any]
) -> None:
    """The upstream would refuse it after the upload."""
    desk.put("good.png", png_bytes())
    desk.put("a.img", content())
    desk.drop("a.mov", {**GOOD, **spec})
    text = message(await refused(desk))
    assert f'a.json: {key} is "a.img", ' in text
    assert said in text
    assert desk.left() == {"good.png", "a.img"}


async def test_what_is_given_as_a_url_is_not_looked_into(desk: Desk) -> None:
    """It is the provider that fetches it."""
    spec = {
        **GOOD,
        "video_url": "https://x.example/a.mp4",
        "image_list": ["https://x.example/a.gif"],
    }
    desk.spec("a.json", spec)
    await desk.settled()
    assert (await desk.jobs())["a.json"].error is None
