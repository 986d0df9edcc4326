"""What is to be done with a drop now: take it, wait for something, or refuse it.

Nothing is changed here; what costs a look into a file is asked for last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from reeldrop.domain.drop import Clash, Drop, is_json, preset_chain
from reeldrop.domain.errors import ClipUnreadable, NotWhole, Trouble
from reeldrop.domain.footage import Footage
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import leaf, parent, printable
from reeldrop.domain.references import Reference, kind_of
from reeldrop.domain.spec import Document, Fault, Role, shown
from reeldrop.engine.intake.clip import clip_named, no_clip
from reeldrop.engine.intake.fitting import image_problems, with_fits
from reeldrop.engine.intake.frames import Frames, crowded
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.engine.intake.spec import Named, Problem, Spec, Specs
from reeldrop.engine.intake.terms import Decision, Refuse, Round, Take, Wait, Watch
from reeldrop.engine.intake.wording import (
    about_named,
    awaited,
    blamed,
    given,
    part_missing,
    reference_missing,
    trouble_of,
)
from reeldrop.ports import Inbox

ARRIVING = "still arriving"
LEASE_AGAIN = 1.0
"""Seconds until a file that somebody writes to is asked about again."""


@dataclass(slots=True)
class _References:
    """What the files are that a spec names beside the clip."""

    found: dict[RelPath, RelPath] = field(default_factory=dict[RelPath, RelPath])
    """Where each of them lies, by the path that the spec gives."""
    problems: list[Problem] = field(default_factory=list[Problem])
    unready: Wait | Refuse | None = None
    """The first that is not there yet, or never came: those behind it were not looked at."""


class Judge:
    """Judges the drops of one watch."""

    def __init__(
        self,
        inbox: Inbox,
        shelf: Shelf,
        specs: Specs,
        frames: Frames,
        watch: Watch,
        defaults: Document | None,
    ) -> None:
        self._inbox = inbox
        self._frames = frames
        self._shelf = shelf
        self._specs = specs
        self._watch = watch
        self._defaults = defaults

    async def drop(self, drop: Drop, around: Round) -> Decision:
        """Say what is to be done with `drop`. Raises StepError where a file cannot be read now."""
        if wait := self._settling(drop.files, around) or self._empty(drop.files):
            return wait
        documents = await self._presets(drop, around)
        if isinstance(documents, Wait):
            return documents
        sidecar = await self._sidecar(drop)
        faults: tuple[Problem, ...] = ()
        if isinstance(sidecar, Fault):
            if wait := self._half_written(drop.sidecar or drop.path, around):
                return wait
            faults = (Problem(sidecar, None),)
        elif sidecar is not None:
            documents = (*documents, sidecar)
            known = self._watch.extensions, self._specs.paths
            fault = no_clip(sidecar, *known, clip_found=drop.clip is not None)
            faults = (Problem(fault, sidecar),) if fault else ()
        named = drop.pattern.path if drop.pattern else drop.clip
        clip_expected = named or (drop.wants and drop.path) or None
        spec = self._specs.read(documents, RelPath(clip_expected) if clip_expected else None)
        if isinstance(sidecar, Document):
            faults = (*faults, *blamed(spec))
        return await self._with_spec(drop, spec, faults, around)

    async def _with_spec(
        self, drop: Drop, spec: Spec, faults: tuple[Problem, ...], around: Round
    ) -> Decision:
        lone = drop.clip is not None and drop.sidecar is None
        if drop.pattern and drop.crowd:
            return Refuse(crowded(drop, drop.pattern), spec)
        if (lone and spec.open) or (not lone and drop.wants):
            return await self._part_missing(drop, spec, faults, around)
        if not faults and spec.problems:
            return Wait(f"paused: {spec.problems[0].text('the preset')}")
        footage, trouble = await self._look(drop, spec, around)
        if isinstance(trouble, Wait):
            return trouble
        if lone and trouble is None and (wait := self._grace(drop.path, around)):
            return wait
        name = printable(drop.pattern.path if drop.pattern else drop.path)
        spec, unfit = with_fits(spec, footage, self._watch.conform, name)
        references = await self._references(drop, spec, around)
        if not (faults or unfit or trouble):
            return await self._with_references(drop, spec, footage, references, around)
        if wait := await self._written(self._asked(drop), around):
            return wait
        told = {problem.fault.key for problem in faults}
        besides = [each for each in references.problems if each.fault.key not in told]
        return Refuse(trouble_of(drop, (*faults, *unfit, *besides), trouble), spec)

    async def _with_references(
        self,
        drop: Drop,
        spec: Spec,
        footage: Footage | None,
        references: _References,
        around: Round,
    ) -> Decision:
        """Say what is to be done with a drop of which nothing but the references may be wrong."""
        if references.unready:
            return references.unready
        if wait := await self._written((*self._asked(drop), *references.found.values()), around):
            return wait
        if references.problems:
            return Refuse(trouble_of(drop, references.problems, None), spec)
        chain = preset_chain(around.presets, parent(drop.path))
        return Take(spec, footage, references.found, chain)

    # ------------------------------------------------------------------ parts

    def _settling(self, files: Sequence[RelPath], around: Round) -> Wait | None:
        """Return a Wait while a file has not been quiet for long enough."""
        until = [self._ready(path) for path in files]
        if (last := max(until, default=around.now)) > around.now:
            return Wait(ARRIVING, last, arriving=True)
        return None

    def _empty(self, files: Sequence[RelPath]) -> Refuse | None:
        for path in files:
            if self._shelf.entries[path].size == 0 and not is_json(path):
                message = f"{printable(path)} is empty and has stayed so."
                return Refuse(Trouble("empty", message, "Drop the whole file again."))
        return None

    def _ready(self, path: RelPath) -> float:
        """Return when a file counts as complete, or as never to be so."""
        ready = self._shelf.ready_at(path)
        if ready is not None:
            return ready
        watch = self._watch
        patience = watch.settle_polling if is_json(path) else watch.incomplete_timeout
        return self._shelf.changed_at(path) + patience

    async def _presets(self, drop: Drop, around: Round) -> tuple[Document, ...] | Wait:
        chain = preset_chain(around.presets, parent(drop.path))
        if any(self._ready(path) > around.now for path in chain):
            until = max(self._ready(path) for path in chain)
            return Wait("waiting for a preset that is still arriving", until, arriving=True)
        documents = [self._defaults] if self._defaults else []
        for path in chain:
            read = await self._shelf.document(path, Role.PRESET)
            if isinstance(read, Fault):
                until = self._shelf.changed_at(path) + self._watch.settle_polling
                early = until > around.now
                reason = (
                    ARRIVING if early else f"paused: {Problem(read, None).text(printable(path))}"
                )
                return Wait(reason, until if early else None, arriving=early)
            documents.append(read)
        return tuple(documents)

    def _half_written(self, path: RelPath, around: Round) -> Wait | None:
        """Return a Wait while the rest of a file that does not parse may still come."""
        until = self._shelf.changed_at(path) + self._watch.settle_polling
        return Wait(ARRIVING, until, arriving=True) if until > around.now else None

    async def _sidecar(self, drop: Drop) -> Document | Fault | None:
        if drop.sidecar is None:
            return None
        return await self._shelf.document(drop.sidecar, Role.SIDECAR)

    async def _look(
        self, drop: Drop, spec: Spec, around: Round
    ) -> tuple[Footage | None, Wait | NotWhole | ClipUnreadable | None]:
        """Return what the clip or its frames are, and what is against taking them."""
        if not drop.pattern or not drop.frames:
            return await self._clip(drop.clip, around)
        shortest = [request.limits.clip.seconds[0] or 0.0 for request in spec.requests]
        least = max(shortest, default=0.0)
        return await self._frames.clip(drop, drop.pattern, spec.own.fps, least, around)

    async def _clip(
        self, clip: RelPath | None, around: Round
    ) -> tuple[Footage | None, Wait | NotWhole | ClipUnreadable | None]:
        """Return what the clip is, and what is against taking it."""
        if clip is None:
            return None, None
        probed = await self._shelf.probe(clip, around.now)
        until = self._shelf.changed_at(clip) + self._watch.incomplete_timeout
        if isinstance(probed.error, NotWhole) and until > around.now:
            return None, Wait(f"{ARRIVING}: {probed.error.message}", until, arriving=True)
        return probed.footage, probed.error

    def _asked(self, drop: Drop) -> tuple[RelPath, ...]:
        """Return the files of a drop that somebody may still be writing to."""
        written = (*self._frames.newest(drop), drop.clip, drop.sidecar)
        return tuple(path for path in written if path is not None)

    async def _written(self, files: Iterable[RelPath], around: Round) -> Wait | None:
        """Return a Wait while somebody of this host holds one of the files open for writing."""
        for path in files:
            written = await self._inbox.written_by_another(path)
            again = around.now + LEASE_AGAIN
            if written:
                reason = f"{ARRIVING}: {printable(leaf(path))} is open for writing"
                return Wait(reason, again, arriving=True)
            ready = self._shelf.ready_without_evidence(path)
            if written is None and ready is not None and ready > around.now:
                return Wait(ARRIVING, ready, arriving=True)
        return None

    def _grace(self, clip: RelPath, around: Round) -> Wait | None:
        """A clip that needs no sidecar is taken when none has come for `sidecar_grace`."""
        quiet = around.quiet_since.get(parent(clip), 0.0)
        if quiet is None:
            return Wait("waiting for the files that arrive beside it", arriving=True)
        ready = max(self._shelf.complete_at(clip, around.now), quiet) + self._watch.sidecar_grace
        return Wait(ARRIVING, ready, arriving=True) if ready > around.now else None

    # ------------------------------------------------------------------ what is missing

    async def _part_missing(
        self, drop: Drop, spec: Spec, faults: tuple[Problem, ...], around: Round
    ) -> Decision:
        texts = "; ".join(problem.text(printable(drop.path)) for problem in faults)
        named = self._clip_named(drop)
        until = self._until(drop, named, around)
        if until > around.now:
            reason = f"waiting for {awaited(drop.wants, self._watch.extensions, named)}"
            notes = [given(drop, (named, None)) if named else "", texts]
            told = "; ".join(note for note in notes if note)
            return Wait(f"{reason} ({told})" if told else reason, until)
        _, trouble = await self._clip(drop.clip, around)
        if isinstance(trouble, Wait):
            return trouble
        if wait := await self._written(self._asked(drop), around):
            return wait
        return Refuse(part_missing(drop, self._watch, named, texts), spec)

    def _until(self, drop: Drop, missing: Reference | None, around: Round) -> float:
        """Return how long a part is waited for: without end where it may lie on a share that is away."""
        if missing is not None and around.is_away(missing.path):
            return inf
        return max(self._shelf.since(path) for path in drop.files) + self._watch.sidecar_timeout

    def _clip_named(self, drop: Drop) -> Reference | None:
        """Return the words by which the sidecar names the clip that is missing."""
        document = self._shelf.known_document(drop.sidecar) if drop.sidecar else None
        named = clip_named(document, self._specs.paths) if document else None
        return named if named and drop.wants == f"clip {named.path}" else None

    async def _references(self, drop: Drop, spec: Spec, around: Round) -> _References:
        """Look at every file that the spec names beside the clip."""
        seen = _References()
        for named in spec.references:
            reference, document = named
            path = around.find(reference.path)
            if path is None:
                outside = await self._inbox.check_inside(reference.path)
                if outside in ("", "missing"):
                    seen.unready = await self._reference_missing(drop, spec, named, around)
                    break
                text = f"is {shown(reference.given)}: {outside}"
                seen.problems.append(Problem(Fault(reference.key, text), document))
            elif wait := self._settling([path], around):
                reason = f"{wait.reason}: {printable(path)} ({given(drop, named)})"
                seen.unready = replace(wait, reason=reason)
                break
            else:
                seen.found[reference.path] = path
                problems = await self._reference_problems(spec, named, path)
                if problems and (wait := self._half_written(path, around)):
                    reason = f"{wait.reason}: {printable(path)} ({given(drop, named)})"
                    seen.unready = replace(wait, reason=reason)
                    break
                seen.problems += problems
        return seen

    async def _reference_problems(
        self, spec: Spec, named: Named, path: RelPath
    ) -> Iterable[Problem]:
        reference, document = named
        what = await self._shelf.reference(path, kind_of(reference.key))
        if isinstance(what, ClipUnreadable):
            text = f"is {shown(reference.given)}{about_named(path, what.message)}"
            return (Problem(Fault(reference.key, text), document),)
        return image_problems(spec, named, what) if what is not None else ()

    async def _reference_missing(
        self, drop: Drop, spec: Spec, named: Named, around: Round
    ) -> Wait | Refuse:
        until = self._until(drop, named[0], around)
        if until > around.now:
            return Wait(f"waiting for {printable(named[0].path)} ({given(drop, named)})", until)
        if wait := await self._written(self._asked(drop), around):
            return wait
        return Refuse(reference_missing(drop, named, self._watch.sidecar_timeout), spec)

    async def clash(self, clash: Clash, around: Round) -> Wait | Refuse:
        """Say what is to be done with files that could belong together in several ways."""
        wait = self._settling(clash.files, around) or self._empty(clash.files)
        for path in clash.files if wait is None else ():
            if not is_json(path):
                _, trouble = await self._clip(path, around)
                wait = wait or (trouble if isinstance(trouble, Wait) else None)
        wait = wait or await self._written(clash.files, around)
        if isinstance(wait, Wait | Refuse):
            return wait
        hint = "Give each clip one sidecar of its own, named like the clip, and drop them again."
        return Refuse(
            Trouble("ambiguous", f"It is not clear what belongs together: {clash.reason}.", hint)
        )
