"""Inbox and outbox on a file system that fails on command, as shares do."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptance.world import Site, eventually, tree
from faults.looking import reason_of, resume, submits
from reeldrop.simulator import Simulator

pytestmark = pytest.mark.faults
pytest.importorskip("mfusepy", reason="mfusepy is not installed", exc_type=ImportError)

SERVER = Path(__file__).with_name("failing_fs.py")
CALLS = ("rename", "write", "fsync", "mkdir", "create")


@dataclass(frozen=True, slots=True)
class Share:
    """A mounted share, and where it takes orders."""

    folder: Path
    backing: Path
    orders: Path

    @contextmanager
    def failing(self, **orders: str) -> Generator[None]:
        """Let calls fail while the block runs: `rename="EIO"`, or `"done EIO"` for a lost answer."""
        self._order(orders)
        yield
        self._order({})

    def _order(self, orders: dict[str, str]) -> None:
        new = self.orders.with_suffix(".new")
        new.write_text(json.dumps(orders))
        new.rename(self.orders)


@asynccontextmanager
async def share(folder: Path) -> AsyncGenerator[Share, None]:
    """Mount a share at `folder`; skips the test where FUSE does not work."""
    backing = folder.with_name(f"{folder.name}.backing")
    backing.mkdir()
    orders = folder.with_name(f"{folder.name}.orders")
    orders.write_text("{}")
    server = subprocess.Popen(
        [sys.executable, SERVER, backing, folder, orders], stderr=subprocess.PIPE, text=True
    )
    try:
        await eventually(lambda: folder.is_mount() or server.poll() is not None)
        if server.poll() is not None:
            _, errors = server.communicate()
            pytest.skip(f"FUSE does not work here: {errors.strip()[-300:]}")
        yield Share(folder, backing, orders)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)
        server.terminate()
        server.communicate()


@pytest.fixture
async def inbox(site: Site) -> AsyncIterator[Share]:
    async with share(site.inbox) as mounted:
        yield mounted
        if site.process is not None:
            await site.stop()


@pytest.fixture
async def outbox(site: Site) -> AsyncIterator[Share]:
    async with share(site.outbox) as mounted:
        yield mounted
        if site.process is not None:
            await site.stop()


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "ESTALE", "ETIMEDOUT"])
@pytest.mark.parametrize("call", CALLS)
async def test_an_outbox_that_fails_is_waited_for(
    site: Site, api: Simulator, outbox: Share, call: str, error: str
) -> None:
    await site.start()
    with outbox.failing(**{call: error}):
        site.drop("a.mov", {"prompt": "x"})
        states = ("downloading", "delivering")
        assert await reason_of(site, "a.mov", *states)
        assert not (outbox.backing / "a").exists()
    await resume(site)
    assert (await site.finished("a"))["state"] == "delivered"
    assert not (outbox.backing / "a-2").exists()
    assert len(api.ledger.accepted) == 1


@pytest.mark.parametrize("call", ["rename", "fsync", "mkdir"])
async def test_an_inbox_that_fails_is_waited_for(
    site: Site, api: Simulator, inbox: Share, call: str
) -> None:
    """What is not claimed is not paid for."""
    await site.start()
    clip = inbox.folder / "a.mov"
    (inbox.backing / "a.json").write_text('{"prompt": "x"}')
    (inbox.backing / "a.mov").write_bytes(site.clip.read_bytes())
    with inbox.failing(**{call: "EIO"}):
        await eventually(lambda: "claim.waits" in site.log)
        assert not submits(api)
        assert clip.exists() or any(path.endswith("a.mov") for path in tree(inbox.backing))
    await resume(site)
    assert (await site.finished("a"))["state"] == "delivered"
    assert len(api.ledger.accepted) == 1


async def test_renames_in_the_outbox_whose_answer_is_lost_are_looked_after(
    site: Site, api: Simulator, outbox: Share
) -> None:
    """The share did it and said EIO: it is delivered once, and nothing waits."""
    await site.start()
    with outbox.failing(rename="done EIO"):
        site.drop("a.mov", {"prompt": "x"})
        assert (await site.finished("a"))["state"] == "delivered"
    assert not (outbox.backing / "a-2").exists()
    assert len(api.ledger.accepted) == 1


async def test_a_drop_is_taken_once_where_renames_in_the_inbox_lose_their_answers(
    site: Site, api: Simulator, inbox: Share
) -> None:
    """A share that forgets the open file as well: the claim waits, and the drop is neither lost nor paid for."""
    await site.start()
    site.drop("a.mov", {"prompt": "x"})
    with inbox.failing(rename="done EIO"):
        await eventually(lambda: "claim.waits" in site.log)
        assert not submits(api)
    await resume(site)
    assert (await site.finished("a"))["state"] == "delivered"
    assert len(api.ledger.accepted) == 1
