"""Finding a job by what people type of its id."""

import click

from reeldrop.domain.job import Job, JobId
from reeldrop.store import StoreReader


def find_job(store: StoreReader, wanted: str) -> Job:
    """Return the job whose id is `wanted`, or begins with it. Raises click.UsageError."""
    wanted = wanted.lower()
    if exact := store.get(JobId(wanted)):
        return exact
    found = [job for job in store.jobs() if wanted and job.id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise click.UsageError(f'no job is called "{wanted}"; `reeldrop jobs` lists them.')
    some = ", ".join(job.id[:12] for job in found[:5])
    raise click.UsageError(
        f'{len(found)} jobs begin with "{wanted}": {some} … give more of the id.'
    )
