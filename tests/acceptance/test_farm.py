"""A farm's tasks: progress that it reads, tickets that pay once, paths that are its own."""

import asyncio
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from acceptance.dropping import footage, listed, put, sent, sha256
from acceptance.world import PATIENCE, REELDROP, Site, arrive, ended, eventually
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Ending, Fault, Route

TEMPLATE = Path(__file__).parents[2] / "config" / "openjd" / "reeldrop.yaml"
TICKET = ("--set", "reeldrop.ticket=farm-17")

AT_ONCE = 15.0
"""Seconds for what does not wait for the job's end, however busy the machine: that would never come."""

Task = asyncio.subprocess.Process


async def openjd(site: Site, *words: str | Path) -> tuple[int, str]:
    """Run the real `openjd`, with the installed command on its path; return exit code and output."""
    path = f"{REELDROP.parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        REELDROP.with_name("openjd"), *words, env=site.environment | {"PATH": path},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    code, output, _ = await ended(process)
    return code, output


async def run_template(site: Site, clip: Path, prompt: str, **more: object) -> tuple[int, str]:
    """Run the job as a farm's worker does."""
    given = {"Clip": clip, "Prompt": prompt, "Inbox": site.inbox, "Outbox": site.outbox} | more
    parameters = (word for key, value in given.items() for word in ("-p", f"{key}={value}"))
    return await openjd(site, "run", TEMPLATE, *parameters)


def progress(output: str) -> list[float]:
    """Return how far the job was told to be, in hundredths."""
    return [float(each) for each in re.findall(r"openjd_progress: (.+)", output)]


async def start(site: Site, *words: str | Path) -> Task:
    """Begin a drop as a task does, with nothing but the two folders."""
    return await asyncio.create_subprocess_exec(
        REELDROP, "drop", *words, "--inbox", site.inbox, "--outbox", site.outbox,
        env=site.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def end(task: Task) -> tuple[int, str, str]:
    """Await a task; return exit code, output, errors."""
    return await ended(task)


def states(site: Site) -> list[str]:
    """Return the states of the jobs that the outbox lists."""
    return [job["state"] for job in listed(site).values()]


def in_inbox(site: Site) -> list[str]:
    """Return what anybody would see in the inbox."""
    return [path.name for path in site.inbox.iterdir() if path.name != ".reeldrop"]


# ---------------------------------------------------------------------------- the template


async def test_the_template_is_one(site: Site) -> None:
    """By the plain specification, without extensions that a farm may not have."""
    code, output = await openjd(site, "check", TEMPLATE, "--extensions", "")
    assert code == 0, output


async def test_a_job_is_paid_once_however_often_it_is_queued(site: Site, api: Simulator) -> None:
    """Another node, the same bytes elsewhere: the ticket is made of neither."""
    elsewhere = site.config.parent / "node2" / "a.mov"
    elsewhere.parent.mkdir()
    shutil.copy(site.clip, elsewhere)
    clip = elsewhere.with_name("a.mov").rename(site.config.parent / "a.mov")
    shutil.copy(clip, elsewhere)
    await site.start()
    first = await run_template(site, clip, "as a woodcut")
    again = await run_template(site, elsewhere, "as a woodcut")
    for code, output in (first, again):
        assert code == 0, output
        assert str(site.outbox / "a" / "a.mp4") in output
        assert progress(output) == sorted(set(progress(output)))
        assert (progress(output)[0], progress(output)[-1]) == (0.0, 100.0)
    assert "is delivered already" in again[1]
    assert len(api.ledger.accepted) == 1
    code, output = await run_template(site, clip, "as a woodcut", JobName="once more")
    assert code == 0, output
    assert len(api.ledger.accepted) == 2
    assert in_inbox(site) == []


async def test_a_job_that_fails_tells_the_farm_why(site: Site, api: Simulator) -> None:
    """Whoever looks at the farm's own window need not look for the outbox."""
    await site.start()
    code, output = await run_template(site, site.clip, "x", Model="klingai/none")
    assert code != 0
    assert re.search(r"openjd_fail: .*no such model", output), output
    code, output = await run_template(site, site.config.parent / "no.mov", "x")
    assert code != 0
    assert re.search(r"openjd_fail: nothing was dropped. .*no.mov is not there", output), output
    assert api.ledger.accepted == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
async def test_a_cancelled_task_ends_at_once_and_its_drop_goes_on(
    how: signal.Signals, site: Site, api: Simulator
) -> None:
    """The farm's node is needed elsewhere; what is paid for is delivered all the same."""
    api.faults.add(Fault(Route.SUBMIT, ends=Ending.NEVER))
    await site.start()
    task = await start(site, site.clip, "--prompt", "x", *TICKET, "--openjd")
    assert task.stdout is not None
    while b"generating" not in (line := await asyncio.wait_for(task.stdout.readline(), PATIENCE)):
        assert line
    task.send_signal(how)
    code, output, errors = await ended(task, AT_ONCE)
    assert (code, errors) == (130, "")
    assert "openjd_status: interrupted; the wait ends, the drop goes on: clip.mov." in output
    (job,) = await site.jobs()
    assert job["state"] == "generating"


# ---------------------------------------------------------------------------- tickets


@pytest.mark.parametrize("state", ["generating", "uncertain"])
async def test_a_task_that_is_queued_again_follows_the_job_there_is(
    state: str, site: Site, api: Simulator
) -> None:
    """The first node died; nobody pays for the second."""
    # It stays in that state until it has been seen there.
    if state == "uncertain":
        api.faults.add(Fault(Route.SUBMIT, status=502, body="", accept=True))
        api.faults.add(Fault(Route.LOGS, status=502, times=0))
    else:
        api.faults.add(Fault(Route.POLL, status=500, times=0))
    site.configure(api={"reconcile_window": 0.0})
    await site.start()
    words = (site.clip, "--prompt", "x", *TICKET, "--wait", "--timeout", "0")
    told = [await end(await start(site, *words))]
    await eventually(lambda: states(site) == [state])
    api.faults.clear()
    told += [await end(await start(site, *words[:-1], "50")) for _ in range(2)]
    assert told[0][0] == 4
    assert len(api.ledger.accepted) == 1
    assert all("was not dropped" in errors for _, _, errors in told[1:])
    assert in_inbox(site) == []


async def test_two_nodes_at_the_same_moment_pay_once_and_leave_nothing(
    site: Site, api: Simulator
) -> None:
    """Neither sees the other's drop before its own is placed: the daemon is not even there yet."""
    clips = [Path(shutil.copy(site.clip, site.config.parent / name)) for name in ("a.mov", "b.mov")]
    words = ("--prompt", "x", *TICKET, "--wait", "--timeout", "50")
    tasks = [await start(site, clip, *words) for clip in clips]
    await eventually(lambda: {"a.mov", "b.mov"} <= set(in_inbox(site)))
    await site.start()
    told = [await end(task) for task in tasks]
    assert [code for code, _, _ in told] == [0, 0], told
    [output] = {output for _, output, _ in told}
    assert output in [f"{site.outbox}/{name}/{name}.mp4\n" for name in "ab"]
    assert len(api.ledger.accepted) == 1
    assert in_inbox(site) == []


async def test_a_result_that_was_taken_away_is_not_paid_for_again(
    site: Site, api: Simulator
) -> None:
    """The archive is somewhere else; the task ends, and says where it was delivered."""
    words = (site.clip, "--prompt", "x", *TICKET, "--wait", "--timeout", "50")
    await site.start()
    assert (await end(await start(site, *words)))[0] == 0
    shutil.rmtree(site.outbox / "clip")
    code, output, errors = await end(await start(site, *words))
    assert code == 0, errors
    assert output == f"{site.outbox}/clip\n"
    assert len(api.ledger.accepted) == 1


async def test_a_task_whose_paid_job_was_cancelled_ends_and_takes_its_drop_back(
    site: Site, api: Simulator
) -> None:
    """It would wait for ever: the ticket has had its money's worth, and a person must say so."""
    api.faults.add(Fault(Route.FILE, status=503, times=0))
    words = (site.clip, "--prompt", "x", *TICKET, "--wait", "--timeout", "50")
    await site.start()
    first = await start(site, *words)
    await eventually(lambda: states(site) == ["downloading"])
    (job,) = await site.jobs()
    assert (await site.command("cancel", job["id"]))[0] == 0
    api.faults.clear()
    assert (await end(first))[0] == 1
    code, _, errors = await end(await start(site, *words))
    assert code == 1
    assert "--pay-again" in errors
    assert len(api.ledger.accepted) == 1
    assert in_inbox(site) == []


# ---------------------------------------------------------------------------- paths


async def test_a_farms_paths_are_files_of_the_inbox(site: Site, api: Simulator) -> None:
    """The clip by a drive of Windows, in a sidecar that a Windows node wrote."""
    site.environment["REELDROP_PATH_MAP"] = (
        f"[{{ from = 'P:\\shows', to = '{site.inbox}/shows' }}, {{ from = '/', to = '/' }}]"
    )
    plate = site.inbox / "shows" / "sq1" / "plate.mov"
    plate.parent.mkdir(parents=True)
    arrive(footage(), plate)
    await site.start()
    arrive(b'{"prompt": "x", "video_url": "p:\\\\Shows/sq1\\\\plate.mov"}', site.inbox / "s.json")
    await site.finished("shows/sq1/plate")
    assert sent(api) == [("x", sha256(footage()))]
    put(site, "t.mov", image_list=[str(site.outbox / "_status.json"), "/etc/hostname"])
    text = await eventually(lambda: _error(site, "t"))
    assert 'image_list[1] is "/etc/hostname", which path_map ("/" to "/") leads to' in text
    assert "outside the inbox" in text
    assert len(api.ledger.accepted) == 1


async def test_a_rule_that_is_added_holds_after_a_reload(site: Site, api: Simulator) -> None:
    """A farm gets another drive in the middle of a night's work; nobody restarts the daemon."""
    await site.start()
    arrive(footage(), site.inbox / "plate.mov")
    site.configure(path_map={"from": "P:\\shows", "to": str(site.inbox)})
    assert site.process is not None
    site.process.send_signal(signal.SIGHUP)
    await eventually(lambda: "settings.reloaded" in site.log)
    assert '"changed": ["path_map"], "kept": []' in site.log
    arrive(b'{"prompt": "x", "video_url": "P:\\\\shows\\\\plate.mov"}', site.inbox / "s.json")
    await site.finished("plate")
    assert len(api.ledger.accepted) == 1


async def test_a_link_is_no_way_out_of_a_mapped_folder(site: Site, api: Simulator) -> None:
    """A map is a way of speaking; what may be opened stays the same."""
    site.environment["REELDROP_PATH_MAP"] = f"[{{ from = 'P:', to = '{site.inbox}' }}]"
    (site.config.parent / "secret").mkdir()
    (site.config.parent / "secret" / "a.png").write_bytes(b"secret")
    (site.inbox / "link").symlink_to(site.config.parent / "secret")
    content = footage()
    site.configure(watch={"sidecar_timeout": 3.0})
    await site.start()
    put(site, "t.mov", content, image_list=["P:\\link\\a.png"])
    assert "image_list[0]" in await eventually(lambda: _error(site, "t"))
    assert api.ledger.accepted == []


def _error(site: Site, name: str) -> str:
    error = site.outbox / "_failed" / name / "error.txt"
    return error.read_text() if error.exists() else ""
