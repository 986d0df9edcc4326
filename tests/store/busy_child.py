"""A daemon in miniature for the kill test: moves jobs along and tells each answer on a line."""

import asyncio
import itertools
import json
import secrets
import sys

from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, RelPath
from reeldrop.domain.lifecycle import Event
from reeldrop.host.clock import SystemClock
from reeldrop.ports import JobStore
from reeldrop.settings import LimitSettings, StoreSettings
from reeldrop.store import open_store

WAY = (Event.DECLARED, Event.ACCEPTED, Event.COMPLETED, Event.FETCHED, Event.PLACED)


def tell(job: Job) -> None:
    sys.stdout.write(json.dumps([job.id, job.state, job.token]) + "\n")
    sys.stdout.flush()


async def work(store: JobStore, clock: SystemClock, lane: int) -> None:
    for n in itertools.count():
        path = RelPath(f"{lane}/{n}\udcff.mp4")
        claim = Claim(RelPath(f".reeldrop/claims/{lane}-{n}"), (ClaimedFile(path, path),))
        job = Job(
            JobId(secrets.token_hex(16)), "main", path, path, "m", {}, claim, path,
            clock.now(), clock.now(), claimed=True,
        )  # fmt: skip
        await store.add([job])
        tell(job)
        claimed = await store.claim_next(clock.now())
        assert claimed
        tell(claimed)
        for event in WAY:
            claimed = await store.move(claimed, event)
            tell(claimed)


async def main() -> None:
    clock = SystemClock()
    store = await open_store(
        StoreSettings(url=sys.argv[1]),
        LimitSettings(in_flight=10_000, submits_per_minute=1_000_000),
        reconcile_window=60.0,
        clock=clock,
    )
    await store.enrol_watch("main", "/in", "/out")
    await asyncio.gather(*(work(store, clock, lane) for lane in range(8)))


asyncio.run(main())
