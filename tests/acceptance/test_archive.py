"""What becomes of the sources, where the disks differ or allow little, and how what is written looks."""

import os
import shutil
import stat
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acceptance.dropping import footage, listed, put, sent, sha256, spec, waiting
from acceptance.world import Site, arrive, eventually, tree
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Ending, Fault, Route

SETPRIV = shutil.which("setpriv")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting and changing users need root")


@contextmanager
def mounted(what: list[str], at: Path) -> Generator[None]:
    """Mount something for a while; skip where that is not allowed."""
    if subprocess.run(["mount", *what, str(at)], capture_output=True, check=False).returncode:
        pytest.skip("this host does not let us mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@pytest.mark.parametrize(
    ("archive", "shown", "left"),
    [
        ("move", {"source/a.mov", "source/a.json"}, set()),
        ("delete", set(), set()),
        ("keep", set(), {"sub/a.mov", "sub/a.json"}),
    ],
)
async def test_what_becomes_of_a_source(
    site: Site, api: Simulator, archive: str, shown: set[str], left: set[str]
) -> None:
    """Beside the result, gone, or where it was; a failure keeps what was dropped in any case."""
    site.configure(watch={"archive": archive})
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR, skip=1))
    await site.start()
    put(site, "sub/a.mov")
    await site.finished("sub/a")
    put(site, "b.mov")
    await site.finished("_failed/b")
    own = {"a.mp4", "job.json", "job.log.jsonl", "poster.jpg"}
    assert tree(site.outbox / "sub/a") == own | shown
    kept = {"b.mov", "b.json"} if archive == "keep" else set()
    assert (site.outbox / "_failed/b/source/b.mov").exists() is (archive != "keep")

    def in_inbox() -> set[str]:
        return {path for path in tree(site.inbox) if not path.startswith(".reeldrop")}

    await eventually(lambda: in_inbox() == left | kept)
    assert (site.inbox / "sub").is_dir()
    assert not (await site.command("status"))[2]


@ROOT
async def test_inbox_and_outbox_on_different_disks(site: Site, api: Simulator) -> None:
    """Copied, verified and only then removed; whole folders appear all the same."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR, skip=1))
    with mounted(["-t", "tmpfs", "tmpfs"], site.outbox):
        await site.start()
        put(site, "a.mov")
        record = await site.finished("a")
        assert (site.outbox / "a/source/a.mov").read_bytes() == footage()
        assert record["source"]["sha256"] == sha256(footage())
        put(site, "b.mov")
        await site.finished("_failed/b")
        assert (site.outbox / "_failed/b/source/b.mov").read_bytes() == footage()
        await eventually(lambda: not list((site.inbox / ".reeldrop/claims").iterdir()))
        await site.stop()


@ROOT
async def test_a_read_only_inbox_is_known_over_a_kill(site: Site, api: Simulator) -> None:
    """Nothing can be marked there: the store alone remembers what was taken."""
    put(site, "a.mov")
    put(site, "show/b.mov")
    with mounted(["--bind", str(site.inbox)], site.inbox):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(site.inbox)], check=True)
        site.configure(watch={"archive": "move"})
        code, _, errors = await site.command("run", "--once")
        assert code == 78, errors
        assert "keep" in errors
        site.configure(watch={"archive": "keep"})
        api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=6))
        await site.start()
        await eventually(lambda: len(sent(api)) == 2)
        await _killed(site)
        await site.start()
        await site.finished("a")
        await site.finished("show/b")
        await _killed(site)
        code, _, errors = await site.command("run", "--once")
        assert code == 0, errors
    assert len(sent(api)) == 2
    assert tree(site.inbox) == {"a.mov", "a.json", "show/b.mov", "show/b.json"}


async def _killed(site: Site) -> None:
    assert site.process is not None
    site.process.kill()
    await site.process.wait()


MIGHT = "-dac_override,-dac_read_search,-fowner"
"""What lets root read and move what belongs to others; without it, root is a user like any other."""
OTHER = 65534


@ROOT
async def test_what_may_not_be_read_or_moved_waits_and_says_who_and_why(
    site: Site, api: Simulator
) -> None:
    """A daemon is rarely the owner of what people drop; others' drops go on."""
    if SETPRIV is None:
        pytest.skip("setpriv is not installed")
    site.prefix = (SETPRIV, f"--bounding-set={MIGHT}", f"--inh-caps={MIGHT}")
    # Before the start: a daemon may take a file the moment it comes, before anything is forbidden.
    for name in ("closed/in.mov", "secret.mov", "guarded/c.mov"):
        put(site, name)
        os.chown(site.inbox / name, OTHER, OTHER)
    for name, mode in (("closed", 0o700), ("secret.mov", 0o600), ("guarded", 0o755)):
        (site.inbox / name).chmod(mode)
        os.chown(site.inbox / name, OTHER, OTHER)
    await site.start()
    put(site, "good.mov")
    await site.finished("good")
    who = "permission denied for uid 0"
    for name, mode in (("closed", "0700"), ("secret.mov", "0600")):
        told = (who, mode, f"owner {OTHER}:{OTHER}")
        await eventually(
            lambda name=name, told=told: all(each in waiting(site).get(name, "") for each in told)
        )
    await eventually(lambda: who in _reason(site, "guarded/c.mov"))
    assert [name for name, _ in sent(api)] == ["good.mov"]
    (site.inbox / "secret.mov").chmod(0o644)
    (site.inbox / "guarded").chmod(0o777)
    await site.finished("secret")
    await site.finished("guarded/c")
    assert len(sent(api)) == 3


def _reason(site: Site, path: str) -> str:
    job = listed(site).get(path)
    return job["reason"] if job else ""


@pytest.mark.parametrize("umask", [0o000, 0o077])
async def test_modes_of_what_is_written_are_those_of_the_settings(
    site: Site, api: Simulator, umask: int
) -> None:
    """Whatever the daemon's own umask is, the farm can read results, and strangers cannot write them."""
    site.configure(output={"file_mode": "0640", "dir_mode": "0750"})
    before = os.umask(umask)
    try:
        await site.start()
    finally:
        os.umask(before)
    put(site, "show/a.mov")
    put(site, "bad.mov", promt="x")
    await site.finished("show/a")
    await site.finished("_failed/bad")
    for top in ("show", "_failed"):
        for path in (site.outbox / top, *(site.outbox / top).rglob("*")):
            if "source" in path.parts:
                continue
            wanted = 0o750 if path.is_dir() else 0o640
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path


async def test_a_result_that_is_dropped_back_makes_no_endless_loop(
    site: Site, api: Simulator
) -> None:
    """A whole delivery dragged into the inbox: its record is no sidecar, and nothing of it runs by itself twice."""
    await site.start()
    put(site, "a.mov")
    await site.finished("a")
    # Renamed into place: what is copied there may be taken between a file's bytes and its times.
    shutil.copytree(site.outbox / "a", site.inbox / ".back").rename(site.inbox / "back")
    await site.finished("back/source/a")
    await eventually(lambda: {"back/a.mp4", "back/job.json"} <= waiting(site).keys())
    assert len(sent(api)) == 2
    # With a sidecar it is a clip like any other, and this one is too short for the model.
    arrive(spec("again"), site.inbox / "back/a.json")
    assert "1 s long" in (await site.finished("_failed/back/a"))["error"]["message"]
    assert len(sent(api)) == 2
