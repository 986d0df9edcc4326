"""Drops on a share whose server does not tell its clients what changes: from its side and from other clients'."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acceptance.world import Site, arrive, eventually, tree
from reeldrop.simulator import Simulator
from shares.conftest import CLIENTS, PATIENCE, POLL, SETTLE, Client, begin, sent, sha256, work_on
from shares.run import RESULT
from shares.server import Share

pytestmark = pytest.mark.shares

SPEC = {"prompt": "as a watercolour"}
COMPLETE = {"job.json", "job.log.jsonl", "poster.jpg"}


async def slow_copy(clip: Path, target: Path, *, pauses: int, pause: float) -> None:
    """Write a clip as a stalling copy does: each part is flushed, and the file stays open."""
    content = clip.read_bytes()
    part = len(content) // (pauses + 1) + 1
    with target.open("wb", buffering=0) as file:
        for at in range(0, len(content), part):
            file.write(content[at : at + part])
            os.fsync(file.fileno())
            if at + part < len(content):
                await asyncio.sleep(pause)


async def test_the_log_says_polling_and_the_kind_of_the_share(site: Site, share: Share) -> None:
    await begin(site)
    line = await eventually(
        lambda: next((line for line in site.log.splitlines() if "watch.mode" in line), "")
    )
    assert "polling" in line
    assert share.kind in line


async def test_a_drop_from_the_servers_side_is_delivered_by_renames_on_the_share(
    site: Site, api: Simulator
) -> None:
    """No event tells of it. The file that was dropped is the one that lies in `source/`, by its inode."""
    await begin(site)
    drop = site.drop("showA/shot010.mov", SPEC)
    dropped = drop.stat().st_ino
    seconds = asyncio.get_running_loop().time()
    claims = site.inbox / ".reeldrop/claims"
    await eventually(lambda: claims.exists() and any(claims.rglob("shot010.mov")))
    assert asyncio.get_running_loop().time() - seconds < 2 * POLL + 2 * SETTLE + 4

    record = await site.finished("showA/shot010", PATIENCE)
    assert record["state"] == "delivered"
    assert sent(api) == [sha256(site.clip)]
    folder = site.outbox / "showA/shot010"
    assert {*COMPLETE, "shot010.mp4", "source/shot010.mov", "source/shot010.json"} == tree(folder)
    assert (folder / "source/shot010.mov").stat().st_ino == dropped
    await eventually(lambda: not tree(site.inbox / ".reeldrop/claims"))


@pytest.fixture(params=["usual", "stale"])
def cached(request: pytest.FixtureRequest, share: Share, tmp_path: Path) -> Iterator[Client]:
    """The usual mount, and one that believes its attributes for ten minutes."""
    if request.param == "usual":
        yield request.getfixturevalue("usual")
        return
    with share.mount(CLIENTS / f"stale-{tmp_path.name}", share.stale) as point:
        yield Client(point, share.served)


async def test_a_slow_copy_from_the_servers_side_is_taken_whole(
    bare_site: Site, api: Simulator, cached: Client
) -> None:
    """The pauses are longer than `settle_polling`; only the container tells that more is to come."""
    site = bare_site
    work_on(site, cached)
    arrive(json.dumps(SPEC).encode(), site.inbox / "slow.json")
    await begin(site)
    await slow_copy(site.clip, site.inbox / "slow.mov", pauses=2, pause=3 * SETTLE)
    await site.finished("slow", PATIENCE)
    assert sent(api) == [sha256(site.clip)]


def replaced_by_rename(clip: Path, target: Path) -> None:
    before = target.stat()
    arrive(clip.read_bytes(), target)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))


def overwritten(clip: Path, target: Path) -> None:
    before = target.stat()
    with target.open("r+b") as file:
        file.write(clip.read_bytes())
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("replace", [replaced_by_rename, overwritten])
async def test_a_clip_replaced_while_it_waits_is_sent_as_it_is_at_last(
    bare_site: Site, api: Simulator, cached: Client, other_clip: Path,
    replace: Callable[[Path, Path], None],
) -> None:  # fmt: skip
    """With the same size and time, behind the client's back."""
    site = bare_site
    work_on(site, cached)
    arrive(site.clip.read_bytes(), site.inbox / "a.mov")
    await begin(site)
    await eventually(lambda: waiting(site))
    await asyncio.sleep(3 * SETTLE)
    replace(other_clip, site.inbox / "a.mov")
    arrive(json.dumps(SPEC).encode(), site.inbox / "a.json")
    await site.finished("a", PATIENCE)
    assert sent(api) == [sha256(other_clip)]


def waiting(site: Site) -> list[str]:
    """Return the paths that the status file shows as waiting."""
    status = json.loads(site.status_path.read_text())
    return [drop["path"] for drop in status["waiting"]]


async def test_drops_from_the_daemons_own_side(
    site: Site, api: Simulator, usual: Client, other_clip: Path
) -> None:
    """By rename, and copied straight to their names."""
    inbox = usual.path(site.inbox)
    await begin(site)
    arrive(json.dumps(SPEC).encode(), inbox / "renamed.json")
    arrive(site.clip.read_bytes(), inbox / "renamed.mov")
    (inbox / "copied.mov").write_bytes(other_clip.read_bytes())
    (inbox / "copied.json").write_text(json.dumps(SPEC))
    for name in ("renamed", "copied"):
        assert (await site.finished(name, PATIENCE))["state"] == "delivered"
    assert sorted(sent(api)) == sorted(map(sha256, (site.clip, other_clip)))


async def test_two_clients_one_drops_and_takes_while_the_daemon_works(
    site: Site, api: Simulator, second: Client, other_clip: Path
) -> None:
    """What the other client sees in the outbox is complete at its first sight; it may take it away at once."""
    inbox, outbox = second.path(site.inbox), second.path(site.outbox)
    taken = outbox.parent / "taken"
    taken.mkdir()
    await begin(site)
    taking = asyncio.ensure_future(take_all(outbox, taken, {"one", "two"}))
    arrive(json.dumps(SPEC).encode(), inbox / "one.json")
    arrive(site.clip.read_bytes(), inbox / "one.mov")
    await slow_copy(other_clip, inbox / "two.mov", pauses=1, pause=2 * SETTLE)
    arrive(json.dumps(SPEC).encode(), inbox / "two.json")
    seen = await asyncio.wait_for(taking, PATIENCE)
    for name in ("one", "two"):
        parts = {f"{name}.mp4", f"source/{name}.mov", f"source/{name}.json"}
        assert seen[name] == COMPLETE | parts
        assert sha256(taken / name / f"{name}.mp4") == sha256(RESULT)
    assert sorted(sent(api)) == sorted(map(sha256, (site.clip, other_clip)))
    await site.stop()
    assert not (site.outbox / "_failed").exists()


async def take_all(outbox: Path, to: Path, wanted: set[str]) -> dict[str, set[str]]:
    """Move each folder away as soon as it is seen; return what each held at first sight."""
    seen: dict[str, set[str]] = {}
    while seen.keys() != wanted:
        for name in wanted & {entry.name for entry in os.scandir(outbox)}:
            seen[name] = tree(outbox / name)
            (outbox / name).rename(to / name)
        await asyncio.sleep(0.02)
    return seen


async def test_check_finds_nothing_wrong_with_a_share(site: Site) -> None:
    code, output, errors = await site.command("check")
    assert (code, errors) == (0, ""), output
    assert "ok folders" in output
