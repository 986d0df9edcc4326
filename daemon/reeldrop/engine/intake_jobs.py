"""A judged drop as jobs: values only, nothing is recorded or moved here."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reeldrop.domain.drop import Clash, Drop
from reeldrop.domain.errors import Trouble
from reeldrop.domain.job import Claim, Job, JobId, RelPath
from reeldrop.domain.naming import delivery_folder, variant_name
from reeldrop.domain.own import Own
from reeldrop.domain.paths import common_folder, leaf, parent, stem
from reeldrop.engine.intake_request import Request
from reeldrop.engine.intake_verdict import Refuse, Take
from reeldrop.ports import Entry, Inbox


@dataclass(frozen=True, slots=True)
class Parts:
    """The files that become one claim. `path` is the drop's own, the first of `files`."""

    path: RelPath
    files: tuple[RelPath, ...]
    base: RelPath
    """The folder that the names in `source/` are relative to."""
    clip: RelPath | None = None


def parts_of(drop: Drop | Clash) -> Parts:
    """Return the files of a drop, or all those of a clash."""
    if isinstance(drop, Clash):
        return Parts(drop.files[0], drop.files, common_folder(drop.files))
    return Parts(drop.path, drop.files, parent(drop.sidecar or drop.path), drop.clip)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the jobs of one watch."""

    watch: str
    keep: bool
    inbox: Inbox
    new_id: Callable[[], str]

    def taken(self, parts: Parts, entry: Entry, verdict: Take, now: float) -> list[Job]:
        """Return one job for each variant of a good drop; all share one claim."""
        references = dict.fromkeys((*verdict.references.values(), *verdict.presets))
        claim = self._claim(parts, [path for path in references if path not in parts.files])
        return [
            self._job(parts, entry, claim, now, request, verdict)
            for request in verdict.spec.requests
        ]

    def refused(self, parts: Parts, entry: Entry, verdict: Refuse, now: float) -> list[Job]:
        """Return the job that carries a refused drop to where people find it."""
        own = verdict.spec.own
        models = [request.model for request in verdict.spec.requests]
        job = self._bare(parts, entry, self._claim(parts, ()), now, own)
        folder = delivery_folder(parts.path, own.name)
        model = models[0] if models else ""
        return [job.evolve(folder=folder, model=model, error=verdict.trouble)]

    def _claim(self, parts: Parts, references: Sequence[RelPath]) -> Claim:
        return self.inbox.plan_claim(
            parts.path, parts.files, parts.base, references, keep=self.keep
        )

    def _job(
        self,
        parts: Parts,
        entry: Entry,
        claim: Claim,
        now: float,
        request: Request,
        verdict: Take,
    ) -> Job:
        job = self._bare(parts, entry, claim, now, request.own, request.variant)
        return job.evolve(
            folder=delivery_folder(parts.path, _name(request, parts.path)),
            model=request.model,
            params=request.filled(parts.clip, verdict.references),
            source=verdict.facts,
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
            upload=own.upload,
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


def vanished(job: Job) -> Job:
    """Return a job whose files have gone before they could be claimed."""
    message = f"{job.path} has gone from the inbox before it could be taken"
    trouble = Trouble("source_vanished", message, "Drop it again.")
    return job.evolve(claim=Claim(RelPath(""), ()), error=trouble)
