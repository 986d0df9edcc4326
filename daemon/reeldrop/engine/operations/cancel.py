"""`cancel`: what was not paid for ends at once; what was is made to its end, and its result is kept.

Rule: that a job is not wanted is on disk, and known to whoever sends it, before it is answered.
"""

from reeldrop.domain.job import Job
from reeldrop.domain.lifecycle import Event, State, Verdict
from reeldrop.domain.paths import printable
from reeldrop.engine.cancelling import cancelled, cancelled_unknown
from reeldrop.engine.operations.terms import AT_NEXT_START, REFUSED, Nudge, Said
from reeldrop.engine.rooms import Rooms

LONGEST_BREAKING_OFF = 5.0
GLANCE = 0.05


class Cancel:
    """Cancels one job."""

    def __init__(self, rooms: Rooms, nudge: Nudge) -> None:
        self._rooms = rooms
        self._nudge = nudge

    async def __call__(self, job: Job) -> Said | None:
        """Cancel `job`; None where it has to be looked at again. Raises Lost, StoreUnavailable."""
        match job.state:
            case State.QUEUED if not job.claimed:
                return Said("its files are still in the inbox: take them away there", REFUSED)
            case State.QUEUED:
                return await self._end_queued(job)
            case State.UPLOADING:
                return await self._break_off(job)
            case State.SUBMITTING | State.GENERATING | State.DOWNLOADING:
                return await self._ask(job)
            case State.UNCERTAIN if job.held and not self._nudge.in_the_air(job.id):
                ended = cancelled_unknown(job)
                return await self._end(job, ended, "nobody knows whether it was paid for")
            case State.UNCERTAIN:
                return await self._ask(job)
            case _:
                return _too_late(job)

    async def _end_queued(self, job: Job) -> Said:
        before = await self._rooms.store.charged(job.id)
        paid = f"nothing was paid for it{' this time' if before else ''}"
        return await self._end(job, cancelled(job, paid_before=before), paid)

    async def _end(self, job: Job, ended: Job, paid: str) -> Said:
        moved = await self._rooms.store.move(ended, Event.CANCEL, {"by": "person"})
        self._nudge.schedule(moved)
        return Said(f"cancelled; {paid}. {self._where(job)}")

    def _where(self, job: Job) -> str:
        when = "" if self._nudge.running else f" {AT_NEXT_START}"
        return f"It is put into {_failed(job)}{when}."

    async def _break_off(self, job: Job) -> Said | None:
        """End an upload, and wait until that is recorded."""
        await self._note(job)
        self._nudge.break_off(job.id)
        clock = self._rooms.clock
        until = clock.monotonic() + LONGEST_BREAKING_OFF
        while clock.monotonic() < until:
            now = await self._rooms.store.get(job.id)
            if now is None or now.state is not State.UPLOADING:
                return None
            await clock.sleep(GLANCE)
        return Said("its upload is being broken off; it is not submitted any more")

    async def _ask(self, job: Job) -> Said:
        await self._note(job)
        now = await self._rooms.store.get(job.id) or job
        if now.state is State.DELIVERING and now.verdict is Verdict.DELIVERED:
            return _too_late(now)
        if job.state is State.UNCERTAIN:
            return Said(
                "cancelled; nobody knows yet whether it was paid for. If the provider's log shows it "
                f"within {self._rooms.policy.reconcile_window / 60:.0f} min of looking, its result is "
                f"kept in {_failed(job)}; after that it is looked for no more."
            )
        if now.joined:
            return Said(
                "cancelled; its generation is that of another drop, so it costs nothing itself. The "
                f"result is kept in {_failed(job)} if it comes."
            )
        return Said(
            "cancelled, but it is submitted already and has to be paid for; its result is kept in "
            f"{_failed(job)} if it comes."
        )

    async def _note(self, job: Job) -> None:
        """Let it be known, first to who may be about to submit it."""
        if self._nudge.running:
            self._rooms.cancelled.add(job.id)
        await self._rooms.store.ask_cancel(job)


def _failed(job: Job) -> str:
    return printable(f"_failed/{job.folder}")


def _too_late(job: Job) -> Said:
    if State.CANCELLED in (job.state, job.verdict):
        return Said(f"is cancelled. {job.error.message if job.error else ''}".rstrip())
    if job.state is State.DELIVERING:
        return Said("is too late to cancel: it is being put into the outbox", REFUSED)
    return Said(f"is too late to cancel: it has {_ENDS[job.state]}", REFUSED)


_ENDS = {State.DELIVERED: "been delivered", State.FAILED: "failed"}
