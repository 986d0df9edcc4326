"""A share that hangs in the kernel holds up its own watch, and nothing else."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from acceptance.stalling import Share, share
from acceptance.world import PATIENCE, REELDROP, STOPPED, Site, arrive, eventually, tree
from reeldrop.simulator import Simulator
from reeldrop.simulator.footage import make_clip

QUICK = {"settle": 0.1, "settle_polling": 0.4, "sidecar_grace": 0.2, "poll_interval": 0.3}


class TwoWatches(Site):
    """A site with a second watch, `share`, whose inbox and outbox tests put on shares."""

    def __init__(self, folder: Path, base_url: str, clip: Path) -> None:
        super().__init__(folder, base_url, clip)
        self.far_inbox = folder / "far-inbox"
        self.far_outbox = folder / "far-outbox"
        for place in (self.far_inbox, self.far_outbox):
            place.mkdir()
        watches = [
            {"name": "near", "inbox": self.inbox, "outbox": self.outbox},
            {
                "name": "far",
                "inbox": self.far_inbox,
                "outbox": self.far_outbox,
                "conform": "auto",
            },
        ]
        text = self.config.read_text()
        head = text[: text.index("[[watch]]")]
        tables = [
            "\n".join(
                ["[[watch]]", *(f"{k} = {json.dumps(v, default=str)}" for k, v in table.items())]
            )
            for table in ({**watch, **QUICK} for watch in watches)
        ]
        self.config.write_text("\n".join([head, *tables]) + "\n")

    async def goes_on(self, name: str) -> None:
        """Let the near watch take a drop, submit it, deliver it, and show it."""
        self.drop(f"{name}.mov", {"prompt": name})
        assert (await self.finished(name))["state"] == "delivered"

        def shown() -> bool:
            jobs = json.loads(self.status_path.read_text())["jobs"]
            return any(job["path"] == f"{name}.mov" and job["final"] for job in jobs)

        await eventually(shown)

    async def ends_in_time(self) -> None:
        began = time.monotonic()
        assert await self.stop() == 0, self.log[-3000:]
        assert time.monotonic() - began < STOPPED

    def drop_far(self, name: str) -> None:
        """Drop into the far inbox."""
        arrive(json.dumps({"prompt": name}).encode(), self.far_inbox / f"{name}.json")
        arrive(self.clip.read_bytes(), self.far_inbox / f"{name}.mov")

    async def launch(self) -> asyncio.subprocess.Process:
        """Start the daemon and do not wait for it."""
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                REELDROP, "run", "--config", self.config,
                env=self.environment, stdout=log, stderr=log,
            )  # fmt: skip
        return self.process

    async def told(self, watch: str) -> dict[str, object]:
        """Return what `reeldrop status --json` says of a watch."""
        code, output, errors = await self.command("status", "--json")
        assert code == 0, errors
        (found,) = [each for each in json.loads(output)["watches"] if each["watch"] == watch]
        return found

    async def awaited(self, watch: str, words: str) -> None:
        """Wait until `status` says `words` of a watch."""
        deadline = time.monotonic() + PATIENCE
        while words not in str((await self.told(watch))["trouble"]):
            assert time.monotonic() < deadline, await self.told(watch)
            await asyncio.sleep(0.5)


OBEYED = 10.0
"""Seconds for a stop that waits for nothing; the share is given up only after fifteen."""


def drop_behind(share: Share, site: Site, name: str) -> None:
    """Drop from the other side of the share."""
    arrive(json.dumps({"prompt": name}).encode(), share.backing / f"{name}.json")
    arrive(site.clip.read_bytes(), share.backing / f"{name}{site.clip.suffix}")


def hangs(pid: int) -> bool:
    """Say whether a thread of the process waits for a FUSE server."""

    def waits_for(task: Path) -> str:
        # Threads end while one looks.
        with suppress(OSError):
            return (task / "wchan").read_text()
        return ""

    return any("request_wait" in waits_for(task) for task in Path(f"/proc/{pid}/task").iterdir())


@pytest.fixture
async def site(tmp_path: Path, api: Simulator, clip: Path) -> AsyncIterator[TwoWatches]:
    site = TwoWatches(tmp_path, api.base_url, clip)
    yield site
    if site.process is not None and site.process.returncode is None:
        await site.stop(signal.SIGKILL)


@pytest.fixture
async def inbox(site: TwoWatches) -> AsyncIterator[Share]:
    async with share(site.far_inbox) as mounted:
        yield mounted
        await _ended(site)


@pytest.fixture
async def outbox(site: TwoWatches) -> AsyncIterator[Share]:
    async with share(site.far_outbox) as mounted:
        yield mounted
        await _ended(site)


async def _ended(site: Site) -> None:
    if site.process is not None and site.process.returncode is None:
        await site.stop(signal.SIGKILL)


async def test_an_inbox_that_hangs_pauses_its_watch_and_nothing_else(
    site: TwoWatches, api: Simulator, inbox: Share
) -> None:
    """It is told, nothing of it is lost or failed, and it goes on by itself."""
    await site.start()
    drop_behind(inbox, site, "before")
    await eventually((site.far_outbox / "before" / "job.json").exists)
    with inbox.stalled():
        drop_behind(inbox, site, "meanwhile")
        await site.goes_on("one")
        await site.awaited("far", "has not answered")
        assert (await site.told("near"))["ok"]
        page = site.far_outbox / "_status.html"
        await eventually(lambda: 'class="ill">far: ' in page.read_text())
        assert "has not answered" in page.read_text()
        await site.goes_on("two")
    await eventually((site.far_outbox / "meanwhile" / "job.json").exists)
    await eventually(lambda: '"ill"' not in (site.far_outbox / "_status.html").read_text())
    assert not (site.far_outbox / "_failed").exists()
    assert len(api.ledger.accepted) == 4
    await site.ends_in_time()


async def test_an_outbox_that_hangs_holds_up_its_own_deliveries_alone(
    site: TwoWatches, api: Simulator, outbox: Share
) -> None:
    """More results wait for it than a watch has threads; all come in the end, each paid for once."""
    await site.start()
    names = [f"far{number}" for number in range(6)]
    with outbox.stalled():
        for name in names:
            site.drop_far(name)
        await eventually(lambda: len(api.ledger.accepted) == len(names))
        await site.goes_on("one")
        await site.awaited("far", "has not answered")
        stuck = [job for job in await site.jobs() if job["watch"] == "far"]
        assert {job["state"] for job in stuck} == {"downloading"}
        assert all("has not answered" in job["reason"] for job in stuck)
        site.drop_far("later")
        await site.goes_on("two")
        assert len(api.ledger.accepted) == len(names) + 2, (
            "nothing is bought for a share that hangs"
        )
    for name in (*names, "later"):
        await eventually((outbox.backing / name / "job.json").exists)
    assert len(api.ledger.accepted) == len(names) + 3
    await site.ends_in_time()


async def test_a_share_that_goes_away_pauses_its_watch_and_nothing_else(
    site: TwoWatches, api: Simulator, inbox: Share
) -> None:
    """First every call fails, then an empty folder lies there: neither proves that anything has gone."""
    await site.start()
    drop_behind(inbox, site, "before")
    await eventually((site.far_outbox / "before" / "job.json").exists)
    inbox.server.kill()
    await site.goes_on("one")
    await site.awaited("far", str(site.far_inbox))
    inbox.unmount()
    drop_behind(inbox, site, "meanwhile")
    await site.goes_on("two")
    async with inbox.mounted_again():
        await eventually((site.far_outbox / "meanwhile" / "job.json").exists)
        assert not (site.far_outbox / "_failed").exists()
        assert len(api.ledger.accepted) == 4
        await site.ends_in_time()


async def test_a_stop_ends_in_time_though_both_shares_hang(
    site: TwoWatches, inbox: Share, outbox: Share
) -> None:
    """A service manager kills after 10 s, and what is killed leaves no last words."""
    await site.start()
    drop_behind(inbox, site, "one")
    await eventually((outbox.backing / "one" / "job.json").exists)
    with inbox.stalled(), outbox.stalled():
        await site.goes_on("near")
        await site.ends_in_time()
    assert "daemon.stopped" in site.log


async def test_a_start_onto_a_share_that_hangs_ends_and_names_it(
    site: TwoWatches, inbox: Share
) -> None:
    """A place is not there now: the service manager tries again. `check` says the same, and ends too."""
    with inbox.stalled():
        run, check = await asyncio.gather(site.command("run"), site.command("check"))
    assert (run[0], check[0]) == (75, 75)
    for told in (run[2], check[1]):
        assert f"The inbox {site.far_inbox} has not answered" in told
        assert f"The inbox {site.inbox} " not in told


async def test_a_stop_during_such_a_start_is_obeyed_at_once(site: TwoWatches, inbox: Share) -> None:
    """Nobody waits for a share that hangs in order to be allowed to stop waiting."""
    with inbox.stalled():
        process = await site.launch()
        await eventually(lambda: hangs(process.pid))
        began = time.monotonic()
        assert await site.stop() == 0, site.log
        assert time.monotonic() - began < OBEYED


@pytest.mark.parametrize("suffix", ["mov", "mkv"])
async def test_an_upload_that_a_share_holds_up_gives_its_slot_back(
    site: TwoWatches, api: Simulator, inbox: Share, suffix: str
) -> None:
    """Not all of it has left, so nothing can have been made: it waits, and is sent when it can be.

    Nor does a clip that is being made to fit (mkv is no container of the model) keep its slot.
    """
    near = site.clip
    if suffix == "mkv":
        site.clip = site.config.with_name("clip.mkv")
        make_clip(site.clip)
    await site.start()
    assert (await site.command("pause"))[0] == 0
    for number in range(9):
        drop_behind(inbox, site, f"far{number}")
    claims = inbox.backing / ".reeldrop/claims"
    await eventually(lambda: sum(path.endswith(f".{suffix}") for path in tree(claims)) == 9)
    with inbox.stalled():
        assert (await site.command("resume"))[0] == 0
        await eventually(lambda: "has not answered" in site.log)
        site.clip = near
        await site.goes_on("one")
        assert len(api.ledger.accepted) == 1
    for number in range(9):
        await eventually((site.far_outbox / f"far{number}" / "job.json").exists)
    assert len(api.ledger.accepted) == 10
