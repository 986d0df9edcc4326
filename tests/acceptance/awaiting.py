"""What a daemon comes to, awaited where it is first to be seen: by no look too early, and no process for each look."""

from collections.abc import Mapping
from typing import Any

from acceptance.dropping import waiting
from acceptance.world import Site, eventually
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.lifecycle import FINAL, State
from reeldrop.settings import StoreSettings
from reeldrop.store import StoreReader, open_reader


def memory(site: Site) -> StoreReader:
    """Open the site's store for looking, as `reeldrop jobs` does."""
    return open_reader(StoreSettings(url=f"sqlite:///{site.state}/reeldrop.db"))


async def in_state(site: Site, path: str, state: str) -> Job:
    """Await the job of `path` in `state`."""
    with memory(site) as store:
        return await eventually(
            lambda: next((job for job in store.jobs([State(state)]) if job.path == path), None)
        )


async def claimed(site: Site, path: str) -> Job:
    """Await the job of `path`, queued and its files taken: it is queued a moment earlier."""
    job = await in_state(site, path, "queued")
    with memory(site) as store:

        def taken() -> Job | None:
            now = store.get(job.id)
            return now if now is not None and now.claimed else None

        return await eventually(taken)


async def all_queued(site: Site, number: int, patience: float = 30.0) -> None:
    """Await that so many jobs are queued."""
    with memory(site) as store:
        await eventually(lambda: len(store.jobs([State.QUEUED])) == number, patience)


async def ended(site: Site, folder: str) -> dict[str, Any]:
    """Await the job's folder, and that its end is recorded: the folder is seen first."""
    record = await site.finished(folder)
    with memory(site) as store:

        def has_ended() -> bool:
            job = store.get(JobId(record["id"]))
            return job is not None and job.state in FINAL

        await eventually(has_ended)
    return record


async def says(site: Site, reasons: Mapping[str, str]) -> None:
    """Await that the outbox tells of each path that it waits, with these words in the reason."""

    def told() -> bool:
        now = waiting(site)
        return all(words in now.get(path, "") for path, words in reasons.items())

    await eventually(told)
