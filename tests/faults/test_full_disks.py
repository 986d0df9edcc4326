"""Disks that fill up while the installed daemon works: what is paid for waits for room, and nothing is lost."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from acceptance.world import Site, eventually, large_clip, tree
from faults.disks import Disk, ext4, tmpfs
from faults.looking import reason_of, resume, submits
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

pytestmark = pytest.mark.timeout(180)
MB = 1_000_000


class TestOutbox:
    @pytest.fixture
    async def disk(self, site: Site) -> AsyncIterator[Disk]:
        with tmpfs(site.outbox, 6 * MB) as disk:
            yield disk
            if site.process is not None:
                await site.stop()

    async def test_a_disk_that_fills_while_the_result_comes_is_waited_for(
        self, site: Site, api: Simulator, disk: Disk
    ) -> None:
        await site.start()
        disk.fill(leave=MB // 2)
        site.drop("a.mov", {"prompt": "x"})
        reason = await reason_of(site, "a.mov", "downloading")
        assert str(site.outbox) in reason
        assert "full" in reason
        disk.make_room()
        await resume(site)
        record = await site.finished("a")
        assert record["state"] == "delivered"
        assert len(api.ledger.accepted) == 1
        await eventually(
            lambda: not {path for path in tree(site.inbox) if path.endswith((".mov", ".part"))}
        )

    async def test_a_disk_that_is_full_at_delivery_is_waited_for(
        self, site: Site, api: Simulator, disk: Disk
    ) -> None:
        """The result is there, the copy of the source beside it does not fit."""
        clip = large_clip(site, 3 * MB)
        await site.start()
        disk.fill(leave=5 * MB // 2)
        site.drop("a.mov", {"prompt": "x"}, clip=clip)
        reason = await reason_of(site, "a.mov", "delivering")
        assert "No space left" in reason
        assert not (site.outbox / "a").exists()
        disk.make_room()
        await resume(site)
        record = await site.finished("a")
        assert record["state"] == "delivered"
        assert (site.outbox / "a/source/a.mov").read_bytes() == clip.read_bytes()
        assert len(api.ledger.accepted) == 1


@pytest.mark.faults
class TestLoop:
    @pytest.fixture
    async def disk(self, site: Site) -> AsyncIterator[Disk]:
        with ext4(site.outbox, 16 * MB) as disk:
            yield disk
            if site.process is not None:
                await site.stop()

    async def test_it_goes_on_by_itself_when_there_is_room(
        self, site: Site, api: Simulator, disk: Disk
    ) -> None:
        """A disk that fills while the result comes, and nobody who says `resume`."""
        api.faults.add(Fault(Route.FILE, rate=500_000.0))
        await site.start()
        site.drop("a.mov", {"prompt": "x"})
        await eventually(lambda: list((site.outbox / ".reeldrop/work").glob("*.part")))
        disk.fill()
        assert "full" in await reason_of(site, "a.mov", "downloading")
        disk.make_room()
        record = await site.finished("a", patience=40.0)
        assert record["state"] == "delivered"
        assert len(api.ledger.accepted) == 1

    async def test_a_disk_without_inodes_is_waited_for(
        self, site: Site, api: Simulator, disk: Disk
    ) -> None:
        await site.start()
        crowd = site.outbox / ".crowd"
        crowd.mkdir()
        with suppress(OSError):
            for number in range(100_000):
                (crowd / str(number)).touch()
        site.drop("a.mov", {"prompt": "x"})
        assert await reason_of(site, "a.mov", "downloading")
        shutil.rmtree(crowd)
        await resume(site)
        assert (await site.finished("a"))["state"] == "delivered"
        assert len(api.ledger.accepted) == 1


class TestState:
    @pytest.fixture
    async def disk(self, site: Site) -> AsyncIterator[Disk]:
        with tmpfs(site.state, 2 * MB) as disk:
            yield disk
            if site.process is not None:
                await site.stop()

    async def test_nothing_is_taken_while_the_store_has_no_room(
        self, site: Site, api: Simulator, disk: Disk
    ) -> None:
        await site.start()
        disk.fill()
        clip = site.drop("a.mov", {"prompt": "x"})
        await eventually(lambda: "disk is full" in site.log)
        assert not submits(api)
        assert clip.exists()
        disk.make_room()
        await resume(site)
        assert (await site.finished("a"))["state"] == "delivered"
        assert len(api.ledger.accepted) == 1

    async def test_a_generation_that_cannot_be_recorded_stops_all_submits(
        self, site: Site, api: Simulator, disk: Disk
    ) -> None:
        """The answer names what was paid for: until that is on disk nothing new is paid for."""
        filled = asyncio.Event()
        api.faults.add(Fault(Route.SUBMIT, until=filled.wait))
        await site.start()
        site.drop("a.mov", {"prompt": "x"})
        await eventually(lambda: api.ledger.accepted)
        disk.fill()
        filled.set()
        await eventually(lambda: "submit.accepted" in site.log)
        site.drop("b.mov", {"prompt": "y"})
        await eventually(lambda: "queue.blocked" in site.log)
        await asyncio.sleep(1.0)
        assert len(api.ledger.accepted) == 1
        disk.make_room()
        assert (await site.finished("a"))["attempts"] == 1
        await site.finished("b")
        assert len(api.ledger.accepted) == 2
