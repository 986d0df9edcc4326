"""A share that goes away: its watch waits, nothing else does, and nothing is lost, failed or paid for twice."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.world import Site, arrive, eventually, tree
from reeldrop.simulator import Simulator
from shares.conftest import CLIENTS, PATIENCE, Client, begin, unmount, work_on
from shares.server import Share

pytestmark = pytest.mark.shares

SPEC = {"prompt": "as a watercolour"}
STOPPED = 10.0
"""Seconds within which SIGTERM ends the daemon."""


@pytest.fixture
def generation_seconds() -> float:
    """Long enough to be generating when the share goes away."""
    return 4.0


@pytest.fixture
def own_mount(share: Share, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A mount that a test may break; `soft` or `hard`."""
    with share.mount(CLIENTS / f"own-{tmp_path.name}", getattr(share, request.param)) as point:
        yield Client(point, share.served)
        if not share.answers():
            share.start()


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """The folder of a second watch, on a local disk."""
    return tmp_path / "local"


@pytest.fixture
def site(bare_site: Site, own_mount: Client, local: Path) -> Site:
    bare_site.configure(limits={"in_flight": 2})
    work_on(bare_site, own_mount)
    for folder in ("inbox", "outbox"):
        (local / folder).mkdir(parents=True)
    watch = {"name": "local", "inbox": str(local / "inbox"), "outbox": str(local / "outbox")}
    with bare_site.config.open("a") as file:
        file.write("[[watch]]\n")
        file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in watch.items())
    return bare_site


async def drop_locally(site: Site, local: Path) -> None:
    """Drop on the second watch, and await its result."""
    arrive(json.dumps({"prompt": "locally"}).encode(), local / "inbox/local.json")
    arrive(site.clip.read_bytes(), local / "inbox/local.mov")
    await eventually((local / "outbox/local/job.json").exists)


async def under_way(site: Site, api: Simulator) -> None:
    """Let one drop wait for its sidecar, one be queued, and two be generating."""
    arrive(site.clip.read_bytes(), site.inbox / "waiting.mov")
    for name in ("one", "two", "three"):
        site.drop(f"{name}.mov", {**SPEC, "prompt": name})
    await eventually(lambda: len(api.ledger.accepted) == 2)


async def all_delivered(site: Site, api: Simulator) -> None:
    """Complete the drop that waited; see that each of the four was delivered, and paid for, once."""
    arrive(json.dumps(SPEC).encode(), site.inbox / "waiting.json")
    for name in ("one", "two", "three", "waiting"):
        assert (await site.finished(name, PATIENCE))["state"] == "delivered"
    clips = sorted(path for path in tree(site.outbox) if path.endswith(".mp4"))
    assert clips == ["one/one.mp4", "three/three.mp4", "two/two.mp4", "waiting/waiting.mp4"]
    prompts = [generation.params["prompt"] for generation in api.ledger.accepted]
    on_the_share = sorted(prompt for prompt in prompts if prompt != "locally")
    assert on_the_share == sorted(["one", "two", "three", SPEC["prompt"]])
    assert not (site.outbox / "_failed").exists()


@pytest.mark.parametrize("own_mount", ["soft", "hard"], indirect=True)
async def test_a_server_that_dies_and_comes_back(
    site: Site, api: Simulator, share: Share, local: Path, own_mount: Client
) -> None:
    """EIO or a hang: the other watch goes on, and the share's drops when it is back."""
    del own_mount
    await begin(site)
    await under_way(site, api)
    share.stop()
    await drop_locally(site, local)
    await asyncio.sleep(4)
    share.start()
    await all_delivered(site, api)


@pytest.mark.parametrize("own_mount", ["soft", "hard"], indirect=True)
async def test_a_stop_while_the_server_is_dead(
    site: Site, api: Simulator, share: Share, own_mount: Client
) -> None:
    """SIGTERM ends the daemon in time; the next one goes on with what was under way."""
    del own_mount
    await begin(site)
    await under_way(site, api)
    share.stop()
    await asyncio.sleep(5)
    began = asyncio.get_running_loop().time()
    assert await site.stop() == 0
    assert asyncio.get_running_loop().time() - began < STOPPED
    share.start()
    await begin(site)
    await all_delivered(site, api)


@pytest.mark.parametrize("own_mount", ["hard"], indirect=True)
async def test_an_empty_mount_point_is_no_empty_inbox(
    site: Site, api: Simulator, share: Share, own_mount: Client
) -> None:
    """Unmounted under the daemon: nothing is written below the mount point, and all goes on afterwards."""
    await begin(site)
    await under_way(site, api)
    point = own_mount.point
    unmount(point)
    await asyncio.sleep(6)
    assert not list(point.iterdir())
    share.connect(point, share.hard)
    await all_delivered(site, api)


@pytest.mark.parametrize("own_mount", ["hard"], indirect=True)
async def test_an_empty_inbox_below_the_mount_point_is_no_empty_share(
    site: Site, api: Simulator, share: Share, own_mount: Client
) -> None:
    """Somebody has made the folders on the disk below: they have no marker, so nothing is believed of them."""
    point = own_mount.point
    await begin(site)
    await under_way(site, api)
    unmount(point)
    for folder in (own_mount.path(site.inbox), own_mount.path(site.outbox)):
        folder.mkdir(parents=True)
    await asyncio.sleep(6)
    assert not tree(point)
    share.connect(point, share.hard)
    await all_delivered(site, api)
