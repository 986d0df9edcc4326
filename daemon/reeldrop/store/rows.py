"""Jobs as rows and back. Everything here is a pure function of its arguments."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from reeldrop.domain.errors import Trouble
from reeldrop.domain.fit import Fit
from reeldrop.domain.job import (
    ClaimedFile,
    Cost,
    Job,
    JobId,
    JournalEntry,
    MediaFacts,
    MediaFile,
    RelPath,
    Sent,
    Waiting,
    Way,
)
from reeldrop.domain.lifecycle import State, Verdict
from reeldrop.ports import KeptFile, Taken
from reeldrop.store.claimed import RecordedClaim, column_of

Row = Mapping[str, Any]
"""One row of a query by column name."""

PLAIN_COLUMNS = (
    *("id", "watch", "owner", "token", "priority", "not_before", "created", "updated"),
    *("spec_key", "origin_key", "leader"),
)
RECORDED = (
    *("path", "folder", "model", "params", "upload", "labels", "ticket", "reason"),
    *("tries", "attempts", "request_ids", "upload_mode", "generation_id", "submitted"),
    *("searched", "held", "aside", "settled"),
    *("result_url", "download", "verdict", "staged", "final", "source", "media", "result"),
    *("cost", "error", "fit", "fitted", "sent"),
)
"""The fields of a Job that live in the column `record`."""
FLAGS = ("late", "claimed", "joined")
FILE = "$file"
DICT = "$dict"


def text_of(text: str) -> str:
    """Return `text` as a JSON string in ASCII: file names may hold what a database's text may not."""
    return json.dumps(text)


def columns_of(job: Job) -> dict[str, Any]:
    """Return every column of `job` but those that the statements alone know.

    These are `n`, `uncertain_since`, `cancel` and `taken`.
    """
    columns = {name: getattr(job, name) for name in PLAIN_COLUMNS}
    columns["state"] = job.state.value
    columns["source_key"] = text_of(job.source_key)
    columns["claim_folder"] = text_of(job.claim.folder) if job.claim.folder else None
    columns["model"] = text_of(job.model)
    columns["generation"] = text_of(job.generation_id) if job.generation_id else None
    columns["ticket"] = text_of(job.ticket) if job.ticket else None
    for flag in FLAGS:
        columns[flag] = int(getattr(job, flag))
    record = {name: getattr(job, name) for name in RECORDED}
    record["params"] = _without_files(job.params)
    record["references"] = job.claim.references
    columns["files"] = column_of(job.claim)
    columns["record"] = json.dumps(record, default=_fields, separators=(",", ":"))
    return columns


def job_of(row: Row) -> Job:
    """Return the job that `columns_of` made the row of."""
    record = json.loads(row["record"])
    record["params"] = _with_files(record["params"])
    references = tuple(ClaimedFile(**file) for file in record.pop("references"))
    folder = RelPath(json.loads(row["claim_folder"]) if row["claim_folder"] else "")
    record["claim"] = RecordedClaim.of(folder, row["files"], references)
    record["request_ids"] = tuple(record["request_ids"])
    record["media"] = tuple(MediaFacts(**facts) for facts in record["media"])
    record["sent"] = tuple(
        Sent(each["name"], Way(each["way"]), each["why"]) for each in record["sent"]
    )
    for name, made in (
        ("verdict", Verdict),
        ("source", _facts_of),
        ("result", _facts_of),
        ("cost", _cost_of),
        ("error", _trouble_of),
        ("fit", _fit_of),
        ("fitted", _facts_of),
    ):
        if record[name] is not None:
            record[name] = made(record[name])
    return Job(
        **{name: row[name] for name in PLAIN_COLUMNS},
        state=State(row["state"]),
        source_key=json.loads(row["source_key"]),
        cancel_asked=bool(row["cancel"]),
        **{flag: bool(row[flag]) for flag in FLAGS},
        **record,
    )


def entry_of(row: Row) -> JournalEntry:
    """Return a line of a job's history."""
    note = json.loads(row["note"])
    return JournalEntry(row["at"], row["event"], State(row["state"]), row["token"], note)


def waiting_of(row: Row) -> Waiting:
    """Return a drop that waits."""
    path, reason = json.loads(row["path"]), json.loads(row["reason"])
    return Waiting(row["watch"], RelPath(path), reason, row["since"])


def kept_of(row: Row) -> KeptFile:
    """Return a file of a kept drop."""
    path = RelPath(json.loads(row["path"]))
    return KeptFile(path, row["key"], row["sha256"], JobId(row["job"]))


def taken_of(row: Row) -> Taken:
    """Return what a job has taken of its inbox."""
    references = json.loads(row["refs"])
    return Taken(
        RelPath(json.loads(row["path"])),
        JobId(row["id"]),
        tuple(RelPath(file["origin"]) for file in references),
    )


def _fields(value: Any) -> dict[str, Any]:
    """Write a domain value as an object of its fields."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _facts_of(told: Mapping[str, Any]) -> MediaFacts:
    return MediaFacts(**told)


def _cost_of(told: Mapping[str, Any]) -> Cost:
    return Cost(**told)


def _fit_of(told: Mapping[str, Any]) -> Fit:
    return Fit(**told)


def _trouble_of(told: Mapping[str, Any]) -> Trouble:
    return Trouble(**told)


def _without_files(value: Any) -> Any:
    """Write each MediaFile as {"$file": path}; a user's own object of that look goes into {"$dict": …}."""
    match value:
        case MediaFile(origin):
            return {FILE: origin}
        case Mapping():
            plain = {key: _without_files(item) for key, item in value.items()}
            return {DICT: plain} if plain.keys() in ({FILE}, {DICT}) else plain
        case list() | tuple():
            return [_without_files(item) for item in value]
        case _:
            return value


def _with_files(value: Any) -> Any:
    match value:
        case dict() if value.keys() == {FILE}:
            return MediaFile(RelPath(value[FILE]))
        case dict():
            plain = value[DICT] if value.keys() == {DICT} else value
            return {key: _with_files(item) for key, item in plain.items()}
        case list():
            return [_with_files(item) for item in value]
        case _:
            return value
