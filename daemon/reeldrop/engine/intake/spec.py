"""From the documents of a drop to what will be submitted, or to everything that is wrong with it.

No disk is touched: whether a file that the spec names is there is for the judge to ask.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reeldrop.domain.errors import SettingsError
from reeldrop.domain.fit import Fit, MediaLimits
from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.own import VARIANT_KEYS, Own, read_own
from reeldrop.domain.path_map import NO_MAP, PathMap
from reeldrop.domain.references import Reference, read_references, with_files
from reeldrop.domain.spec import (
    CLIP_LIST,
    DEFAULT_MODEL,
    MODEL,
    OWN,
    Document,
    Fault,
    Merged,
    Model,
    Role,
    merge,
    no_such_model,
    open_parameters,
    shown,
)
from reeldrop.engine.intake.clip import Draft, place_clip, rate_fault
from reeldrop.ports import Catalogue

_REMEMBERED = 4096


Named = tuple[Reference, Document | None]
"""A file that a spec names, and the document that does."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault and the document that it came from; None: from what nobody wrote.

    `file` is the file that is at fault itself, as messages name it.
    """

    fault: Fault
    document: Document | None
    file: str = ""

    def text(self, name: str) -> str:
        """Return the fault as one line; `name` is the file to blame where no other is known."""
        return self.fault.told(self.document.name if self.document else self.file or name)


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
    references: tuple[Reference, ...] = ()
    """The files beside the clip that are sent with it."""
    limits: MediaLimits = field(default_factory=MediaLimits)
    fit: Fit | None = None
    """How the clip is made to fit; None: it is sent as it is."""

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
    references: tuple[Named, ...] = ()
    own: Own = field(default_factory=Own)


def check_defaults(
    watch: str, defaults: Mapping[str, Any], catalogue: Catalogue, paths: PathMap = NO_MAP
) -> None:
    """Check the preset for a whole watch; parameters that it leaves open are for drops to give.

    `paths` are what absolute ones mean.

    Raises:
        SettingsError: every key of it that no drop could be run with.
    """
    document = Document(Role.DEFAULTS, "", RelPath(""), dict(defaults))
    found = Specs(catalogue, paths).read((document,), RelPath("clip"))
    wrong = [each.fault for each in found.problems if each.document is not None]
    if wrong:
        prefix = f"watch.{watch}.defaults"
        lines = [replace(fault, key=f"{prefix}.{fault.key}").told() for fault in wrong]
        raise SettingsError("\n".join(lines))


class Specs:
    """Reads specs, and remembers what it read. `paths` are what absolute ones mean."""

    def __init__(self, catalogue: Catalogue, paths: PathMap = NO_MAP) -> None:
        self.paths = paths
        self._catalogue = catalogue
        self._known: dict[tuple[object, ...], Spec] = {}

    def follow(self, paths: PathMap) -> None:
        """Let absolute paths mean `paths` from now on; what was read by other ones is read anew."""
        if paths != self.paths:
            self.paths = paths
            self._known.clear()

    def read(self, documents: Sequence[Document], clip: RelPath | None) -> Spec:
        """Return the spec of a drop with `clip`, None for a drop that needs none.

        `documents` go from the farthest preset to the sidecar.
        """
        listed = any(CLIP_LIST in document.body for document in documents)
        key = (*(each.version for each in documents), clip if listed else clip is not None)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._read(documents, clip)
        return self._known[key]

    def _read(self, documents: Sequence[Document], clip: RelPath | None) -> Spec:
        base = merge(documents)
        own, faults = read_own(base.own)
        if OWN in base.params:
            faults.append(Fault(OWN, f"is {shown(base.params[OWN])}; allowed: an object"))
        sidecar = next((each for each in documents if each.role is Role.SIDECAR), None)
        if fault := rate_fault(sidecar, own, base, self.paths):
            faults.append(fault)
        spec = self._requests(documents, base, own, clip)
        if not faults:
            return spec
        first = tuple(Problem(fault, base.origin(fault.key)) for fault in faults)
        return replace(spec, problems=(*first, *spec.problems))

    def _requests(
        self, documents: Sequence[Document], base: Merged, own: Own, clip: RelPath | None
    ) -> Spec:
        if not own.variants:
            return self._request(documents, own, clip)
        home = base.own_from["variants"]
        variants = [
            Document(Role.VARIANT, home.name, home.folder, body, home.version)
            for body in own.variants
        ]
        parts = [
            self._request([*documents, variant], own, clip, number)
            for number, variant in enumerate(variants, start=1)
        ]
        return _joined(parts, own)

    def _request(
        self, documents: Sequence[Document], own: Own, clip: RelPath | None, variant: int = 0
    ) -> Spec:
        merged = merge(documents)
        params = {key: merged.params[key] for key in merged.params if key not in (MODEL, OWN)}
        draft = Draft(merged, params, self.paths)
        model = self._model(draft)
        if model is None:
            return Spec(problems=_problems(draft, variant), own=own)
        clip_key = place_clip(draft, model, clip)
        checked, faults = self._catalogue.check(model, draft.params)
        draft.faults += faults
        found, faults = read_references(model.schema, checked, draft.folder_of, self.paths)
        place = clip_key if clip is not None else None
        places = (place, f"{place}[0]")
        found = [reference for reference in found if reference.key not in places]
        draft.faults += [
            fault for fault in faults if fault.key not in {f.key for f in draft.faults}
        ]
        files = {reference.key: reference.path for reference in found}
        request = Request(
            model.name,
            with_files(checked, files),
            _own_of(own, merged, variant),
            clip_key,
            variant,
            named=bool(variant) and _names_itself(documents[-1]),
            references=tuple(found),
            limits=model.limits,
        )
        return Spec(
            (request,),
            _problems(draft, variant),
            open_parameters(model, draft.params),
            tuple((each, merged.origin(each.key)) for each in found),
            own,
        )

    def _model(self, draft: Draft) -> Model | None:
        name = draft.merged.params.get(MODEL, DEFAULT_MODEL)
        model = self._catalogue.find(name) if isinstance(name, str) else None
        if model is None:
            draft.faults.append(Fault(MODEL, no_such_model(name, self._catalogue.names())))
        return model


def _names_itself(document: Document) -> bool:
    own = document.body.get(OWN, {})
    return isinstance(own, Mapping) and "name" in own


def _own_of(own: Own, merged: Merged, variant: int) -> Own:
    """Return `own` as it is for one variant; its overrides were checked with the others."""
    if not variant:
        return own
    given = {key: value for key, value in merged.own.items() if key in VARIANT_KEYS}
    overrides, _ = read_own(given)
    return replace(own, **{key: getattr(overrides, key) for key in given})


def _problems(draft: Draft, variant: int) -> tuple[Problem, ...]:
    return tuple(_problem(fault, draft.merged, variant) for fault in draft.faults)


def _problem(fault: Fault, merged: Merged, variant: int) -> Problem:
    document = merged.origin(fault.key)
    if variant and document is not None and document.role is Role.VARIANT:
        fault = replace(fault, key=f"{OWN}.variants[{variant - 1}].{fault.key}")
    return Problem(fault, document)


def _joined(parts: Sequence[Spec], own: Own) -> Spec:
    """Return the variants of a drop as one spec; what is wrong with all of them is told once."""
    problems = {
        (each.fault.key, each.fault.message): each for part in parts for each in part.problems
    }
    return Spec(
        tuple(request for part in parts for request in part.requests),
        tuple(problems.values()),
        tuple(dict.fromkeys(key for part in parts for key in part.open)),
        tuple({each[0]: each for part in parts for each in part.references}.values()),
        own,
    )
