"""Clips and images against the limits of the model: refused with the numbers, or made to fit, and paid once."""

import hashlib
import io
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import av
import pytest

from acceptance.dropping import until, waiting
from acceptance.world import STOPPED, Site, arrive, eventually, tree
from reeldrop.domain.fitting import megabytes, misses
from reeldrop.domain.spec import DEFAULT_MODEL
from reeldrop.media.facts import probe
from reeldrop.provider import open_catalogue
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route
from reeldrop.simulator.footage import chord, landscape, pulled, write_clip

SPEC = {"prompt": "as a woodcut"}


def still(
    to: Path,
    seconds: float = 3.0,
    width: int = 720,
    height: int = 720,
    fps: int = 24,
    codec: str = "libx264",
) -> None:
    """Write a clip with sound in which nothing moves: quickly drawn, quickly encoded."""
    [frame] = islice(pulled(landscape(width, height, fps, seconds)), 1)
    frames = repeat(frame, round(seconds * fps))
    write_clip(to, frames, chord(seconds), fps=Fraction(fps), codec=codec)


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "short": ("mp4", {"seconds": 2.0}),
    "small": ("mp4", {"width": 320, "height": 180}),
    "slow": ("avi", {"fps": 12, "codec": "mpeg4"}),
    "hevc": ("mov", {"codec": "libx265"}),
    "vp9": ("webm", {"codec": "libvpx-vp9"}),
    "matroska": ("mkv", {}),
    "long": ("mp4", {"seconds": 11.0, "fps": 25, "codec": "mpeg4"}),
}
"""Clips that are each outside in one way."""
Footage = Callable[[str], Path]


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Return a clip of a kind, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("misfits")

    @cache
    def made(name: str) -> Path:
        suffix, facts = KINDS[name]
        still(folder / f"{name}.{suffix}", **facts)
        return folder / f"{name}.{suffix}"

    return made


@pytest.fixture(scope="session")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that takes long to encode, and is small: ten seconds of large pictures in which nothing moves."""
    folder = tmp_path_factory.mktemp("heavy")
    frame = av.VideoFrame(2160, 2160, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    # Resilient: what tells of no change then tells it as well a second time.
    quick = {"deadline": "realtime", "lag-in-frames": "0", "error-resilient": "default"}
    few, many = folder / "few.webm", folder / "many.webm"
    write_clip(few, repeat(frame, 2), None, fps=Fraction(60), codec="libvpx-vp9", options=quick)
    with av.open(str(few)) as source, av.open(str(many), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        first, same = [packet for packet in source.demux(video=0) if packet.dts is not None]
        for number in range(600):
            packet = av.Packet(bytes(same if number else first))
            packet.stream, packet.time_base, packet.duration = stream, Fraction(1, 60), 1
            packet.pts = packet.dts = number
            packet.is_keyframe = not number
            target.mux(packet)
    return many


def limits() -> Any:
    model = open_catalogue("").find(DEFAULT_MODEL)
    assert model is not None
    return model.limits.clip


def sent(api: Simulator, tmp_path: Path) -> Path:
    """Return the clip that the stand-in got last."""
    digest = api.ledger.accepted[-1].params["video_url"]["sha256"]
    for path in (tmp_path / "api").rglob("*"):
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return path
    raise AssertionError(f"nothing that was kept has {digest}")


def picture(to: Path, width: int, height: int) -> None:
    [frame] = islice(pulled(landscape(width, height, 24, 1.0)), 1)
    frame.save(to)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("short", ("is 2 s long", "3 to 10.05 s")),
        ("long", ("is 11 s long", "3 to 10.05 s")),
        ("small", ("has 320 x 180 pixels", "720 to 2160")),
        ("slow", ("has 12 frames per second", "24 to 60", "kind avi", "mp4, mov")),
    ],
)
async def test_a_clip_outside_the_limits_is_refused_with_the_numbers_and_nothing_is_sent(
    site: Site, api: Simulator, footage: Footage, name: str, said: Sequence[str]
) -> None:
    """The upstream would refuse it too, after an upload of minutes."""
    await site.start()
    clip = footage(name)
    site.drop(f"show/a{clip.suffix}", SPEC, clip=clip)
    record = await site.finished("_failed/show/a")
    text = (site.outbox / "_failed/show/a/error.txt").read_text()
    assert all(part in text for part in (f"show/a{clip.suffix}", *said))
    assert record["error"]["code"] == "unfit"
    assert not [seen for seen in api.ledger.requests if seen.method == "POST"]


@pytest.mark.parametrize("name", ["hevc", "vp9", "slow", "small", "matroska"])
async def test_auto_makes_a_clip_fit_and_the_record_says_what_was_sent(
    site: Site, api: Simulator, footage: Footage, tmp_path: Path, name: str
) -> None:
    """What the API gets is an H.264 mp4 inside the limits; the source stays as it came."""
    site.configure(watch={"conform": "auto"})
    await site.start()
    clip = footage(name)
    site.drop(f"a{clip.suffix}", SPEC, clip=clip)
    record = await site.finished("a")

    made = probe(sent(api, tmp_path))
    assert (made.container, made.facts.codec) == ("mp4", "h264")
    assert misses(made, limits()) == ()
    size = (1280, 720) if name == "small" else (720, 720)
    assert (made.facts.fps, made.facts.width, made.facts.height) == (24.0, *size)
    assert made.facts.seconds == pytest.approx(3.0, abs=0.1)
    assert api.ledger.accepted[-1].params["video_url"]["mime"] == "video/mp4"

    original = hashlib.sha256(clip.read_bytes()).hexdigest()
    assert record["source"]["sha256"] == original
    assert record["source"]["bytes"] == clip.stat().st_size
    assert record["params"]["video_url"] == {
        "file": f"a{clip.suffix}",
        "bytes": made.facts.bytes,
        "sha256": api.ledger.accepted[-1].params["video_url"]["sha256"],
        "fitted": True,
        "upload": "data_uri",
        "why": f"{megabytes(made.facts.bytes)} is not over upload.data_uri_max (16 MB)",
    }
    source = site.outbox / "a" / "source" / f"a{clip.suffix}"
    assert hashlib.sha256(source.read_bytes()).hexdigest() == original
    assert len(api.ledger.accepted) == 1
    await eventually(lambda: not work(site))


def work(site: Site) -> list[str]:
    """Return what lies in the outbox's work folder of clips that were made to fit."""
    return [path for path in tree(site.outbox / ".reeldrop") if ".fit." in path]


async def test_trim_cuts_a_clip_that_is_too_long(
    site: Site, api: Simulator, footage: Footage, tmp_path: Path
) -> None:
    """Sound included, what is sent is not longer than the most."""
    site.configure(watch={"conform": "trim"})
    await site.start()
    site.drop("a.mp4", SPEC, clip=footage("long"))
    record = await site.finished("a")
    made = probe(sent(api, tmp_path))
    assert misses(made, limits()) == ()
    assert made.facts.seconds == pytest.approx(10.0, abs=0.05)
    assert record["source"]["seconds"] == pytest.approx(11.0, abs=0.1)


async def test_auto_refuses_what_is_too_long_and_names_trim(
    site: Site, api: Simulator, footage: Footage
) -> None:
    """Nothing that the user would miss is thrown away unasked."""
    site.configure(watch={"conform": "auto"})
    await site.start()
    site.drop("a.mp4", SPEC, clip=footage("long"))
    await site.finished("_failed/a")
    assert 'conform = "trim"' in (site.outbox / "_failed/a/error.txt").read_text()
    assert not api.ledger.accepted


async def test_a_file_that_was_made_to_fit_and_comes_again_is_not_paid_again(
    site: Site, api: Simulator, footage: Footage
) -> None:
    """A re-sync brings the clip as it was, not what was sent."""
    site.configure(watch={"conform": "auto"})
    await site.start()
    clip = site.drop("a.mp4", SPEC, clip=footage("small"))
    record = await site.finished("a")
    again = Path(shutil.copy2(site.outbox / "a/source/a.mp4", site.inbox / ".again"))
    arrive(json.dumps(SPEC).encode(), site.inbox / "a.json")
    again.rename(clip)
    words = f"is the file of job {record['id'][:8]} again"
    await eventually(lambda: words in waiting(site).get("a.mp4", ""))
    assert len(api.ledger.accepted) == 1


async def test_images_outside_the_limits_are_refused_by_key_and_file(
    site: Site, api: Simulator
) -> None:
    """Too small, and of a kind that the upstream does not take: both are told."""
    picture(site.inbox / "small.png", 200, 200)
    (site.inbox / "logo.gif").write_bytes(gif())
    await site.start()
    spec = {
        **SPEC,
        "image_list": ["small.png"],
        "elements": [{"frontal_image_url": "logo.gif", "reference_image_urls": ["small.png"]}],
    }
    site.drop("a.mov", spec)
    await site.finished("_failed/a")
    text = (site.outbox / "_failed/a/error.txt").read_text()
    assert 'image_list[0] is "small.png", which has 200 x 200 pixels; allowed: 300' in text
    assert 'elements[0].reference_image_urls[0] is "small.png"' in text
    assert 'elements[0].frontal_image_url is "logo.gif", which is an image of the kind gif' in text
    assert not api.ledger.accepted


def gif() -> bytes:
    """Return a GIF of one black dot, 400 x 400."""
    file = io.BytesIO()
    with av.open(file, "w", format="gif") as out:
        stream = out.add_stream("gif", rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 400, 400, "rgb8"
        frame = av.VideoFrame(400, 400, "rgb8")
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file.getvalue()


async def test_images_and_elements_are_sent_as_files_of_their_kind(
    site: Site, api: Simulator
) -> None:
    """Each is a data URI of its own type, with the bytes of its file."""
    files = {"one.png": 400, "two.jpg": 320, "three.jpeg": 500}
    (site.inbox / "refs").mkdir()
    for name, side in files.items():
        picture(site.inbox / "refs" / name, side, side)
    await site.start()
    spec = {
        **SPEC,
        "image_list": ["refs/one.png", "refs/two.jpg"],
        "elements": [
            {"frontal_image_url": "refs/three.jpeg", "reference_image_urls": ["refs/one.png"]}
        ],
    }
    site.drop("a.mov", spec)
    await site.finished("a")
    [generation] = api.ledger.accepted
    [element] = generation.params["elements"]
    got = [
        *generation.params["image_list"],
        element["frontal_image_url"],
        *element["reference_image_urls"],
    ]
    names = ["one.png", "two.jpg", "three.jpeg", "one.png"]
    types = ["image/png", "image/jpeg", "image/jpeg", "image/png"]
    assert types == [each["mime"] for each in got]
    assert [
        hashlib.sha256((site.inbox / "refs" / name).read_bytes()).hexdigest() for name in names
    ] == [each["sha256"] for each in got]


def being_made(site: Site) -> bool:
    """Say whether a clip is being encoded."""
    return bool(work(site))


async def test_a_kill_while_a_clip_is_made_costs_nothing_and_it_goes_on(
    site: Site, api: Simulator, footage: Footage, tmp_path: Path
) -> None:
    """Nothing was paid for; the next daemon makes it anew and pays once."""
    site.configure(watch={"conform": "auto"})
    await site.start()
    site.drop("a.mov", SPEC, clip=footage("hevc"))
    await eventually(lambda: being_made(site))
    await site.stop(signal.SIGKILL)
    assert not api.ledger.accepted
    await site.start()
    await site.finished("a")
    assert len(api.ledger.accepted) == 1
    assert misses(probe(sent(api, tmp_path)), limits()) == ()
    await eventually(lambda: not work(site))


async def test_sigterm_ends_the_making_at_once(site: Site, api: Simulator, heavy: Path) -> None:
    """A service manager kills what has not ended after a while; and people see what is going on."""
    site.configure(watch={"conform": "auto"})
    await site.start()
    site.drop("a.webm", SPEC, clip=heavy)
    await eventually(lambda: being_made(site))
    await eventually(lambda: "is being made to fit" in site.status_path.read_text())
    began = time.monotonic()
    assert await site.stop() == 0
    assert time.monotonic() - began < STOPPED
    assert not api.ledger.accepted


async def test_a_cancel_ends_the_making_and_nothing_is_paid(
    site: Site, api: Simulator, heavy: Path
) -> None:
    """It lies in `_failed` and says so."""
    site.configure(watch={"conform": "auto"})
    await site.start()
    site.drop("a.webm", SPEC, clip=heavy)
    await eventually(lambda: being_made(site))
    [job] = await site.jobs()
    code, _, errors = await site.command("cancel", job["id"])
    assert code == 0, errors
    await site.finished("_failed/a")
    assert not api.ledger.accepted
    await eventually(lambda: not work(site))


async def test_what_was_made_serves_every_try(site: Site, api: Simulator, footage: Footage) -> None:
    """Encoding may take minutes; an API that is away for a while must not have it done again."""
    site.configure(watch={"conform": "auto"})
    api.faults.add(Fault(Route.SUBMIT, answer="unavailable", times=0))
    await site.start()
    site.drop("a.mp4", SPEC, clip=footage("small"))
    await eventually(lambda: sum(seen.method == "POST" for seen in api.ledger.requests) > 1)
    # Killed with a request in the air it would be uncertain, and not be tried again.
    assert (await site.command("pause"))[0] == 0

    async def rests() -> bool:
        return [job["state"] for job in await site.jobs()] == ["queued"]

    await until(rests)
    await site.stop(signal.SIGKILL)
    api.faults.clear()
    await site.start()
    assert (await site.command("resume"))[0] == 0
    await site.finished("a")
    log = (site.outbox / "a" / "job.log.jsonl").read_text()
    assert log.count('"job.fitted"') == 1
    assert len(api.ledger.accepted) == 1


async def test_a_clip_that_changes_while_it_is_made_to_fit_is_made_anew(
    site: Site, api: Simulator, footage: Footage
) -> None:
    """Somebody may still have it open: what is sent is made of the file as it is."""
    site.configure(watch={"conform": "auto"})
    await site.start()
    site.drop("a.mov", SPEC, clip=footage("hevc"))
    await eventually(lambda: being_made(site))
    [claimed] = (site.inbox / ".reeldrop/claims").glob("*/source/a.mov")
    os.utime(claimed)
    await site.finished("a")
    log = (site.outbox / "a" / "job.log.jsonl").read_text()
    assert (log.count('"job.fitting"'), log.count('"job.fitted"')) == (2, 1)
    assert len(api.ledger.accepted) == 1


async def test_what_still_does_not_fit_when_it_is_made_is_refused_unpaid(
    site: Site, api: Simulator, footage: Footage, tmp_path: Path
) -> None:
    """No encoder gets three seconds into so few bytes."""
    model = open_catalogue("").find(DEFAULT_MODEL)
    assert model is not None
    own = {"model": DEFAULT_MODEL, "schema": model.schema, "limits": {"clip": {"bytes": 2000}}}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own.json").write_text(json.dumps(own))
    site.configure(watch={"conform": "auto"}, api={"catalogue_dir": str(tmp_path / "models")})
    await site.start()
    site.drop("a.mov", SPEC)
    await site.finished("_failed/a")
    assert "a.mov" in (site.outbox / "_failed" / "a" / "error.txt").read_text()
    assert not api.ledger.accepted
    await eventually(lambda: not work(site))
