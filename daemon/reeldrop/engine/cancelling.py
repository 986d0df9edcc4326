"""What a cancel makes of a job: whether it was paid for decides what its folder says and holds. Pure."""

from dataclasses import replace

from reeldrop.domain.errors import Cancelled, Trouble
from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Verdict

UNPAID = "It was cancelled before it was submitted; nothing was paid for it."
UNPAID_THIS_TIME = (
    "It was cancelled before it was submitted again; nothing was paid for it this time."
)
KEPT = (
    "It was cancelled after its generation had been submitted, which is paid for. Its result is kept: "
    "{name}."
)
UNKNOWN = "It was cancelled while nobody knew whether its submit had been paid for; it is looked for no more."
ASK = "The provider can tell by its request ids: {ids}."


def cancelled(job: Job, *, paid_before: bool) -> Job:
    """Return a job that nothing was paid for since a person has begun it, as it ends.

    `paid_before`: something was, or may have been, before it was begun anew.
    """
    return _ended(job, _unpaid(paid_before=paid_before))


def _unpaid(*, paid_before: bool) -> Trouble:
    return Trouble(Cancelled.code, UNPAID_THIS_TIME if paid_before else UNPAID)


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


def failed_after(trouble: Trouble, *, paid_before: bool) -> Trouble:
    """Return what is said of a cancelled job that came to nothing; `paid_before` as for `cancelled`."""
    if trouble.code == Cancelled.code:
        return _unpaid(paid_before=paid_before)
    return replace(trouble, message=f"It was cancelled; meanwhile: {trouble.message}")
