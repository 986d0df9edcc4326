"""How files become drops, and drops become jobs: one look at an inbox, and all that follows from it.

The scan is the truth; nothing is believed of a file that two looks do not say. What is wrong with one
drop never stops the others.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from reeldrop.domain.drop import Clash, Drop, Finder, sort_files
from reeldrop.domain.errors import StepError
from reeldrop.domain.job import Job, RelPath, Waiting
from reeldrop.domain.paths import printable
from reeldrop.domain.settling import Quiet
from reeldrop.domain.spec import Document, Role
from reeldrop.engine.intake_claims import Claims
from reeldrop.engine.intake_found import Found, extensions_of
from reeldrop.engine.intake_jobs import Maker, parts_of
from reeldrop.engine.intake_judge import Judge
from reeldrop.engine.intake_kept import Kept
from reeldrop.engine.intake_shelf import Shelf
from reeldrop.engine.intake_spec import Specs
from reeldrop.engine.intake_verdict import Refuse, Round, Take, Timing, Verdict, Wait
from reeldrop.engine.intake_watch import Looked, Watch
from reeldrop.ports import Catalogue, Clock, Inbox, JobStore, Media, Scan

__all__ = ["Intake", "Looked", "Watch"]

log = structlog.get_logger()

AT_ONCE = 8
"""Drops under inspection at once."""
LONGEST_LOOK = 1.0
"""Seconds after which a look takes no more drops, so that the workers hear of what it has taken."""
BUSY_AGAIN = 5.0
"""Seconds until a file that cannot be read is tried again."""


@dataclass(slots=True)
class _Outcome:
    """What one look gathers."""

    now: float
    until: list[float] = field(default_factory=list[float])
    waiting: dict[RelPath, str] = field(default_factory=dict[RelPath, str])
    arriving: bool = False
    jobs_added: int = 0
    complete: bool = True
    """Every drop has been judged."""


class Intake:
    """The intake of one watch."""

    def __init__(  # noqa: PLR0913, PLR0917 - the rooms it works with, given once by the composition root
        self,
        watch: Watch,
        inbox: Inbox,
        store: JobStore,
        catalogue: Catalogue,
        media: Media,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._watch = watch
        self.inbox = inbox
        self._store = store
        self._clock = clock
        self._extensions = extensions_of(watch)
        self._shelf = Shelf(inbox, media, Quiet(watch.settle, watch.settle_polling))
        specs = Specs(catalogue)
        defaults = _defaults(watch)
        self._found = Found(watch, self._shelf, specs, store, defaults)
        timing = Timing(
            watch.sidecar_grace,
            watch.sidecar_timeout,
            watch.incomplete_timeout,
            watch.settle_polling,
        )
        self._judge = Judge(inbox, self._shelf, specs, timing, defaults)
        self._maker = Maker(watch.name, watch.archive == "keep", inbox, new_id)
        self._claims = Claims(inbox, store)
        self._kept = Kept(watch.name, store) if watch.archive == "keep" else None
        self._shown: tuple[Waiting, ...] | None = None
        self._settling = True
        self._created = 0.0

    async def finish_claims(self, jobs: Sequence[Job]) -> list[Job]:
        """Make the claims of an earlier run's jobs true; called once, before the first look.

        Returns the refused ones, which await their delivery.
        """
        self._claims.expect(jobs)
        await self._claims.retry()
        return self._handed_over()

    async def look(self) -> Looked:
        """Look at the whole inbox once, and take what is complete.

        An inbox that does not answer is said in `Looked.offline`; absence then proves nothing.
        """
        now = self._clock.monotonic()
        try:
            scan = await self.inbox.scan()
            outcome = await self._work(scan, now)
        except StepError as error:
            log.warning("look.failed", watch=self._watch.name, error=error.message)
            refused = tuple(self._handed_over())
            wait = min(BUSY_AGAIN, self._watch.rescan_interval)
            settling = self._settling
            return Looked(wait, len(refused), refused, settling, self._shown or (), error.message)
        self._settling = outcome.arriving or not outcome.complete
        if outcome.complete:
            await self._show(outcome)
        wait = 0.0 if not outcome.complete else self._wait(outcome)
        return Looked(
            wait,
            outcome.jobs_added,
            tuple(self._handed_over()),
            self._settling,
            self._shown or (),
        )

    def _wait(self, outcome: _Outcome) -> float:
        """Return the seconds until the first moment that may change something."""
        now = self._clock.monotonic()
        if self._claims.pending:
            outcome.until.append(now + BUSY_AGAIN)
        first = min(outcome.until, default=now + self._watch.rescan_interval)
        return min(max(0.0, first - now), self._watch.rescan_interval)

    def _handed_over(self) -> list[Job]:
        refused, self._claims.refused = self._claims.refused, []
        return refused

    # ------------------------------------------------------------------ one look

    async def _work(self, scan: Scan, now: float) -> _Outcome:
        entries = (
            scan.entries
            if self._kept is None
            else await self._kept.without(scan.entries, self._extensions)
        )
        self._shelf.note(scan, entries, now)
        self._found.note_arrivals(now)
        if self._claims.pending:
            await self._claims.retry({entry.path: entry for entry in scan.entries})
        pending = {path for job in self._claims.pending for path in _origins(job)}
        files = sort_files((e.path for e in entries if e.path not in pending), self._extensions)
        around = Round(
            now, files.presets, Finder(self._shelf.entries).find, self._found.quiet_since
        )
        found = await self._found.drops(files, now)
        outcome = _Outcome(now, arriving=bool(pending))
        outcome.waiting |= {
            path: f"cannot be looked at: {why}" for path, why in scan.unreadable.items()
        }
        first = max(self._clock.now(), self._created)
        self._created = first + len(found) * 1e-6
        turn = ((drop, first + at * 1e-6) for at, drop in enumerate(found))
        await asyncio.gather(*(self._runner(turn, around, outcome) for _ in range(AT_ONCE)))
        return outcome

    async def _runner(
        self, turn: Iterator[tuple[Drop | Clash, float]], around: Round, outcome: _Outcome
    ) -> None:
        """Work off what is left of `turn`: drops, and when their jobs count as made."""
        for drop, created in turn:
            try:
                await self._one(drop, created, around, outcome)
            except StepError as error:
                self._note_wait(drop, Wait(error.message, around.now + BUSY_AGAIN), outcome)
            if outcome.jobs_added and self._clock.monotonic() - around.now > LONGEST_LOOK:
                outcome.complete = outcome.complete and next(turn, None) is None
                return

    async def _one(
        self, drop: Drop | Clash, created: float, around: Round, outcome: _Outcome
    ) -> None:
        if self._kept is not None and await self._kept.knows(self._shelf.entries[drop.files[0]]):
            return
        verdict: Verdict
        if isinstance(drop, Clash):
            verdict = await self._judge.clash(drop, around)
        else:
            verdict = await self._judge.drop(drop, around)
        if isinstance(verdict, Wait):
            self._note_wait(drop, verdict, outcome)
        else:
            await self._take(drop, verdict, created, outcome)

    def _note_wait(self, drop: Drop | Clash, wait: Wait, outcome: _Outcome) -> None:
        outcome.waiting[drop.files[0]] = wait.reason
        outcome.arriving = outcome.arriving or wait.arriving
        if wait.until is not None:
            outcome.until.append(wait.until)

    async def _take(
        self, drop: Drop | Clash, verdict: Take | Refuse, created: float, outcome: _Outcome
    ) -> None:
        parts = parts_of(drop)
        entry = self._shelf.entries[parts.path]
        if isinstance(verdict, Take):
            jobs = self._maker.taken(parts, entry, verdict, created)
        else:
            jobs = self._maker.refused(parts, entry, verdict, created)
        keys = {path: self._shelf.entries[path].key for path in parts.files}
        added = await self._claims.take(jobs, keys if self._kept is not None else None)
        outcome.jobs_added += added
        if not added:
            outcome.waiting[parts.path] = "waiting for an earlier job of the same file to end"
        elif self._kept is not None:
            self._kept.remember([self._shelf.entries[path] for path in parts.files])
        else:
            self._shelf.forget(parts.files, self._clock.monotonic())
        self._found.remember_used(jobs)

    async def _show(self, outcome: _Outcome) -> None:
        """Tell the store what waits, when it has changed."""
        since = {waiting.path: waiting.since for waiting in self._shown or ()}
        now = self._clock.now()
        shown = tuple(
            Waiting(self._watch.name, path, printable(reason), since.get(path, now))
            for path, reason in sorted(outcome.waiting.items())
        )
        if shown != self._shown:
            await self._store.set_waiting(self._watch.name, shown)
            self._shown = shown


def _origins(job: Job) -> Iterator[RelPath]:
    return (file.origin for file in job.claim.source)


def _defaults(watch: Watch) -> Document | None:
    if not watch.defaults:
        return None
    name = f"the defaults of the watch {watch.name}"
    return Document(Role.DEFAULTS, name, RelPath(""), dict(watch.defaults), "defaults")
