"""The checks see what they are for: each broken promise, made by hand, is found."""

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crash.drops import Footage
from crash.promises import Scene, broken_at_any_time, broken_at_the_end
from crash.trial import a_few_drops, land, site_at, stand_in, work_off


@pytest.fixture
async def finished(tmp_path: Path, footage: Footage) -> Scene:
    """A few drops that were worked off."""
    folder = tmp_path / "run"
    async with stand_in(folder, footage) as api:
        scene = Scene(site_at(folder, api), a_few_drops(footage), api.ledger)
        land(scene.drops, scene.site)
        assert await work_off(scene) == []
        return scene


def copied(finished: Scene, folder: Path) -> Scene:
    """Return a copy of it, to be broken."""
    site, ledger = copy.copy(finished.site), copy.copy(finished.ledger)
    for name in ("inbox", "outbox"):
        setattr(site, name, folder / name)
        shutil.copytree(getattr(finished.site, name), folder / name)
    ledger.accepted = list(ledger.accepted)
    return replace(finished, site=site, ledger=ledger)


def pay_again(scene: Scene) -> None:
    scene.ledger.accepted.append(scene.ledger.accepted[0])


def pay_for_a_new_job(scene: Scene) -> None:
    again = copy.copy(scene.ledger.accepted[0])
    again.client_request_id = f"{'0' * 32}.1"
    scene.ledger.accepted.append(again)


def lose_the_source(scene: Scene) -> None:
    (scene.site.outbox / "shots/plain/source/plain.mov").unlink()


def change_the_source(scene: Scene) -> None:
    with (scene.site.outbox / "_failed/refused/source/refused.mov").open("ab") as clip:
        clip.write(b"x")


def lose_the_picture(scene: Scene) -> None:
    (scene.site.inbox / "style.png").unlink()


def shorten_the_result(scene: Scene) -> None:
    with (scene.site.outbox / "shots/plain/plain.mp4").open("rb+") as result:
        result.truncate(1000)


def lose_the_result(scene: Scene) -> None:
    (scene.site.outbox / "shots/plain/plain.mp4").unlink()


def lose_the_record(scene: Scene) -> None:
    (scene.site.outbox / "shots/plain/job.json").unlink()


def lose_the_reason(scene: Scene) -> None:
    (scene.site.outbox / "_failed/refused/error.txt").unlink()


def leave_a_part(scene: Scene) -> None:
    (scene.site.outbox / "shots/plain/plain.part").touch()


AT_ANY_TIME: dict[Callable[[Scene], None], str] = {
    pay_again: "paid 2 times: the job",
    pay_for_a_new_job: "paid 2 times: the prompt",
    lose_the_source: "lost: shots/plain.mov",
    change_the_source: "lost: refused.mov",
    lose_the_picture: "lost: style.png",
    shorten_the_result: "not what job.json says",
    lose_the_result: "plain.mp4 is missing",
    lose_the_record: "belongs to no job's folder",
    lose_the_reason: "error.txt is missing",
    leave_a_part: "is unfinished",
}


def lose_the_delivery(scene: Scene) -> None:
    shutil.rmtree(scene.site.outbox / "varied-v2")


def deliver_twice(scene: Scene) -> None:
    shutil.copytree(scene.site.outbox / "referring", scene.site.outbox / "referring-v1")


def leave_work(scene: Scene) -> None:
    (scene.site.outbox / ".reeldrop/work/0.part").touch()


def leave_a_claim(scene: Scene) -> None:
    (scene.site.inbox / ".reeldrop/claims/0/source").mkdir(parents=True)


def hold_without_a_claim(scene: Scene) -> None:
    shutil.rmtree(scene.site.outbox / "shots/plain")
    status = json.loads(scene.site.status_path.read_text())
    status["jobs"].append({"path": "shots/plain.mov", "state": "uncertain"})
    scene.site.status_path.write_text(json.dumps(status))


AT_THE_END: dict[Callable[[Scene], None], str] = {
    lose_the_delivery: "not ended: varied.mov",
    deliver_twice: "not ended: referring.mov",
    leave_work: "not swept: work in the outbox",
    leave_a_claim: "claims: there are 1 for 0",
    hold_without_a_claim: "claims: shots/plain.mov has 0, held",
}
CHECKS = {broken_at_any_time: AT_ANY_TIME, broken_at_the_end: AT_THE_END}


def test_every_broken_promise_is_seen(finished: Scene, tmp_path: Path) -> None:
    """A check that sees nothing would call every kill harmless.

    All in one test: what is broken takes a daemon's whole run to make, and each breach a moment.
    """
    assert broken_at_the_end(finished) == []
    for check, breaches in CHECKS.items():
        for breach, told in breaches.items():
            scene = copied(finished, tmp_path / breach.__name__)
            assert check(scene) == []
            breach(scene)
            assert any(told in fault for fault in check(scene)), breach.__name__
