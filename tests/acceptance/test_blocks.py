"""Trouble that every clip would meet: the queue waits and says why, once, and nobody's clip fails."""

import json
from pathlib import Path

import pytest

from acceptance.awaiting import claimed
from acceptance.dropping import listed
from acceptance.world import KEY, Site, deaf_port, eventually
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route


async def all_wait(site: Site, number: int, words: str) -> None:
    """Await that so many jobs are queued, each for a reason that holds `words`.

    The queue is blocked before the job that met the trouble is back in it, and one that probes has no reason.
    """

    def told() -> bool:
        found = [job for job in listed(site).values() if job["state"] == "queued"]
        return [words in job["reason"] for job in found] == [True] * number

    await eventually(told)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("unauthorised", "API key"),
        ("out_of_funds", "funds"),
        ("out_of_credits", "credits"),
        ("unverified", "verification"),
        ("key_limit", "limit"),
    ],
)
async def test_each_refusal_of_the_account_is_told_apart_and_fails_nothing(
    site: Site, api: Simulator, answer: str, words: str
) -> None:
    api.faults.add(Fault(Route.SUBMIT, answer=answer, times=0))
    await site.start()
    for number in range(3):
        site.drop(f"{number}.mov", {"prompt": f"shot {number}"})
    await eventually(lambda: "queue.blocked" in site.log)
    await eventually(lambda: json.loads(site.status_path.read_text())["blocked"])
    assert words in json.loads(site.status_path.read_text())["blocked"]
    await eventually(lambda: words in (site.outbox / "_status.html").read_text())
    await all_wait(site, 3, words)
    api.faults.clear()
    assert (await site.command("resume"))[0] == 0
    for number in range(3):
        await site.finished(str(number))
    assert site.log.count("queue.blocked") == 1
    assert len(api.ledger.accepted) == 3
    assert not (site.outbox / "_failed").exists()


async def test_an_outage_holds_the_queue_with_one_reason_until_the_api_is_back(
    site: Site, tmp_path: Path, result: Path
) -> None:
    with deaf_port() as port:
        site.configure(api={"base_url": f"http://127.0.0.1:{port}"})
        await site.start()
        for number in range(3):
            site.drop(f"{number}.mov", {"prompt": f"shot {number}"})
        await eventually(lambda: "queue.blocked" in site.log)
        await eventually(lambda: json.loads(site.status_path.read_text())["blocked"])
        await all_wait(site, 3, "cannot be reached")
    async with Simulator(
        tmp_path / "again",
        key=KEY,
        port=port,
        generation_seconds=0.1,
        result=result,
    ) as back:
        for number in range(3):
            await site.finished(str(number))
        assert len(back.ledger.accepted) == 3
    assert site.log.count("queue.blocked") == 1
    assert site.log.count("queue.unblocked") == 1


async def test_a_clip_that_alone_is_refused_holds_up_nobody(site: Site, api: Simulator) -> None:
    """The trouble is one clip's own if another passes: it is set aside, and tried again by itself."""
    api.faults.add(Fault(Route.SUBMIT, answer="key_limit"))
    await site.start()
    site.drop("a.mov", {"prompt": "refused"})
    await eventually(lambda: "queue.blocked" in site.log)
    site.drop("b.mov", {"prompt": "passes"})
    # Else the refused one is tried again itself.
    await claimed(site, "b.mov")
    assert (await site.command("resume"))[0] == 0
    await site.finished("b")
    assert '"set_aside": 1' in site.log
    await site.finished("a")


async def test_a_full_disk_holds_up_its_watch_and_says_which(site: Site, api: Simulator) -> None:
    site.configure(limits={"min_free_disk": "900TB"})
    await site.start()
    site.drop("a.mov", {"prompt": "x"})
    await eventually(lambda: "min_free_disk" in json.loads(site.status_path.read_text())["blocked"])
    await all_wait(site, 1, "min_free_disk")
    assert not api.ledger.accepted
    await site.stop()
    code, _, errors = await site.command("run", "--once")
    assert (code, "min_free_disk" in errors) == (75, True)
    site.configure(limits={"min_free_disk": 0})
    await site.start()
    await site.finished("a")
