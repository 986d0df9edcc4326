"""`reeldrop show JOB`: everything about one job, and its history."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, cast

import click

from reeldrop.cli.finding import find_job
from reeldrop.cli.jobs import transfers
from reeldrop.cli.options import config_options, json_option, print_json
from reeldrop.domain.job import Job, JournalEntry, MediaFile
from reeldrop.domain.moments import moment
from reeldrop.ports import Transfer
from reeldrop.settings import load
from reeldrop.store import open_reader
from reeldrop.web.records import job_record, transfer_told

SHOWN = 200
"""Characters of a text of a spec; media may stand in it as data URIs."""


@click.command("show")
@click.argument("job")
@config_options
@json_option
def command(
    job: str, config: str | None, inbox: str | None, outbox: str | None, *, as_json: bool
) -> None:
    """Tell everything about JOB: its id, or as many characters of it as name one job."""
    settings = load(config, inbox, outbox).settings
    with open_reader(settings.store) as store:
        found = find_job(store, job)
        history = store.journal(found.id)
        whole = _whole(found, history, transfers(store, settings.store))
    if as_json:
        print_json(whole)
    else:
        click.echo("\n".join(_lines(whole)))


def _whole(job: Job, history: list[JournalEntry], moving: list[Transfer]) -> dict[str, Any]:
    return {
        **job_record(job, transfers=moving),
        "params": _plain(job.params),
        "labels": _plain(job.labels),
        "source": asdict(job.source) if job.source else None,
        "media": [asdict(facts) for facts in job.media],
        "result": asdict(job.result) if job.result else None,
        "upload": job.upload_mode or job.upload,
        "attempts": job.attempts,
        "request_ids": list(job.request_ids),
        "history": [
            {
                "at": moment(entry.at),
                "event": entry.event,
                "state": str(entry.state),
                "note": _plain(entry.note),
            }
            for entry in history
        ],
    }


def _plain(value: object) -> Any:
    match value:
        case MediaFile():
            return {"file": value.origin}
        case Mapping():
            table = cast("Mapping[Any, object]", value)
            return {str(key): _plain(each) for key, each in table.items()}
        case list() | tuple():
            return [_plain(each) for each in cast("list[object]", value)]
        case str() if len(value) > SHOWN:
            return f"{value[:SHOWN]}… ({len(value)} characters)"
        case str() | int() | float() | bool() | None:
            return value
        case _:
            return str(value)


def _lines(whole: Mapping[str, Any]) -> Iterator[str]:
    error, cost = whole["error"] or {}, whole["cost"] or {}
    yield f"{whole['path']}: {whole['state']}"
    moving = transfer_told(whole["transfer"]) if whole["transfer"] else ""
    for text in (moving, whole["reason"], error.get("message"), error.get("hint")):
        if text:
            yield f"  {text}"
    yield ""
    facts = {
        "job": whole["id"],
        "watch": whole["watch"],
        "model": whole["model"],
        "generation": whole["generation_id"],
        "lies in": whole["final"],
        "cost": f"${cost['usd']:.2f}" if cost.get("usd") is not None else None,
        "ticket": whole["ticket"],
        "attempts": whole["attempts"],
        "request ids": ", ".join(whole["request_ids"]),
        "source": _facts(whole["source"]),
        "result": _facts(whole["result"]),
    }
    facts |= {f"· {key}": value for key, value in whole["params"].items()}
    for name, value in facts.items():
        if value not in (None, ""):
            yield f"{name:<12} {value}"
    yield ""
    for entry in whole["history"]:
        known = {key: value for key, value in entry["note"].items() if value is not None}
        note = ", ".join(f"{key}: {value}" for key, value in known.items())
        yield f"{entry['at']}  {entry['state']:<12} {entry['event']}  {note}".rstrip()


def _facts(facts: Mapping[str, Any] | None) -> str | None:
    if facts is None:
        return None
    known = [
        f"{key} {value}" for key, value in facts.items() if value is not None and key != "name"
    ]
    return f"{facts['name']} ({', '.join(known)})"
