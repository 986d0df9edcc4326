"""The status of one outbox, as a file for programs and a page for people, written into the outbox."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reeldrop.domain.job import Job, Waiting
from reeldrop.domain.lifecycle import FINAL, UNFINISHED, State
from reeldrop.domain.moments import moment
from reeldrop.ports import Block, Clock, DaySpent, Health, JobStore, Outbox, Transfer
from reeldrop.web.page import status_page
from reeldrop.web.records import (
    blocked_reason,
    health_record,
    holding,
    job_record,
    waiting_record,
)

SCHEMA = 1
DAYS = 7
"""Days on which anything was spent that are told."""
FINISHED_SHOWN = 200
FINISHED_READ = 1000
"""How many finished jobs are read for it: those of other outboxes are among them."""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the jobs: why queued ones are not submitted, what all watches spent, how
    each watch is, with the seconds after which a look at it is late, and which files are under way.
    """

    blocks: Sequence[Block] = ()
    spent: Sequence[DaySpent] = ()
    health: Sequence[tuple[Health, float]] = ()
    transfers: Sequence[Transfer] = ()


def status_document(
    node: str,
    now: float,
    jobs: Sequence[Job],
    waiting: Sequence[Waiting],
    around: Around = Around(),
) -> dict[str, Any]:
    """Return the status as plain JSON values: all unfinished jobs and the last finished ones.

    `counts` counts what is listed: it is exact for everything that is not finished.
    """
    open_jobs = [job for job in jobs if job.state not in FINAL]
    finished = sorted((job for job in jobs if job.state in FINAL), key=lambda job: -job.updated)
    shown = sorted(open_jobs, key=lambda job: (-job.priority, job.created, job.id))
    shown += finished[:FINISHED_SHOWN]
    health = [each for each, _ in around.health]
    counts = Counter(str(job.state) for job in shown)
    return {
        "schema": SCHEMA,
        "node": node,
        "updated": moment(now),
        "counts": {"waiting": len(waiting)} | {str(state): counts[str(state)] for state in State},
        "blocked": blocked_reason(around.blocks),
        "spent": [asdict(day) for day in around.spent],
        "watches": [health_record(each, now, late) for each, late in around.health],
        "waiting": [waiting_record(drop) for drop in waiting],
        "jobs": [job_record(job, around.blocks, health, around.transfers) for job in shown],
    }


class StatusBoard:
    """Keeps `_status.json` and `_status.html` of one outbox true."""

    def __init__(
        self, node: str, watches: Mapping[str, float], store: JobStore, outbox: Outbox, clock: Clock
    ) -> None:
        """`watches` are those that deliver into `outbox`: the seconds after which a look is late, by name.

        These may change while the board is kept.
        """
        self._node = node
        self._watches = watches
        self._store = store
        self._outbox = outbox
        self._clock = clock

    async def write(self) -> None:
        """Read the store and replace both files. Raises what `Outbox.write_status` raises."""
        going = await self._store.jobs(UNFINISHED)
        finished = await self._store.jobs(sorted(FINAL), limit=FINISHED_READ)
        waiting = await self._store.waiting()
        document = status_document(
            self._node,
            self._clock.now(),
            [job for job in (*going, *finished) if job.watch in self._watches],
            [drop for drop in waiting if drop.watch in self._watches],
            Around(
                holding(await self._store.blocks(), await self._store.paused()),
                await self._store.spent(DAYS),
                [
                    (each, self._watches[each.watch])
                    for each in await self._store.health()
                    if each.watch in self._watches
                ],
                await self._store.transfers(),
            ),
        )
        # Ten thousand jobs are some megabytes of text: made beside the event loop.
        as_json, as_page = await asyncio.to_thread(_rendered, document)
        await self._outbox.write_status("_status.json", as_json)
        await self._outbox.write_status("_status.html", as_page)


def _rendered(document: dict[str, Any]) -> tuple[bytes, bytes]:
    page = status_page(document).encode("utf-8", "replace")
    return json.dumps(document, indent=1).encode("ascii") + b"\n", page
