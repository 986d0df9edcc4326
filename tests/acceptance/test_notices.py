"""Others are told what becomes of jobs: by commands, webhooks and apprise, from the installed daemon."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.world import KEY, REELDROP, Site, eventually
from ears import SECRET, Ears, listening
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Fault, Route

pytestmark = pytest.mark.timeout(180)
"""Seconds: each has several commands and starts, one after the other."""
SHORT = {"prompt": ""}
"""A sidecar that is refused."""


@pytest.fixture
def ears() -> Iterator[Ears]:
    with listening() as heard:
        yield heard


@pytest.fixture
def hooked(site: Site, ears: Ears, tmp_path: Path) -> Site:
    """A site with a webhook."""
    secret = tmp_path / "webhook-secret"
    secret.write_text(f"whsec_{SECRET}\n")
    secret.chmod(0o600)
    site.configure(notify={"webhook": f"{ears.url}/T000/hook", "webhook_secret_file": str(secret)})
    return site


def script(site: Site, text: str, **settings: Any) -> Path:
    """Let the daemon run a script for each notice; return where it may write."""
    told = site.state.parent / "told"
    told.mkdir(exist_ok=True)
    path = site.state.parent / "told.sh"
    path.write_text(f"#!/bin/sh\ncd {told}\n{text}\n")
    path.chmod(0o755)
    site.configure(notify={"command": [str(path)], **settings})
    return told


# ---------------------------------------------------------------------------- all three ways


async def test_each_end_of_a_job_is_told_by_every_way(
    hooked: Site, ears: Ears, tmp_path: Path
) -> None:
    told = script(hooked, 'cat > new; mv new "$REELDROP_NOTICE_EVENT.json"')
    with listening() as chat:
        apprise = tmp_path / "apprise.txt"
        apprise.write_text(f"# for people\njson://me:pa55word@{chat.url.removeprefix('http://')}\n")
        apprise.chmod(0o600)
        hooked.configure(notify={"apprise_file": str(apprise)})
        await hooked.start()
        hooked.drop("show/good.mov", {"prompt": "as clay", "reeldrop": {"labels": {"shot": 7}}})
        hooked.drop("bad.mov", SHORT)
        await eventually(lambda: len(ears.heard) == 2 and len(chat.heard) == 1)
        await eventually(lambda: len(list(told.glob("*.json"))) == 2)
        assert await hooked.stop() == 0
    assert all(each.is_signed for each in ears.heard)
    assert sorted(ears.events) == [("delivered", "show/good.mov"), ("failed", "bad.mov")]
    good = json.loads((told / "delivered.json").read_text())
    assert good in [each.notice for each in ears.heard]
    assert (good["folder"], good["result"]) == (
        str(hooked.outbox / "show/good"),
        str(hooked.outbox / "show/good/good.mp4"),
    )
    assert Path(good["result"]).is_file()
    assert good["job"]["labels"] == {"shot": 7}
    assert good["job"]["id"] == hooked.record("show/good")["id"]
    bad = json.loads((told / "failed.json").read_text())
    assert bad["job"]["error"]["code"] == "refused"
    assert Path(bad["folder"], "error.txt").is_file()
    assert bad["message"] == chat.heard[0].notice["message"]
    assert "notice." not in hooked.log
    (log,) = (hooked.outbox / "_logs").iterdir()
    logged = log.read_text()
    for secret in (SECRET, "pa55word", "T000/hook"):
        assert secret not in hooked.log
        assert secret not in logged
        assert secret.encode() not in b"".join(
            each.read_bytes() for each in hooked.state.iterdir() if each.is_file()
        )


async def test_a_name_of_any_bytes_is_told(hooked: Site, ears: Ears) -> None:
    name = os.fsdecode(b"a b\n\xff'$(touch x).mov")
    told = script(hooked, 'printf %s "$REELDROP_NOTICE_PATH" > path.new; mv path.new path')
    await hooked.start()
    hooked.drop(name, SHORT)
    await eventually((told / "path").exists)
    assert (told / "path").read_bytes() == os.fsencode(name)
    await eventually(lambda: ears.heard)
    assert ears.events == [("failed", name)]


async def test_a_command_may_ask_reeldrop_about_the_job(site: Site) -> None:
    """Its own variables look like settings; they are none."""
    reeldrop = f"{REELDROP} show --config {site.config} --json"
    told = script(site, f'{reeldrop} "$REELDROP_NOTICE_JOB" > new 2>&1; mv new shown')
    await site.start()
    site.drop("a.mov", SHORT)
    await eventually((told / "shown").exists)
    shown = json.loads((told / "shown").read_text())
    assert "a.mov" in json.dumps(shown)


async def test_a_person_is_told_once_when_a_job_needs_one(
    hooked: Site, ears: Ears, api: Simulator
) -> None:
    hooked.configure(api={"reconcile_window": 0.0})
    api.faults.add(Fault(Route.SUBMIT, answer="bad_gateway", accept=False))
    await hooked.start()
    hooked.drop("a.mov", {"prompt": "x"})
    await eventually(lambda: ears.heard)
    assert ears.events == [("uncertain", "a.mov")]
    assert "reeldrop resolve" in ears.heard[0].notice["message"]
    assert await hooked.stop() == 0
    await hooked.start()
    hooked.drop("b.mov", SHORT)
    await eventually(lambda: len(ears.heard) == 2)
    assert ears.events == [("uncertain", "a.mov"), ("failed", "b.mov")]


async def test_a_blocked_queue_is_told_when_it_has_come_to_stay(
    hooked: Site, ears: Ears, api: Simulator
) -> None:
    hooked.configure(notify={"webhook_on": ["blocked", "unblocked"]})
    api.faults.add(Fault(Route.SUBMIT, answer="out_of_funds", times=0))
    await hooked.start()
    hooked.drop("a.mov", {"prompt": "x"})
    await eventually(lambda: ears.heard)
    notice = ears.heard[0].notice
    assert (notice["event"], notice["job"], notice["block"]["scope"]) == ("blocked", None, "all")
    assert "funds" in notice["message"]
    api.faults.clear()
    assert (await hooked.command("resume"))[0] == 0
    await eventually(lambda: len(ears.heard) == 2)
    assert ears.heard[1].notice["event"] == "unblocked"


# ---------------------------------------------------------------------------- never in the way


async def test_who_hangs_holds_up_no_job_and_no_stop(hooked: Site, ears: Ears) -> None:
    told = script(hooked, "echo $$ > pid; trap '' TERM; sleep 1000")
    ears.hang = threading.Event()
    await hooked.start()
    hooked.drop("a.mov", {"prompt": "a"})
    await hooked.finished("a")
    await eventually(lambda: ears.heard and (told / "pid").exists())
    hooked.drop("b.mov", {"prompt": "b"})
    await hooked.finished("b")
    assert {path for _, path in ears.events} == {"a.mov"}
    assert await hooked.stop() == 0
    pid = (told / "pid").read_text().strip()
    await eventually(lambda: not Path("/proc", pid).exists())
    ears.hang.set()
    ears.heard.clear()
    await hooked.start()
    await eventually(lambda: len(ears.heard) == 2)
    assert ears.events == [("delivered", "a.mov"), ("delivered", "b.mov")]
    # A kill would leave the script that sleeps.
    assert await hooked.stop() == 0


async def test_a_kill_between_the_delivery_and_its_notice_loses_none(
    hooked: Site, ears: Ears
) -> None:
    ears.hang = threading.Event()
    await hooked.start()
    hooked.drop("a.mov", {"prompt": "a"})
    hooked.drop("b.mov", {"prompt": "b"})
    for name in "ab":
        await hooked.finished(name)
    await eventually(lambda: ears.heard)
    await hooked.stop(signal.SIGKILL)
    ears.hang.set()
    first = ears.heard[0]
    ears.heard.clear()
    await hooked.start()
    await eventually(lambda: len(ears.heard) == 2)
    assert sorted(path for _, path in ears.events) == ["a.mov", "b.mov"]
    assert ears.heard[0].headers["webhook-id"] == first.headers["webhook-id"]
    assert await hooked.stop() == 0
    ears.heard.clear()
    await hooked.start()
    hooked.drop("c.mov", SHORT)
    await eventually(lambda: ears.heard)
    assert ears.events == [("failed", "c.mov")]


async def test_a_webhook_that_stumbles_hears_everything_in_the_end(
    hooked: Site, ears: Ears
) -> None:
    ears.answer(500)
    ears.answer(302, location=f"{ears.url}/elsewhere")
    await hooked.start()
    hooked.drop("a.mov", SHORT)
    hooked.drop("b.mov", SHORT)
    await eventually(lambda: len(ears.heard) == 4)
    await eventually(lambda: "notice.recovered" in hooked.log)
    ids = [each.headers["webhook-id"] for each in ears.heard]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert {each.path for each in ears.heard} == {"/T000/hook"}
    assert hooked.log.count("notice.failed") == 1


async def test_a_webhook_that_is_gone_is_left_alone(hooked: Site, ears: Ears) -> None:
    ears.answer(410)
    await hooked.start()
    hooked.drop("a.mov", SHORT)
    await eventually(lambda: "notice.stopped" in hooked.log)
    hooked.drop("b.mov", SHORT)
    await hooked.finished("_failed/b")
    assert await hooked.stop() == 0
    assert ears.events == [("failed", "a.mov")]


async def test_a_single_run_tells_before_it_ends(hooked: Site, ears: Ears) -> None:
    hooked.drop("a.mov", {"prompt": "a"})
    await hooked.start("--once")
    process = hooked.process
    assert process is not None
    try:
        await eventually(lambda: process.returncode is not None)
    except TimeoutError as error:
        raise AssertionError(f"it does not end; it says:\n{hooked.log[-6000:]}") from error
    assert process.returncode == 0
    assert ears.events == [("delivered", "a.mov")]


# ---------------------------------------------------------------------------- settings


async def reloaded(site: Site, event: str = "settings.reloaded") -> dict[str, Any]:
    """Ask for a reload, and return what the log says of it."""
    before = site.log.count(f'"event": "{event}"')
    assert site.process is not None
    site.process.send_signal(signal.SIGHUP)
    await eventually(lambda: site.log.count(f'"event": "{event}"') > before)
    lines = [line for line in site.log.splitlines() if f'"event": "{event}"' in line]
    return json.loads(lines[-1])


async def test_other_hooks_are_told_after_a_reload(hooked: Site, ears: Ears) -> None:
    """One that runs when the settings change runs to its end, and tells what it was begun for."""
    told = script(hooked, "touch began; until test -e go; do sleep 0.05; done; echo >> old")
    await hooked.start()
    hooked.drop("a.mov", SHORT)
    await eventually((told / "began").exists)
    new = told.with_name("new.sh")
    new.write_text(f"#!/bin/sh\ncat > {told}/new.part; mv {told}/new.part {told}/new\n")
    new.chmod(0o755)
    hooked.configure(notify={"command": [str(new)], "webhook_on": ["delivered"]})
    heard = await reloaded(hooked)
    assert heard["changed"] == ["notify.command", "notify.webhook_on"]
    assert heard["kept"] == []
    hooked.drop("b.mov", SHORT)
    await hooked.finished("_failed/b")
    assert not (told / "new").exists()
    (told / "go").touch()
    await eventually((told / "new").exists)
    assert json.loads((told / "new").read_text())["job"]["path"] == "b.mov"
    assert (told / "old").read_text() == "\n"
    assert ears.events == [("failed", "a.mov")]


async def test_a_secret_that_was_changed_signs_after_a_reload(
    hooked: Site, ears: Ears, tmp_path: Path
) -> None:
    """Its file alone has changed; what it holds now is in no log either."""
    secret, other = tmp_path / "webhook-secret", "b3RoZXIgc2VjcmV0IG9mIHRoaXMgdGVzdA=="
    secret.write_text(f"whsec_{other}\n")
    await hooked.start()
    hooked.drop("a.mov", SHORT)
    await eventually(lambda: ears.heard)
    assert not ears.heard[0].is_signed
    secret.write_text(f"whsec_{SECRET}\nwhsec_{other}\n")
    assert (await reloaded(hooked))["changed"] == ["files of notify"]
    hooked.drop("b.mov", SHORT)
    await eventually(lambda: len(ears.heard) == 2)
    assert ears.heard[1].is_signed
    assert (await reloaded(hooked))["changed"] == []
    for text in (SECRET, other):
        assert text not in hooked.log


async def test_hooks_that_cannot_work_are_refused_at_a_reload(hooked: Site, ears: Ears) -> None:
    """Those that are there are told on, and nothing else of the file holds."""
    await hooked.start()
    hooked.configure(notify={"command": ["/not/there"]}, limits={"in_flight": 3})
    assert "/not/there" in (await reloaded(hooked, "settings.refused"))["error"]
    hooked.drop("a.mov", SHORT)
    await eventually(lambda: ears.heard)
    hooked.configure(notify={"command": []})
    assert (await reloaded(hooked))["changed"] == ["limits.in_flight"]


async def test_what_cannot_work_ends_the_start_with_78(site: Site, tmp_path: Path) -> None:
    for wrong, words in (
        ({"command": [str(tmp_path / "missing.sh")]}, "missing.sh is not there"),
        ({"command": [], "webhook": "https://h.example/x",
          "webhook_secret_file": str(tmp_path / "none")}, "none cannot be read"),
        ({"webhook": "", "apprise_file": str(tmp_path / "none")}, "none cannot be read"),
    ):  # fmt: skip
        site.configure(notify=wrong)
        code, _, errors = await site.command("run", "--once")
        assert (code, words in errors) == (78, True), errors
    code, output, _ = await site.command("check")
    assert code == 78
    assert "-- notify    notify.apprise_file: " in output


async def test_check_says_who_is_told_and_sends_nothing(
    hooked: Site, ears: Ears, tmp_path: Path
) -> None:
    script(hooked, "touch run")
    (tmp_path / "apprise").write_text("mailtos://me:pa55word@example.com\n")
    (tmp_path / "apprise").chmod(0o644)
    hooked.configure(notify={"apprise_file": str(tmp_path / "apprise")})
    code, output, errors = await hooked.command("check")
    assert code == 0, output + errors
    told = output[output.index("ok notify") :]
    assert "command " in told
    assert "webhook at 127.0.0.1, of delivered, failed, uncertain, blocked" in told
    assert "apprise 1 (E-Mail), of failed, uncertain, blocked" in told
    assert "chmod o-r" in told
    for secret in ("pa55word", "T000", SECRET, KEY):
        assert secret not in output + errors
    assert ears.heard == []
    assert not (tmp_path / "told" / "run").exists()
