"""Starting, stopping, and what the next start makes of what the last one left."""

import json
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from acceptance.dropping import listed
from acceptance.world import STOPPED, Site, arrive, cpu_seconds, eventually, large_clip
from reeldrop.simulator import Simulator
from reeldrop.simulator.faults import Cut, Fault, Route

GOOD = {"prompt": "x"}
OTHER = {"prompt": "y"}
"""For a second clip of the same bytes, which is to be paid for as well."""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_stop_in_mid_generation_costs_nothing(
    site: Site, api: Simulator, how: signal.Signals
) -> None:
    """The next start goes on with the same generation: one submit in all."""
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: api.ledger.accepted and api.ledger.accepted[0].polls)
    began = time.monotonic()
    code = await site.stop(how)
    assert time.monotonic() - began < STOPPED
    assert (0 if how is signal.SIGTERM else -9) == code
    assert not (site.outbox / "a").exists()

    api.faults.clear()
    await site.start()
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)


async def test_a_kill_while_the_answer_is_awaited_is_found_in_the_log(
    site: Site, api: Simulator
) -> None:
    """The request was paid for: the next start finds its generation and sends nothing."""
    api.faults.add(Fault(Route.SUBMIT, delay=60.0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: api.ledger.accepted)
    await site.stop(signal.SIGKILL)

    await site.start()
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)
    assert "uncertain" in [entry["state"] for entry in record["states"]]


async def test_a_kill_during_the_upload_is_definite(site: Site, api: Simulator) -> None:
    """The end of the body had not left; the clip is sent after the next start."""
    api.faults.add(Fault(Route.SUBMIT, cut=Cut.REQUEST, after=1, times=0, reset=True))
    await site.start()
    site.drop("a.mov", GOOD, clip=large_clip(site, 20_000_000))
    await eventually(lambda: api.ledger.requests)
    await site.stop(signal.SIGKILL)

    api.faults.clear()
    await site.start()
    await site.finished("a")
    assert len(api.ledger.accepted) == 1


async def test_once_works_off_what_is_there_and_ends(site: Site, api: Simulator) -> None:
    """For schedulers that start programs: 0 when all is well."""
    site.drop("a.mov", GOOD)
    arrive(site.clip.read_bytes(), site.inbox / "waits.mov")
    code, _, errors = await site.command("run", "--once")
    assert code == 0, errors
    assert (site.outbox / "a/a.mp4").exists()
    assert (site.inbox / "waits.mov").exists()


async def test_once_says_by_its_exit_code_that_a_job_failed(site: Site) -> None:
    """1: a job failed."""
    site.drop("a.mov", {"promt": "x"})
    site.drop("b.mov", OTHER)
    code, _, _ = await site.command("run", "--once")
    assert code == 1
    assert (site.outbox / "b/b.mp4").exists()


async def test_once_says_by_its_exit_code_that_a_job_needs_a_person(
    site: Site, api: Simulator
) -> None:
    """3: a job is uncertain, and the provider's log did not show it."""
    api.faults.add(Fault(Route.SUBMIT, answer="html_502"))
    site.drop("a.mov", GOOD)
    code, _, _ = await site.command("run", "--once")
    assert code == 3
    assert any("/v2/logs" in seen.target for seen in api.ledger.requests)


async def test_once_asks_the_log_before_it_calls_a_job_uncertain(
    site: Site, api: Simulator
) -> None:
    """What the log shows needs nobody."""
    api.faults.add(Fault(Route.SUBMIT, cut=Cut.ANSWER))
    site.drop("a.mov", GOOD)
    code, _, errors = await site.command("run", "--once")
    assert code == 0, errors
    assert len(api.ledger.accepted) == 1


async def test_a_second_daemon_says_who_holds_the_state_folder(site: Site) -> None:
    """Two daemons on one store would race for the same clips."""
    await site.start()
    code, _, errors = await site.command("run")
    assert code == 75
    assert site.process is not None
    assert f"pid {site.process.pid}" in errors


async def test_folders_in_one_another_are_refused(site: Site) -> None:
    """Results would be taken for drops."""
    nested = site.inbox / "out"
    nested.mkdir()
    site.configure(watch={"outbox": str(nested)})
    code, _, errors = await site.command("run")
    assert code == 78
    assert "inbox" in errors
    assert "outbox" in errors


async def test_a_missing_folder_is_not_made(site: Site) -> None:
    """It may be a share that is not mounted."""
    site.configure(watch={"inbox": str(site.inbox / "not-there")})
    code, _, errors = await site.command("run")
    assert code == 75
    assert "not-there" in errors
    assert not (site.inbox / "not-there").exists()


async def test_a_missing_key_and_a_wrong_setting_end_with_78(site: Site) -> None:
    """systemd must not start it again and again."""
    del site.environment["AIMLAPI_API_KEY"]
    code, _, errors = await site.command("run")
    assert code == 78
    assert "AIMLAPI_API_KEY" in errors
    site.environment["REELDROP_LIMITS__IN_FLIHGT"] = "3"
    code, _, errors = await site.command("run")
    assert code == 78
    assert "in_flight" in errors


async def test_at_most_in_flight_generations_run_at_once(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """A burst of drops waits its turn; nothing is lost."""
    site.configure(limits={"in_flight": 3})
    for number in range(12):
        site.drop(f"{number:02}.mov", {"prompt": f"take {number}"})
    await site.start()
    most = 0

    def all_delivered() -> bool:
        nonlocal most
        most = max(most, sum(not each.ended for each in api.ledger.accepted))
        return len(list(site.outbox.glob("*/job.json"))) == 12

    await eventually(all_delivered)
    assert (len(api.ledger.accepted), most <= 3) == (12, True)


async def test_the_status_page_opens_without_a_server(site: Site) -> None:
    """Whoever looks into the folder sees what became of a drop."""
    await site.start()
    site.drop("good & <b>.mov", GOOD)
    site.drop("bad.mov", {"promt": "x"})
    await site.finished("good & <b>")
    await site.finished("_failed/bad")
    page = site.outbox / "_status.html"
    await eventually(
        lambda: "promt" in page.read_text() and "good &amp; &lt;b&gt;" in page.read_text()
    )

    def listed() -> bool:
        jobs = json.loads(site.status_path.read_text())["jobs"]
        return {job["state"] for job in jobs} == {"delivered", "failed"}

    await eventually(listed)


async def test_a_folder_without_a_configuration_file_works(site: Site, clip: Path) -> None:
    """Two folders and a key are enough."""
    environment = {**site.environment, "XDG_STATE_HOME": str(site.state)}
    environment |= {
        "REELDROP_INBOX": str(site.inbox),
        "REELDROP_OUTBOX": str(site.outbox),
        "REELDROP_LIMITS__MIN_FREE_DISK": "0",
    }
    environment |= {"REELDROP_API__BASE_URL": "http://127.0.0.1:1"}
    site.environment = environment
    site.drop("a.mov", {"promt": "x"})
    code, _, errors = await site.bare_command("run", "--once")
    assert code == 1, errors
    assert (site.state / "reeldrop" / "reeldrop.db").exists()
    assert (site.outbox / "_failed/a/error.txt").exists(), errors


async def test_a_stop_while_an_answer_is_awaited_is_in_time_and_clean(
    site: Site, api: Simulator
) -> None:
    """The answer gets a few seconds; then the job is left to the next start, which holds it."""
    api.faults.add(Fault(Route.SUBMIT, delay=60.0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: api.ledger.accepted)
    assert await site.stop() == 0
    # By the daemon's own clock: how long a busy machine takes to start and end a process is not its doing.
    assert between(site, "daemon.stopping", "daemon.stopped") < 10


async def test_a_stop_in_mid_upload_breaks_it_off_at_once(site: Site, api: Simulator) -> None:
    """Its end is still here, so nothing can have been made; the next start sends it again."""
    api.faults.add(Fault(Route.SUBMIT, early=True, delay=60.0, answer="too_many"))
    await site.start()
    site.drop("a.mov", GOOD, clip=large_clip(site, 30_000_000))
    await eventually(lambda: api.ledger.requests)
    assert await site.stop() == 0
    assert between(site, "daemon.stopping", "daemon.stopped") < 4, "less than an answer is given"
    await site.start()
    record = await site.finished("a")
    assert (len(api.ledger.accepted), record["attempts"]) == (1, 1)


def between(site: Site, first: str, second: str) -> float:
    """Return the seconds from the last line of one event in the log to the last of another."""
    lines = [json.loads(line) for line in site.log.splitlines() if line.startswith("{")]
    at = {line["event"]: datetime.fromisoformat(line["at"]) for line in lines}
    return (at[second] - at[first]).total_seconds()


async def test_a_result_that_will_never_come_fails_its_clip_and_nothing_else(
    site: Site, api: Simulator
) -> None:
    """Its address had expired and the generation was gone: this once ended the daemon, at each start."""
    api.faults.add(Fault(Route.FILE, answer="expired", times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: "job.downloading" in site.log)
    api.faults.add(
        Fault(
            Route.POLL,
            fields={"status": "error", "video": None, "error": {"name": "E", "message": "gone"}},
            times=0,
        )
    )
    record = await site.finished("_failed/a")
    assert record["error"]["code"] == "result_lost"
    api.faults.clear()
    site.drop("b.mov", OTHER)
    await site.finished("b")


async def test_other_folders_on_one_store_are_refused_while_jobs_are_open(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """The paid result of one inbox would go to the outbox of another."""
    api.faults.add(Fault(Route.POLL, fields={"status": "generating", "video": None}, times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    await eventually(lambda: api.ledger.accepted and api.ledger.accepted[0].polls)
    await site.stop()
    (tmp_path / "other").mkdir()
    first = str(site.inbox)
    site.configure(watch={"inbox": str(tmp_path / "other")})
    code, _, errors = await site.command("run")
    assert code == 78
    assert first in errors


async def test_a_blocked_queue_rests_and_says_why(site: Site, api: Simulator) -> None:
    """It once asked itself thousands of times a second."""
    api.faults.add(Fault(Route.SUBMIT, answer="out_of_funds", times=0))
    await site.start()
    site.drop("a.mov", GOOD)
    site.drop("b.mov", OTHER)
    await eventually(lambda: "queue.blocked" in site.log)
    assert site.process is not None

    def both_wait() -> bool:
        told = [(job["state"], "out of funds" in job["reason"]) for job in listed(site).values()]
        return told == [("queued", True)] * 2

    await eventually(both_wait)
    before = cpu_seconds(site.process.pid)
    began = time.monotonic()
    await eventually(lambda: time.monotonic() - began > 2)
    assert cpu_seconds(site.process.pid) - before < 1
    assert len([seen for seen in api.ledger.requests if seen.method == "POST"]) <= 2

    api.faults.clear()
    await site.stop()
    await site.start()
    await eventually(lambda: json.loads(site.status_path.read_text())["blocked"] == "")


async def test_two_watches_may_share_an_outbox_under_two_names(
    site: Site, api: Simulator, tmp_path: Path
) -> None:
    """One status page must tell of both."""
    second, alias = tmp_path / "second", tmp_path / "alias"
    second.mkdir()
    alias.symlink_to(site.outbox)
    with site.config.open("a") as file:
        quick = "settle_polling = 0.4\nsettle = 0.1\n"
        file.write(f'[[watch]]\nname = "two"\ninbox = "{second}"\noutbox = "{alias}"\n{quick}')
    await site.start()
    site.drop("a.mov", GOOD)
    arrive(json.dumps(OTHER).encode(), second / "b.json")
    arrive(site.clip.read_bytes(), second / "b.mov")
    await site.finished("a")
    await site.finished("b")

    def listed() -> bool:
        return {"main", "two"} == {
            job["watch"] for job in json.loads(site.status_path.read_text())["jobs"]
        }

    await eventually(listed)
