"""What only SMB does: names that Windows does not know, and files that a client denies to all others."""

import asyncio
import json
import subprocess
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acceptance.world import Site, arrive, eventually
from reeldrop.simulator import Simulator
from shares.conftest import PATIENCE, SETTLE, Client, begin, sent, sha256
from shares.test_shares import SPEC

pytestmark = pytest.mark.shares

HOLD = Path(__file__).with_name("hold.py")
SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's own, which knows Samba's client."""


@pytest.mark.parametrize(
    "stem", ['a:b?"<c>|*', "trailing.", "Sch\u00f6n"], ids=["signs", "dot", "umlaut"]
)
async def test_names_that_windows_does_not_know(
    site: Site, api: Simulator, usual: Client, stem: str
) -> None:
    """Dropped from a client that maps them; the sidecar of another Unicode form."""
    inbox, outbox = usual.path(site.inbox), usual.path(site.outbox)
    folder = inbox / f"{stem}"
    await begin(site)
    folder.mkdir()
    arrive(json.dumps(SPEC).encode(), folder / f"{stem}.json")
    arrive(site.clip.read_bytes(), folder / f"{unicodedata.normalize('NFD', stem)}.mov")
    await eventually(lambda: [path for path in site.outbox.iterdir() if path.name[0] not in "._"])
    [record] = (path for path in outbox.rglob("job.json") if ".reeldrop" not in path.parts)
    assert json.loads(record.read_text())["state"] == "delivered"
    assert len(list(record.parent.glob("*.mp4"))) == 1
    assert sent(api) == [sha256(site.clip)]


@contextmanager
def held(path: Path, content: Path, share_mode: str) -> Generator[None]:
    """Let a client of its own make a file and keep it open; others may do what `share_mode` names."""
    with subprocess.Popen(
        [SYSTEM_PYTHON, "-B", HOLD, path, content, share_mode],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as client:  # fmt: skip
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stdout.readline() == "held\n"
        yield
        client.stdin.close()
        assert client.wait(10) == 0


@pytest.mark.parametrize("share_mode", ["nothing", "read"])
async def test_a_file_that_a_client_denies_to_others_waits_until_it_is_closed(
    site: Site, api: Simulator, usual: Client, share_mode: str
) -> None:
    """Whether it denies to read the clip or only to move it: nothing is paid before it is let go."""
    await begin(site)
    arrive(json.dumps(SPEC).encode(), site.inbox / "a.json")
    on_the_share = (site.inbox / "a.mov").relative_to(usual.served)
    with held(on_the_share, site.clip, share_mode):
        site.drop("b.mov", {**SPEC, "prompt": "a neighbour"})
        assert (await site.finished("b", PATIENCE))["state"] == "delivered"
        await asyncio.sleep(4 * SETTLE)
        assert len(sent(api)) == 1
        assert not (site.outbox / "_failed").exists()
    assert (await site.finished("a", PATIENCE))["state"] == "delivered"
    assert len(sent(api)) == 2
