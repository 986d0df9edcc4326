"""`reeldrop status`: how things stand and what was spent, read from the store beside the daemon."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from reeldrop.cli.jobs import daemon_of, one_line
from reeldrop.cli.options import config_options, json_option, print_json
from reeldrop.domain.amounts import amount_told, progress_told
from reeldrop.domain.moments import moment
from reeldrop.host.clock import SystemClock
from reeldrop.ports import Block, DaySpent, Direction, Scope
from reeldrop.settings import load
from reeldrop.store import limits_of, open_reader
from reeldrop.web.records import (
    DOING,
    age_told,
    blocked_reason,
    day_told,
    health_record,
    health_told,
    holding,
    job_record,
    late_after,
    moves,
    transfer_record,
)

if TYPE_CHECKING:
    from reeldrop.ports import Counts, Overview
    from reeldrop.settings import Settings

DAYS = 7
"""Days on which anything was spent that are told."""
REDRAWN = 1.0
"""Seconds between two looks of `--watch`."""


@click.command("status")
@config_options
@click.option("--watch", is_flag=True, help="Look again every second, until ^C.")
@click.option(
    "--health", "ask", is_flag=True, help="Only ask the daemon whether it is well: 0 or 1."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    config: str | None,
    inbox: str | None,
    outbox: str | None,
    *,
    watch: bool,
    ask: bool,
    as_json: bool,
) -> None:
    """Tell how things stand, what needs a person and what was spent; whether or not a daemon runs.

    With --health the running daemon is asked at web.listen: one line, and 0 where it is well, else 1.
    """
    settings = load(config, inbox, outbox).settings
    if ask:
        from reeldrop.cli.health import health  # noqa: PLC0415 - the other ways ask nobody

        finding = health(settings)
        click.echo(one_line(finding.text))
        ctx.exit(0 if finding.well else 1)
    while True:
        found = status(settings)
        if watch and sys.stdout.isatty():
            click.clear()
        if not as_json:
            click.echo("\n".join(lines(found)))
        elif watch:
            click.echo(json.dumps(found))
        else:
            print_json(found)
        if not watch:
            return
        time.sleep(REDRAWN)


def status(settings: "Settings") -> dict[str, Any]:
    """Return how things stand as plain JSON values. Raises SettingsError, StartupError."""
    now = SystemClock().now()
    limits = settings.limits
    late = {watch.name: late_after(watch) for watch in settings.watch}
    with open_reader(settings.store) as store:
        seen = store.overview(limits_of(limits, settings.api.reconcile_window), now, DAYS)
    daemon = daemon_of(settings.store)
    return {
        "node": settings.node_name,
        "daemon": {"running": bool(daemon), "holder": daemon},
        "updated": moment(now),
        **_held_up(seen),
        "watches": [
            health_record(each, now, late[each.watch]) for each in seen.health if each.watch in late
        ],
        "counts": _counts(seen.counts),
        "in_flight": seen.in_flight,
        "queued_since": _moment(seen.queued_since),
        "queued_for": None if seen.queued_since is None else max(0.0, now - seen.queued_since),
        **_moving(seen if daemon else None),
        "limits": {
            "in_flight": limits.in_flight,
            "submits_per_minute": limits.submits_per_minute,
            "daily_usd": limits.daily_usd,
        },
        "uncertain": [job_record(job) for job in seen.uncertain],
        "today": {"day": seen.today, "committed_usd": seen.committed},
        "spent": [asdict(day) for day in seen.spent],
    }


def _moving(seen: "Overview | None") -> dict[str, Any]:
    """Tell what moves, and the bytes/s of each direction over all jobs; nothing without a daemon."""
    found = [(job, each) for job, each in (seen.transfers if seen else ()) if moves(job, each)]
    return {
        "transfers": [
            {"job": job.id, "path": job.path} | transfer_record(each) for job, each in found
        ],
        "rates": {
            str(way): round(sum(each.rate for _, each in found if each.direction is way))
            for way in Direction
        },
    }


def _counts(counts: "Counts") -> dict[str, int]:
    return {"waiting": counts.waiting} | {str(state): n for state, n in counts.jobs.items()}


def _held_up(seen: "Overview") -> dict[str, Any]:
    blocks = holding(seen.blocks, seen.paused)
    return {
        "blocked": blocked_reason(blocks),
        "blocks": [asdict(block) | {"scope": str(block.scope)} for block in blocks],
        "paused": _moment(seen.paused),
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a status as people read it."""
    holder = found["daemon"]["holder"]
    yield f"{found['node']}: " + (f"the daemon runs ({holder})" if holder else "no daemon runs")
    for told in found["blocks"]:
        yield one_line(_block(Block(told["reason"], Scope(told["scope"]), told["of"])))
    yield from (one_line(health_told(watch)) for watch in found["watches"])
    yield ""
    counts = [f"{number} {state}" for state, number in found["counts"].items() if number]
    yield ", ".join(counts) or "Nothing here yet."
    queued = found["queued_for"]
    waits = "" if queued is None else f"; the oldest queued job has waited {age_told(queued)}"
    yield f"in flight: {found['in_flight']} of {found['limits']['in_flight']}{waits}"
    for way, rate in found["rates"].items():
        if mine := [each for each in found["transfers"] if each["direction"] == way]:
            yield _transfers(DOING[way], mine, rate)
    yield from _people(found["uncertain"])
    yield from _money(found)


def _block(block: Block) -> str:
    match block.scope:
        case Scope.ALL:
            return f"Nothing is submitted now: {block.reason}"
        case Scope.MODEL | Scope.WATCH:
            return f"Nothing of {block.scope} {block.of} is submitted now: {block.reason}"


def _transfers(doing: str, transfers: Sequence[Mapping[str, Any]], rate: float) -> str:
    totals = [each["total"] for each in transfers]
    total = None if None in totals else sum(totals)
    far = progress_told(sum(each["bytes"] for each in transfers), total)
    jobs = "1 job" if len(transfers) == 1 else f"{len(transfers)} jobs"
    return f"{doing} for {jobs}: {far}, {amount_told(rate)}/s"


def _people(uncertain: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if uncertain:
        yield ""
        yield "May have been paid for, and nobody knows:"
    for job in uncertain:
        short = job["id"][:8]
        yield f"  {one_line(job['path'])}: {one_line(job['reason'])}"
        if job["held"]:
            yield f"    reeldrop resolve {short} --generation-id ID   if the provider shows one"
            yield f"    reeldrop resolve {short} --not-submitted      if it shows nothing"
        else:
            yield f"    job {short} is still being looked for in the provider's request log"


def _money(found: Mapping[str, Any]) -> Iterator[str]:
    daily, today = found["limits"]["daily_usd"], found["today"]
    if daily or found["spent"]:
        yield ""
    if daily:
        committed = f"${today['committed_usd']:.2f} of ${daily:.2f}"
        yield f"budget of {today['day']}: {committed} are spent or reserved (limits.daily_usd)"
    for told in found["spent"]:
        yield day_told(DaySpent(**told))
