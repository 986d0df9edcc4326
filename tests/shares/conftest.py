"""A site whose inbox and outbox lie on a share. Runs in the machine that `shares.run` starts.

Tests look at the folders, and drop, on the server's side; the daemon works on a client's.
"""

import hashlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptance.world import KEY, Site
from reeldrop.simulator import Simulator
from shares.run import CLIP, OTHER_CLIP, RESULT, SHARE
from shares.server import SHARES, Share, run

SETTLE = 1.0
"""Seconds: `settle_polling` of the quick timings here."""
POLL = 0.5
PATIENCE = 60.0
"""Seconds: the machine is slow, and a client may believe what it knows of a folder for half a minute."""
CLIENTS = Path("/run/clients")


@dataclass(frozen=True, slots=True)
class Client:
    """A mounted share."""

    point: Path
    served: Path

    def path(self, of: Path) -> Path:
        """Return the client's path of a file on the server."""
        return self.point / of.relative_to(self.served)


@pytest.fixture(scope="session")
def share(tmp_path_factory: pytest.TempPathFactory) -> Share:
    """The server; it serves the folder of all tests, and ends with its machine."""
    name = os.environ.get(SHARE)
    if name is None:
        pytest.skip("`make test-shares` runs this, in a machine of its own")
    server = SHARES[name](tmp_path_factory.getbasetemp())
    server.prepare()
    server.start()
    return server


@pytest.fixture(scope="session")
def usual(share: Share) -> Iterator[Client]:
    """A mount as its defaults are, attribute caches too."""
    with share.mount(CLIENTS / "usual", "") as point:
        yield Client(point, share.served)


@pytest.fixture
def second(share: Share, tmp_path: Path) -> Iterator[Client]:
    """Another host's mount."""
    with share.mount(CLIENTS / f"second-{tmp_path.name}", None) as point:
        yield Client(point, share.served)


@pytest.fixture(scope="session")
def clip() -> Path:
    return CLIP


@pytest.fixture(scope="session")
def other_clip() -> Path:
    """A clip with as many bytes as the first."""
    return OTHER_CLIP


@pytest.fixture
def generation_seconds() -> float:
    return 0.2


@pytest.fixture
async def api(tmp_path: Path, generation_seconds: float) -> AsyncIterator[Simulator]:
    async with Simulator(
        tmp_path / "api", key=KEY, generation_seconds=generation_seconds, result=RESULT
    ) as server:
        yield server


@pytest.fixture
async def bare_site(
    tmp_path: Path, api: Simulator, clip: Path, share: Share
) -> AsyncIterator[Site]:
    """A site that no client is chosen for; the daemon ends with the test."""
    site = Site(tmp_path, api.base_url, clip)
    site.configure(
        web={"listen": ""}, watch={"settle_polling": SETTLE, "poll_interval": POLL}
    )  # fmt: skip
    yield site
    if not share.answers():
        share.start()
    if site.process is not None:
        await site.stop(signal.SIGKILL)
        print(site.log[-6000:])


@pytest.fixture
def site(bare_site: Site, usual: Client) -> Site:
    """A site on the usual mount."""
    work_on(bare_site, usual)
    return bare_site


def work_on(site: Site, client: Client) -> None:
    """Let the daemon work on `client`'s side of the site's folders."""
    site.configure(
        watch={
            "inbox": str(client.path(site.inbox)),
            "outbox": str(client.path(site.outbox)),
        }
    )


async def begin(site: Site) -> None:
    """Start the daemon; fails where it ends at once."""
    await site.start()
    assert site.process is not None
    assert site.process.returncode is None, site.log[-6000:]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sent(api: Simulator) -> list[str]:
    """Return the SHA-256 of each clip that was paid for, in order."""
    return [generation.params["video_url"]["sha256"] for generation in api.ledger.accepted]


def unmount(point: Path) -> None:
    """Unmount though something may be open on the share, and leave the empty mount point."""
    run("umount", "--lazy", point)
