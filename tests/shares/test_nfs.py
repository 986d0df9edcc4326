"""What only NFS does."""

from pathlib import Path

import pytest

from acceptance.world import Site, eventually, tree
from reeldrop.simulator import Simulator
from shares.conftest import PATIENCE, Client, begin, sent, sha256

pytestmark = pytest.mark.shares


def silly(folder: Path) -> list[str]:
    """Return the names that NFS gives to files which are open and were deleted."""
    return [path for path in tree(folder) if path.rpartition("/")[2].startswith(".nfs")]


async def test_a_file_that_is_open_while_it_is_deleted_leaves_its_folder_clearable(
    site: Site, api: Simulator, usual: Client
) -> None:
    """A viewer on the daemon's host: the delete makes a `.nfs` file of it, which goes when it is closed."""
    site.configure(watch={"archive": "delete"})
    await begin(site)
    drop = usual.path(site.inbox) / "a.mov"
    drop.write_bytes(site.clip.read_bytes())
    with drop.open("rb"):
        (drop.parent / "a.json").write_text('{"prompt": "x"}')
        assert (await site.finished("a", PATIENCE))["state"] == "delivered"
        await eventually(lambda: silly(site.inbox))
        site.drop("b.mov", {"prompt": "y"})
        assert (await site.finished("b", PATIENCE))["state"] == "delivered"
        assert await site.stop() == 0
    await begin(site)
    await eventually(lambda: not list((site.inbox / ".reeldrop/claims").iterdir()))
    assert sent(api) == [sha256(site.clip)] * 2
    assert not (site.outbox / "_failed").exists()
