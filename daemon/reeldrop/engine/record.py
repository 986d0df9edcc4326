"""What a job's folder says of it: job.json, job.log.jsonl and error.txt. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reeldrop.domain.errors import ResultLost
from reeldrop.domain.frames import clip_of
from reeldrop.domain.job import Job, JournalEntry, MediaFacts, MediaFile, RelPath
from reeldrop.domain.lifecycle import State, Verdict
from reeldrop.domain.moments import moment
from reeldrop.engine.cancelling import may_be_paid

SCHEMA = 1
"""The version of job.json's form."""
REFUSED = "refused"
"""The code of a drop whose sidecar is wrong."""


def job_record(
    job: Job, journal: Sequence[JournalEntry], node: str, state: State, at: float
) -> dict[str, Any]:
    """Return job.json for a job that ends in `state` at `at` (seconds since the epoch)."""
    return {
        "schema": SCHEMA,
        "id": job.id,
        "state": state,
        "watch": job.watch,
        "node": node,
        "labels": dict(job.labels),
        "model": job.model,
        "params": params_record(job),
        "source": _facts(job.source),
        "result": _facts(job.result),
        "generation_id": job.generation_id,
        "request_ids": list(job.request_ids),
        "upload": job.upload_mode or None,
        "states": [*_states(journal), {"state": state, "at": moment(at)}],
        "attempts": job.attempts,
        "cost": asdict(job.cost) if job.cost else None,
        "error": asdict(job.error) if job.error else None,
    }


def params_record(job: Job) -> Any:
    """Return the parameters as submitted, media named by file, size and SHA-256.

    `fitted` says that the clip was made to fit: size and SHA-256 are of what was made of it.
    `upload` and `why` say which way each file went.
    """
    files = {RelPath(known.name): _sent(known) for known in job.media}
    if job.source and (clip := clip_of(job)):
        files[clip] = (_sent(job.fitted) | {"fitted": True}) if job.fitted else _sent(job.source)
    for sent in job.sent:
        if sent.name in files:
            files[sent.name] |= {"upload": str(sent.way), "why": sent.why}
    return _without_content(job.params, files)


def _sent(facts: MediaFacts) -> dict[str, Any]:
    return {"bytes": facts.bytes, "sha256": facts.sha256}


def _without_content(value: Any, files: Mapping[RelPath, Mapping[str, Any]]) -> Any:
    match value:
        case MediaFile(origin):
            return {"file": origin, **files.get(origin, {"bytes": None, "sha256": None})}
        case str() if value.startswith("data:"):
            kind = value[5:].partition(",")[0]
            return {"data_uri": kind[:100], "characters": len(value)}
        case Mapping():
            return {key: _without_content(part, files) for key, part in value.items()}
        case list() | tuple():
            return [_without_content(part, files) for part in value]
        case _:
            return value


def _facts(facts: MediaFacts | None) -> dict[str, Any] | None:
    return asdict(facts) if facts else None


def _states(journal: Iterable[JournalEntry]) -> list[dict[str, Any]]:
    states: list[dict[str, Any]] = []
    last = None
    for entry in journal:
        if entry.state != last:
            states.append({"state": entry.state, "at": moment(entry.at)})
            last = entry.state
    return states


def log_lines(job: Job, journal: Iterable[JournalEntry], last: State, at: float) -> bytes:
    """Return job.log.jsonl: one line for everything that was recorded of the job."""
    lines = [
        {
            "at": moment(entry.at),
            "event": f"job.{entry.event}",
            "job": job.id,
            "state": entry.state,
            "token": entry.token,
            **entry.note,
        }
        for entry in journal
    ]
    lines.append({"at": moment(at), "event": f"job.{last}", "job": job.id, "state": last})
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def error_text(job: Job) -> bytes:
    """Return error.txt: what happened, to which file, and what to do."""
    cancelled = job.verdict is Verdict.CANCELLED
    lines = [f"{job.path} {'was cancelled' if cancelled else 'could not be done'}."]
    if job.error:
        lines += ["", job.error.message]
        # How a refused sidecar goes back is said below, of every drop.
        if job.error.hint and job.error.code != REFUSED:
            lines += ["", job.error.hint]
    if job.generation_id:
        lines += ["", f"The provider's generation: {job.generation_id}"]
    lines += ["", _how_to_run_again(job, cancelled=cancelled), "", f"Job {job.id}", ""]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def _how_to_run_again(job: Job, *, cancelled: bool) -> str:
    parent = _source_base(job)
    folder = f'the folder "{parent}" of the inbox' if parent else "the inbox"
    retry = f"`reeldrop retry {job.id[:12]}`"
    if job.error and job.error.code == ResultLost.code:
        return f"{retry} asks for its result again, which costs nothing."
    if job.claim.kept:
        paid = " with --pay-again" if cancelled and may_be_paid(job) else ""
        as_it_was = f" {retry}{paid} runs it again as it was." if job.params else ""
        return (
            f"The files are still in {folder}.{as_it_was} The same bytes under the same name are "
            "not run again by themselves, even where the sidecar is mended: give the clip another "
            "name, or drop it with its content changed."
        )
    back = f'move what lies in "source" back into {folder}.'
    if cancelled and may_be_paid(job):
        return f"To run it after all, and pay for it again: {retry} with --pay-again, or {back}"
    if cancelled and job.params:
        return f"To run it after all: {retry}, or {back}"
    return f"To run it again: mend what is wrong and {back}"


def _source_base(job: Job) -> str:
    """Return the inbox's folder that the names in `source/` are relative to."""
    if not job.claim.source:
        return ""
    first = job.claim.source[0]
    return first.origin.removesuffix(first.at.removeprefix("source/")).rstrip("/")


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a document as readable JSON that any name survives."""
    return (json.dumps(document, indent=2) + "\n").encode()
