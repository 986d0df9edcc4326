"""What a notice says: as a record for programs, and in one plain sentence for people. Pure."""

import hashlib
from dataclasses import asdict
from typing import Any

from reeldrop.domain.job import Job
from reeldrop.domain.moments import moment
from reeldrop.domain.notices import Notice, Occasion
from reeldrop.domain.paths import printable
from reeldrop.engine.rooms import Rooms
from reeldrop.ports import Block, Happening, Scope

SCHEMA = 1
"""The version of a notice's form."""
LONGEST = 2000
"""Characters of a message."""
SHORT_ID = 12
"""Characters of a job's id, enough for any command."""


def of_job(occasion: Occasion, happening: Happening, job: Job, rooms: Rooms) -> Notice:
    """Return what is told of a job, as it is now. The same happening has the same id for ever."""
    folder, result = _places(job, rooms)
    return _notice(
        f"notice_{job.id}_{happening.n}",
        occasion,
        happening.at,
        f"{occasion}: {job.path}",
        _sentence(occasion, job, folder),
        {
            "node": rooms.node,
            "watch": job.watch,
            "job": _job_record(job),
            "folder": folder,
            "result": result,
            "block": None,
        },
    )


def of_block(occasion: Occasion, block: Block, since: float, rooms: Rooms) -> Notice:
    """Return what is told of a queue that is closed, or that was, from `since` (s since the epoch) on."""
    concerned = (
        "Everything" if block.scope is Scope.ALL else f"{block.scope.capitalize()} {block.of}"
    )
    sentence = f"{concerned} waits: {block.reason}"
    if occasion is Occasion.UNBLOCKED:
        sentence = f"{concerned} goes on. It had waited: {block.reason}"
    of = "the queue" if block.scope is Scope.ALL else f"{block.scope} {block.of}"
    seed = f"{rooms.node}|{block.scope}|{block.of}|{since!r}|{occasion}"
    return _notice(
        f"notice_{hashlib.sha256(seed.encode('utf-8', 'backslashreplace')).hexdigest()[:32]}",
        occasion,
        rooms.clock.now(),
        f"{occasion}: {of}",
        sentence,
        {
            "node": rooms.node,
            "watch": block.of if block.scope is Scope.WATCH else None,
            "job": None,
            "folder": None,
            "result": None,
            "block": {"scope": str(block.scope), "of": block.of or None, "reason": block.reason},
        },
    )


def _notice(
    notice_id: str, occasion: Occasion, at: float, title: str, sentence: str, told: dict[str, Any]
) -> Notice:
    message = _readable(sentence)
    record = {
        "schema": SCHEMA,
        "id": notice_id,
        "event": str(occasion),
        "at": moment(at),
        **told,
        "message": message,
    }
    return Notice(notice_id, occasion, at, f"Reeldrop {_readable(title)}", message, record)


def _job_record(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "path": job.path,
        "state": str(job.state),
        "reason": job.reason,
        "labels": dict(job.labels),
        "model": job.model,
        "ticket": job.ticket or None,
        "attempts": job.attempts,
        "generation_id": job.generation_id,
        "created": moment(job.created),
        "updated": moment(job.updated),
        "cost": asdict(job.cost) if job.cost else None,
        "error": asdict(job.error) if job.error else None,
    }


def _places(job: Job, rooms: Rooms) -> tuple[str | None, str | None]:
    """Return the job's folder in the outbox and its result, as absolute paths, where there are any."""
    place = rooms.places.get(job.watch)
    if place is None or job.final is None:
        return None, None
    folder = place.outbox.real(job.final)
    return str(folder), str(folder / job.result.name) if job.result else None


def _sentence(occasion: Occasion, job: Job, folder: str | None) -> str:
    match occasion:
        case Occasion.DELIVERED:
            dollars = job.cost.dollars if job.cost else None
            cost = "" if dollars is None else f" It cost ${dollars:.2f}."
            return f"{job.path} is done and lies in {folder or 'the outbox'}.{cost}"
        case Occasion.UNCERTAIN:
            return (
                f"{job.path} needs a person: {job.reason} "
                f"`reeldrop resolve {job.id[:SHORT_ID]}` decides."
            )
        case _:
            why = job.error.message if job.error else job.reason
            lies = f" It lies in {folder}." if folder else ""
            return f"{job.path} could not be done: {why}{lies}"


def _readable(text: str) -> str:
    """Return `text` as one line that every receiver can hold, whatever a file's name holds."""
    plain = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
    told = printable(plain)
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"
