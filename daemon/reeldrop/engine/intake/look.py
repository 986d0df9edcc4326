"""How files become drops, and drops become jobs: one look at an inbox, and all that follows from it.

The scan is the truth; nothing is believed of a file that two looks do not say. What is wrong with one
drop never stops the others.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from reeldrop.domain.drop import Clash, Drop, Finder, sort_files
from reeldrop.domain.errors import ReeldropError, StepError, StoreUnavailable
from reeldrop.domain.job import Job, RelPath
from reeldrop.domain.settling import Quiet
from reeldrop.domain.spec import Document, Role
from reeldrop.engine.intake.again import Again
from reeldrop.engine.intake.claims import Claims
from reeldrop.engine.intake.found import Found
from reeldrop.engine.intake.frames import Frames
from reeldrop.engine.intake.jobs import Maker, parts_of
from reeldrop.engine.intake.judge import Judge
from reeldrop.engine.intake.keeping import Keeping, with_digest
from reeldrop.engine.intake.kept import Kept
from reeldrop.engine.intake.past import Past, edited
from reeldrop.engine.intake.probing import Probing
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.engine.intake.spec import Specs
from reeldrop.engine.intake.terms import Decision, Looked, Refuse, Round, Take, Wait, Watch
from reeldrop.engine.intake.waiting import WaitingList
from reeldrop.ports import Catalogue, Clock, Entry, Inbox, JobStore, KeptFile, Media, Scan

log = structlog.get_logger()

AT_ONCE = 16
"""Drops under inspection at once."""
LONGEST_LOOK = 1.0
"""Seconds after which a look takes no more drops, so that the workers hear of what it has taken."""
LONGEST_IDLE_LOOK = 60.0
"""The same where it has taken none: files that are read through must not keep new drops waiting."""
BLIND = 10.0
"""Seconds from which on a scan counts as time in which the inbox could not be seen."""
AGAIN = 5.0
"""Seconds until the next look while anything waits: that a file is gone, or can be read, is not told."""


@dataclass(slots=True)
class _Outcome:
    """What one look gathers."""

    now: float
    wall: float
    """The same moment in seconds since the epoch."""
    until: list[float] = field(default_factory=list[float])
    waiting: dict[RelPath, str] = field(default_factory=dict[RelPath, str])
    arriving: bool = False
    jobs_added: int = 0
    left: list[Drop | Clash] = field(default_factory=list[Drop | Clash])
    """The drops that were not judged: the look took too long, or met what all would meet."""
    broken: ReeldropError | None = None
    """What every drop would meet: the look ends."""

    @property
    def complete(self) -> bool:
        """Say whether every drop has been judged."""
        return not self.left


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
        self._watch, self._coming = watch, watch
        self.inbox, self._clock, self._store, self._new_id = inbox, clock, store, new_id
        self._extensions = watch.clip_extensions
        probing = Probing(watch.name, store)
        self._shelf = Shelf(inbox, media, Quiet(watch.settle, watch.settle_polling), probing)
        self._frames = Frames(watch, inbox, media, self._shelf, probing)
        self._specs = Specs(catalogue, watch.paths)
        self._past = Past(watch.name, store)
        self._found = Found(watch, self._shelf, self._specs, self._past, None)
        self._claims = Claims(inbox, store)
        self._kept = Kept(watch.name, store) if watch.archive == "keep" else None
        self._keeping = Keeping(self._kept, self._shelf) if self._kept else None
        self._judge, self._maker, self._again = self._go_by(watch)
        self._list = WaitingList(watch.name, store, clock)
        self._crashed: dict[RelPath, tuple[str, ...]] = {}
        """The drops that met a bug, by their first file, with the versions of all their files."""
        self._settling = True
        self._offline = ""
        self._unseen = False
        """The last scan failed: what lies in the inbox could not be seen."""
        self._slow = False
        """The last scan took long."""
        self._created = 0.0
        self._next: RelPath | None = None
        """The first file of the drop that the next look begins with, where the last one broke off."""
        self.moved = 0.0
        """When the present look last came a step on (monotonic seconds)."""

    def follow(self, watch: Watch) -> None:
        """Judge by `watch` from the next look on; its name, extensions and archive are those that were."""
        self._coming = watch

    def _go_by(self, watch: Watch) -> tuple[Judge, Maker, Again | None]:
        """Let what remembers files judge by `watch`; return anew what does not."""
        defaults = _defaults(watch)
        self._shelf.settle_by(Quiet(watch.settle, watch.settle_polling))
        self._frames.follow(watch)
        self._specs.follow(watch.paths)
        self._found.follow(watch, defaults)
        judge = Judge(self.inbox, self._shelf, self._specs, self._frames, watch, defaults)
        keep = watch.archive == "keep"
        maker = Maker(watch.name, watch.upload, keep, self.inbox, self._new_id)
        # A kept clip has a rule of its own.
        again = not keep and watch.duplicates != "never"
        return judge, maker, Again(self._shelf, self._store) if again else None

    async def finish_claims(self, jobs: Sequence[Job]) -> list[Job]:
        """Make the claims of an earlier run's jobs true; called once, before the first look.

        Returns the refused ones, which await their delivery.
        """
        self._claims.expect(jobs)
        await self._claims.retry(looked=False)
        return self._handed_over()

    def take_back(self, job: Job) -> None:
        """Claim a job anew whose clip was replaced before it was sent; it is withdrawn where that is so."""
        self._claims.expect([job])
        self.inbox.wake()

    async def look(self) -> Looked:
        """Look at the whole inbox once, and take what is complete.

        An inbox that does not answer is said in `Looked.offline`; absence then proves nothing.
        """
        if self._watch is not self._coming:
            self._watch = self._coming
            self._judge, self._maker, self._again = self._go_by(self._watch)
        outcome = _Outcome(self._clock.monotonic(), self._clock.now())
        offline, scanned, modes = "", None, ()
        try:
            scan = await self.inbox.scan(self._shelf.unsettled())
            scanned, modes = self._clock.now(), scan.modes
            self.moved = self._clock.monotonic()
            await self._work(scan, outcome)
            self._settling = outcome.arriving or not outcome.complete
            await self._list.show(self._still_waiting(outcome) | outcome.waiting)
        except (StepError, StoreUnavailable) as error:
            offline = error.message
            self._unseen = self._unseen or scanned is None
            await self._note_offline(error)
        self._offline = offline
        return Looked(
            self._wait(outcome),
            outcome.jobs_added,
            tuple(self._handed_over()),
            self._settling,
            self._list.shown,
            offline,
            scanned,
            modes,
        )

    def _still_waiting(self, outcome: _Outcome) -> dict[RelPath, str]:
        """Return what was said last of the drops that this look did not come to."""
        shown = {waiting.path: waiting.reason for waiting in self._list.shown}
        left = (drop.files[0] for drop in outcome.left)
        return {path: shown[path] for path in left if path in shown}

    async def _note_offline(self, error: ReeldropError) -> None:
        if self._offline != error.message:
            log.warning("look.failed", watch=self._watch.name, error=error.message)
        if isinstance(error, StepError):
            # Where the store fails as well, nobody can be told but by the log.
            with suppress(StoreUnavailable):
                await self._list.show_offline(error.message)

    def _wait(self, outcome: _Outcome) -> float:
        """Return the seconds until the first moment that may change something."""
        if self._offline:
            return min(AGAIN, self._watch.rescan_interval)
        if not outcome.complete:
            return 0.0
        now = self._clock.monotonic()
        if self._claims.pending:
            outcome.until.append(now + AGAIN)
        first = min(outcome.until, default=now + self._watch.rescan_interval)
        return min(max(0.0, first - now), self._watch.rescan_interval)

    def _handed_over(self) -> list[Job]:
        refused, self._claims.refused = self._claims.refused, []
        return refused

    # ------------------------------------------------------------------ one look

    async def _work(self, scan: Scan, outcome: _Outcome) -> None:
        now = outcome.now
        postponed = len(self._claims.pending)
        ended = await self._claims.retry(looked=True)
        # A claim that is made at last is news for the queue, as a new job is.
        outcome.jobs_added += postponed - len(self._claims.pending)
        entries = scan.entries
        if self._kept is not None:
            await self._kept.load()
            if ended:
                await self._kept.reload()
            entries = self._kept.without(entries, self._extensions)
            outcome.waiting |= edited(await self._kept.edited(self.inbox.sha256))
        self._note(scan, entries, now)
        self._found.note_arrivals(now)
        pending = {file.origin for job in self._claims.pending for file in job.claim.source}
        files = sort_files((e.path for e in entries if e.path not in pending), self._extensions)
        around = Round(
            now,
            outcome.wall,
            files.presets,
            Finder(self._shelf.entries).find,
            self._found.quiet_since,
            scan.away,
        )
        found = await self._found.drops(files, now)
        outcome.arriving = bool(pending)
        outcome.waiting |= dict.fromkeys(scan.away, "is not mounted now") | {
            path: f"cannot be looked at: {why}" for path, why in scan.unreadable.items()
        }
        first = max(self._clock.now(), self._created)
        self._created = first + len(found) * 1e-6
        turn = self._in_turn([(drop, first + at * 1e-6) for at, drop in enumerate(found)])
        await asyncio.gather(*(self._runner(turn, around, outcome) for _ in range(AT_ONCE)))
        self._next = outcome.left[0].files[0] if outcome.left else None
        if outcome.broken is not None:
            raise outcome.broken

    def _note(self, scan: Scan, entries: Sequence[Entry], now: float) -> None:
        """Take in a scan; time-outs do not run while nobody could have brought what they wait for."""
        if self._unseen:
            self._shelf.wait_out(now)
            self._unseen = False
        self._shelf.note(scan, entries, now)
        # Where every scan takes long, that is how fast the share is: nothing would ever settle.
        slow = self.moved - now > BLIND
        if slow and not self._slow:
            self._shelf.wait_out(self.moved)
        self._slow = slow
        self._crashed = {p: keys for p, keys in self._crashed.items() if p in self._shelf.entries}

    def _in_turn(
        self, found: list[tuple[Drop | Clash, float]]
    ) -> Iterator[tuple[Drop | Clash, float]]:
        """Yield the drops, those first that the last look did not come to: each has its turn."""
        starts = (at for at, (drop, _) in enumerate(found) if drop.files[0] == self._next)
        first = next(starts, 0)
        yield from (*found[first:], *found[:first])

    async def _runner(
        self, turn: Iterator[tuple[Drop | Clash, float]], around: Round, outcome: _Outcome
    ) -> None:
        """Work off what is left of `turn`: drops, and when their jobs count as made."""
        for drop, created in turn:
            try:
                await self._one(drop, created, around, outcome)
            except StepError as error:
                self._note_wait(drop, Wait(error.message), outcome)
            except ReeldropError as error:
                outcome.broken = error
            except Exception as error:  # noqa: BLE001 - a bug met by one drop must not stop the others
                self._note_crash(drop, error, outcome)
            self.moved = self._clock.monotonic()
            longest = LONGEST_LOOK if outcome.jobs_added else LONGEST_IDLE_LOOK
            if outcome.broken or self.moved - around.now > longest:
                outcome.left += [drop for drop, _ in turn]
                return

    async def _one(
        self, drop: Drop | Clash, created: float, around: Round, outcome: _Outcome
    ) -> None:
        named = self._found.named.get(drop.files[0])
        if self._keeping is not None and await self._keeping.knows(drop, named, around.now):
            outcome.waiting |= await self._keeping.edited(drop)
            return
        for path in drop.files:
            if path in self._found.broken:
                raise self._found.broken[path]
        decision: Decision
        if isinstance(drop, Clash):
            decision = await self._judge.clash(drop, around)
        else:
            decision = await self._judge.drop(drop, around)
        if isinstance(decision, Wait):
            before = "" if isinstance(drop, Clash) else await self._past.taken_before(drop)
            reason = f"{decision.reason}; {before}" if before else decision.reason
            self._note_wait(drop, replace(decision, reason=reason), outcome)
        else:
            await self._take(drop, decision, created, outcome)

    def _note_wait(self, drop: Drop | Clash, wait: Wait, outcome: _Outcome) -> None:
        outcome.waiting[drop.files[0]] = wait.reason
        outcome.arriving = outcome.arriving or wait.arriving
        again = outcome.now + AGAIN
        outcome.until.append(again if wait.until is None else min(wait.until, again))

    def _note_crash(self, drop: Drop | Clash, error: Exception, outcome: _Outcome) -> None:
        """Let a drop that met a bug wait; the log is told once for each content of its files."""
        path, keys = drop.files[0], tuple(self._shelf.entries[each].version for each in drop.files)
        if self._crashed.get(path) != keys:
            log.error("drop.crashed", watch=self._watch.name, path=path, exc_info=error)
            self._crashed[path] = keys
        reason = f"met a fault of Reeldrop itself ({type(error).__name__}: {error}); see its log"
        self._note_wait(drop, Wait(reason), outcome)

    async def _take(
        self, drop: Drop | Clash, decision: Take | Refuse, created: float, outcome: _Outcome
    ) -> None:
        parts = parts_of(drop)
        jobs = self._maker.jobs(parts, self._shelf.entries, decision, created)
        if self._again is not None and isinstance(decision, Take):
            new = await self._again.without(jobs)
            if isinstance(new, Wait):
                self._note_wait(drop, new, outcome)
                return
            jobs = new
        kept: list[KeptFile] = []
        if self._keeping:
            kept = await self._keeping.files(parts, jobs[0])
            jobs = with_digest(jobs, parts, kept)
        if not await self._claims.record(jobs, kept):
            self._note_wait(drop, await self._claims.obstacle(jobs), outcome)
            return
        outcome.jobs_added += len(jobs)
        self._past.remember(jobs)
        if self._kept is not None:
            self._kept.remember(kept)
        await self._claims.make(jobs)
        if self._kept is None:
            self._shelf.forget(parts.files, self._clock.monotonic())


def _defaults(watch: Watch) -> Document | None:
    if not watch.defaults:
        return None
    name = f"the defaults of the watch {watch.name}"
    version = f"defaults\0{json.dumps(watch.defaults, sort_keys=True, default=str)}"
    return Document(Role.DEFAULTS, name, RelPath(""), dict(watch.defaults), version)
