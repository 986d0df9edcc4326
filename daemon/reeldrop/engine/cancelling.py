"""What a cancel makes of a job: whether it was paid for decides what its folder says and holds. Pure."""

from dataclasses import replace

from reeldrop.domain.errors import Cancelled, Trouble
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Verdict

UNPAID = "It was cancelled before it was submitted; nothing was paid for it."
KEPT = (
    "It was cancelled after it had been submitted, so it was paid for. Its result is kept: {name}."
)
UNKNOWN = "It was cancelled while nobody knew whether its submit had been paid for; it is looked for no more."
ASK = "The provider can tell by its request ids: {ids}."


def cancelled(job: Job) -> Job:
    """Return a job that nothing was paid for, as it ends."""
    return _ended(job, Trouble(Cancelled.code, UNPAID))


def cancelled_unknown(job: Job) -> Job:
    """Return an uncertain job, as it ends."""
    ids = ", ".join(job.request_ids)
    return _ended(job, Trouble(Cancelled.code, UNKNOWN, ASK.format(ids=ids)))


def _ended(job: Job, trouble: Trouble) -> Job:
    return job.evolve(verdict=Verdict.CANCELLED, error=trouble, reason="", tries=0, held=False)


def fetched_after(name: str) -> Trouble:
    """Return what is said beside the result `name` of a cancelled job."""
    return Trouble(Cancelled.code, KEPT.format(name=name))


def may_be_paid(job: Job) -> bool:
    """Say whether a cancelled job was paid for, as far as its end tells."""
    error = job.error
    return error is not None and error.code == Cancelled.code and error.message != UNPAID


def failed_after(trouble: Trouble) -> Trouble:
    """Return what is said of a cancelled job that came to nothing for a reason of its own."""
    if trouble.code == Cancelled.code:
        return trouble
    return replace(trouble, message=f"It was cancelled; meanwhile: {trouble.message}")
