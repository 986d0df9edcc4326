"""`reeldrop jobs`: what waits, runs and is done, read from the store beside the daemon."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from reeldrop.cli.options import config_options, json_option, print_json
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import State
from reeldrop.host.lock import DAEMON, holder_of
from reeldrop.ports import Transfer
from reeldrop.settings import load
from reeldrop.store import StoreReader, open_reader
from reeldrop.web.records import holding, job_record, title, transfer_told, waiting_record

if TYPE_CHECKING:
    from reeldrop.settings import StoreSettings

WAITING = "waiting"
HEADINGS = ("STATE", "UPDATED", "JOB", "PATH", "REASON")
PATH_SHARE = 0.45
"""The part of the room left beside the fixed columns that paths get."""


@click.command("jobs")
@config_options
@click.option(
    "--state",
    metavar="S",
    type=click.Choice([WAITING, *map(str, State)]),
    help="Only those in this state.",
)
@json_option
def command(
    config: str | None, inbox: str | None, outbox: str | None, state: str | None, *, as_json: bool
) -> None:
    """List what waits, runs and is done, newest change first; whether or not a daemon runs."""
    settings = load(config, inbox, outbox).settings
    with open_reader(settings.store) as store:
        waiting = store.waiting() if state in (None, WAITING) else []
        jobs = _jobs(store, state)
        blocks, health = holding(store.blocks(), store.paused()), store.health()
        moving = transfers(store, settings.store)
    records = [
        *map(waiting_record, waiting),
        *(job_record(job, blocks, health, moving) for job in jobs),
    ]
    if as_json:
        print_json(records)
    elif records:
        click.echo("\n".join(table(records, _width())))
    else:
        click.echo("Nothing here." if state is None else f"Nothing is {state}.")


def _jobs(store: StoreReader, state: str | None) -> list[Job]:
    if state == WAITING:
        return []
    return store.jobs(None if state is None else [State(state)])


def daemon_of(settings: "StoreSettings") -> str:
    """Return which daemon runs on the state folder, "" where none does. Raises StartupError."""
    who, _, kind = holder_of(settings.state_folder).rpartition(", ")
    return who if kind == DAEMON else ""


def transfers(store: StoreReader, settings: "StoreSettings") -> list[Transfer]:
    """Return the files under way; what a daemon has put down that runs no more moves no more."""
    found = store.transfers()
    return found if found and daemon_of(settings) else []


def table(records: Sequence[Mapping[str, Any]], width: int | None) -> list[str]:
    """Return the lines of a table that is at most `width` columns wide; None: as wide as it takes."""
    rows = [HEADINGS, *map(_row, records)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    if width is not None:
        left = max(20, width - sum(widths[:3]) - 8)
        widths[3] = min(widths[3], max(10, int(left * PATH_SHARE)))
    return [_line(row, widths, width) for row in rows]


def _row(record: Mapping[str, Any]) -> tuple[str, ...]:
    error = record.get("error") or {}
    moving = record.get("transfer")
    told = [transfer_told(moving) if moving else "", record["reason"]]
    reason = "; ".join(filter(None, told)) or error.get("message") or record.get("final") or ""
    updated = f"{record['updated'][:10]} {record['updated'][11:19]}Z"
    texts = (record["state"], updated, record["id"][:8] or "-", title(record), reason)
    return tuple(one_line(text) for text in texts)


def one_line(text: str) -> str:
    """Return `text` as one line that is safe to print."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))


def _line(row: Sequence[str], widths: Sequence[int], width: int | None) -> str:
    path = row[3]
    if len(path) > widths[3]:  # the end of a path tells more than its beginning
        path = "…" + path[-(widths[3] - 1) :]
    cells = (*row[:3], path)
    fixed = "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True))
    line = f"{fixed}  {row[4]}".rstrip()
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
