"""Specs: presets and sidecar merged, key by key, into one request.

What a value may be is said by the model's schema, by `own` (the `reeldrop` object) and by
`references` (files and URLs); this file only knows documents, models and faults.
"""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from reeldrop.domain.fit import MediaLimits
from reeldrop.domain.job import RelPath

OWN = "reeldrop"
IGNORED = frozenset({"$schema"})
MODEL = "model"
DEFAULT_MODEL = "klingai/video-o1-video-to-video-reference"
CLIP = "video_url"
CLIP_LIST = "video_urls"
_SHOWN = 60
"""Characters of a value in a message."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a spec: the key as a path (`elements[0].frontal_image_url`), "" for the
    whole document, and what follows it: "is 7; allowed: 5, 10". `hint` is a sentence of its own.
    """

    key: str
    message: str
    hint: str = ""

    def told(self, of: str = "") -> str:
        """Return the fault as one line; `of` is the name of the document that has it."""
        subject = ": ".join(part for part in (of, self.key) if part)
        sentence = f"{subject} {self.message}"
        end = "" if sentence.endswith((".", "?", "!")) else "."
        return f"{sentence}{end} {self.hint}".rstrip()


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the API: its name, the JSON Schema of its request, and what it says of files."""

    name: str
    schema: Mapping[str, Any]
    limits: MediaLimits = field(default_factory=MediaLimits)


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


def no_such_model(name: object, known: Iterable[str]) -> str:
    """Return what is wrong with a model of that name; the catalogue is too long to be listed."""
    near = nearest(name, known, 3) if isinstance(name, str) else ""
    return f"is {shown(name)}, but there is no such model; {near or 'see `reeldrop models`'}"


def no_such_key(key: str, value: object, known: Iterable[str], kind: str = "key") -> str:
    """Return what is wrong with a key that no rule knows, where `known` are the right ones."""
    valid = sorted(known)
    advice = nearest(key, valid) or f"known here: {', '.join(valid)}"
    return f"is {shown(value)}, but there is no such {kind}; {advice}"


def nearest(name: str, known: Iterable[str], count: int = 1) -> str:
    """Return the question for up to `count` names like `name`; "" where none is like it."""
    folded = {each.lower(): each for each in sorted(known)}
    asked = name.lower()[:200]
    longer = [each for each in folded if asked and each.startswith(asked)]
    close = list(dict.fromkeys((*longer, *difflib.get_close_matches(asked, folded, count, 0.55))))
    names = [shown(folded[each]) for each in close[:count]]
    *first, last = names or [""]
    return f"did you mean {', '.join(first)}{' or ' if first else ''}{last}?" if names else ""


def key_path(parts: Iterable[str | int]) -> str:
    """Write a path as `elements[0].frontal_image_url`."""
    written = "".join(
        f"[{part}]" if isinstance(part, int) else f".{_escaped(_clipped(part))}" for part in parts
    )
    return written.removeprefix(".")


def shown(value: object) -> str:
    """Return a value as messages quote it: on one line, cut when long, no data URI's content."""
    match value:
        case str() if value[:5].lower() == "data:":
            head = _clipped(value.partition(",")[0])
            return f'"{_escaped(head)},…" ({len(value)} characters)'
        case str():
            return f'"{_escaped(_clipped(value))}"'
        case Mapping():
            return "an object"
        case list() | tuple():
            return _shown_list(cast("Sequence[object]", value))
        case bool() | float() | None:
            return json.dumps(value)
        case int() if value.bit_length() > 200:
            return "a number of more than 60 digits"
        case _:
            return _escaped(_clipped(str(value)))


def _shown_list(values: Sequence[object]) -> str:
    nested = any(isinstance(each, Mapping | list | tuple) for each in values)
    text = "" if nested else f"[{', '.join(shown(each) for each in values[:_SHOWN])}]"
    return text if 0 < len(text) <= _SHOWN else f"a list of {len(values)}"


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _escaped(text: str) -> str:
    """Return `text` as JSON writes it between quotes, with nothing that a line cannot show."""
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in written)
