"""Jobs and waiting drops as people and programs read them: the same for page, file and terminal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reeldrop.domain.amounts import amount_told, progress_told
from reeldrop.domain.job import Job, Waiting
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.domain.moments import moment, paused_reason
from reeldrop.ports import Block, DaySpent, Direction, Health, Scope, Transfer

if TYPE_CHECKING:  # commands that only look must not wait for pydantic
    from reeldrop.settings import WatchSettings

MOVING: Mapping[Direction, Collection[State]] = {
    # The provider fetches from the media route while it generates.
    Direction.UPLOAD: (State.UPLOADING, State.SUBMITTING, State.GENERATING),
    Direction.DOWNLOAD: (State.DOWNLOADING,),
}
"""In which states files of a job can be under way."""
DOING = {"upload": "sending", "download": "fetching"}
CANCEL_ASKED = "a cancel was asked for; it is submitted already, so its result is kept if it comes"

LATE = 30.0
"""Seconds that a look may be late without anybody being told."""
UNITS = ((172_800.0, 86_400.0, "days"), (7200.0, 3600.0, "h"), (120.0, 60.0, "min"))
"""From how many seconds on an age is told in units of how many seconds."""


def holding(blocks: Sequence[Block], paused: float | None) -> list[Block]:
    """Return why queued jobs are not submitted: what the daemon put down, and a person's pause.

    `paused` is since when (s since the epoch), None where nobody has paused.
    """
    if paused is None:
        return list(blocks)
    return [Block(paused_reason(paused)), *blocks]


def blocked_reason(blocks: Sequence[Block]) -> str:
    """Return why jobs are not submitted; where it is not all of them, with the watch or the model.

    "" where nothing but time stands before them.
    """
    lasting = [each for each in blocks if not each.passing]
    if everything := [each.reason for each in lasting if each.scope is Scope.ALL]:
        return everything[0]
    concerned: dict[str, list[str]] = {}
    for each in lasting:
        concerned.setdefault(each.reason, []).append(f"{each.scope} {each.of}")
    return " ".join(f"{', '.join(of)}: {reason}" for reason, of in concerned.items())


def reason_of(job: Job, blocks: Sequence[Block], health: Sequence[Health] = ()) -> str:
    """Return why a job waits, "" while it moves."""
    if job.cancel_asked and job.state not in (*FINAL, State.DELIVERING):
        return CANCEL_ASKED
    if not job.reason and job.state in (State.DOWNLOADING, State.DELIVERING):
        # A step that a share holds cannot say so itself.
        return next((each.trouble for each in health if each.watch == job.watch), "")
    if job.reason or job.state is not State.QUEUED or job.leader:
        return job.reason
    concerns = {Scope.ALL: "", Scope.MODEL: job.model, Scope.WATCH: job.watch}
    return next((each.reason for each in blocks if each.of == concerns[each.scope]), "")


def moves(job: Job, transfer: Transfer) -> bool:
    """Say whether `transfer`, which was put down a moment ago, can still be of `job` as it is now."""
    return transfer.job == job.id and job.state in MOVING[transfer.direction]


def transfer_record(transfer: Transfer) -> dict[str, Any]:
    """Return how far a job's files have gone, as plain JSON values: bytes, and bytes/s."""
    return {
        "direction": str(transfer.direction),
        "bytes": transfer.bytes,
        "total": transfer.total,
        "rate": round(transfer.rate),
    }


def transfer_told(record: Mapping[str, Any]) -> str:
    """Return a record of `transfer_record` as people read it."""
    far = progress_told(record["bytes"], record["total"])
    return f"{DOING[record['direction']]} {far}, {amount_told(record['rate'])}/s"


def job_record(
    job: Job,
    blocks: Sequence[Block] = (),
    health: Sequence[Health] = (),
    transfers: Sequence[Transfer] = (),
) -> dict[str, Any]:
    """Return what a list shows of a job; plain JSON values, None where nothing is known.

    `blocks` are why queued jobs are not submitted, `health` is how the watches are, `transfers`
    is how far the files under way have gone.
    """
    moving = next((each for each in transfers if moves(job, each)), None)
    return {
        "id": job.id,
        "state": str(job.state),
        "reason": reason_of(job, blocks, health),
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
        "held": job.held,
        "transfer": transfer_record(moving) if moving else None,
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


def late_after(watch: "WatchSettings") -> float:
    """Return after how many seconds without a look something is wrong with a watch."""
    return 2 * max(watch.rescan_interval, watch.poll_interval) + LATE


def health_record(health: Health, now: float, late: float) -> dict[str, Any]:
    """Return how the looks at a watch's inbox go, as plain JSON values.

    `now` is in seconds since the epoch; `late` is after how many seconds without a look something
    is wrong. `age` is None before the first look.
    """
    age = None if health.scanned is None else max(0.0, now - health.scanned)
    return {
        "watch": health.watch,
        "ok": not health.trouble and (age is None or age <= late),
        "scanned": None if health.scanned is None else moment(health.scanned),
        "age": age,
        "late_after": late,
        "trouble": health.trouble,
        "modes": [asdict(mode) for mode in health.modes],
    }


def health_told(record: Mapping[str, Any]) -> str:
    """Return a record of `health_record` as people read it."""
    age = record["age"]
    seen = "not looked at yet" if age is None else f"looked at {age_told(age)} ago"
    if not record["ok"] and age is not None:
        seen = f"last {seen}" + ("" if age <= record["late_after"] else ", which is too long")
    modes = "; ".join(_mode_told(mode) for mode in record["modes"])
    told = f"{record['watch']}: {seen}" + (f", {modes}" if modes else "")
    return f"{told}. {record['trouble']}" if record["trouble"] else told


def _mode_told(mode: Mapping[str, str]) -> str:
    folder = f"{mode['folder']}: " if mode["folder"] else ""
    return f"{folder}{mode['how']} ({mode['why']})"


def age_told(seconds: float) -> str:
    """Return an age in the unit that suits it."""
    for least, unit, name in UNITS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def title(record: Mapping[str, Any]) -> str:
    """Return what people call a record: what is said of the inbox itself has no path."""
    return record["path"] or "the inbox"


def day_told(day: DaySpent) -> str:
    """Return what was spent on a day as people read it."""
    submits = "1 submit" if day.submits == 1 else f"{day.submits} submits"
    unpriced = f", {day.unpriced} of them not priced yet" if day.unpriced else ""
    return f"{day.day}: ${day.usd:.2f} for {submits}{unpriced}"


def _trouble(job: Job) -> dict[str, str] | None:
    if job.error is None:
        return None
    return {"code": job.error.code, "message": job.error.message, "hint": job.error.hint}
