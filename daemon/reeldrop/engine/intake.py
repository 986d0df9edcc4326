"""How files become drops, and drops become jobs: one look at an inbox, and all that follows from it.

The scan is the truth; nothing is believed of a file that two looks do not say. What is wrong with one
drop never stops the others.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from reeldrop.domain.drop import Clash, Drop, Files, Finder, Says, pair, preset_chain, sort_files
from reeldrop.domain.errors import FileBusy, StepError
from reeldrop.domain.job import Job, RelPath, Waiting
from reeldrop.domain.paths import parent, printable
from reeldrop.domain.settling import Quiet
from reeldrop.domain.spec import Document, Role
from reeldrop.engine.intake_claims import Claims
from reeldrop.engine.intake_jobs import Maker, parts_of
from reeldrop.engine.intake_judge import Judge, Refuse, Round, Take, Timing, Verdict, Wait
from reeldrop.engine.intake_kept import Kept
from reeldrop.engine.intake_shelf import Shelf
from reeldrop.engine.intake_spec import Specs, names_files, says
from reeldrop.ports import Catalogue, Clock, Inbox, JobStore, Media, Scan

log = structlog.get_logger()

AT_ONCE = 4
"""Drops under inspection at once."""
LONGEST_LOOK = 1.0
"""Seconds after which a look takes no more drops, so that the workers hear of what it has taken."""
BUSY_AGAIN = 5.0
"""Seconds until a file that cannot be read is tried again."""
REMEMBERED_JOBS = 10_000


@dataclass(frozen=True, slots=True)
class Watch:
    """What the intake needs to know of a watch; times in seconds.

    `extensions` are those of clips, without a dot; `archive` is `move`, `delete` or `keep`;
    `defaults` is the preset for the whole watch.
    """

    name: str
    extensions: tuple[str, ...]
    settle: float
    settle_polling: float
    rescan_interval: float
    sidecar_grace: float
    sidecar_timeout: float
    incomplete_timeout: float
    archive: str
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at an inbox came to."""

    wait: float
    """Seconds until the inbox must be looked at again, if nothing changes before."""
    jobs_added: int = 0
    refused: tuple[Job, ...] = ()
    """Refused drops that await their delivery; this daemon owns them."""
    still_settling: bool = False
    """Files are on their way; a drop that waits for a part nobody has begun does not count."""
    waiting: tuple[Waiting, ...] = ()
    offline: str = ""
    """Why the folder could not be looked at."""


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
        self._extensions = frozenset(each.lower().lstrip(".") for each in watch.extensions)
        self._shelf = Shelf(inbox, media, Quiet(watch.settle, watch.settle_polling))
        self._specs = Specs(catalogue)
        self._defaults = _defaults(watch)
        timing = Timing(
            watch.sidecar_grace,
            watch.sidecar_timeout,
            watch.incomplete_timeout,
            watch.settle_polling,
        )
        self._judge = Judge(inbox, self._shelf, self._specs, timing, self._defaults)
        self._maker = Maker(watch.name, watch.archive == "keep", inbox, new_id)
        self._claims = Claims(inbox, store)
        self._kept = Kept(watch.name, store) if watch.archive == "keep" else None
        self._used: set[RelPath] | None = None
        self._quiet_since: dict[RelPath, float | None] = {}
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
        self._note_arrivals(now)
        if self._claims.pending:
            await self._claims.retry({entry.path: entry for entry in scan.entries})
        pending = {path for job in self._claims.pending for path in _origins(job)}
        files = sort_files((e.path for e in entries if e.path not in pending), self._extensions)
        around = Round(now, files.presets, Finder(self._shelf.entries).find, self._quiet_since)
        drops, clashes = pair(files, await self._says(files, now))
        drops = await self._without_used(drops, files)
        outcome = _Outcome(now, arriving=bool(pending))
        outcome.waiting |= {
            path: f"cannot be looked at: {why}" for path, why in scan.unreadable.items()
        }
        turn = iter(self._in_order([*drops, *clashes]))
        await asyncio.gather(*(self._runner(turn, around, outcome) for _ in range(AT_ONCE)))
        return outcome

    def _in_order(self, found: list[Drop | Clash]) -> list[Drop | Clash]:
        """Sort drops, the oldest first."""
        entries = self._shelf.entries

        def age(drop: Drop | Clash) -> tuple[int, RelPath]:
            return max(entries[path].mtime_ns for path in drop.files), drop.files[0]

        return sorted(found, key=age)

    async def _runner(self, turn: Iterator[Drop | Clash], around: Round, outcome: _Outcome) -> None:
        for drop in turn:
            try:
                await self._one(drop, around, outcome)
            except StepError as error:
                self._note_wait(drop, Wait(error.message, around.now + BUSY_AGAIN), outcome)
            if outcome.jobs_added and self._clock.monotonic() - around.now > LONGEST_LOOK:
                outcome.complete = outcome.complete and next(turn, None) is None
                return

    async def _one(self, drop: Drop | Clash, around: Round, outcome: _Outcome) -> None:
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
            await self._take(drop, verdict, outcome)

    def _note_wait(self, drop: Drop | Clash, wait: Wait, outcome: _Outcome) -> None:
        outcome.waiting[drop.files[0]] = wait.reason
        outcome.arriving = outcome.arriving or wait.arriving
        if wait.until is not None:
            outcome.until.append(wait.until)

    async def _take(self, drop: Drop | Clash, verdict: Take | Refuse, outcome: _Outcome) -> None:
        parts = parts_of(drop)
        entry = self._shelf.entries[parts.path]
        if isinstance(verdict, Take):
            jobs = self._maker.taken(parts, entry, verdict, self._now())
        else:
            jobs = self._maker.refused(parts, entry, verdict, self._now())
        keys = {path: self._shelf.entries[path].key for path in parts.files}
        added = await self._claims.take(jobs, keys if self._kept is not None else None)
        outcome.jobs_added += added
        if not added:
            outcome.waiting[parts.path] = "waiting for an earlier job of the same file to end"
        elif self._kept is not None:
            self._kept.remember([self._shelf.entries[path] for path in parts.files])
        else:
            self._shelf.forget(parts.files, self._clock.monotonic())
        if self._used is not None:
            self._used.update(file.origin for job in jobs for file in job.claim.references)

    def _now(self) -> float:
        """Return the wall clock's time, later than for the drop before: jobs keep their order."""
        self._created = max(self._clock.now(), self._created + 1e-6)
        return self._created

    # ------------------------------------------------------------------ what holds for many drops

    def _note_arrivals(self, now: float) -> None:
        """Remember in which folders files are arriving, for `sidecar_grace`."""
        busy: set[RelPath] = set()
        for path in self._shelf.entries:
            recent = now - self._shelf.since(path) < self._watch.incomplete_timeout
            ready = self._shelf.ready_at(path)
            if recent and (ready is None or ready > now or self._shelf.is_torn(path)):
                busy.add(parent(path))
        for folder, quiet in tuple(self._quiet_since.items()):
            if quiet is None and folder not in busy:
                self._quiet_since[folder] = now
            elif quiet is not None and now - quiet > self._watch.sidecar_grace:
                del self._quiet_since[folder]
        self._quiet_since.update(dict.fromkeys(busy))

    async def _says(self, files: Files, now: float) -> dict[RelPath, Says]:
        """Ask every complete sidecar for its clip; one that cannot be read goes by its name."""
        words: dict[RelPath, Says] = {}
        turn = iter(files.sidecars)

        async def ask() -> None:
            for path in turn:
                ready = self._shelf.ready_at(path)
                if ready is None or ready > now:
                    continue
                with suppress(FileBusy):
                    document = await self._shelf.document(path, Role.SIDECAR)
                    if isinstance(document, Document) and (word := says(document)):
                        words[path] = word

        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
        return words

    async def _without_used(self, drops: list[Drop], files: Files) -> list[Drop]:
        """Leave out the clips that a spec uses beside its own: they are no drops of themselves."""
        lone = {drop.clip for drop in drops if drop.clip and not drop.sidecar}
        if not lone:
            return drops
        if self._used is None:
            jobs = await self._store.jobs(limit=REMEMBERED_JOBS)
            ours = [job for job in jobs if job.watch == self._watch.name]
            self._used = {file.origin for job in ours for file in job.claim.references}
        used = {path for path in lone if path in self._used}
        for path in (*files.sidecars, *files.presets.values()):
            document = self._shelf.known_document(path)
            if document is not None and names_files(document, self._extensions):
                chain = preset_chain(files.presets, parent(path))
                above = [self._shelf.known_document(each) for each in chain if each != path]
                documents = [*self._base(), *(each for each in above if each), document]
                spec = self._specs.read(documents, path)
                used.update(each.path for each, _ in spec.references)
        return [drop for drop in drops if drop.sidecar or drop.clip not in used]

    def _base(self) -> list[Document]:
        return [self._defaults] if self._defaults else []

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
