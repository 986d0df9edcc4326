"""The installed command on shares: changed from the other side, taken away, hung, and back again."""

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.dropping import footage, sent, sha256, spec, until, waiting
from acceptance.mounts import Share, bound, in_memory, shared
from acceptance.world import Site, arrive, eventually, tree
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

pytestmark = pytest.mark.slow

POLL = 0.3
SETTLE = 0.8
GENERATING = Fault(Route.POLL, times=0, fields={"status": "generating"})
"""No generation ends while this holds."""
NOT_FETCHED = Fault(Route.FILE, times=0, status=503)


@pytest.fixture
def site(site: Site) -> Site:
    site.configure(
        watch={"poll_interval": POLL, "settle_polling": SETTLE, "rescan_interval": 2 * POLL}
    )
    return site


@pytest.fixture
async def inbox(site: Site, tmp_path: Path) -> AsyncIterator[Share]:
    """The inbox, on a share."""
    async with shared(site.inbox, tmp_path / "inbox.served") as share:
        yield share


@pytest.fixture
async def outbox(site: Site, tmp_path: Path) -> AsyncIterator[Share]:
    """The outbox, on a share."""
    async with shared(site.outbox, tmp_path / "outbox.served") as share:
        yield share


def put(folder: Path, name: str) -> None:
    """Let a drop arrive in `folder`, its prompt being its name."""
    # Made before the sidecar comes: the first time it takes longer than a sidecar may wait.
    content = footage()
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    arrive(spec(name), target.with_suffix(".json"))
    arrive(content, target)


async def in_state(site: Site, path: str, state: str) -> dict[str, Any]:
    """Await the job of `path` in `state`, as the outbox tells it."""

    def find() -> dict[str, Any] | None:
        jobs = json.loads(site.status_path.read_text())["jobs"]
        return next((job for job in jobs if (job["path"], job["state"]) == (path, state)), None)

    return await eventually(find)


def modes(site: Site) -> dict[str, tuple[str, str]]:
    """Return how each folder is watched, and why, as the log says it."""
    lines = (json.loads(line) for line in site.log.splitlines() if '"watch.mode"' in line)
    return {line["folder"]: (line["mode"], line["why"]) for line in lines}


async def some_looks() -> None:
    """Let time pass in which a daemon that believes an empty folder would act."""
    # What an empty folder would set going shows within two looks and the time to settle.
    await asyncio.sleep(3 * SETTLE)


# ------------------------------------------------------------------ changed from the other side


async def test_what_the_server_gets_is_found_by_polling(
    site: Site, api: Simulator, inbox: Share
) -> None:
    """No event tells of it. The log says once how the inbox is watched, and why."""
    await site.start()
    put(inbox.served, "show/a.mov")
    assert (await site.finished("show/a"))["state"] == "delivered"
    assert modes(site) == {"": ("polling", "fuse.bindfs is a network or FUSE mount")}
    assert site.log.count('"watch.mode"') == 1
    assert tree(site.outbox / "show/a/source") == {"a.mov", "a.json"}
    await eventually(lambda: not [path for path in tree(inbox.served) if path.endswith(".mov")])
    assert sent(api) == [("show/a.mov", sha256(footage()))]


async def test_a_slow_copy_on_the_server_is_not_taken_early(
    site: Site, api: Simulator, inbox: Share
) -> None:
    """Whole as a container long before its end: an empty box is all that is missing."""
    tail = 400_000
    whole = footage() + tail.to_bytes(4, "big") + b"free" + bytes(tail - 8)
    await site.start()
    (inbox.served / "a.json").write_bytes(spec("a.mov"))
    with (inbox.served / "a.mov").open("wb") as file:
        for at in range(0, len(whole), len(whole) // 8):
            file.write(whole[at : at + len(whole) // 8])
            file.flush()
            await asyncio.sleep(0.6 * SETTLE)
            assert not api.ledger.requests
    await site.finished("a")
    assert sent(api) == [("a.mov", sha256(whole))]


async def test_a_clip_that_the_server_replaces_is_taken_as_it_is_now(
    site: Site, api: Simulator, inbox: Share
) -> None:
    await site.start()
    arrive(footage("faststart.mp4"), inbox.served / "a.mov")
    await eventually(lambda: "sidecar" in waiting(site).get("a.mov", ""))
    arrive(footage(), inbox.served / "a.mov")
    arrive(spec("a.mov"), inbox.served / "a.json")
    await site.finished("a")
    assert sent(api) == [("a.mov", sha256(footage()))]


# ------------------------------------------------------------------ away, and back


async def fill(site: Site, api: Simulator, inbox: Share) -> None:
    """Let jobs stand in every state: waiting, queued, generating, downloading."""
    api.faults.add(NOT_FETCHED)
    put(inbox.served, "fetched.mov")
    await in_state(site, "fetched.mov", "downloading")
    api.faults.add(GENERATING)
    put(inbox.served, "made.mov")
    await in_state(site, "made.mov", "generating")
    code, _, errors = await site.command("pause")
    assert code == 0, errors
    put(inbox.served, "queued.mov")
    await in_state(site, "queued.mov", "queued")
    arrive(footage(), inbox.served / "waiting.mov")
    await eventually(lambda: "sidecar" in waiting(site).get("waiting.mov", ""))


async def go_on(site: Site, api: Simulator, inbox: Share) -> None:
    """Let everything end, and see that nothing was lost, invented or paid twice."""
    api.faults.clear()
    arrive(spec("waiting.mov"), inbox.served / "waiting.json")
    code, _, errors = await site.command("resume")
    assert code == 0, errors
    for name in ("fetched", "made", "queued", "waiting"):
        assert (await site.finished(name))["state"] == "delivered"
        assert tree(site.outbox / name / "source") == {f"{name}.mov", f"{name}.json"}
    assert not (site.outbox / "_failed").exists()
    paid = sorted(prompt for prompt, _ in sent(api))
    assert paid == ["fetched.mov", "made.mov", "queued.mov", "waiting.mov"]
    assert len(await site.jobs()) == 4


def away(site: Site) -> list[str]:
    """Return what the page says of the inbox."""
    return [reason for reason in waiting(site).values() if str(site.inbox) in reason]


async def test_an_inbox_that_is_unmounted_pauses_everything_and_fails_nothing(
    site: Site, api: Simulator, inbox: Share
) -> None:
    """An empty folder lies there: it proves nothing, and nothing is written into it."""
    await site.start()
    await fill(site, api, inbox)
    inbox.unmount()
    await eventually(lambda: any("is not the one it was" in reason for reason in away(site)))
    api.faults.clear()
    code, _, errors = await site.command("resume")
    assert code == 0, errors
    await in_state(site, "made.mov", "delivering")
    await some_looks()
    assert list(site.inbox.iterdir()) == []
    assert not (site.outbox / "_failed").exists()
    assert site.log.count('"look.failed"') == 1
    assert len(api.ledger.accepted) == 2
    await inbox.mount()
    await go_on(site, api, inbox)


async def test_a_share_whose_server_dies_is_waited_for(
    site: Site, api: Simulator, inbox: Share
) -> None:
    """Everything fails with "Transport endpoint is not connected" until it is mounted anew."""
    await site.start()
    await fill(site, api, inbox)
    await inbox.kill()
    await eventually(lambda: away(site))
    await some_looks()
    assert not (site.outbox / "_failed").exists()
    inbox.unmount()
    await inbox.mount()
    await go_on(site, api, inbox)


async def test_a_kill_while_the_share_is_away_loses_nothing(
    site: Site, api: Simulator, inbox: Share
) -> None:
    """A start without the share ends with 75, and marks nothing: the folder is not ours."""
    await site.start()
    await fill(site, api, inbox)
    inbox.unmount()
    await eventually(lambda: away(site))
    await site.stop(signal.SIGKILL)
    code, _, errors = await site.command("run", "--once")
    assert code == 75, errors
    assert "is not mounted" in errors
    assert "fuse.bindfs" in errors
    assert list(site.inbox.iterdir()) == []
    await inbox.mount()
    await site.start()
    await go_on(site, api, inbox)


async def test_an_outbox_that_is_unmounted_is_waited_for(
    site: Site, api: Simulator, outbox: Share
) -> None:
    """What is delivered into the empty folder would never be seen again."""
    api.faults.add(GENERATING)
    await site.start()
    put(site.inbox, "a.mov")
    await in_state(site, "a.mov", "generating")
    outbox.unmount()
    api.faults.clear()

    async def stuck() -> bool:
        states = {job["path"]: job["state"] for job in await site.jobs()}
        return states["a.mov"] in ("downloading", "delivering")

    await until(stuck)
    put(site.inbox, "b.mov")
    await asyncio.sleep(2 * SETTLE)
    assert not (site.outbox / "a").exists()
    assert not (site.outbox / "_failed").exists()
    await outbox.mount()
    code, _, errors = await site.command("resume")
    assert code == 0, errors
    for name in ("a", "b"):
        assert (await site.finished(name))["state"] == "delivered"
    assert len(api.ledger.accepted) == 2


async def test_an_inbox_on_a_local_disk_that_is_deleted_and_made_anew_goes_on(
    site: Site, api: Simulator
) -> None:
    """On the disk and mount where it always lay no share can be hidden."""
    await site.start()
    put(site.inbox, "a.mov")
    await site.finished("a")
    await eventually(lambda: tree(site.inbox) == {".reeldrop/owner.json"})
    shutil.rmtree(site.inbox)
    await eventually(lambda: away(site))
    site.inbox.mkdir()
    put(site.inbox, "b.mov")
    assert (await site.finished("b"))["state"] == "delivered"
    assert site.log.count('"inbox.made_anew"') == 1
    assert len(api.ledger.accepted) == 2


# ------------------------------------------------------------------ hung


def second_watch(site: Site) -> Site:
    """Let the same daemon watch another inbox, on the local disk."""
    other = Path(site.config.parent, "other")
    other.mkdir()
    own = {"name": "other", "inbox": str(other), "settle": 0.1, "settle_polling": SETTLE}
    lines = [f"{key} = {json.dumps(value)}" for key, value in own.items()]
    lines += [f'outbox = "{site.outbox}"', "sidecar_grace = 0.2"]
    with site.config.open("a") as file:
        file.write("\n".join(["[[watch]]", *lines]) + "\n")
    return site


async def test_a_share_that_hangs_holds_up_nobody_else(
    site: Site, api: Simulator, inbox: Share
) -> None:
    """Whoever asks it sleeps in the kernel. Other watches, generations and the end do not wait."""
    second_watch(site)
    await site.start()
    api.faults.add(GENERATING)
    put(inbox.served, "shared.mov")
    await in_state(site, "shared.mov", "generating")
    api.faults.clear()
    inbox.hang()
    await asyncio.sleep(3 * POLL)
    put(site.config.parent / "other", "local.mov")
    assert (await site.finished("local"))["state"] == "delivered"
    assert await site.stop() == 0
    assert len(api.ledger.accepted) == 2


# ------------------------------------------------------------------ mounts of all kinds


async def test_a_read_only_inbox_over_a_kill(site: Site, api: Simulator, tmp_path: Path) -> None:
    """What was taken is remembered by its bytes; what was under way goes on; nothing is marked."""
    site.configure(watch={"archive": "keep"})
    served = tmp_path / "served"
    served.mkdir()
    with bound(served, site.inbox, read_only=True):
        await site.start()
        put(served, "a.mov")
        await site.finished("a")
        api.faults.add(GENERATING)
        put(served, "b.mov")
        await in_state(site, "b.mov", "generating")
        await site.stop(signal.SIGKILL)
        api.faults.clear()
        put(served, "c.mov")
        await site.start()
        for name in ("b", "c"):
            assert (await site.finished(name))["state"] == "delivered"
        await some_looks()
    assert [prompt for prompt, _ in sent(api)] == ["a.mov", "b.mov", "c.mov"]
    assert not (served / ".reeldrop").exists()
    assert len(tree(served)) == 6
    assert {path.name for path in site.outbox.iterdir() if path.name[0] not in "._"} == set("abc")


async def test_a_read_only_inbox_that_is_unmounted_is_known_by_its_mount(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """It cannot hold a marker: the empty folder below lies on another mount."""
    site.configure(watch={"archive": "keep"})
    served = tmp_path / "served"
    served.mkdir()
    api.faults.add(GENERATING)
    with bound(served, site.inbox, read_only=True):
        await site.start()
        put(served, "a.mov")
        await in_state(site, "a.mov", "generating")
    await eventually(lambda: any("is not the one it was" in reason for reason in away(site)))
    api.faults.clear()
    with bound(served, site.inbox, read_only=True):
        put(served, "b.mov")
        for name in ("a", "b"):
            assert (await site.finished(name))["state"] == "delivered"
    assert len(api.ledger.accepted) == 2


async def test_inbox_and_outbox_on_different_disks(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """The sources are copied over and verified before they leave the inbox."""
    with in_memory(site.inbox):
        await site.start()
        put(site.inbox, "show/a.mov")
        assert (await site.finished("show/a"))["state"] == "delivered"
        assert sha256((site.outbox / "show/a/source/a.mov").read_bytes()) == sha256(footage())
        claims = site.inbox / ".reeldrop/claims"
        await eventually(lambda: not list(claims.iterdir()))
        assert not [path for path in tree(site.inbox) if path.endswith(".mov")]
        await site.stop()
    assert len(api.ledger.accepted) == 1


async def test_a_share_inside_a_local_inbox(site: Site, api: Simulator, tmp_path: Path) -> None:
    """Each file system is watched by what it can do, has claims of its own, and may go alone."""
    site.configure(watch={"sidecar_timeout": 1.5})
    async with shared(site.inbox / "nas", tmp_path / "nas.served") as nas:
        await site.start()
        put(nas.served, "a.mov")
        await site.finished("nas/a")
        assert {folder: how for folder, (how, _) in modes(site).items()} == {
            "": "inotify",
            "nas": "polling",
        }
        api.faults.add(GENERATING)
        put(nas.served, "b.mov")
        await in_state(site, "nas/b.mov", "generating")
        assert any(path.endswith("b.mov") for path in tree(nas.served / ".reeldrop/claims"))
        nas.unmount()
        api.faults.clear()
        # What it names may lie on the share: it is waited for, however long that is away.
        (site.inbox / "d.json").write_text('{"prompt": "d", "video_url": "nas/d.mov"}')
        put(site.inbox, "c.mov")
        await site.finished("c")
        await in_state(site, "nas/b.mov", "delivering")
        await asyncio.sleep(2.5)
        assert list((site.inbox / "nas").iterdir()) == []
        arrive(footage(), nas.served / "d.mov")
        await nas.mount()
        code, _, errors = await site.command("resume")
        assert code == 0, errors
        assert (await site.finished("nas/b"))["state"] == "delivered"
        assert tree(site.outbox / "nas/b/source") == {"b.mov", "b.json"}
        await site.finished("nas/d")
        await site.stop()
    assert not (site.outbox / "_failed").exists()
    assert len(api.ledger.accepted) == 4
