"""From the documents of a drop to what will be submitted, or to everything that is wrong with it.

No disk is touched: whether a file that the spec names is there is for the intake to ask.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from reeldrop.domain.drop import JSON, Says
from reeldrop.domain.job import MediaFile, RelPath
from reeldrop.domain.own import Own, read_own
from reeldrop.domain.paths import extension
from reeldrop.domain.references import (
    Reference,
    is_remote,
    read_references,
    read_value,
    with_files,
)
from reeldrop.domain.spec import (
    CLIP,
    CLIP_LIST,
    DEFAULT_MODEL,
    MODEL,
    OWN,
    Document,
    Fault,
    Merged,
    Model,
    Role,
    clip_parameter,
    merge,
    nearest,
    open_parameters,
    shown,
)
from reeldrop.ports import Catalogue

_CLIP_HERE = "clip"
"""Stands where the clip goes while the rest is checked."""
_REMEMBERED = 4096


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


@dataclass(slots=True)
class _Draft:
    """One request in the making."""

    merged: Merged
    params: dict[str, Any]
    faults: list[Fault] = field(default_factory=list[Fault])

    def folder_of(self, key: str) -> RelPath:
        document = self.merged.params_from.get(key)
        return document.folder if document else RelPath("")


def says(document: Document) -> Says | None:
    """Return what a sidecar says of its clip, None where it says nothing."""
    value = document.body.get(CLIP)
    firm = CLIP in document.body
    if not firm and isinstance(listed := document.body.get(CLIP_LIST), list) and listed:
        value = listed[0]
    if not isinstance(value, str):
        return None
    if is_remote(value):
        return Says(remote=True, firm=firm)
    path = read_value(CLIP, value, document.folder)
    if isinstance(path, Reference) and extension(path.path) != JSON:
        return Says(path.path, firm=firm)
    # It names nothing that could ever come: no clip is waited for, the fault is told at once.
    return Says(remote=True, firm=False)


def names_files(document: Document, extensions: Set[str]) -> bool:
    """Say whether a document names, beside its clip, anything that could be a clip."""
    left: list[Any] = [value for key, value in document.body.items() if key != CLIP]
    while left:
        match left.pop():
            case str() as text if extension(text) in extensions:
                return True
            case Mapping() as inner:
                left.extend(inner.values())
            case list() as inner:
                left.extend(inner)
            case _:
                pass
    return False


class Specs:
    """Reads specs, and remembers what it read."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[object, ...], Spec] = {}

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
            faults.append(Fault(OWN, f"is {shown(base.params[OWN])}; an object is allowed"))
        if faults:
            spec = self._request(documents, own, clip)
            first = tuple(Problem(fault, base.origin(fault.key)) for fault in faults)
            return replace(spec, requests=(), problems=(*first, *spec.problems))
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
        draft = _Draft(merged, params)
        model = self._model(draft)
        if model is None:
            return Spec(problems=_problems(draft, variant), own=own)
        clip_key = _place_clip(draft, model, clip)
        checked, faults = self._catalogue.check(model, draft.params)
        draft.faults += faults
        found, faults = read_references(model.schema, checked, draft.folder_of)
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
            named=_names_itself(documents[-1], variant),
        )
        return Spec(
            (request,),
            _problems(draft, variant),
            open_parameters(model, draft.params),
            tuple((each, merged.origin(each.key)) for each in found),
            own,
        )

    def _model(self, draft: _Draft) -> Model | None:
        name = draft.merged.params.get(MODEL, DEFAULT_MODEL)
        model = self._catalogue.find(name) if isinstance(name, str) else None
        if model is None:
            message = f"is {shown(name)}, but there is no such model. "
            asked = name if isinstance(name, str) else ""
            draft.faults.append(Fault(MODEL, message + nearest(asked, self._catalogue.names(), 3)))
        return model


def _names_itself(document: Document, variant: int) -> bool:
    own = document.body.get(OWN, {})
    return bool(variant) and isinstance(own, Mapping) and "name" in own


def _own_of(own: Own, merged: Merged, variant: int) -> Own:
    """Return `own` as it is for one variant; its overrides were checked with the others."""
    if not variant:
        return own
    given = {key: merged.own[key] for key in ("name", "priority", "labels") if key in merged.own}
    return replace(own, **given)


def _place_clip(draft: _Draft, model: Model, clip: RelPath | None) -> str | None:
    """Put a stand-in where the clip goes, and check what the spec says of the clip itself."""
    key = clip_parameter(model)
    given = draft.params.get(CLIP)
    if isinstance(given, str):
        _check_clip_value(draft, given)
    if key is None:
        if clip is not None:
            message = f'is "{model.name}", which takes no video'
            draft.faults.append(Fault(MODEL, message, "Name a model that takes a clip."))
        return None
    if key == CLIP:
        if clip is not None and (given is None or isinstance(given, str)):
            draft.params[CLIP] = _CLIP_HERE
        return key
    _place_in_list(draft, clip)
    return key


def _place_in_list(draft: _Draft, clip: RelPath | None) -> None:
    """For a model that takes a list of videos: the clip is its first entry."""
    named = draft.params.pop(CLIP, None)
    listed = draft.params.get(CLIP_LIST, [])
    if not isinstance(listed, list):
        return
    first = named if clip is None else _CLIP_HERE
    others = [value for value in listed if not _means(draft, value, clip)]
    if first is not None:
        draft.params[CLIP_LIST] = [first, *others]


def _means(draft: _Draft, value: Any, clip: RelPath | None) -> bool:
    if clip is None or not isinstance(value, str):
        return False
    found = read_value(CLIP_LIST, value, draft.folder_of(CLIP_LIST))
    return isinstance(found, Reference) and found.path == clip


def _check_clip_value(draft: _Draft, given: str) -> None:
    origin = draft.merged.params_from[CLIP]
    if origin.role is not Role.SIDECAR:
        message = f"is {shown(given)}; only a sidecar itself names its clip"
        draft.faults.append(Fault(CLIP, message, "Take it out here."))
        return
    found = read_value(CLIP, given, origin.folder)
    if isinstance(found, Fault):
        draft.faults.append(found)
    elif isinstance(found, Reference) and extension(found.path) == JSON:
        draft.faults.append(Fault(CLIP, f"is {shown(given)}, a JSON file; a video is needed"))


def _problems(draft: _Draft, variant: int) -> tuple[Problem, ...]:
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
