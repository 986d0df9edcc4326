"""Walls: a submit was refused for what may be everybody's trouble, and clips find out whose it is.

Rule 1: a wall stands until a clip has passed; while it stands one clip at a time probes, each time
        another where there is one: one clip's own trouble must not keep the others out.
Rule 2: how far a wall reaches is found out by who passes: a clip of another model narrows it to the
        models that were refused, one of the same model ends it, and who was refused is set aside.
Rule 3: that the API asks for fewer requests is never one clip's own trouble.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from reeldrop.domain.errors import BlockedError, RateLimited, StepError, TransientError
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.retry import LONGEST_WAIT
from reeldrop.ports import Barred, Block, Clock, Scope

log = structlog.get_logger()

PROBE_INTERVAL = 30.0
"""Seconds after which a blocked queue tries one clip again."""
HOPELESS = 2
"""Refusals, half a minute apart, after which a single run waits no longer."""


@dataclass(slots=True)
class Wall:
    """Clips were refused by a trouble that may be everybody's."""

    reason: str
    until: float
    """When the next clip may probe (monotonic)."""
    since: float
    tries: int = 1
    refused: dict[JobId, str] = field(default_factory=dict[JobId, str])
    """Who was refused, and the model of each."""
    asked: dict[JobId, None] = field(default_factory=dict[JobId, None])
    """Who has met it since every clip there is was last asked, the latest at the end."""
    said: set[str] = field(default_factory=set[str])
    """The codes of its reasons that the log knows."""
    probing: JobId | None = None

    def wait(self, now: float) -> float:
        """Return the seconds until a clip may probe."""
        return PROBE_INTERVAL if self.probing else max(0.0, self.until - now)

    @property
    def known(self) -> bool:
        """Say whether any clip that met it is still there: a new round forgets only who was asked."""
        return bool(self.asked or self.refused)

    def probe(self, job: Job) -> None:
        """Let `job` find out; where there was none but those who were asked, a new round begins."""
        if job.id in self.asked:
            self.asked.clear()
        self.asked[job.id] = None
        self.probing = job.id

    def passed_over(self) -> Iterator[frozenset[JobId]]:
        """Yield which clips shall not probe: all of this round, then the last one alone, then none."""
        asked = list(self.asked)
        yield frozenset(asked)
        if len(asked) > 1:
            yield frozenset(asked[-1:])
        if asked:
            yield frozenset()

    def is_hopeless(self, now: float) -> bool:
        """Say whether a single run shall not wait for it any longer."""
        return self.tries >= HOPELESS and now - self.since >= PROBE_INTERVAL / 2


class Walls:
    """The wall before all clips, and those before the clips of one model each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall: Wall | None = None
        self._models: dict[str, Wall] = {}
        self._aside: set[JobId] = set()
        self._begun: dict[JobId, float] = {}
        self._opened = 0.0
        """When they were opened last: what had begun before tells nothing of the trouble since."""

    @property
    def blocks(self) -> list[Block]:
        """What is refused and why, the farthest reaching first."""
        found = [Block(self._wall.reason)] if self._wall else []
        return found + [
            Block(wall.reason, Scope.MODEL, model) for model, wall in sorted(self._models.items())
        ]

    @property
    def _all(self) -> list[Wall]:
        return [*self._models.values(), *([self._wall] if self._wall else [])]

    def before(self, job: Job) -> Wall | None:
        """Return the wall that `job` would meet."""
        return self._wall or self._models.get(job.model)

    def is_aside(self, job: Job) -> bool:
        """Say whether others passed where `job` was refused: its trouble is its own."""
        return job.aside or job.id in self._aside

    def are_hopeless(self, job: Job) -> bool:
        """Say whether a single run shall not wait any longer for a wall before `job`."""
        now = self._clock.monotonic()
        walls = [self._wall, self._models.get(job.model)]
        return any(wall is not None and wall.is_hopeless(now) for wall in walls)

    def wait(self) -> float:
        """Return the seconds until any job may be taken."""
        return self._wall.wait(self._clock.monotonic()) if self._wall else 0.0

    def choices(self, watches: frozenset[str]) -> Iterator[Barred]:
        """Yield what to pass over beside `watches`: who tells most is looked for first, the refused last."""
        now = self._clock.monotonic()
        closed = frozenset(model for model, wall in self._models.items() if wall.wait(now) > 0)
        if self._wall:
            refused = frozenset(self._wall.refused.values())
            yield Barred(frozenset(self._wall.asked), closed | refused, watches)
            for jobs in self._wall.passed_over():
                yield Barred(jobs, closed, watches)
            return
        # The others' clips may go on for days: a wall of one model is not probed after them.
        for model in sorted(self._models.keys() - closed):
            for jobs in self._models[model].passed_over():
                yield Barred(jobs, watches=watches, model=model)
        yield Barred(frozenset(), closed, watches)

    def begin(self, job: Job) -> None:
        """Count a job that was taken: behind a wall it is the only one."""
        self._begun[job.id] = self._clock.monotonic()
        if wall := self.before(job):
            wall.probe(job)

    def refuse(self, job: Job, error: StepError) -> bool:
        """Hear that a submit met a trouble that every clip may meet; nothing was made of it.

        True where it is known to be the clip's own.
        """
        rate = isinstance(error, RateLimited)
        if self.is_aside(job) and not rate:
            return True
        now = self._clock.monotonic()
        wall = self.before(job)
        if wall is None:
            wall = self._wall = Wall(error.words, now, now, tries=0)
        if error.code not in wall.said:
            wall.said.add(error.code)
            log.warning("queue.blocked", reason=error.words)
        wall.reason = error.words
        wall.asked[job.id] = None
        if not rate:
            wall.refused[job.id] = job.model
        if wall.probing == job.id or not wall.tries:
            # Several clips that are refused in one breath met the trouble once.
            wall.tries += 1
            wall.probing = None
            old = self._begun.get(job.id, now) < self._opened
            wall.until = now if old else now + _pause(wall, error)
        return False

    def passed(self, job: Job) -> None:
        """Hear that the API took a submit up, or refused it for what it holds."""
        self._aside.discard(job.id)
        begun = self._begun.pop(job.id, 0.0)
        model_wall, wall = self._models.get(job.model), self._wall
        # What was on its way before the trouble came proves nothing about it.
        if model_wall and begun >= model_wall.since:
            del self._models[job.model]
            self._set_aside(model_wall, job)
        if wall and begun >= wall.since:
            self._wall = None
            if wall.refused and job.model not in wall.refused.values():
                self._narrow(wall)
            else:
                self._set_aside(wall, job)
        self.ended(job)

    def ended(self, job: Job) -> None:
        """Hear that a submit ended and told nothing of the trouble: another clip finds out."""
        self._begun.pop(job.id, None)
        for wall in self._all:
            if wall.probing == job.id:
                wall.probing = None
                wall.until = self._clock.monotonic() + PROBE_INTERVAL

    def forget(self, job: Job) -> None:
        """Hear that a job has ended: it probes no more, and a wall of such jobs alone is none."""
        self._aside.discard(job.id)
        for wall in self._all:
            wall.asked.pop(job.id, None)
            wall.refused.pop(job.id, None)
        if self._wall and not self._wall.known:
            log.info("queue.unblocked", was=self._wall.reason)
            self._wall = None
        for model in [model for model, wall in self._models.items() if not wall.known]:
            log.info("queue.unblocked", was=self._models.pop(model).reason, model=model)

    def open(self) -> None:
        """Let a clip probe each of them at once, beside one that may still be under way."""
        self._opened = self._clock.monotonic()
        for wall in self._all:
            wall.until = 0.0
            wall.probing = None

    def _set_aside(self, wall: Wall, passed: Job) -> None:
        self._aside |= wall.refused.keys() - {passed.id}
        log.info("queue.unblocked", was=wall.reason, set_aside=len(self._aside))

    def _narrow(self, wall: Wall) -> None:
        """Clips of other models pass: the wall is that of the refused ones' models."""
        until = self._clock.monotonic() + PROBE_INTERVAL
        for model in set(wall.refused.values()):
            refused = {job: each for job, each in wall.refused.items() if each == model}
            if known := self._models.get(model):
                refused |= known.refused
            self._models[model] = Wall(
                wall.reason, until, wall.since, wall.tries, refused,
                asked=dict.fromkeys(refused), said=set(wall.said),
            )  # fmt: skip
            log.warning("queue.narrowed", model=model, reason=wall.reason)


def _pause(wall: Wall, error: StepError) -> float:
    """Return the seconds until the next probe: an outage is asked after soon, then ever more seldom."""
    if isinstance(error, BlockedError):
        return PROBE_INTERVAL
    growing = min(2.0 ** (wall.tries - 1), PROBE_INTERVAL)
    asked = error.retry_after if isinstance(error, TransientError) else None
    return max(growing, min(asked or 0.0, LONGEST_WAIT))
