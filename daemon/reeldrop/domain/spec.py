"""Specs: presets and sidecar merged, key by key, into one request.

What a value may be is said by the model's schema, by `own` (the `reeldrop` object) and by
`references` (files and URLs); this file only knows documents, models and faults.
"""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reeldrop.domain.job import RelPath

OWN = "reeldrop"
IGNORED = frozenset({"$schema"})
MODEL = "model"
DEFAULT_MODEL = "klingai/video-o1-video-to-video-reference"
CLIP = "video_url"
CLIP_LIST = "video_urls"
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a spec: the key as a path (`elements[0].frontal_image_url`), what was
    found, what is allowed, and what to do.
    """

    key: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the API: its name and the JSON Schema of its request."""

    name: str
    schema: Mapping[str, Any]


class Role(StrEnum):
    """What a document is to a drop."""

    DEFAULTS = "defaults"
    PRESET = "preset"
    SIDECAR = "sidecar"
    VARIANT = "variant"


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object of a drop. Paths in it are relative to `folder`.

    `name` is what a message calls it; `version` changes whenever the content may have.
    """

    role: Role
    name: str
    folder: RelPath
    body: Mapping[str, Any]
    version: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """Several documents as one: values, and the document that each top-level key came from."""

    params: dict[str, Any] = field(default_factory=dict[str, Any])
    own: dict[str, Any] = field(default_factory=dict[str, Any])
    params_from: dict[str, Document] = field(default_factory=dict[str, Document])
    own_from: dict[str, Document] = field(default_factory=dict[str, Document])

    def origin(self, key: str) -> Document | None:
        """Return the document that the fault path `key` came from, None where nobody gave it."""
        top, _, rest = key.partition(".")
        if top == OWN:
            return self.own_from.get(_top(rest)) or self.params_from.get(OWN)
        return self.params_from.get(_top(key))


def _top(key: str) -> str:
    return key.partition(".")[0].partition("[")[0]


def merge(documents: Sequence[Document]) -> Merged:
    """Merge documents from far to near: the nearer wins, key by key.

    The `reeldrop` objects are merged key by key as well. Where one is no object it is kept as a
    parameter of that name, for the checks to refuse.
    """
    merged = Merged()
    for document in documents:
        for key, value in document.body.items():
            if key in IGNORED:
                continue
            if key == OWN and isinstance(value, Mapping):
                merged.own.update(value)
                merged.own_from.update(dict.fromkeys(value, document))
            else:
                merged.params[key] = value
                merged.params_from[key] = document
    return merged


def clip_parameter(model: Model) -> str | None:
    """Return the parameter that takes the clip; None when the model takes no video."""
    properties = model.schema.get("properties", {})
    return next((key for key in (CLIP, CLIP_LIST) if key in properties), None)


def open_parameters(model: Model, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the required parameters that `params` leaves open; the clip's own is not one of them."""
    given = {*params, MODEL, clip_parameter(model)}
    return tuple(key for key in model.schema.get("required", ()) if key not in given)


def nearest(name: str, known: Iterable[str], count: int = 1) -> str:
    """Return how to go on about an unknown name: up to `count` near ones, else all that are valid."""
    valid = sorted(known)
    folded = {each.lower(): each for each in valid}
    asked = name.lower()[:200]
    longer = [each for each in folded if asked and each.startswith(asked)]
    close = list(dict.fromkeys((*longer, *difflib.get_close_matches(asked, folded, count, 0.55))))
    if close:
        return f"Did you mean {' or '.join(shown(folded[each]) for each in close[:count])}?"
    return f"Valid here: {', '.join(valid)}."


def shown(value: object) -> str:
    """Return a value as messages quote it: JSON, cut when long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
