"""Files as tools really bring them: nothing is taken before it is whole, nothing is missed, nothing is paid twice."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from acceptance.awaiting import claimed
from acceptance.dropping import LAYOUTS, footage, put, reload, sent, sha256, spec, waiting
from acceptance.world import Site, arrive, eventually, large_clip, tree
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route
from reeldrop.simulator.http import Request

LONG_AGO = (1_000_000_000, 1_000_000_000)
WAYS = ["told", "polled", "found"]
"""How the daemon learns of files: by inotify, by polling, or because they lie there at its start."""
Writer = Callable[[Path, bytes], None]
SENDABLE = [layout for layout in LAYOUTS if not layout.endswith(".mkv")]
"""What the usual model takes as it is."""


async def begin(site: Site, way: str) -> None:
    """Start the daemon before the files come, but for those that are to be found."""
    if way == "polled":
        site.configure(watch={"backend": "polling", "poll_interval": 0.2})
    if way != "found":
        await site.start()


# ---------------------------------------------------------------------------- slow copies


def pieces(content: bytes, number: int = 4) -> list[tuple[int, bytes]]:
    size = -(-len(content) // number)
    return [(at, content[at : at + size]) for at in range(0, len(content), size)]


def copy_with_pauses(target: Path, content: bytes) -> None:
    with target.open("wb") as file:
        for at, piece in pieces(content):
            time.sleep(2.0 if at else 0.0)
            file.write(piece)
            file.flush()


def close_and_reopen(target: Path, content: bytes) -> None:
    for at, piece in pieces(content):
        time.sleep(2.0 if at else 0.0)
        with target.open("ab") as file:
            file.write(piece)


def _fill(target: Path, parts: Sequence[tuple[int, bytes]]) -> None:
    """Fill a file of full size piece by piece; its time tells of no change at all."""
    os.utime(target, LONG_AGO)
    for at, piece in parts:
        time.sleep(2.0)
        with target.open("r+b") as file:
            file.seek(at)
            file.write(piece)
            file.flush()
            os.utime(target, LONG_AGO)
        os.utime(target, LONG_AGO)


def fill_a_hole(target: Path, content: bytes) -> None:
    with target.open("wb") as file:
        file.truncate(len(content))
    _fill(target, pieces(content))


def fill_what_was_allocated(target: Path, content: bytes) -> None:
    with target.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, len(content))
    _fill(target, pieces(content))


def fill_what_a_program_allocated(target: Path, content: bytes) -> None:
    subprocess.run(["fallocate", "--length", str(len(content)), target], check=True)
    _fill(target, pieces(content))


def fill_from_the_end(target: Path, content: bytes) -> None:
    with target.open("wb") as file:
        file.truncate(len(content))
    _fill(target, pieces(content)[::-1])


WRITERS: dict[str, Writer] = {
    "pauses": copy_with_pauses,
    "reopened": close_and_reopen,
    "hole": fill_a_hole,
    "allocated": fill_what_was_allocated,
    "program": fill_what_a_program_allocated,
    "backwards": fill_from_the_end,
}


@pytest.mark.parametrize("way", WAYS)
async def test_slow_copies_are_taken_once_and_whole(site: Site, api: Simulator, way: str) -> None:
    """Pauses of 2 s, longer than the usual `settle`; the times are the usual ones."""
    site.configure(watch={"settle": 1.0, "settle_polling": 5.0, "sidecar_grace": 2.0})
    await begin(site, way)
    copies = {
        f"{writer}-{layout}": (WRITERS[writer], footage(layout))
        for number, writer in enumerate(WRITERS)
        for layout in SENDABLE[number % 2 :: 2]
    }
    for name in copies:
        arrive(spec(name), (site.inbox / name).with_suffix(".json"))
    # All at once, and in threads of their own: the stand-in needs those of the loop.
    with ThreadPoolExecutor(len(copies)) as writers:
        writing = [
            writers.submit(write, site.inbox / name, content)
            for name, (write, content) in copies.items()
        ]
        half = (site.inbox / "half.json").open("wb", buffering=0)
        arrive(footage(), site.inbox / "half.mov")
        half.write(spec("half")[:5])
        half.close()
        await asyncio.sleep(2.5)
        if way == "found":
            await site.start()
        with (site.inbox / "half.json").open("ab") as rest:
            rest.write(spec("half")[5:])
        await asyncio.gather(*map(asyncio.wrap_future, writing))
    wanted = sorted(
        [(n, sha256(c)) for n, (_, c) in copies.items()] + [("half", sha256(footage()))]
    )
    await eventually(lambda: len(sent(api)) >= len(wanted))
    for name in copies:
        await site.finished(name.rpartition(".")[0])
    assert sorted(sent(api)) == wanted
    assert not (site.outbox / "_failed").exists()


async def test_a_torso_is_never_taken_and_refused_with_its_reason(
    site: Site, api: Simulator
) -> None:
    """Sixty parts of a hundred of a cancelled copy, found or renamed into place."""
    torsos = {layout: footage(layout)[: len(footage(layout)) * 6 // 10] for layout in LAYOUTS}
    for layout, torso in torsos.items():
        put(site, f"found-{layout}", torso)
    await site.start()
    for layout, torso in torsos.items():
        put(site, f"renamed-{layout}", torso)
    await eventually(
        lambda: all(
            "still arriving" in waiting(site).get(f"{how}-{layout}", "")
            for layout in LAYOUTS
            for how in ("found", "renamed")
        )
    )
    # Only now, so that none is refused before all have been seen to wait.
    reload(site, incomplete_timeout=0.5)
    for layout in LAYOUTS:
        for how in ("found", "renamed"):
            name = f"{how}-{layout}"
            record = await site.finished(f"_failed/{name.rpartition('.')[0]}")
            assert name in record["error"]["message"], record["error"]
    assert not api.ledger.requests


# ---------------------------------------------------------------------------- ways to arrive


@pytest.mark.parametrize("way", WAYS)
async def test_links_renames_and_moved_trees_are_found(
    site: Site, api: Simulator, tmp_path: Path, way: str
) -> None:
    """None of them is a write that a notifier tells of, and what comes into a moved tree later is missed most."""
    await begin(site, way)
    outside = tmp_path / "outside"
    (outside / "tree/deep/er").mkdir(parents=True)
    clip = outside / "clip.mov"
    clip.write_bytes(footage())
    for name in ("tree/one", "tree/deep/two", "tree/deep/er/three"):
        shutil.copy(clip, outside / f"{name}.mov")
        (outside / f"{name}.json").write_bytes(spec(name))
    for name in ("linked", "moved"):
        (outside / f"{name}.json").write_bytes(spec(name))
    (site.inbox / "linked.mov").hardlink_to(clip)
    (site.inbox / "linked.json").hardlink_to(outside / "linked.json")
    Path(shutil.copy(clip, outside / "moved.mov")).rename(site.inbox / "moved.mov")
    (outside / "moved.json").rename(site.inbox / "moved.json")
    (outside / "tree").rename(site.inbox / "tree")
    if way == "found":
        await site.start()
    for name in ("linked", "moved", "tree/one", "tree/deep/two", "tree/deep/er/three"):
        await site.finished(name)
    shutil.copy(clip, site.inbox / "tree/deep/later.mov")
    (site.inbox / "tree/deep/later.json").write_bytes(spec("later"))
    await site.finished("tree/deep/later")
    assert clip.read_bytes() == footage()
    assert len(sent(api)) == len(set(sent(api))) == 6


async def test_files_that_came_while_the_daemon_was_down_are_taken_oldest_first(
    site: Site, api: Simulator
) -> None:
    """What was delivered before is not run again."""
    site.configure(limits={"in_flight": 1})
    await site.start()
    put(site, "done.mov")
    await site.finished("done")
    await site.stop(signal.SIGKILL)
    names = [f"{number:02}" for number in range(8)]
    for number, name in enumerate(reversed(names)):
        put(site, f"{name}.mov")
        for each in (f"{name}.mov", f"{name}.json"):
            os.utime(site.inbox / each, (1_600_000_000 - number, 1_600_000_000 - number))
    half = put(site, "half.mov", footage("faststart.mp4")[:20_000])
    await site.start()
    for name in names:
        await site.finished(name)
    assert [name for name, _ in sent(api)] == ["done.mov", *(f"{name}.mov" for name in names)]
    half.write_bytes(footage("faststart.mp4"))
    await site.finished("half")
    assert sent(api)[-1] == ("half.mov", sha256(footage("faststart.mp4")))


# ---------------------------------------------------------------------------- times and changes


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_file_says_of_its_age_is_not_believed(
    site: Site, api: Simulator, way: str
) -> None:
    """A clock of a NAS may be wrong by hours, and copy tools set times as they like."""
    await begin(site, way)
    now = time.time()
    ages = {"future": now + 3600, "ancient": 0, "finder": -730_000_000, "far": 4_000_000_000}
    for name, at in ages.items():
        # The sidecar comes last, with its time: what is whole may be taken before that can be set.
        for each, content in ((f"{name}.mov", footage()), (f".{name}.json", spec(name))):
            (site.inbox / each).write_bytes(content)
            os.utime(site.inbox / each, (at, at))
        (site.inbox / f".{name}.json").rename(site.inbox / f"{name}.json")
    if way == "found":
        await site.start()
    for name in ages:
        record = await site.finished(name)
        assert record["state"] == "delivered"
    assert len(sent(api)) == len(ages)


@pytest.mark.parametrize("way", ["told", "polled"])
async def test_what_changes_while_it_waits_is_taken_as_it_is_in_the_end(
    site: Site, api: Simulator, way: str
) -> None:
    """Filled late, replaced or deleted: one job for the last content, none for what has gone."""
    await begin(site, way)
    inbox = site.inbox
    first, last = footage("faststart.mp4"), footage()
    for name, content in (
        ("empty", b""),
        ("replaced", first),
        ("gone", first),
        ("rewritten", first),
    ):
        (inbox / f"{name}.mov").write_bytes(content)
    # A whole clip alone waits for its sidecar; an empty one for the rest of it.
    await eventually(
        lambda: all(
            f"sidecar {name}.json" in waiting(site).get(f"{name}.mov", "")
            for name in ("replaced", "gone", "rewritten")
        )
    )
    assert "empty.mov" in waiting(site)
    (inbox / "empty.mov").write_bytes(last)
    arrive(last, inbox / "replaced.mov")
    (inbox / "rewritten.mov").write_bytes(last)
    (inbox / "gone.mov").unlink()
    for name in ("empty", "replaced", "rewritten"):
        arrive(spec(name), inbox / f"{name}.json")
        await site.finished(name)
    assert sorted(sent(api)) == [(n, sha256(last)) for n in ("empty", "replaced", "rewritten")]
    await eventually(lambda: not waiting(site))
    assert not (site.outbox / "_failed").exists()


async def test_an_empty_or_tiny_clip_is_refused_in_the_end(site: Site, api: Simulator) -> None:
    """It waits as long as a torso does, in case the rest comes."""
    site.configure(watch={"incomplete_timeout": 1.0})
    await site.start()
    for name, content in (("empty", b""), ("one", b"\0"), ("eleven", b"\0\0\0\x14ftypqt  "[:11])):
        put(site, f"{name}.mov", content)
    words = {"empty": "empty", "one": "one.mov", "eleven": "eleven.mov"}
    for name, word in words.items():
        record = await site.finished(f"_failed/{name}")
        assert word in record["error"]["message"]
    assert not api.ledger.requests


async def test_a_file_that_somebody_still_writes_to_waits(site: Site, api: Simulator) -> None:
    """A recorder may hold a file that is whole already; others are not held up."""
    # Found at the start, quiet for long, and not taken.
    site.drop("open.mov", {"prompt": "open"}, clip=_a_file(site, footage()))
    with (site.inbox / "open.mov").open("r+b"):
        await site.start()
        put(site, "other.mov")
        await site.finished("other")
        await eventually(lambda: "open for writing" in waiting(site).get("open.mov", ""))
        assert "open" not in {name for name, _ in sent(api)}
    await site.finished("open")


def _a_file(site: Site, content: bytes) -> Path:
    path = site.inbox / ".content"
    path.write_bytes(content)
    return path


# ---------------------------------------------------------------------------- changes after it was taken


def once(act: Callable[[], object]) -> Callable[[Request], bool]:
    """Do something when a submit's head has come, before any of its body is read."""
    left = [act]

    def when(_: Request) -> bool:
        if left:
            left.pop()()
        return False

    return when


async def test_a_clip_that_changes_during_its_upload_is_not_submitted_as_it_was(
    site: Site, api: Simulator
) -> None:
    """It stays in a kept inbox, where anybody can write to it."""
    site.configure(watch={"archive": "keep"})
    clip = site.inbox / "a.mov"
    large = large_clip(site, 12_000_000).read_bytes()
    last = footage()
    api.faults.add(Fault(Route.SUBMIT, when=once(lambda: clip.write_bytes(last))))
    await site.start()
    put(site, "a.mov", large)
    record = await site.finished("a")
    await eventually(lambda: "drop.withdrawn" in site.log)
    assert sent(api) == [("a.mov", sha256(last))]
    assert record["source"]["sha256"] == sha256(last)
    assert [job["state"] for job in await site.jobs()] == ["delivered"]


async def test_a_kept_clip_that_is_replaced_in_the_queue_is_sent_as_it_is_then(
    site: Site, api: Simulator
) -> None:
    """It is paid for once; and one that was only touched is still what was taken."""
    site.configure(watch={"archive": "keep"})
    first, last = footage("faststart.mp4"), footage()
    await site.start()
    assert (await site.command("pause"))[0] == 0
    put(site, "a.mov", first)
    put(site, "b.mov", first)
    await eventually(lambda: site.log.count("drop.recorded") == 2)
    put(site, "a.mov", last)
    (site.inbox / "b.mov").touch()
    await eventually(lambda: site.log.count("drop.recorded") == 3)
    assert (await site.command("resume"))[0] == 0
    await site.finished("a")
    await site.finished("b")
    await eventually(lambda: "drop.withdrawn" in site.log)

    assert sorted(sent(api)) == [("a.mov", sha256(last)), ("b.mov", sha256(first))]
    assert {job["state"] for job in await site.jobs()} == {"delivered"}


@pytest.mark.parametrize("archive", ["move", "keep"])
async def test_a_look_at_a_clip_is_no_change(site: Site, api: Simulator, archive: str) -> None:
    """Players open it, virus scanners touch it, a NAS sets its bits: nothing of that is a second job."""
    site.configure(watch={"archive": archive})
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=3))
    await site.start()
    clip = put(site, "a.mov")
    await eventually(lambda: sent(api))
    for path in (clip, clip.with_suffix(".json")):
        if path.exists():
            path.read_bytes()
            os.utime(path)
            path.chmod(0o640)
    await site.finished("a")
    if archive == "keep":
        os.utime(clip)
        clip.chmod(0o600)
    put(site, "b.mov")
    await site.finished("b")
    assert [name for name, _ in sent(api)] == ["a.mov", "b.mov"]


async def test_a_clip_that_is_taken_out_of_its_claim_fails_and_stops_nothing(
    site: Site, api: Simulator
) -> None:
    """Somebody cleans up `.reeldrop` by hand before the clip was sent."""
    await site.start()
    await site.command("pause")
    put(site, "a.mov")
    await claimed(site, "a.mov")
    claims = site.inbox / ".reeldrop/claims"
    [clip] = [path for path in tree(claims) if path.endswith("a.mov")]
    (claims / clip).unlink()
    await site.command("resume")
    record = await site.finished("_failed/a")
    assert "a.mov" in record["error"]["message"]
    put(site, "b.mov")
    await site.finished("b")
    assert [name for name, _ in sent(api)] == ["b.mov"]
