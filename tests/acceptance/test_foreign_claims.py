"""Claims of a store that is gone: they are shown, and never run."""

import shutil
import signal
from pathlib import Path

from acceptance.awaiting import claimed
from acceptance.world import Site, eventually, tree
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route


async def test_a_claim_that_no_job_knows_goes_to_failed_and_is_never_run(
    site: Site, api: Simulator
) -> None:
    """With the store the knowledge is lost whether it was paid for: only a person can find out."""
    api.faults.add(Fault(Route.SUBMIT, answer="out_of_funds", times=0))
    await site.start()
    site.drop("show/a.mov", {"prompt": "x"})
    await eventually(lambda: "queue.blocked" in site.log)
    await site.stop(signal.SIGKILL)
    shutil.rmtree(site.state)
    asked = len(api.ledger.requests)
    code, _, errors = await site.command("run", "--once")
    assert (code, "--take-over" in errors) == (75, True)
    code, _, errors = await site.command("run", "--once", "--take-over")
    assert code == 1, errors
    record = site.record("_failed/a")
    assert record["error"]["code"] == "unknown_claim"
    assert (site.outbox / "_failed/a/error.txt").read_text().startswith("a.mov could not be done")
    assert {"a.mov", "a.json"} == tree(site.outbox / "_failed" / "a" / "source")
    assert "source" in (site.outbox / "_failed" / "a" / "error.txt").read_text()
    assert not list((site.inbox / ".reeldrop" / "claims").iterdir())
    assert (len(api.ledger.accepted), len(api.ledger.requests)) == (0, asked)


async def test_a_claim_of_a_watch_that_was_renamed_is_left_to_its_job(
    site: Site, api: Simulator
) -> None:
    """Its job waits until the settings name the watch again: nobody else may take its files."""
    await site.start()
    code, _, errors = await site.command("pause")
    assert code == 0, errors
    site.drop("a.mov", {"prompt": "x"})
    claims = site.inbox / ".reeldrop" / "claims"
    await claimed(site, "a.mov")
    await site.stop()
    before = tree(claims)
    assert {"a.mov", "a.json"} <= {Path(path).name for path in before}
    site.configure(watch={"name": "other"})
    code, _, errors = await site.command("run", "--once")
    assert (code, "paused by a person" in errors) == (75, True), errors
    assert tree(claims) == before
    assert not (site.outbox / "_failed").exists()
    site.configure(watch={"name": "main"})
    await site.start()
    code, _, errors = await site.command("resume")
    assert code == 0, errors
    assert (await site.finished("a"))["state"] == "delivered"
    assert tree(site.outbox / "a/source") == {"a.mov", "a.json"}
    assert len(api.ledger.accepted) == 1


async def test_a_claim_with_nothing_in_it_is_removed(site: Site) -> None:
    claims = site.inbox / ".reeldrop" / "claims"
    (claims / ("0" * 32) / "refs").mkdir(parents=True)
    code, _, errors = await site.command("run", "--once")
    assert (code, list(claims.iterdir())) == (0, []), errors


async def test_the_last_copy_of_a_clip_in_a_broken_off_move_is_kept(site: Site) -> None:
    """Across file systems a kill can leave the only copy under the name of a part."""
    claim = site.inbox / ".reeldrop" / "claims" / ("0" * 32)
    claim.mkdir(parents=True)
    shutil.copy(site.clip, claim / "part-s0")
    code, _, errors = await site.command("run", "--once")
    assert code == 1, errors
    [kept] = (site.outbox / "_failed").glob("*/source/part-s0")
    assert kept.read_bytes() == site.clip.read_bytes()


async def test_a_delivery_does_without_a_source_that_somebody_took_out_of_its_claim(
    site: Site, api: Simulator
) -> None:
    """It is paid for; what is gone can only be told of."""
    api.faults.add(Fault(Route.POLL, fields={"status": "generating"}, times=5))
    await site.start()
    site.drop("a.mov", {"prompt": "x"})
    await eventually(lambda: api.ledger.accepted)
    for claim in (site.inbox / ".reeldrop" / "claims").iterdir():
        shutil.rmtree(claim)
    record = await site.finished("a")
    assert record["state"] == "delivered"
    assert not (site.outbox / "a" / "source" / "a.mov").exists()
    assert "source.missing" in site.log
