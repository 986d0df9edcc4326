"""Jobs and waiting drops as people and programs read them: the same for page, file and terminal."""

from collections.abc import Mapping
from typing import Any

from reeldrop.domain.job import Job, Waiting
from reeldrop.domain.lifecycle import State
from reeldrop.domain.moments import moment


def job_record(job: Job, blocked: str = "") -> dict[str, Any]:
    """Return what a list shows of a job; plain JSON values, None where nothing is known.

    `blocked` is why no queued job is submitted, "" where one may be.
    """
    return {
        "id": job.id,
        "state": str(job.state),
        "reason": job.reason or (blocked if job.state is State.QUEUED else ""),
        "watch": job.watch,
        "path": job.path,
        "folder": job.folder,
        "model": job.model,
        "priority": job.priority,
        "generation_id": job.generation_id,
        "ticket": job.ticket or None,
        "created": moment(job.created),
        "updated": moment(job.updated),
        "error": _trouble(job),
        "cost": {"credits": job.cost.credits, "usd": job.cost.usd} if job.cost else None,
        "final": job.final,
    }


def waiting_record(drop: Waiting) -> dict[str, Any]:
    """Return what a list shows of a drop that is no job yet, with the same keys as a job."""
    return {
        "id": "",
        "state": "waiting",
        "reason": drop.reason,
        "watch": drop.watch,
        "path": drop.path,
        "generation_id": None,
        "created": moment(drop.since),
        "updated": moment(drop.since),
    }


def title(record: Mapping[str, Any]) -> str:
    """Return what people call a record: what is said of the inbox itself has no path."""
    return record["path"] or "the inbox"


def _trouble(job: Job) -> dict[str, str] | None:
    if job.error is None:
        return None
    return {"code": job.error.code, "message": job.error.message, "hint": job.error.hint}
