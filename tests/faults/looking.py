"""What these tests look at: the reasons that people see, and the requests that may cost money."""

import asyncio
from typing import Any

from acceptance.world import Site
from reeldrop.simulator import Simulator
from reeldrop.simulator.http import Seen


async def reason_of(site: Site, path: str, *states: str) -> str:
    """Await the job in one of `states` with a reason, as `reeldrop jobs --json` shows it."""

    async def look() -> dict[str, Any] | None:
        jobs = [job for job in await site.jobs() if job["path"] == path]
        return next((job for job in jobs if job["state"] in states and job["reason"]), None)

    async with asyncio.timeout(60):
        while (job := await look()) is None:
            await asyncio.sleep(0.1)
    return job["reason"]


def submits(api: Simulator) -> list[Seen]:
    """Return the requests that came whole and may have been paid for."""
    return [seen for seen in api.ledger.requests if seen.method == "POST" and seen.last_byte]


async def resume(site: Site) -> None:
    code, _, errors = await site.command("resume")
    assert code == 0, errors
