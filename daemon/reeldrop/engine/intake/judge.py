"""What is to be done with a drop now: take it, wait for something, or refuse it.

Nothing is changed here; what costs a look into a file is asked for last.
"""

from collections.abc import Sequence

from reeldrop.domain.drop import Clash, Drop, is_json, preset_chain
from reeldrop.domain.errors import ClipUnreadable, NotWhole, Trouble
from reeldrop.domain.footage import Footage
from reeldrop.domain.job import RelPath
from reeldrop.domain.paths import parent, printable
from reeldrop.domain.references import Reference
from reeldrop.domain.spec import Document, Fault, Role
from reeldrop.engine.intake.clip import clip_named, no_clip
from reeldrop.engine.intake.fitting import with_fits
from reeldrop.engine.intake.frames import Frames, crowded
from reeldrop.engine.intake.readiness import ARRIVING, Readiness
from reeldrop.engine.intake.references import References, Seen
from reeldrop.engine.intake.shelf import Shelf
from reeldrop.engine.intake.spec import Problem, Spec, Specs
from reeldrop.engine.intake.terms import Decision, Refuse, Round, Take, Wait, Watch
from reeldrop.engine.intake.wording import (
    awaited,
    blamed,
    given,
    part_missing,
    trouble_of,
)
from reeldrop.ports import Inbox


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
        self._ready = Readiness(inbox, shelf, frames, watch)
        self._references = References(inbox, shelf, self._ready, watch)
        self._frames = frames
        self._shelf = shelf
        self._specs = specs
        self._watch = watch
        self._defaults = defaults

    async def drop(self, drop: Drop, around: Round) -> Decision:
        """Say what is to be done with `drop`. Raises StepError where a file cannot be read now."""
        if wait := self._ready.settling(drop.files, around) or self._empty(drop.files):
            return wait
        documents = await self._presets(drop, around)
        if isinstance(documents, Wait):
            return documents
        sidecar = await self._sidecar(drop)
        faults: tuple[Problem, ...] = ()
        if isinstance(sidecar, Fault):
            if wait := self._ready.half_written(drop.sidecar or drop.path, around):
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
        if lone and trouble is None and (wait := self._ready.grace(drop.path, around)):
            return wait
        name = printable(drop.pattern.path if drop.pattern else drop.path)
        spec, unfit = with_fits(spec, footage, self._watch.conform, name)
        references = await self._references.look(drop, spec, around)
        if not (faults or unfit or trouble):
            return await self._with_references(drop, spec, footage, references, around)
        if wait := await self._ready.drop_being_written(drop, around):
            return wait
        told = {problem.fault.key for problem in faults}
        besides = [each for each in references.problems if each.fault.key not in told]
        return Refuse(trouble_of(drop, (*faults, *unfit, *besides), trouble), spec)

    async def _with_references(
        self,
        drop: Drop,
        spec: Spec,
        footage: Footage | None,
        references: Seen,
        around: Round,
    ) -> Decision:
        """Say what is to be done with a drop of which nothing but the references may be wrong."""
        if references.unready:
            return references.unready
        if wait := await self._ready.drop_being_written(drop, around, references.found.values()):
            return wait
        if references.problems:
            # What was judged may have been half of what its writer has ended meanwhile.
            if wait := await self._ready.changed(references.found.values(), around):
                return wait
            return Refuse(trouble_of(drop, references.problems, None), spec)
        chain = preset_chain(around.presets, parent(drop.path))
        return Take(spec, footage, references.found, chain)

    # ------------------------------------------------------------------ parts

    def _empty(self, files: Sequence[RelPath]) -> Refuse | None:
        for path in files:
            if self._shelf.entries[path].size == 0 and not is_json(path):
                message = f"{printable(path)} is empty and has stayed so."
                return Refuse(Trouble("empty", message, "Drop the whole file again."))
        return None

    async def _presets(self, drop: Drop, around: Round) -> tuple[Document, ...] | Wait:
        chain = preset_chain(around.presets, parent(drop.path))
        if any(self._ready.ready_at(path) > around.now for path in chain):
            until = max(self._ready.ready_at(path) for path in chain)
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

    # ------------------------------------------------------------------ what is missing

    async def _part_missing(
        self, drop: Drop, spec: Spec, faults: tuple[Problem, ...], around: Round
    ) -> Decision:
        texts = "; ".join(problem.text(printable(drop.path)) for problem in faults)
        named = self._clip_named(drop)
        until = self._ready.until(drop, named, around)
        if until > around.now:
            reason = f"waiting for {awaited(drop.wants, self._watch.extensions, named)}"
            notes = [given(drop, (named, None)) if named else "", texts]
            told = "; ".join(note for note in notes if note)
            return Wait(f"{reason} ({told})" if told else reason, until)
        _, trouble = await self._clip(drop.clip, around)
        if isinstance(trouble, Wait):
            return trouble
        if wait := await self._ready.drop_being_written(drop, around):
            return wait
        return Refuse(part_missing(drop, self._watch, named, texts), spec)

    def _clip_named(self, drop: Drop) -> Reference | None:
        """Return the words by which the sidecar names the clip that is missing."""
        document = self._shelf.known_document(drop.sidecar) if drop.sidecar else None
        named = clip_named(document, self._specs.paths) if document else None
        return named if named and drop.wants == f"clip {named.path}" else None

    async def clash(self, clash: Clash, around: Round) -> Wait | Refuse:
        """Say what is to be done with files that could belong together in several ways."""
        wait = self._ready.settling(clash.files, around) or self._empty(clash.files)
        for path in clash.files if wait is None else ():
            if not is_json(path):
                _, trouble = await self._clip(path, around)
                wait = wait or (trouble if isinstance(trouble, Wait) else None)
        wait = wait or await self._ready.being_written(clash.files, around)
        if isinstance(wait, Wait | Refuse):
            return wait
        hint = "Give each clip one sidecar of its own, named like the clip, and drop them again."
        return Refuse(
            Trouble("ambiguous", f"It is not clear what belongs together: {clash.reason}.", hint)
        )
