"""A crowd of drops: who comes first, how many at a time, and that none is lost."""

import asyncio
import os
from pathlib import Path

import pytest

from acceptance.awaiting import all_queued
from acceptance.dropping import footage, put, sent, sha256, spec
from acceptance.world import Site, arrive, eventually
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

CROWD = 120
PLACES = 20


@pytest.mark.timeout(180)
async def test_a_crowd_of_drops_is_all_delivered_the_urgent_first(
    site: Site, api: Simulator
) -> None:
    """Made in one breath with their folders or dropped flat; never more than `in_flight` at the provider."""
    site.configure(limits={"in_flight": PLACES})
    await site.start()
    await site.command("pause")
    urgent = {"mkdir/30/b/c/30.mov", "mkdir/31/b/c/31.mov", "flat100.mov"}
    names = [f"mkdir/{n}/b/c/{n}.mov" for n in range(80)] + [f"flat{n}.mov" for n in range(80, 120)]

    def drop_all() -> None:
        for name in names:
            target = site.inbox / name
            target.parent.mkdir(parents=True, exist_ok=True)
            own = {"reeldrop": {"priority": 5}} if name in urgent else {}
            target.with_suffix(".json").write_bytes(spec(name, **own))
            target.write_bytes(footage())

    await asyncio.to_thread(drop_all)
    await all_queued(site, CROWD, 90)
    assert not api.ledger.requests
    # Until the places are full none is given back: neighbours may overtake each other on the way there.
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=0))
    await site.command("resume")
    await eventually(lambda: len(api.ledger.accepted) >= PLACES)
    assert urgent <= {name for name, _ in sent(api)}
    api.faults.clear()
    most = 0

    def all_delivered() -> bool:
        nonlocal most
        most = max(most, sum(not each.ended for each in api.ledger.accepted))
        return all((site.outbox / name[:-4] / "job.json").exists() for name in names)

    await eventually(all_delivered, 120)
    assert sorted(sent(api)) == sorted((name, sha256(footage())) for name in names)
    assert most <= PLACES
    assert not (site.outbox / "_failed").exists()


@pytest.mark.parametrize("backend", ["inotify", "polling"])
async def test_priority_comes_first_then_age(site: Site, api: Simulator, backend: str) -> None:
    """With one place, the order of submits is the order of the queue; a late urgent one overtakes."""
    site.configure(limits={"in_flight": 1}, watch={"backend": backend, "poll_interval": 0.2})
    await site.start()
    await site.command("pause")
    await site.stop()
    for number, name in enumerate(["third", "second", "first"]):
        put(site, f"{name}.mov")
        for each in (f"{name}.mov", f"{name}.json"):
            os.utime(site.inbox / each, (1_700_000_000 - number, 1_700_000_000 - number))
    await site.start()
    await all_queued(site, 3)
    put(site, "late.mov")
    await all_queued(site, 4)
    put(site, "last.mov", reeldrop={"priority": -1})
    arrive(spec("shared", reeldrop={"priority": 3}), _preset(site))
    arrive(footage(), site.inbox / "urgent/now.mov")
    put(site, "first-of-all.mov", reeldrop={"priority": 10})
    await all_queued(site, 7)
    await site.command("resume")
    await eventually(lambda: len(sent(api)) == 7)
    order = [
        "first-of-all.mov",
        "shared",
        "first.mov",
        "second.mov",
        "third.mov",
        "late.mov",
        "last.mov",
    ]
    assert [name for name, _ in sent(api)] == order


def _preset(site: Site) -> Path:
    (site.inbox / "urgent").mkdir()
    return site.inbox / "urgent/_preset.json"
