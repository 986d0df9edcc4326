"""The checks see what they are for: each broken promise, made by hand, is found."""

import asyncio
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


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, footage: Footage) -> Scene:
    """A few drops that were worked off."""
    folder = tmp_path_factory.mktemp("finished") / "run"

    async def run() -> Scene:
        async with stand_in(folder, footage) as api:
            scene = Scene(site_at(folder, api), a_few_drops(footage), api.ledger)
            land(scene.drops, scene.site)
            assert await work_off(scene) == []
            return scene

    return asyncio.run(run())


@pytest.fixture
def scene(finished: Scene, tmp_path: Path) -> Scene:
    """A copy of it, to be broken."""
    site, ledger = copy.copy(finished.site), copy.copy(finished.ledger)
    for name in ("inbox", "outbox"):
        setattr(site, name, tmp_path / name)
        shutil.copytree(getattr(finished.site, name), tmp_path / name)
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


@pytest.mark.parametrize("breach", AT_ANY_TIME)
def test_what_must_never_be_is_seen(scene: Scene, breach: Callable[[Scene], None]) -> None:
    """A check that sees nothing would call every kill harmless."""
    assert broken_at_any_time(scene) == []
    breach(scene)
    assert any(AT_ANY_TIME[breach] in fault for fault in broken_at_any_time(scene))


@pytest.mark.parametrize("breach", AT_THE_END)
def test_what_must_not_be_left_is_seen(scene: Scene, breach: Callable[[Scene], None]) -> None:
    """The same, for what a later start must have set right."""
    assert broken_at_the_end(scene) == []
    breach(scene)
    assert any(AT_THE_END[breach] in fault for fault in broken_at_the_end(scene))
