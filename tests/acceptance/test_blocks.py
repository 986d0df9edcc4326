"""Trouble that every clip would meet: the queue waits and says why, once, and nobody's clip fails."""

import json
from pathlib import Path

import pytest

from acceptance.world import KEY, Site, eventually
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route


async def reasons(site: Site) -> set[str]:
    return {job["reason"] for job in await site.jobs()}


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
    assert all(words in reason for reason in await reasons(site))
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
    async with Simulator(tmp_path / "before", key=KEY) as gone:
        base_url = gone.base_url
    site.configure(api={"base_url": base_url})
    await site.start()
    for number in range(3):
        site.drop(f"{number}.mov", {"prompt": f"shot {number}"})
    await eventually(lambda: "queue.blocked" in site.log)
    await eventually(lambda: json.loads(site.status_path.read_text())["blocked"])
    assert all("cannot be reached" in reason for reason in await reasons(site))
    async with Simulator(
        tmp_path / "again",
        key=KEY,
        port=int(base_url.rpartition(":")[2]),
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
    await eventually(lambda: "b.mov" in site.status_path.read_text())
    await site.command("resume")
    await site.finished("b")
    assert '"set_aside": 1' in site.log
    await site.finished("a")


async def test_a_full_disk_holds_up_its_watch_and_says_which(site: Site, api: Simulator) -> None:
    site.configure(limits={"min_free_disk": "900TB"})
    await site.start()
    site.drop("a.mov", {"prompt": "x"})
    await eventually(lambda: "min_free_disk" in site.status_path.read_text())
    assert "min_free_disk" in json.loads(site.status_path.read_text())["blocked"]
    assert any("min_free_disk" in reason for reason in await reasons(site))
    assert not api.ledger.accepted
    await site.stop()
    code, _, errors = await site.command("run", "--once")
    assert (code, "min_free_disk" in errors) == (75, True)
    site.configure(limits={"min_free_disk": 0})
    await site.start()
    await site.finished("a")
