"""The day's budget with the installed daemon: it stops submits before it is passed, and says so."""

import json
import signal
import time
from collections import Counter

import pytest

from acceptance.world import Site, eventually
from reeldrop.simulator import Simulator

PRICE = 1.092
"""What the stand-in asks for five seconds, in USD."""
TWO = 2.19
CLIPS = 5


@pytest.fixture(autouse=True)
def noon(site: Site) -> None:
    """Let it be about noon where the daemon lives: at midnight the budget opens."""
    hours = 12 - time.gmtime().tm_hour
    site.environment["TZ"] = f"NOON{-hours:+d}"


def settled_at_two(site: Site) -> bool:
    """Say whether two are delivered and the others wait for the budget, as the status file tells."""
    if not site.status_path.exists():
        return False
    jobs = json.loads(site.status_path.read_text())["jobs"]
    waits = [job for job in jobs if job["state"] == "queued" and "budget" in job["reason"]]
    delivered = [job for job in jobs if job["state"] == "delivered"]
    return (len(delivered), len(waits)) == (2, CLIPS - 2)


async def test_submits_stop_before_the_days_budget_is_passed(site: Site, api: Simulator) -> None:
    """Five at once of which two fit: two are made and paid for, three wait and say why."""
    site.configure(limits={"daily_usd": TWO})
    for number in range(CLIPS):
        site.drop(f"{number}.mov", {"prompt": str(number)})
    await site.start()
    await eventually(lambda: settled_at_two(site))
    assert len(api.ledger.accepted) == 2
    assert api.ledger.owed_usd == 2 * PRICE <= TWO
    listed = await site.jobs()
    assert Counter(job["state"] for job in listed) == {"delivered": 2, "queued": 3}
    reasons = {job["reason"] for job in listed if job["state"] == "queued"}
    assert len(reasons) == 1
    (reason,) = reasons
    assert "$2.18 of $2.19 a day (limits.daily_usd)" in reason
    assert "it goes on at midnight" in reason
    page = site.outbox / "_status.html"  # written after the status file
    told_there = (reason.replace("'", "&#x27;"), "$2.18 for 2 submits")
    await eventually(lambda: all(words in page.read_text() for words in told_there))
    assert not (site.outbox / "_failed").exists()
    code, output, errors = await site.command("status", "--json")
    assert code == 0, errors
    told = json.loads(output)
    assert told["today"]["committed_usd"] == 2 * PRICE
    assert [(day["submits"], day["unpriced"], day["usd"]) for day in told["spent"]] == [
        (2, 0, 2 * PRICE)
    ]
    assert any("budget" in block["reason"] for block in told["blocks"])
    assert told["blocked"].startswith("budget: ")
    assert site.log.count("daily_usd") <= 1, "one line, not one for each try"


async def test_the_budget_holds_over_a_kill_and_opens_when_it_is_raised(
    site: Site, api: Simulator
) -> None:
    """What was spent is in the store; a new daemon does not begin the day anew."""
    site.configure(limits={"daily_usd": TWO})
    for number in range(CLIPS):
        site.drop(f"{number}.mov", {"prompt": str(number)})
    await site.start()
    await eventually(lambda: settled_at_two(site))
    await site.stop(signal.SIGKILL)
    await site.start()
    await eventually(lambda: settled_at_two(site))
    assert len(api.ledger.accepted) == 2
    await site.stop()
    site.configure(limits={"daily_usd": 10.0})
    await site.start()
    for number in range(CLIPS):
        await site.finished(str(number))
    assert len(api.ledger.accepted) == CLIPS


async def test_a_single_run_ends_where_the_budget_does(site: Site, api: Simulator) -> None:
    """Midnight is nothing that `--once` waits for; its exit code says that something is left."""
    site.configure(limits={"daily_usd": TWO})
    for number in range(CLIPS):
        site.drop(f"{number}.mov", {"prompt": str(number)})
    code, _, errors = await site.command("run", "--once")
    assert (code, len(api.ledger.accepted)) == (75, 2), errors
    assert "limits.daily_usd" in errors


async def test_what_costs_more_than_the_whole_budget_waits_and_says_so(
    site: Site, api: Simulator
) -> None:
    """Its price is known only once it was paid; then no midnight would help, and it says that."""
    site.configure(limits={"daily_usd": 1.0})
    for number in range(2):
        site.drop(f"{number}.mov", {"prompt": str(number)})
    code, _, errors = await site.command("run", "--once")
    assert (code, len(api.ledger.accepted)) == (75, 1), errors
    assert "more than the $1.00 of a day (limits.daily_usd)" in errors
