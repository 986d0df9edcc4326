"""Why nothing is submitted now, where the trouble is not one clip's own.

A reason is logged when it comes and when it goes, not at every try.
"""

from collections.abc import Iterator, Mapping

import structlog

from reeldrop.domain.errors import StepError
from reeldrop.domain.job import Job
from reeldrop.domain.limits import Opening
from reeldrop.domain.moments import paused_reason
from reeldrop.engine.walls import PROBE_INTERVAL, Walls
from reeldrop.ports import Barred, Block, Clock, Scope

log = structlog.get_logger()

OWN_PAUSE = 5.0
"""Seconds after which a store that failed is asked again."""


class Gate:
    """What stands before the queue: a pause, a failing store, walls, disks and folders, the limits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paused: float | None = None
        self._own = ""
        self._own_since = 0.0
        self._own_until = 0.0
        self._walls = Walls(clock)
        self._short: dict[str, str] = {}
        self._offline: dict[str, str] = {}
        self._silent: dict[str, str] = {}
        self._limit = Opening(None)

    # ------------------------------------------------------------------ what is seen of it

    @property
    def blocks(self) -> list[Block]:
        """Why queued jobs are not submitted, the farthest reaching first; a pause stands elsewhere."""
        found = [Block(self._own)] if self._own else []
        found += self._walls.blocks
        found += [Block(why, Scope.WATCH, watch) for watch, why in sorted(self._closed.items())]
        if self._limit.reason:
            found.append(Block(self._limit.reason, passing=not self._limit.lasting))
        return found

    @property
    def reason(self) -> str:
        """Why queued jobs were left, for people; empty where nothing but time stands before them."""
        if self._paused is not None:
            return paused_reason(self._paused)
        return next((block.reason for block in self.blocks if not block.passing), "")

    @property
    def _closed(self) -> dict[str, str]:
        """The watches of which nothing is submitted, and why."""
        return {**self._short, **self._offline, **self._silent}

    def quiet(self, job: Job) -> bool:
        """Say whether another try of `job` is nothing new for the log."""
        return self.is_aside(job) or self._walls.before(job) is not None

    def is_aside(self, job: Job) -> bool:
        """Say whether others passed where `job` was refused: its trouble is its own."""
        return self._walls.is_aside(job)

    def gives_up_on(self, job: Job) -> bool:
        """Say whether a single run shall not wait for this queued job."""
        now = self._clock.monotonic()
        if self._paused is not None or self.is_aside(job):
            return True
        # What is not due yet may be of a model that the budget has room for.
        if self._limit.lasting and job.not_before <= self._clock.now():
            return True
        if job.watch in self._closed:
            return True
        if self._own and now - self._own_since >= PROBE_INTERVAL / 2:
            return True
        return self._walls.are_hopeless(job)

    # ------------------------------------------------------------------ what the queue asks

    def wait(self) -> float:
        """Return the seconds until a job may be taken."""
        now = self._clock.monotonic()
        if self._paused is not None:
            return PROBE_INTERVAL
        own = max(0.0, self._own_until - now) if self._own else 0.0
        return max(own, self._walls.wait())

    def choices(self) -> Iterator[Barred]:
        """Yield what to pass over: who tells most is looked for first, the refused themselves last."""
        return self._walls.choices(frozenset(self._closed))

    def begin(self, job: Job) -> None:
        """Count a job that was taken: behind a wall it is the only one."""
        self._walls.begin(job)

    # ------------------------------------------------------------------ what submits tell

    def refuse(self, job: Job, error: StepError) -> bool:
        """Hear that a submit met a trouble that every clip may meet; nothing was made of it.

        True where it is known to be the clip's own.
        """
        return self._walls.refuse(job, error)

    def passed(self, job: Job) -> None:
        """Hear that the API took a submit up, or refused it for what it holds."""
        self._walls.passed(job)

    def ended(self, job: Job) -> None:
        """Hear that a submit ended and told nothing of the trouble: another clip finds out."""
        self._walls.ended(job)

    def forget(self, job: Job) -> None:
        """Hear that a job has ended: it probes no more, and a wall of such jobs alone is none."""
        self._walls.forget(job)

    # ------------------------------------------------------------------ what this host tells

    def close(self, reason: str) -> None:
        """Submit nothing while the store fails; a reason is logged once, not at every try."""
        now = self._clock.monotonic()
        if reason != self._own:
            _say(reason)
            self._own_since = now
        self._own = reason
        self._own_until = now + OWN_PAUSE

    def over(self) -> None:
        """Hear that the store answers again."""
        if self._own:
            log.info("queue.unblocked", was=self._own)
        self._own = ""

    def shortage(self, watches: Mapping[str, str]) -> None:
        """Hear which watches' disks are too full to take on work, and the sentence for each."""
        _say_changes(self._short, watches)
        self._short = dict(watches)

    def silent(self, watches: Mapping[str, str]) -> None:
        """Hear of which watches a folder does not answer at all, and the sentence for each."""
        _say_changes(self._silent, watches)
        self._silent = dict(watches)

    def offline(self, watch: str, reason: str) -> None:
        """Hear that a watch's folder does not answer and why, or "": it does. Its intake has logged it."""
        if reason:
            self._offline[watch] = reason
        else:
            self._offline.pop(watch, None)

    def limited(self, opening: Opening) -> None:
        """Hear which limit keeps the next job waiting; an empty reason: none."""
        if opening.lasting and not self._limit.lasting:
            _say(opening.reason)
        elif self._limit.lasting and not opening.lasting:
            log.info("queue.unblocked", was=self._limit.reason)
        self._limit = opening

    # ------------------------------------------------------------------ what people tell

    def pause(self, since: float) -> None:
        """Let nothing through until `resume`; `since` in seconds since the epoch."""
        self._paused = since

    def resume(self) -> None:
        """End the pause."""
        self._paused = None

    def ask_again(self) -> None:
        """Let whatever failed find out at once whether it still does; a pause stays."""
        self._own_until = 0.0
        self._walls.open()


def _say_changes(known: Mapping[str, str], now: Mapping[str, str]) -> None:
    for watch in now.keys() - known.keys():
        _say(now[watch], watch=watch)
    for watch in known.keys() - now.keys():
        log.info("queue.unblocked", was=known[watch], watch=watch)


def _say(reason: str, **where: str) -> None:
    log.warning("queue.blocked", reason=reason, **where)
