"""A spec as values: what each job of a drop submits, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.own import Own
from reeldrop.domain.references import Reference
from reeldrop.domain.spec import Document, Fault


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault and the document that it came from; None: from what nobody wrote."""

    fault: Fault
    document: Document | None

    def text(self, name: str) -> str:
        """Return the fault as one line; `name` is the file to blame where no document is."""
        where = self.document.name if self.document else name
        key = f"{self.fault.key} " if self.fault.key else ""
        sentence = f"{where}: {key}{self.fault.message}"
        end = "" if sentence.endswith((".", "?")) else "."
        return f"{sentence}{end} {self.fault.hint}".rstrip()


@dataclass(frozen=True, slots=True)
class Request:
    """What one job submits: `params` as in Job, but for the clip, which `filled` puts in."""

    model: str
    params: Mapping[str, Any]
    own: Own
    clip_key: str | None
    variant: int = 0
    """Its number from 1, 0 where the drop has no variants."""
    named: bool = False
    """Its name is the variant's own."""

    def filled(self, clip: RelPath | None, found: Mapping[RelPath, RelPath]) -> dict[str, Any]:
        """Return the parameters with the clip in its place, and the references as they were found.

        `found` gives the path on disk of every path in the spec.
        """
        params = {key: _as_found(value, found) for key, value in self.params.items()}
        if clip is None or self.clip_key is None:
            return params
        file = MediaFile(clip)
        value = params[self.clip_key]
        params[self.clip_key] = [file, *value[1:]] if isinstance(value, list) else file
        return params


def _as_found(value: Any, found: Mapping[RelPath, RelPath]) -> Any:
    match value:
        case MediaFile(origin):
            return MediaFile(found.get(origin, origin))
        case Mapping():
            return {key: _as_found(item, found) for key, item in value.items()}
        case list():
            return [_as_found(item, found) for item in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Spec:
    """The documents of a drop, read together."""

    requests: tuple[Request, ...] = ()
    problems: tuple[Problem, ...] = ()
    open: tuple[str, ...] = ()
    """Required parameters that nobody gave."""
    references: tuple[tuple[Reference, Document | None], ...] = ()
    own: Own = field(default_factory=Own)
