"""Identical drops are one generation; each still gets its folder, and who wants two gets two."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from acceptance.dropping import listed, until
from acceptance.world import Site, arrive, eventually
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Ending, Fault, Route

SPEC = {"prompt": "as a woodcut"}
RUNNING = {"status": "generating", "video": None}


def costs(*records: dict[str, Any]) -> list[float]:
    """Return what these records say was paid."""
    return [record["cost"]["usd"] for record in records if record["cost"]]


def longer(site: Site, words: bytes) -> Path:
    """Make a whole clip of its own bytes; clips with equally many words are equally long."""
    path = site.config.parent / f"{words.decode()}.mov"
    content = site.clip.read_bytes()
    path.write_bytes(content + (8 + len(words)).to_bytes(4, "big") + b"free" + words)
    return path


def dropped_again(site: Site, source: Path, name: str) -> Path:
    """Copy a clip with its times into the inbox as a sync tool does, the sidecar first."""
    target = site.inbox / name
    arrive(json.dumps(SPEC).encode(), target.with_suffix(".json"))
    hidden = target.with_name(f".{target.name}.tmp")
    shutil.copy2(source, hidden)
    return hidden.rename(target)


async def once(site: Site) -> int:
    """Work off what is there and return the exit code."""
    code, printed, errors = await site.command("run", "--once")
    assert "crashed" not in printed + errors, printed + errors
    return code


async def waiting(site: Site, path: str) -> str:
    """Await that a drop is listed as waiting, and return why."""

    def reason() -> str:
        status = json.loads(site.status_path.read_text()) if site.status_path.exists() else {}
        return next((w["reason"] for w in status.get("waiting", ()) if w["path"] == path), "")

    def not_arriving() -> str:
        return "" if (told := reason()).startswith("still arriving") else told

    return await eventually(not_arriving)


async def both_generate(site: Site) -> bool:
    return [job["state"] for job in await site.jobs()] == ["generating"] * 2


async def test_identical_drops_at_once_are_one_generation(site: Site, api: Simulator) -> None:
    """One is paid for, and whoever dropped the others gets a folder all the same."""
    for name in ("a.mov", "b.mov", "c.mov"):
        site.drop(name, SPEC)
    assert await once(site) == 0
    records = [site.record(name) for name in ("a", "b", "c")]
    (generation,) = api.ledger.accepted
    assert {record["generation_id"] for record in records} == {generation.id}
    assert costs(*records) == [generation.price]
    assert sorted(record["attempts"] for record in records) == [0, 0, 1]
    assert len({record["source"]["sha256"] for record in records}) == 1
    for name in ("a", "b", "c"):
        assert (site.outbox / name / f"{name}.mp4").is_file()
        assert (site.outbox / name / "source" / f"{name}.mov").is_file()
    assert not list((site.inbox / ".reeldrop/claims").iterdir())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_one_that_joins_while_the_first_generates_survives_a_stop(
    site: Site, api: Simulator, how: signal.Signals
) -> None:
    """Both go on with the one generation after the next start."""
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    site.drop("a.mov", SPEC)
    await eventually(lambda: api.ledger.accepted)
    site.drop("b.mov", SPEC)

    await until(lambda: both_generate(site))
    await site.stop(how)
    api.faults.clear()
    await site.start()
    records = [await site.finished("a"), await site.finished("b")]
    assert len(api.ledger.accepted) == 1
    assert costs(*records) == [api.ledger.accepted[0].price]
    assert "crashed" not in site.log


async def test_a_kill_while_one_waits_for_the_other_costs_nothing(
    site: Site, api: Simulator
) -> None:
    """The second waits in the queue, and knows for whom after the next start."""
    api.faults.add(Fault(Route.SUBMIT, delay=60.0))
    await site.start()
    site.drop("a.mov", SPEC)
    await eventually(lambda: api.ledger.accepted)
    site.drop("b.mov", SPEC)

    def told() -> bool:
        job = listed(site).get("b.mov")
        return job is not None and "the same clip and parameters as a.mov" in job["reason"]

    await eventually(told)
    await site.stop(signal.SIGKILL)

    api.faults.clear()
    await site.start()
    records = [await site.finished("a"), await site.finished("b")]
    assert len(api.ledger.accepted) == 1
    assert [record["attempts"] for record in records] == [1, 0]
    assert "crashed" not in site.log


async def test_two_watches_share_a_generation(site: Site, api: Simulator) -> None:
    """The same clip for two shows is still the same request."""
    other = site.config.parent / "other"
    outbox = site.config.parent / "other-out"
    other.mkdir()
    outbox.mkdir()
    site.config.write_text(
        f'{site.config.read_text()}[[watch]]\nname = "other"\ninbox = "{other}"\n'
        f'outbox = "{outbox}"\nsettle = 0.1\nsettle_polling = 0.4\nsidecar_grace = 0.2\n'
    )
    for inbox in (site.inbox, other):
        arrive(json.dumps(SPEC).encode(), inbox / "a.json")
        arrive(site.clip.read_bytes(), inbox / "a.mov")
    # Each watch has its own look: the first must not be delivered before the other has been seen.
    api.faults.add(Fault(Route.POLL, fields=RUNNING, times=0))
    await site.start()
    await until(lambda: both_generate(site))
    api.faults.clear()
    await site.finished("a")
    await eventually((outbox / "a/a.mp4").is_file)
    assert (site.outbox / "a/a.mp4").read_bytes() == (outbox / "a/a.mp4").read_bytes()
    assert len(api.ledger.accepted) == 1


async def test_only_the_bytes_and_the_parameters_make_drops_identical(
    site: Site, api: Simulator
) -> None:
    """Equal sizes prove nothing, and another prompt is another request."""
    site.drop("a.mov", SPEC, clip=longer(site, b"one"))
    site.drop("b.mov", SPEC, clip=longer(site, b"two"))
    site.drop("c.mov", {"prompt": "as a fresco"}, clip=longer(site, b"one"))
    assert await once(site) == 0
    assert len(api.ledger.accepted) == 3


async def test_variants_are_never_duplicates_of_each_other(site: Site, api: Simulator) -> None:
    """Who asks for two takes wants two, and the same drop beside it shares both of them."""
    twice = {**SPEC, "reeldrop": {"variants": [{}, {}]}}
    site.drop("a.mov", twice)
    site.drop("b.mov", twice)
    assert await once(site) == 0
    assert len(api.ledger.accepted) == 2
    for name in ("a", "b"):
        records = [site.record(f"{name}-v1"), site.record(f"{name}-v2")]
        assert len({record["generation_id"] for record in records}) == 2


async def test_never_runs_every_drop(site: Site, api: Simulator) -> None:
    """`duplicates = "never"`: also what comes again after its delivery."""
    site.configure(watch={"duplicates": "never"})
    site.drop("a.mov", SPEC)
    site.drop("b.mov", SPEC)
    assert await once(site) == 0
    dropped_again(site, site.outbox / "a/source/a.mov", "a.mov")
    assert await once(site) == 0
    assert len(api.ledger.accepted) == 3
    assert (site.outbox / "a-2/a.mp4").is_file()


async def test_always_refuses_what_was_ever_delivered(site: Site, api: Simulator) -> None:
    """The message says where the result lies, and what runs it all the same."""
    site.configure(watch={"duplicates": "always"})
    site.drop("a.mov", SPEC)
    assert await once(site) == 0
    site.drop("b.mov", SPEC)
    assert await once(site) == 1
    error = site.record("_failed/b")["error"]
    assert error["code"] == "duplicate"
    assert f"a.mov (job {site.record('a')['id'][:8]})" in error["message"]
    assert f"reeldrop retry {site.record('_failed/b')['id'][:8]} --pay-again" in error["hint"]
    assert len(api.ledger.accepted) == 1

    code, _, errors = await site.command("retry", site.record("_failed/b")["id"], "--pay-again")
    assert code == 0, errors
    assert await once(site) == 0
    assert len(api.ledger.accepted) == 2
    assert site.record("b")["cost"]


async def test_a_failed_generation_fails_all_that_joined_it(site: Site, api: Simulator) -> None:
    """They are one job: nothing is charged, and none is tried again by itself."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR, delay=0.5))
    site.drop("a.mov", SPEC)
    site.drop("b.mov", SPEC)
    assert await once(site) == 1
    errors = [site.record(f"_failed/{name}")["error"]["code"] for name in ("a", "b")]
    assert errors == ["generation_failed"] * 2
    assert len(api.ledger.accepted) == 1


async def test_one_whose_leader_is_refused_runs_by_itself(site: Site, api: Simulator) -> None:
    """A refusal makes nothing that could be shared."""
    api.faults.add(Fault(Route.SUBMIT, answer="bad_request", delay=0.5))
    site.drop("a.mov", SPEC)
    site.drop("b.mov", SPEC)
    assert await once(site) == 1
    assert len(api.ledger.accepted) == 1
    assert len(list(site.outbox.glob("?/job.json"))) == 1
    assert len(list(site.outbox.glob("_failed/?/job.json"))) == 1


async def test_once_does_not_wait_for_one_whose_leader_needs_a_person(
    site: Site, api: Simulator
) -> None:
    """3: what waits for an uncertain job waits for the same person."""
    api.faults.add(Fault(Route.SUBMIT, answer="html_502", delay=0.5))
    site.drop("a.mov", SPEC)
    site.drop("b.mov", SPEC)
    assert await once(site) == 3
    assert sorted(job["state"] for job in await site.jobs()) == ["queued", "uncertain"]


async def test_a_file_that_comes_again_is_listed_and_not_run(site: Site, api: Simulator) -> None:
    """A sync tool brings back what was taken: nobody means to pay for it again."""
    site.drop("a.mov", SPEC)
    site.drop("other.mov", {"prompt": "as a fresco"})
    assert await once(site) == 0
    job = site.record("a")["id"][:8]
    again = dropped_again(site, site.outbox / "a/source/a.mov", "a.mov")
    assert await once(site) == 0
    (listed,) = [each for each in await site.jobs() if each["state"] == "waiting"]
    assert listed["path"] == "a.mov"
    assert f"job {job} again" in listed["reason"]
    assert f"reeldrop retry {job} --pay-again" in listed["reason"]
    assert len(api.ledger.accepted) == 2
    assert again.exists()

    os.utime(again)
    assert await once(site) == 0
    assert len(api.ledger.accepted) == 3
    assert not again.exists()


async def test_a_file_that_comes_again_with_other_parameters_runs(
    site: Site, api: Simulator
) -> None:
    """The same clip under another sidecar is what people do all day."""
    site.drop("a.mov", {"prompt": "as a fresco"})
    assert await once(site) == 0
    dropped_again(site, site.outbox / "a/source/a.mov", "a.mov")
    assert await once(site) == 0
    assert len(api.ledger.accepted) == 2


async def test_only_the_variant_that_failed_is_run_again(site: Site, api: Simulator) -> None:
    """What lies in `source/` of a failed variant goes back: the delivered one is not paid for twice."""
    spec = {"reeldrop": {"variants": [{"prompt": "warm"}, {"prompt": "cold"}]}}
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.ERROR))
    site.drop("a.mov", spec)
    assert await once(site) == 1
    (failed,) = (site.outbox / "_failed").iterdir()
    for name in ("a.json", "a.mov"):
        (failed / "source" / name).rename(site.inbox / name)
    assert await once(site) == 0
    assert len(api.ledger.accepted) == 3
    assert {site.record(name)["state"] for name in ("a-v1", "a-v2")} == {"delivered"}
    assert not (site.outbox / "a-v1-2").exists()


async def test_two_drops_with_one_ticket_are_one_job(site: Site, api: Simulator) -> None:
    """Also where clip and prompt differ: a farm's task is one job, whatever it drops."""
    ticket = {"reeldrop": {"ticket": "farm-17"}}
    await site.start()
    site.drop("a.mov", {"prompt": "x", **ticket})
    site.drop("b.mov", {"prompt": "y", **ticket})
    await eventually(lambda: list(site.outbox.glob("?/job.json")))
    done = "a" if (site.outbox / "a").exists() else "b"
    left = "b" if done == "a" else "a"
    record = await site.finished(done)
    assert f"the ticket of job {record['id'][:8]}" in await waiting(site, f"{left}.mov")
    site.drop("c.mov", {"prompt": "z", **ticket})
    assert "farm" not in (reason := await waiting(site, "c.mov"))
    assert f"({done}.mov, delivered)" in reason
    assert len(api.ledger.accepted) == 1
    assert await site.stop() == 0


async def test_a_farm_task_that_is_queued_again_drops_nothing(site: Site, api: Simulator) -> None:
    """It follows the job there is, and leaves nothing behind."""
    words = ("drop", site.clip, "--prompt", "x", "--set", "reeldrop.ticket=farm-17")
    await site.start()
    first = await site.command(*words, "--wait", "--timeout", "50")
    again = await site.command(*words, "--wait", "--timeout", "50")
    assert (first[0], again[0]) == (0, 0), first[2] + again[2]
    assert again[1] == first[1]
    assert "was not dropped: its ticket farm-17 is delivered already" in again[2]
    assert not [path.name for path in site.inbox.iterdir() if path.name != ".reeldrop"]
    assert len(api.ledger.accepted) == 1


async def test_a_farm_task_that_failed_unpaid_runs_again(site: Site, api: Simulator) -> None:
    """The end of the first try is not taken for the end of the second."""
    api.faults.add(Fault(Route.SUBMIT, answer="bad_request"))
    words = ("drop", site.clip, "--prompt", "x", "--set", "reeldrop.ticket=farm-17")
    await site.start()
    first = await site.command(*words, "--wait", "--timeout", "50")
    again = await site.command(*words, "--wait", "--timeout", "50")
    assert (first[0], again[0]) == (1, 0), first[2] + again[2]
    assert Path(again[1].strip()).is_file()
    assert len(api.ledger.accepted) == 1
