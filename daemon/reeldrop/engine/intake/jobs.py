"""A judged drop as jobs: values only, nothing is recorded or moved here."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from reeldrop.domain.drop import Clash, Drop
from reeldrop.domain.errors import DropChanged, Trouble
from reeldrop.domain.job import Claim, ClaimedFile, Job, JobId, MediaFacts, RelPath
from reeldrop.domain.naming import delivery_folder, variant_name
from reeldrop.domain.own import Own
from reeldrop.domain.paths import common_folder, leaf, parent, stem
from reeldrop.domain.sameness import files_in, origin_key, spec_key
from reeldrop.engine.intake.frames import as_one, clip_path
from reeldrop.engine.intake.spec import Request
from reeldrop.engine.intake.terms import Refuse, Take
from reeldrop.ports import Entry, Inbox


@dataclass(frozen=True, slots=True)
class Parts:
    """The files that become one claim. `path` is the drop's own, the first of `files`."""

    path: RelPath
    files: tuple[RelPath, ...]
    base: RelPath
    """The folder that the names in `source/` are relative to."""
    clip: RelPath | None = None
    """As it goes among the parameters: of numbered frames their pattern."""
    frames: tuple[RelPath, ...] = ()
    """The last of `files`, where the clip is made of them."""


def parts_of(drop: Drop | Clash) -> Parts:
    """Return the files of a drop, or all those of a clash."""
    if isinstance(drop, Clash):
        return Parts(drop.files[0], drop.files, common_folder(drop.files))
    base = parent(drop.sidecar or drop.path)
    return Parts(drop.path, drop.files, base, clip_path(drop), drop.frames)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the jobs of one watch."""

    watch: str
    upload: str
    keep: bool
    inbox: Inbox
    new_id: Callable[[], str]

    def jobs(
        self,
        parts: Parts,
        entries: Mapping[RelPath, Entry],
        decision: Take | Refuse,
        now: float,
    ) -> list[Job]:
        """Return the jobs of a decided drop, `entries` being its files as they were judged.

        One for each variant of a good drop; all share one claim.
        """
        entry = entries[parts.path]
        if isinstance(decision, Refuse):
            return [self._refused(parts, entry, self._claim(parts, (), entries), now, decision)]
        references = dict.fromkeys((*decision.references.values(), *decision.presets))
        beside = [path for path in references if path not in parts.files]
        claim = self._claim(parts, beside, entries)
        return [
            self._job(parts, entries, claim, now, request, decision)
            for request in decision.spec.requests
        ]

    def _refused(
        self, parts: Parts, entry: Entry, claim: Claim, now: float, decision: Refuse
    ) -> Job:
        """Return the job that carries a refused drop to where people find it."""
        own = decision.spec.own
        models = [request.model for request in decision.spec.requests]
        job = self._bare(parts, entry, claim, now, own)
        folder = delivery_folder(parts.path, own.name)
        model = models[0] if models else ""
        return job.evolve(folder=folder, model=model, error=decision.trouble)

    def _claim(
        self, parts: Parts, references: Sequence[RelPath], entries: Mapping[RelPath, Entry]
    ) -> Claim:
        # A claim lies where its largest files do, which then need no copying.
        home = parts.frames[0] if parts.frames else parts.path
        claim = self.inbox.plan_claim(home, parts.files, parts.base, references, keep=self.keep)

        def judged(files: Sequence[ClaimedFile]) -> tuple[ClaimedFile, ...]:
            return tuple(replace(file, key=entries[file.origin].key) for file in files)

        return replace(claim, source=judged(claim.source), references=judged(claim.references))

    def _job(
        self,
        parts: Parts,
        entries: Mapping[RelPath, Entry],
        claim: Claim,
        now: float,
        request: Request,
        decision: Take,
    ) -> Job:
        entry = clip = entries[parts.path]
        fit = request.fit
        if parts.frames and parts.clip:
            clip = as_one(parts.clip, (entries[path] for path in parts.frames))
            fit = fit and replace(fit, frames=len(parts.frames))
        params = request.filled(parts.clip, decision.references)
        job = self._bare(parts, entry, claim, now, request.own, request.variant)
        return job.evolve(
            folder=delivery_folder(parts.path, _name(request, parts.path)),
            model=request.model,
            params=params,
            spec_key=spec_key(
                request.model,
                params,
                lambda path: clip.size if path == parts.clip else entries[path].size,
                fit,
            ),
            origin_key=origin_key(self.watch, clip.path, clip.size, clip.mtime_ns),
            source=decision.footage and decision.footage.facts,
            fit=fit,
            media=tuple(
                MediaFacts(path, entries[path].size)
                for path in dict.fromkeys(files_in(params))
                if path != parts.clip
            ),
        )

    def _bare(
        self, parts: Parts, entry: Entry, claim: Claim, now: float, own: Own, variant: int = 0
    ) -> Job:
        return Job(
            id=JobId(self.new_id()),
            watch=self.watch,
            path=parts.path,
            folder=RelPath(""),
            model="",
            params={},
            claim=claim,
            source_key=source_key(self.watch, entry, variant),
            created=now,
            updated=now,
            priority=own.priority,
            upload=own.upload or self.upload,
            labels=own.labels,
            ticket=own.ticket,
        )


def _name(request: Request, path: RelPath) -> str:
    """Return the name that the spec gives a delivery, "" for the file's own."""
    if not request.variant or request.named:
        return request.own.name
    return variant_name(request.own.name or stem(leaf(path)), request.variant)


def source_key(watch: str, entry: Entry, variant: int) -> str:
    """Return what makes a drop the same drop while it is under way, in hexadecimal digits."""
    parts = [watch, entry.path, variant, entry.key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def vanished(job: Job, error: DropChanged) -> Job:
    """Return a job whose clip has gone before it could be claimed; it keeps what was held of it."""
    trouble = Trouble("source_vanished", f"{error.message}.", "Drop it again.")
    held = tuple(file for file in job.claim.source if file.origin in error.held)
    return job.evolve(claim=Claim(job.claim.folder if held else RelPath(""), held), error=trouble)


def replaced(job: Job, error: DropChanged) -> Job:
    """Return a job whose clip was replaced after others of its drop, or it itself, had been sent.

    It keeps its claim: the files that were taken stay known, and are not run again.
    """
    hint = "What lies there now is a drop of its own. `reeldrop retry` runs this one once its clip is back."
    return job.evolve(error=Trouble(error.code, f"{error.message}.", hint))
