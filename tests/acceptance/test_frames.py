"""A folder of numbered frames that a sidecar names comes back as one restyled clip."""

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from acceptance.dropping import reload
from acceptance.world import Site, arrive, eventually, tree
from reeldrop.domain.errors import Trouble
from reeldrop.domain.fit import Fit
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, MediaFacts, MediaFile, RelPath
from reeldrop.domain.lifecycle import Event, Verdict
from reeldrop.domain.spec import DEFAULT_MODEL
from reeldrop.host.clock import SystemClock
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Ending, Fault, Route
from reeldrop.store import open_store
from stills import png

SPEC: dict[str, Any] = {
    "prompt": "as a woodcut",
    "video_url": "plates/####.png",
    "reeldrop": {"fps": 24},
}
WHOLE = range(1, 73)
RUNNING = {"status": "generating", "video": None}


def names(numbers: Iterable[int] = WHOLE, folder: str = "plates") -> set[str]:
    return {f"{folder}/{number:04}.png" for number in numbers}


def render(site: Site, numbers: Iterable[int] = WHOLE, folder: str = "plates") -> None:
    """Let frames arrive, one after the other."""
    target = site.inbox / folder
    target.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        arrive(png(number), target / f"{number:04}.png")


def sidecar(site: Site, name: str = "shot010.json", **more: Any) -> None:
    target = site.inbox / name
    target.parent.mkdir(parents=True, exist_ok=True)
    arrive(json.dumps({**SPEC, **more}).encode(), target)


async def waits(site: Site, words: str, path: str = "shot010.json") -> None:
    """Await that a drop is listed as waiting for a reason that holds `words`."""

    def told() -> bool:
        status = json.loads(site.status_path.read_text()) if site.status_path.exists() else {}
        return any(
            each["path"] == path and words in each["reason"] for each in status.get("waiting", ())
        )

    await eventually(told)


def holds_every_frame(folder: Path, numbers: Iterable[int] = WHOLE) -> bool:
    frames = folder / "source" / "plates"
    return all((frames / f"{number:04}.png").read_bytes() == png(number) for number in numbers)


def fitted(folder: Path) -> dict[str, Any]:
    """Return what the job's log says of the clip that was made of the frames."""
    lines = map(json.loads, (folder / "job.log.jsonl").read_text().splitlines())
    return [line for line in lines if line["event"] == "job.fitted"][-1]


async def test_frames_are_sent_as_one_film_and_lie_beside_its_result(
    site: Site, api: Simulator
) -> None:
    """Whatever `conform` says: no model takes a folder."""
    await site.start()
    render(site, WHOLE, "show/plates")
    sidecar(site, "show/shot010.json")
    record = await site.finished("show/shot010")

    folder = site.outbox / "show/shot010"
    [generation] = api.ledger.accepted
    sent = generation.params["video_url"]
    film = fitted(folder)
    assert (sent["mime"], sent["bytes"]) == ("video/mp4", film["bytes"])
    assert (film["codec"], film["seconds"], film["fps"]) == ("h264", 3.0, 24.0)
    assert (film["width"], film["height"]) == (1280, 720)
    ours = {"shot010.mp4", "job.json", "job.log.jsonl", "poster.jpg", "source/shot010.json"}
    assert tree(folder) == ours | names(folder="source/plates")
    assert holds_every_frame(folder)
    digests = "".join(hashlib.sha256(png(number)).hexdigest() for number in WHOLE)
    source = record["source"]
    assert (source["name"], source["seconds"], source["codec"]) == ("####.png", 3.0, "png")
    assert source["sha256"] == hashlib.sha256(digests.encode()).hexdigest()
    assert record["params"]["video_url"]["file"] == "show/plates/####.png"
    await eventually(lambda: not any((site.inbox / ".reeldrop/claims").iterdir()))
    assert tree(site.inbox) == {".reeldrop/owner.json"}


async def test_frames_that_come_slowly_after_their_sidecar_are_one_job(
    site: Site, api: Simulator
) -> None:
    """The sidecar is written by who begins the render; the last frame is torn for a while."""
    await site.start()
    sidecar(site)
    await waits(site, "waiting for frames plates/####.png")
    render(site, range(1, 41))
    last = site.inbox / "plates/0074.png"
    last.write_bytes(png(74)[:-20])
    await waits(site, "waiting for plates/0041.png to 0073.png")
    render(site, range(41, 74))
    await waits(site, "still arriving: 0074.png")
    last.write_bytes(png(74))
    await site.finished("shot010")
    assert holds_every_frame(site.outbox / "shot010", range(1, 75))
    assert fitted(site.outbox / "shot010")["seconds"] == 3.083
    assert len(api.ledger.accepted) == 1


async def test_a_gap_is_refused_and_what_is_mended_and_moved_back_runs(
    site: Site, api: Simulator
) -> None:
    """`error.txt` names what is missing."""
    render(site, [number for number in WHOLE if number not in (13, 20, 21)])
    sidecar(site)
    await site.start()
    await waits(site, "waiting for plates/0013.png, plates/0020.png to 0021.png")
    reload(site, incomplete_timeout=0.5)
    await site.finished("_failed/shot010")
    refused = site.outbox / "_failed/shot010"
    told = (refused / "error.txt").read_text()
    assert "the frames 0001.png to 0072.png lack plates/0013.png, plates/0020.png to 0021" in told
    assert api.ledger.accepted == []

    render(site, [13, 20, 21])
    for file in sorted((refused / "source/plates").iterdir()):
        file.rename(site.inbox / "plates" / file.name)
    (refused / "source/shot010.json").rename(site.inbox / "shot010.json")
    await site.finished("shot010")
    assert holds_every_frame(site.outbox / "shot010")


async def test_kills_in_between_lose_no_frame_and_pay_once(site: Site, api: Simulator) -> None:
    """While the frames are claimed, while the film is made, while the answer is awaited."""
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=2))
    await site.start()
    render(site)
    sidecar(site)
    claims = site.inbox / ".reeldrop/claims"
    await eventually(lambda: claims.is_dir() and any(claims.iterdir()))
    await site.stop(signal.SIGKILL)

    await site.start()
    work = site.outbox / ".reeldrop"

    def film() -> list[str]:
        return [path for path in tree(work) if ".fit.mp4" in path]

    await eventually(film)
    await site.stop(signal.SIGKILL)

    await site.start()
    await eventually(lambda: api.ledger.accepted)
    await site.stop(signal.SIGKILL)

    await site.start()
    record = await site.finished("shot010")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)
    assert holds_every_frame(site.outbox / "shot010")
    await eventually(lambda: not any(claims.iterdir()))
    assert not film()


async def test_a_failed_generation_of_frames_can_be_tried_again(site: Site, api: Simulator) -> None:
    """All of them are claimed again."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    await site.start()
    render(site)
    sidecar(site)
    failed = await site.finished("_failed/shot010")
    code, told, errors = await site.command("retry", failed["id"])
    assert code == 0, told + errors
    assert (await site.finished("shot010"))["id"] == failed["id"]
    assert holds_every_frame(site.outbox / "shot010")
    await eventually(lambda: not (site.outbox / "_failed/shot010").exists())


def key_of(file: Path) -> str:
    seen = file.stat()
    return f"{seen.st_dev}:{seen.st_ino}:{seen.st_size}:{seen.st_mtime_ns}"


async def put_down(site: Site, error: Trouble | None) -> Job:
    """Put down a job of 72 frames that holds 50 of them, ended by `error` or queued."""
    folder = RelPath(".reeldrop/claims/x")
    held = ["plates/0050.png", "shot010.json", *sorted(names(range(1, 50)))]
    (site.inbox / folder / "source/plates").mkdir(parents=True)
    for each in held:
        (site.inbox / folder / "source" / each).write_bytes(png(1))
    root = site.inbox / folder
    final = None
    if error is not None:
        final = RelPath("_failed/shot010")
        root.rename(site.outbox / final)
        root = site.outbox / final
    files = tuple(
        ClaimedFile(RelPath(f"source/{each}"), RelPath(each), key_of(root / "source" / each))
        for each in held
    )
    job = Job(
        id=JobId("a" * 32), watch="main", path=RelPath("shot010.json"), folder=RelPath("shot010"),
        model=DEFAULT_MODEL, claim=Claim(folder, files), source_key="a", created=time.time(),
        params={"prompt": "x", "video_url": MediaFile(RelPath("plates/####.png"))}, final=final,
        updated=time.time(), claimed=True, source=MediaFacts("####.png", 5), error=error,
        fit=Fit(frames=72, fps=24.0), verdict=Verdict.FAILED if error else None,
    )  # fmt: skip
    settings = StoreSettings(url=f"sqlite:///{site.state}/reeldrop.db")
    store = await open_store(settings, LimitSettings(), reconcile_window=1.0, clock=SystemClock())
    await store.add([job])
    if error is not None:
        await store.move(await store.move(job, Event.REFUSED), Event.PLACED_FAILED)
    await store.close()
    return job


async def test_frames_of_which_some_went_before_they_were_taken_are_not_begun_anew(
    site: Site, api: Simulator
) -> None:
    """A film with gaps in it would be paid for."""
    await site.start()
    await site.stop()
    (site.outbox / "_failed").mkdir(exist_ok=True)
    job = await put_down(site, Trouble("source_vanished", "plates/0051.png has gone."))
    code, told, errors = await site.command("retry", "--pay-again", job.id)
    assert code == 1, told + errors
    assert "only 50 of the 72 frames" in told + errors
    assert "drop all of them again" in told + errors
    assert not api.ledger.requests


async def test_a_film_is_never_made_of_fewer_frames_than_were_judged(
    site: Site, api: Simulator
) -> None:
    """Whatever became of the claim: nothing is sent."""
    await site.start()
    await site.stop()
    await put_down(site, None)
    await site.start()
    record = await site.finished("_failed/shot010")
    assert "only 50 of the 72 frames" in record["error"]["message"]
    assert not api.ledger.accepted


async def test_kept_frames_stay_and_run_again_only_with_other_bytes(
    site: Site, api: Simulator
) -> None:
    """All of them together are what a kept clip's file is."""
    site.configure(watch={"archive": "keep"})
    render(site)
    sidecar(site)
    code, _, errors = await site.command("run", "--once")
    assert code == 0, errors
    os.utime(site.inbox / "plates/0030.png", (1, 1))
    sidecar(site, prompt="another")
    code, _, errors = await site.command("run", "--once")
    assert code == 0, errors
    assert len(api.ledger.accepted) == 1
    assert names() < tree(site.inbox)
    assert not (site.outbox / "shot010/source").exists()

    arrive(png(31), site.inbox / "plates/0030.png")
    code, _, errors = await site.command("run", "--once")
    assert code == 0, errors
    assert len(api.ledger.accepted) == 2
    assert (site.outbox / "shot010-2/shot010.mp4").exists()


async def test_identical_frames_are_paid_for_once_and_a_resync_is_not_run(
    site: Site, api: Simulator
) -> None:
    """They are compared frame by frame; another rate makes another clip."""
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=20))
    for show, fps in (("a", 24), ("b", 24), ("c", 25)):
        render(site, range(1, 76), f"{show}/plates")
        sidecar(site, f"{show}/x.json", reeldrop={"fps": fps})
    await site.start()
    records = [await site.finished(f"{show}/x") for show in ("a", "b", "c")]
    assert len(api.ledger.accepted) == 2
    ids = [record["generation_id"] for record in records]
    assert ids[0] == ids[1] != ids[2]

    source = site.outbox / "a/x/source"
    shutil.copytree(source / "plates", site.inbox / "a/plates", dirs_exist_ok=True)
    shutil.copy2(source / "x.json", site.inbox / "a/x.json")
    await waits(site, f"is the file of job {records[0]['id'][:8]} again", "a/x.json")
    assert len(api.ledger.accepted) == 2
