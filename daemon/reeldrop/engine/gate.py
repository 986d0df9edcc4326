"""Why nothing is submitted now, where the trouble is not one clip's own.

Rule 1: a wall stands until a clip has passed; while it stands one clip at a time probes, each time
        another where there is one: one clip's own trouble must not keep the others out.
Rule 2: how far a wall reaches is found out by who passes: a clip of another model narrows it to the
        models that were refused, one of the same model ends it, and who was refused is set aside.
Rule 3: a reason is logged when it comes and when it goes, not at every try.
Rule 4: that the API asks for fewer requests is never one clip's own trouble.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from reeldrop.domain.errors import BlockedError, RateLimited, StepError, TransientError
from reeldrop.domain.job import Job, JobId
from reeldrop.domain.limits import Opening
from reeldrop.domain.moments import paused_reason
from reeldrop.domain.retry import LONGEST_WAIT
from reeldrop.ports import Barred, Block, Clock, Scope

log = structlog.get_logger()

PROBE_INTERVAL = 30.0
"""Seconds after which a blocked queue tries one clip again."""
OWN_PAUSE = 5.0
"""Seconds after which a store that failed is asked again."""
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


class Gate:
    """What stands before the queue: a pause, a failing store, walls, disks and folders, the limits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paused: float | None = None
        self._own = ""
        self._own_since = 0.0
        self._own_until = 0.0
        self._wall: Wall | None = None
        self._models: dict[str, Wall] = {}
        self._aside: set[JobId] = set()
        self._short: dict[str, str] = {}
        self._offline: dict[str, str] = {}
        self._silent: dict[str, str] = {}
        self._limit = Opening(None)
        self._begun: dict[JobId, float] = {}

    # ------------------------------------------------------------------ what is seen of it

    @property
    def blocks(self) -> list[Block]:
        """Why queued jobs are not submitted, the farthest reaching first; a pause stands elsewhere."""
        found = [Block(self._own)] if self._own else []
        if self._wall:
            found.append(Block(self._wall.reason))
        found += [
            Block(wall.reason, Scope.MODEL, model) for model, wall in sorted(self._models.items())
        ]
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

    @property
    def _walls(self) -> list[Wall]:
        return [*self._models.values(), *([self._wall] if self._wall else [])]

    def quiet(self, job: Job) -> bool:
        """Say whether another try of `job` is nothing new for the log."""
        return self.is_aside(job) or bool(self._wall) or job.model in self._models

    def is_aside(self, job: Job) -> bool:
        """Say whether others passed where `job` was refused: its trouble is its own."""
        return job.aside or job.id in self._aside

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
        walls = [self._wall, self._models.get(job.model)]
        return any(wall is not None and wall.is_hopeless(now) for wall in walls)

    # ------------------------------------------------------------------ what the queue asks

    def wait(self) -> float:
        """Return the seconds until a job may be taken."""
        now = self._clock.monotonic()
        if self._paused is not None:
            return PROBE_INTERVAL
        own = max(0.0, self._own_until - now) if self._own else 0.0
        return max(own, self._wall.wait(now) if self._wall else 0.0)

    def choices(self) -> Iterator[Barred]:
        """Yield what to pass over: who tells most is looked for first, the refused themselves last."""
        now = self._clock.monotonic()
        closed = frozenset(model for model, wall in self._models.items() if wall.wait(now) > 0)
        watches = frozenset(self._closed)
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
        wall = self._wall or self._models.get(job.model)
        if wall:
            wall.probe(job)

    # ------------------------------------------------------------------ what submits tell

    def refuse(self, job: Job, error: StepError) -> bool:
        """Hear that a submit met a trouble that every clip may meet; nothing was made of it.

        True where it is known to be the clip's own.
        """
        rate = isinstance(error, RateLimited)
        if self.is_aside(job) and not rate:
            return True
        now = self._clock.monotonic()
        wall = self._wall or self._models.get(job.model)
        if wall is None:
            wall = self._wall = Wall(error.words, now, now, tries=0)
        if error.code not in wall.said:
            wall.said.add(error.code)
            _say(error.words)
        wall.reason = error.words
        wall.asked[job.id] = None
        if not rate:
            wall.refused[job.id] = job.model
        if wall.probing == job.id or not wall.tries:
            # Several clips that are refused in one breath met the trouble once.
            wall.tries += 1
            wall.probing = None
            wall.until = now + _pause(wall, error)
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
        for wall in self._walls:
            if wall.probing == job.id:
                wall.probing = None
                wall.until = self._clock.monotonic() + PROBE_INTERVAL

    def forget(self, job: Job) -> None:
        """Hear that a job has ended: it probes no more, and a wall of such jobs alone is none."""
        self._aside.discard(job.id)
        for wall in self._walls:
            wall.asked.pop(job.id, None)
            wall.refused.pop(job.id, None)
        if self._wall and not self._wall.known:
            log.info("queue.unblocked", was=self._wall.reason)
            self._wall = None
        for model in [model for model, wall in self._models.items() if not wall.known]:
            log.info("queue.unblocked", was=self._models.pop(model).reason, model=model)

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
        """Let everything try at once."""
        self._paused = None
        self._own_until = 0.0
        for wall in self._walls:
            wall.until = 0.0


def _pause(wall: Wall, error: StepError) -> float:
    """Return the seconds until the next probe: an outage is asked after soon, then ever more seldom."""
    if isinstance(error, BlockedError):
        return PROBE_INTERVAL
    growing = min(2.0 ** (wall.tries - 1), PROBE_INTERVAL)
    asked = error.retry_after if isinstance(error, TransientError) else None
    return max(growing, min(asked or 0.0, LONGEST_WAIT))


def _say_changes(known: Mapping[str, str], now: Mapping[str, str]) -> None:
    for watch in now.keys() - known.keys():
        _say(now[watch], watch=watch)
    for watch in known.keys() - now.keys():
        log.info("queue.unblocked", was=known[watch], watch=watch)


def _say(reason: str, **where: str) -> None:
    log.warning("queue.blocked", reason=reason, **where)
