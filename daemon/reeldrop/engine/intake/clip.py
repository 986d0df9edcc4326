"""The clip in a spec: what a sidecar says of it, and where it goes among the parameters."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from reeldrop.domain.drop import Says
from reeldrop.domain.frames import EXAMPLE
from reeldrop.domain.job import RelPath
from reeldrop.domain.own import Own
from reeldrop.domain.path_map import PathMap
from reeldrop.domain.paths import extension, leaf
from reeldrop.domain.references import Reference, is_remote, read_clip_value
from reeldrop.domain.spec import (
    CLIP,
    CLIP_LIST,
    MODEL,
    OWN,
    Document,
    Fault,
    Merged,
    Model,
    Role,
    clip_parameter,
    shown,
)

FPS = f"{OWN}.fps"
CLIP_HERE = "clip"
"""Stands where the clip goes while the rest is checked."""


@dataclass(slots=True)
class Draft:
    """One request in the making: checks add to `faults`, the clip's place to `params`."""

    merged: Merged
    params: dict[str, Any]
    paths: PathMap
    faults: list[Fault] = field(default_factory=list[Fault])

    def folder_of(self, key: str) -> RelPath:
        """Return the folder that paths under a top-level key are relative to."""
        document = self.merged.params_from.get(key)
        return document.folder if document else RelPath("")


def says(document: Document, extensions: Set[str], paths: PathMap) -> Says | None:
    """Return what a sidecar says of its clip, None where it says nothing.

    `extensions` are those of clips, in lower case without a dot; `paths` are what absolute ones mean.
    """
    key, value = _clip_value(document)
    firm = CLIP in document.body
    if not isinstance(value, str):
        return None
    if is_remote(value):
        return Says(remote=True, firm=firm)
    named = read_clip_value(key, value, document.folder, paths)
    if isinstance(named, Reference) and named.frames:
        return Says(frames=named.frames)
    if isinstance(named, Reference) and extension(leaf(named.path)) in extensions:
        return Says(named.path, firm=firm)
    # It names nothing that could ever come: no clip is waited for, the fault is told at once.
    return Says(remote=True, firm=False)


def clip_named(document: Document, paths: PathMap) -> Reference | None:
    """Return the words by which a sidecar names its clip, None where it names no file or frames."""
    key, value = _clip_value(document)
    if not isinstance(value, str):
        return None
    found = read_clip_value(key, value, document.folder, paths)
    return found if isinstance(found, Reference) else None


def no_clip(
    document: Document, extensions: Sequence[str], paths: PathMap, *, clip_found: bool
) -> Fault | None:
    """Return what is wrong where a sidecar names as its clip what no clip is called.

    `extensions` as in Watch. With a clip of the sidecar's own name, the first of a list is any video.
    """
    named = clip_named(document, paths)
    if named is None or named.frames or (clip_found and named.key != CLIP):
        return None
    endings = [f".{each.lower().lstrip('.')}" for each in extensions]
    if f".{extension(leaf(named.path))}" in endings:
        return None
    allowed = f"{', '.join(endings[:2])}{' …' if endings[2:] else ''}"
    message = (
        f"is {shown(named.given)}; allowed: a file that ends in {allowed}, numbered frames like "
        f"{EXAMPLE} or an https:// address"
    )
    return Fault(named.key, message)


def rate_fault(sidecar: Document | None, own: Own, merged: Merged, paths: PathMap) -> Fault | None:
    """Return what is wrong with the rate of a drop's frames; the rate in a preset holds for frames alone."""
    named = clip_named(sidecar, paths) if sidecar else None
    frames = named is not None and named.frames is not None
    if named and frames and "fps" not in merged.own:
        message = f"is {shown(named.given)}; numbered frames go with {FPS}, their frames per second"
        return Fault(named.key, message, f'Add "{OWN}": {{"fps": 24}}.')
    if own.fps and not frames and merged.own_from["fps"] is sidecar:
        message = (
            f"is {own.fps:g}; it goes with numbered frames, like {shown(CLIP)}: {shown(EXAMPLE)}"
        )
        return Fault(FPS, message)
    return None


def _clip_value(document: Document) -> tuple[str, Any]:
    """Return what a sidecar gives as its clip, and under which key path."""
    listed = document.body.get(CLIP_LIST)
    if CLIP not in document.body and isinstance(listed, list) and listed:
        return f"{CLIP_LIST}[0]", listed[0]
    return CLIP, document.body.get(CLIP)


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


def place_clip(draft: Draft, model: Model, clip: RelPath | None) -> str | None:
    """Put a stand-in where the clip goes, and check what the spec says of the clip itself.

    Returns the parameter that takes the clip, None where the model has none.
    """
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
            draft.params[CLIP] = CLIP_HERE
        return key
    _place_in_list(draft, clip)
    return key


def _place_in_list(draft: Draft, clip: RelPath | None) -> None:
    """For a model that takes a list of videos: the clip is its first entry."""
    named = draft.params.pop(CLIP, None)
    listed = draft.params.get(CLIP_LIST, [])
    if not isinstance(listed, list):
        return
    first = named if clip is None else CLIP_HERE
    others = [value for value in listed if not _means(draft, value, clip)]
    if first is not None:
        draft.params[CLIP_LIST] = [first, *others]


def _means(draft: Draft, value: Any, clip: RelPath | None) -> bool:
    if clip is None or not isinstance(value, str):
        return False
    found = read_clip_value(CLIP_LIST, value, draft.folder_of(CLIP_LIST), draft.paths)
    return isinstance(found, Reference) and found.path == clip


def _check_clip_value(draft: Draft, given: str) -> None:
    origin = draft.merged.params_from[CLIP]
    if origin.role is not Role.SIDECAR:
        message = f"is {shown(given)}; only a sidecar itself names its clip"
        draft.faults.append(Fault(CLIP, message, "Take it out here."))
        return
    found = read_clip_value(CLIP, given, origin.folder, draft.paths)
    if isinstance(found, Fault):
        draft.faults.append(found)
